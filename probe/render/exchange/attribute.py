"""Which inbound connector a connection matches, and what follows: a page and a document."""

from __future__ import annotations

from typing import Any, NamedTuple

from probe.exchange.attribution.connectors import ConnectorMatch
from probe.exchange.attribution.names import Presented
from probe.exchange.attribution.tenant import Attributed, Attribution
from probe.exchange.problem import Problem
from probe.render.exchange.documents import picked
from probe.render.exchange.parts import fact, problems, statements, title
from probe.render.page.options import RenderOptions
from probe.render.page.text import Page, Style

SCHEMA = "eop-probe/exchange-attribute/1"

_OUTCOMES = {
    Attributed.ATTRIBUTED: ("ATTRIBUTED", Style.GOOD, "Exchange Online takes the mail as the tenant's own"),
    Attributed.INTERNET: (
        "INTERNET",
        Style.WARNING,
        "no connector takes the mail; it comes in like mail of strangers",
    ),
    Attributed.REFUSED: ("REFUSED", Style.BAD, "Exchange Online refuses the mail"),
    Attributed.UNKNOWN: ("UNKNOWN", Style.WARNING, "the evidence, or what is published, leaves it open"),
}
_FITS = {True: "matches", False: "does not match", None: "cannot be told"}


class AttributeReport(NamedTuple):
    """An attribution, what was presented (in words, and its names), and what could not be read."""

    subject: str
    presented: Presented | None
    attribution: Attribution
    problems: tuple[Problem, ...]


def render(report: AttributeReport, options: RenderOptions) -> str:
    """The page: the outcome, each connector, the reasons."""
    page = Page(options)
    found = report.attribution
    word, style, meaning = _OUTCOMES[found.outcome]
    page.add(meaning, first=f"{word}  ", mark=style)
    for number, reply in enumerate(found.replies):
        page.verbatim(reply, first="  or          " if number else "  reply       ", style=Style.BAD)
    fact(page, "certificate", report.subject, indent=2)
    if report.presented is not None:
        fact(page, "its names", ", ".join(report.presented.every_name) or "none", indent=2)
    envelope = found.envelope
    sender = "not given" if envelope.sender is None else envelope.sender or "<> (the null sender)"
    fact(page, "sender", sender, indent=2)
    fact(page, "address", envelope.address or "not given", indent=2)
    fact(page, "confidence", found.label.value, indent=2)
    title(page, "Inbound connectors")
    for match in found.matches:
        _add_match(page, match)
    title(page, "Why")
    statements(page, found.statements, indent=2)
    title(page, "Null sender", "out-of-office replies, NDRs")
    page.add("; ".join((found.null_sender.outcome.value, *found.null_sender.replies)), first="  ")
    problems(page, report.problems)
    return page.text


def _add_match(page: Page, match: ConnectorMatch) -> None:
    connector = match.connector
    state = "disabled, " if connector.enabled is False else ""
    by = [name for name in ("certificate", "address") if getattr(match, name).fits]
    how = f" by {' and '.join(by)}" if by and match.fits else ""
    kind = connector.connector_type.value if connector.connector_type else "type not known"
    page.add(
        f"{kind}, {state}{_FITS[match.fits]}{how}",
        first=f"  {connector.name}  ",
        rest="    ",
        mark=Style.GOOD if match.active else Style.PLAIN,
    )


def document(report: AttributeReport) -> dict[str, Any]:
    connector = "name=connector.name enabled=connector.enabled type=connector.connector_type"
    by = "by_certificate=certificate.fits grade=certificate.grade by_address=address.fits"
    envelope = "sender=envelope.sender address=envelope.address recipient=envelope.recipient"
    found = report.attribution
    return {
        "schema": SCHEMA,
        **picked(report, "certificate=subject names=presented.every_name"),
        **picked(found, f"{envelope} outcome replies confidence=label"),
        **picked(found, "certificate_owned=ownership.owned sender_accepted"),
        "null_sender": picked(found.null_sender, "outcome replies"),
        "connectors": [picked(match, f"{connector} matches=fits active {by}") for match in found.matches],
        **picked(found, "statements", problems=report.problems),
    }
