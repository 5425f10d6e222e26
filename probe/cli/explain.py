"""``eop-probe explain``: what a rule means and what to do."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from probe.cli.app import new_app
from probe.cli.exit_codes import finish
from probe.cli.output import write_out
from probe.errors import InputError
from probe.text import printable

app = new_app()


@app.command()
def explain(
    subject: Annotated[
        str, typer.Argument(metavar="RULE", help="A rule's id, as reports name it, e.g. untrusted-root.")
    ],
) -> None:
    """Say what a rule means, how sure it is, and what to do."""
    from probe.eop.rules.every import EVERY_RULE

    rule = next((rule for rule in EVERY_RULE if rule.id == subject.strip().lower()), None)
    if rule is None:
        known = ", ".join(rule.id for rule in EVERY_RULE)
        raise InputError(f'there is no rule "{printable(subject, 60)}"; the rules are: {known}')
    write_out(
        _page(
            rule.id,
            rule.title,
            rule.severity.value,
            rule.confidence.value,
            rule.meaning,
            rule.advice,
            rule.references,
        )
    )
    finish(0)


def _page(
    name: str,
    title: str,
    severity: str,
    confidence: str,
    meaning: str,
    advice: tuple[str, ...],
    references: tuple[str, ...],
) -> str:
    wrap = textwrap.TextWrapper(width=80, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
    steps = [line if line.startswith("PS> ") else wrap.fill(line) for line in advice]
    return "\n".join(
        (
            f"{name}: {title}",
            f"At worst: {severity}. Confidence: {confidence}.",
            "",
            wrap.fill(meaning),
            "",
            "What to do",
            *(f"  {line}" if line.startswith("PS> ") else line for line in steps),
            "",
            "Sources",
            *(wrap.fill(reference) for reference in references),
            "",
        )
    )
