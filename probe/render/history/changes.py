"""What changed: a page of sentences in the order of time, and a row for each change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from probe.eop.vocabulary import Outcome
from probe.render.history.words import minute, place, sights, told_all, verdict
from probe.render.page.options import RenderOptions
from probe.render.page.table import csv_row
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.render.report.facts import instant
from probe.report.changes import Certificates, Change, Kind
from probe.report.record import Endpoint
from probe.text import counted, duration

COLUMNS = (
    "at", "since", "kind", "target", *Endpoint._fields, "before", "after", "outcome_before", "rule_before",
    "outcome", "rule", "began", "ended", "looks", "fault", "error",
)  # fmt: skip
#: The outcome that a kind of change is shown like; those that have none here are neither good nor bad.
_LIKE = {
    Kind.OUTAGE: Outcome.UNKNOWN,
    Kind.STARTTLS_GONE: Outcome.REJECTED,
    Kind.MIXED: Outcome.AT_RISK,
    Kind.KEY_REUSED: Outcome.AT_RISK,
    Kind.ADDRESS_REMOVED: Outcome.AT_RISK,
    Kind.VANTAGE_POINTS_DIFFER: Outcome.AT_RISK,
    Kind.OUTAGE_OVER: Outcome.ACCEPTED,
    Kind.MIXED_OVER: Outcome.ACCEPTED,
    Kind.STARTTLS_BACK: Outcome.ACCEPTED,
    Kind.VANTAGE_POINTS_AGREE: Outcome.ACCEPTED,
}
_SAID = {
    Kind.STARTTLS_GONE: "it is no longer to be had; last seen: {before}",
    Kind.STARTTLS_BACK: "{after}",
    Kind.ADDRESS_ADDED: "beside the host's other addresses",
    Kind.CHAIN_CHANGED: "other certificates sent with it: {after}",
    Kind.KEY_REUSED: "the key of the certificate before: {after}",
}
#: Columns of an instant and the blanks after it.
_MARGIN = 18


def render(
    found: Sequence[Change], since: datetime, certificates: Certificates, options: RenderOptions
) -> str:
    """A paragraph for each change, the earliest first, and how many of each kind at the end."""
    page = Page(options)
    for change in found:
        page.add(place(change.endpoint), first=f"{minute(change.at)}  ", mark=Style.FAINT, style=Style.STRONG)
        page.add(sentence(change, certificates), first=" " * _MARGIN, style=_style(change))
    page.blank()
    kinds = Counter(change.kind.value for change in found)
    counts = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    total = counted(len(found), "change") if found else "No change"
    page.add(f"{total} since {minute(since)} UTC" + (f": {counts}" if counts else ""))
    return page.text


def _style(change: Change) -> Style:
    shown_like = like(change)
    return OUTCOME_STYLES[shown_like] if shown_like else Style.PLAIN


def like(change: Change) -> Outcome | None:
    """The outcome that a change is shown like: its verdict's own, where it has one."""
    return change.verdict.outcome if change.verdict else _LIKE.get(change.kind)


def sentence(change: Change, certificates: Certificates) -> str:
    """What changed, as the word of its kind and the facts."""
    return f"{change.kind.value}: {facts(change, certificates)}"


def facts(change: Change, certificates: Certificates) -> str:
    """What changed, without the word of its kind."""
    before, after = told_all(change.before, certificates), told_all(change.after, certificates)
    text = f"{after}; before: {before}"
    match change.kind:
        case Kind.OUTAGE | Kind.OUTAGE_OVER:
            text = _outage(change)
        case Kind.VERDICT:
            text = _turned(change)
        case Kind.MIXED:
            text = f"several certificates in turn: {after}{_until(change)}"
        case Kind.MIXED_OVER:
            text = f"after {_lasted(change.began, change.at)}; alone now: {after}"
        case Kind.ADDRESS_REMOVED:
            last = f", last on {minute(change.since)}" if change.since else ""
            text = f"no longer seen while the host's other addresses are{last}"
        case Kind.VANTAGE_POINTS_DIFFER:
            text = f"{sights(change.sights, certificates)}{_until(change)}"
        case Kind.VANTAGE_POINTS_AGREE:
            text = f"after {_lasted(change.began, change.at)}; before: {sights(change.sights, certificates)}"
        case kind if kind in _SAID:
            text = _SAID[kind].format(before=before, after=after)
    return text


def _outage(change: Change) -> str:
    if change.kind is Kind.OUTAGE_OVER:
        return f"it was away for {_lasted(change.began, change.at)} ({change.fault})"
    why = ": ".join(filter(None, (change.fault, change.error)))
    return f"{why}, {counted(change.looks, 'look')}{_until(change)}"


def _until(change: Change) -> str:
    return f", until {minute(change.ended)}" if change.ended else ", and it lasts"


def _lasted(began: datetime | None, over: datetime) -> str:
    return duration(over - began) if began else "an unknown time"


def _turned(change: Change) -> str:
    if not (change.verdict and change.verdict_before):
        return ""
    lists = f"; {' and '.join(change.lists)}'s list is of another date" if change.lists else ""
    return f"{verdict(change.verdict)}, was {verdict(change.verdict_before)}{lists}"


def csv(found: Iterable[Change]) -> str:
    """The header, and a row for each change; certificates by SHA-256."""
    return csv_row(COLUMNS) + "".join(map(_row, found))


def _row(change: Change) -> str:
    verdicts = (change.verdict_before, change.verdict)
    said = [(each.outcome.value, each.rule) if each else (None, None) for each in verdicts]
    return csv_row(
        (
            *(instant(change.at), instant(change.since), change.kind.value, change.target),
            *change.endpoint,
            *(" ".join(change.before), " ".join(change.after)),
            *(*said[0], *said[1]),
            *(instant(change.began), instant(change.ended), change.looks or None, change.fault, change.error),
        )
    )
