"""``eop-probe explain``: what a rule, a reply, an NDR, a queue error or an event means, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.exchange.common import OutputFormat, PlainFormat, as_json, text_of
from probe.cli.exit_codes import finish
from probe.cli.output import check_writable, render_options, write_to
from probe.errors import InputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.eop.rules.rule import Rule
    from probe.exchange.replies.entry import Entry

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
    file: Annotated[
        Path | None,
        typer.Option("--file", envvar="EOP_PROBE_FILE", metavar="FILE", help="Read the text there."),
    ] = None,
    output_format: OutputFormat = PlainFormat.TERMINAL,
    output: shared.Output = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", envvar="EOP_PROBE_VERBOSE", help="All findings in full.")
    ] = False,
) -> None:
    """Say what a rule, a reply or an event means, who refuses whom, how sure that is, and what to do.

    A text may be wrapped, in any language, and inside other texts: codes and tokens are recognised. Exit
    codes: 0 explained, 3 nothing recognised.
    """
    check_writable(output)
    words = " ".join(subject or ()).strip()
    as_document = output_format is PlainFormat.JSON
    if file is None and (page := _by_id(words, as_document=as_document)) is not None:
        write_to(output, page)
        finish(0)
    if file is None and not words:
        raise InputError("nothing to explain: give a text, a rule's id, @FILE, or - for standard input")
    text = text_of(words, file)
    from probe.exchange.replies.recognise import explain_text
    from probe.render.exchange import replies as exchange_text

    found = explain_text(text)
    if not found:
        raise InputError(
            f"nothing in it is known: {printable(text.strip() or 'an empty text', 80)}{_hint(words)}"
        )
    if as_document:
        write_to(output, as_json(exchange_text.document(found)))
    else:
        options = render_options(to_file=output is not None, verbose=verbose)
        write_to(output, exchange_text.render(found, options))
    finish(0)


def _by_id(words: str, *, as_document: bool) -> str | None:
    """The page, or the document, of a rule or of an entry of the catalogue."""
    from probe.render.exchange import replies as exchange_text

    name = words.lower()
    if (rule := _rule(name)) is not None:
        return as_json(_rule_json(rule)) if as_document else _page(rule)
    if (entry := _entry(name)) is None:
        return None
    if as_document:
        return as_json({"schema": exchange_text.SCHEMA, "findings": [exchange_text.entry_json(entry)]})
    return exchange_text.render_entry(entry, render_options())


def _rule(name: str) -> Rule | None:
    if " " in name:
        return None
    from probe.eop.rules import EVERY_RULE

    return next((rule for rule in EVERY_RULE if rule.id == name), None)


def _entry(name: str) -> Entry | None:
    if " " in name:
        return None
    from probe.exchange.replies.catalogue import by_id

    return by_id().get(name)


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


def _page(rule: Rule) -> str:
    from probe.render.page.text import Page

    page = Page(render_options())
    page.add(f"{rule.id}: {rule.title}")
    page.add(f"At worst: {rule.severity.value}. Confidence: {rule.confidence.value}.")
    page.blank()
    page.add(rule.meaning, first="  ")
    for heading, lines in (("What to do", rule.advice), ("Sources", rule.references)):
        page.blank()
        page.add(heading)
        page.steps(lines, bullet="·")
    return page.text
