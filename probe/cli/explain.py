"""``eop-probe explain``: what a rule, a reply, an NDR, a queue error or an event means, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from probe.cli.app import new_app
from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.files import read_text
from probe.cli.output import PlainOutput, warn
from probe.errors import InputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.eop.rules.rule import Rule
    from probe.render.page.options import RenderOptions

app = new_app()


@app.command()
def explain(
    subject: list[str] | None = typer.Argument(
        None,
        metavar="TEXT|RULE",
        help="A reply, NDR, LED= record, queue error or event, a rule's id, @FILE, or - for standard input.",
    ),
    *,
    file: Path | None = option("--file FILE", "Read the text there."),
    output: PlainOutput,
    verbose: bool = option("--verbose -v", "All findings in full.", default=False),
) -> None:
    """Say what a rule, a reply or an event means, who refuses whom, how sure that is, and what to do.

    A text may be wrapped, in any language, and inside other texts: codes and tokens are recognised. Exit
    codes: 0 explained, 3 nothing recognised.
    """
    words = " ".join(subject or ()).strip()
    if file is None:
        _by_id(words.lower(), output)
    piped = file is None and not words and bool(sys.stdin) and not sys.stdin.isatty()
    text, arrivals, traces = read_text("-" if piped else words, file)
    if not (words or file or arrivals or traces or text.strip()):
        raise InputError("nothing to explain: give a text, a rule's id, @FILE, or - for standard input")
    from probe.exchange.replies.recognise import MAX_TEXT, findings
    from probe.exchange.traces.groups import replies
    from probe.render.exchange import replies as page

    for problem in (problem for one in traces for problem in one.problems):
        warn(str(problem))
    if len(text) > MAX_TEXT:
        warn(f"replies are looked for in the first {MAX_TEXT} characters")
    found, left_out = findings(text)
    found = found or tuple(reply for one in traces for reply in replies(one))
    if found or arrivals or traces:
        explained = page.Explained(found, arrivals, traces, left_out)
        output.deliver(page.document, page.render, explained, verbose=verbose)
    else:
        _fragment(text.strip(), words, output)
    finish(0)


def _by_id(name: str, output: PlainOutput) -> None:
    """Write what is known of the rule or the entry of the catalogue with that id, and end; return where none has it."""
    if " " in name:
        return
    from probe.eop.rules.every import EVERY_RULE
    from probe.exchange.replies.catalogue import by_id
    from probe.render.exchange import replies as page

    if (rule := next((rule for rule in EVERY_RULE if rule.id == name), None)) is not None:
        output.deliver(_rule_json, _page, rule)
    elif (entry := by_id().get(name)) is not None:
        output.deliver(
            lambda one: {
                "schema": page.SCHEMA,
                "findings": [page.entry_json(one)],
                "left_out": 0,
                "arrivals": [],
                "traces": [],
            },
            page.render_entry,
            entry,
        )
    else:
        return
    finish(0)


def _fragment(text: str, words: str, output: PlainOutput) -> None:
    """Write which texts carry a token that came without its reply; raises InputError where it is none."""
    from probe.exchange.replies.tokens import carriers
    from probe.render.exchange import replies as page

    if (found := carriers(text)) is None:
        raise InputError(f"nothing in it is known: {printable(text or 'an empty text', 80)}{_hint(words)}")
    output.deliver(page.carriers_json, page.render_carriers, found)


def _hint(words: str) -> str:
    """Where one word was given that looks like a rule's or an entry's id: those that are nearly it, or the rules."""
    if not words or " " in words or words.startswith(("@", "-")) or any(c.isdigit() for c in words):
        return ""
    from difflib import get_close_matches

    from probe.eop.rules.every import EVERY_RULE
    from probe.exchange.replies.catalogue import by_id

    rules = [rule.id for rule in EVERY_RULE]
    if near := get_close_matches(words.lower(), [*rules, *by_id()]):
        return f"; did you mean {' or '.join(near)}?"
    return f"; there is no rule of that name either; the rules are: {', '.join(rules)}"


def _rule_json(rule: Rule) -> dict[str, object]:
    from probe.render.page.steps import commands_json, steps_json

    return {
        "schema": "eop-probe/explain-rule/1",
        "rule": rule.id,
        "title": rule.title,
        "severity": rule.severity.value,
        "confidence": rule.confidence.value,
        "meaning": rule.meaning,
        "remedy": steps_json(rule.advice),
        "references": list(rule.references),
        "remedy_commands": commands_json(rule.advice),
    }


def _page(rule: Rule, options: RenderOptions) -> str:
    from probe.render.page.text import Page

    page = Page(options)
    page.add(f"{rule.id}: {rule.title}")
    page.add(f"At worst: {rule.severity.value}. Confidence: {rule.confidence.value}.")
    page.blank()
    page.add(rule.meaning, first="  ")
    for heading, lines in (("What to do", rule.advice), ("Sources", rule.references)):
        page.blank()
        page.add(heading)
        page.steps(lines, bullet="·")
    return page.text
