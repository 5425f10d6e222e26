"""``eop-probe explain``: what a rule, a reply, an NDR, a queue error or an event means, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.app import new_app
from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.files import text_of
from probe.cli.output import PlainOutput
from probe.errors import InputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.eop.rules.rule import Rule
    from probe.render.page.options import RenderOptions

app = new_app()


@app.command()
def explain(
    subject: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT|RULE",
            help="A reply, NDR, LED= record, queue error or event, a rule's id, @FILE, or - for standard input.",
        ),
    ] = None,
    *,
    file: Annotated[Path | None, option("--file FILE", "Read the text there.")] = None,
    output: PlainOutput,
    verbose: Annotated[bool, option("--verbose -v", "All findings in full.")] = False,
) -> None:
    """Say what a rule, a reply or an event means, who refuses whom, how sure that is, and what to do.

    A text may be wrapped, in any language, and inside other texts: codes and tokens are recognised. Exit
    codes: 0 explained, 3 nothing recognised.
    """
    words = " ".join(subject or ()).strip()
    if file is None:
        _by_id(words.lower(), output)
        if not words:
            raise InputError("nothing to explain: give a text, a rule's id, @FILE, or - for standard input")
    text = text_of(words, file)
    from probe.exchange.replies.recognise import explain_text
    from probe.render.exchange import replies as page

    found = explain_text(text)
    if not found:
        raise InputError(
            f"nothing in it is known: {printable(text.strip() or 'an empty text', 80)}{_hint(words)}"
        )
    output.deliver(page.document, page.render, found, verbose=verbose)
    finish(0)


def _by_id(name: str, output: PlainOutput) -> None:
    """Write what is known of the rule or the entry of the catalogue with that id, and end; return where none has it."""
    if " " in name:
        return
    from probe.eop.rules import EVERY_RULE
    from probe.exchange.replies.catalogue import by_id
    from probe.render.exchange import replies as page

    if (rule := next((rule for rule in EVERY_RULE if rule.id == name), None)) is not None:
        output.deliver(_rule_json, _page, rule)
    elif (entry := by_id().get(name)) is not None:
        output.deliver(
            lambda one: {"schema": page.SCHEMA, "findings": [page.entry_json(one)]}, page.render_entry, entry
        )
    else:
        return
    finish(0)


def _hint(words: str) -> str:
    """Where one word was given that looks like a rule's id: the rules."""
    if not words or " " in words or words.startswith(("@", "-")) or any(c.isdigit() for c in words):
        return ""
    from probe.eop.rules import EVERY_RULE

    return (
        f"; there is no rule of that name either; the rules are: {', '.join(rule.id for rule in EVERY_RULE)}"
    )


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
