"""The style sheet of the HTML report: light and dark, narrow and wide, and readable on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1c2127; --paper: #fff; --soft: #5b6672; --line: #d5dbe1; --pane: #f4f6f8;
  --good: #1a7f37; --warn: #8a5a00; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --paper: #14181c; --soft: #9aa5b1; --line: #333b44;
  --pane: #1d2329; --good: #57c06e; --warn: #e0a63a; --bad: #ff7a70; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.2rem; margin: 0; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
a { color: inherit; } code, pre { font: .88em/1.45 ui-monospace, monospace; }
pre { background: var(--pane); padding: .5rem .7rem; overflow-x: auto; border-radius: 4px; margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .6rem .25rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; }
section { border-top: 2px solid var(--line); padding-top: 1rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .4rem 0; }
dt, .soft, footer { color: var(--soft); } dd { margin: 0; }
.accepted, .good { color: var(--good); } .at-risk, .unknown, .risk { color: var(--warn); }
.rejected, .reject, .fault { color: var(--bad); } .word { font-weight: 700; text-transform: uppercase; }
.chain { list-style: none; padding-left: 0; } .chain > li { border-left: 3px solid var(--good); padding-left: .8rem;
  margin: .5rem 0; } .chain > li.bad { border-left-color: var(--bad); }
.chain > li.missing { border-left-style: dashed; }
@media print { body { max-width: none; font-size: 11pt; } section { break-inside: avoid-page; }
  pre { white-space: pre-wrap; } }
"""
