"""Rows that say the same, counted once with their first and last instant, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from probe.exchange.replies.recognise import Recognised
from probe.exchange.replies.segments import segments
from probe.exchange.traces.report import FINE, Status, Traced, TraceKind, Traces
from probe.statement import Statement, documented
from probe.text import counted, listed
from probe.values import value

#: Groups of one file that are told apart.
MAX_GROUPS = 50
#: Domains and hosts remembered of one group.
MAX_NAMES = 20


@value
class TraceGroup:
    """Rows with one status and one reply; `first` and `last` are aware UTC, `example` is the first row.

    `messages` counts each message to each recipient once, and a row that names neither as one.
    """

    example: Traced
    rows: int = 0
    messages: int = 0
    first: datetime | None = None
    last: datetime | None = None
    recipient_domains: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def grouped(rows: Iterable[Traced]) -> tuple[TraceGroup, ...]:
    """The groups of one file in the order first met; what is past the bound is not in them."""
    groups: dict[tuple[object, ...], TraceGroup] = {}
    messages: dict[tuple[object, ...], set[tuple[object, str]]] = {}
    for row in rows:
        if (key := _key(row)) in groups or len(groups) < MAX_GROUPS:
            seen = messages.setdefault(key, set())
            message = (row.message_id or row.trace_id or row.source, row.recipient)
            groups[key] = _with(groups.get(key) or TraceGroup(example=row), row, new=message not in seen)
            seen.add(message)
    return tuple(groups.values())


def _key(row: Traced) -> tuple[object, ...]:
    """What makes rows the same: a reply that is not known counts by its code."""
    codes = [(one.basic, one.enhanced) for one in segments(row.text)[:1]] if row.reply is None else []
    token = row.found.token if row.found and row.reply else None
    return (row.status, row.said.lower(), row.direction, row.tls, row.reply, token, *codes)


def _with(group: TraceGroup, row: Traced, *, new: bool) -> TraceGroup:
    return replace(
        group,
        rows=group.rows + 1,
        messages=group.messages + new,
        first=min(filter(None, (group.first, row.at)), default=None),
        last=max(filter(None, (group.last, row.at)), default=None),
        recipient_domains=_more(group.recipient_domains, row.recipient_domain),
        hosts=_more(group.hosts, row.host),
    )


def _more(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if not name or name in names or len(names) >= MAX_NAMES else (*names, name)


def replies(one: Traces) -> Iterator[Recognised]:
    """The replies that are known, each kind once."""
    known = (group.example for group in grouped(one.rows) if group.example.reply)
    yield from {row.reply: row.found for row in known if row.found}.values()


def told(one: Traces) -> Iterator[Statement]:
    """What a file says: its groups, then the columns that are not interpreted."""
    groups = grouped(one.rows)
    yield documented(f"{_NAMES[one.kind]} ({one.source}): {counted(one.number, 'row')}.")
    for group in groups:
        yield _told(group)
    if left := len(one.rows) - sum(group.rows for group in groups):
        yield documented(f"{counted(left, 'row')} of yet other kinds are not told apart.")
    if any(group.example.status in FINE for group in groups):
        yield documented(
            "Of what was delivered or sent it tells no TLS version, no certificate and no connector."
        )
    if one.columns:
        yield documented("Microsoft does not document what follows; it is shown, not interpreted.")
    for column in one.columns:
        values = "; ".join(f"{said or '(empty)'} ({number})" for said, number in column.values)
        others = f"; {column.others} others" if column.others else ""
        yield documented(f"{column.name}: {values}{others}")


_NAMES = {
    TraceKind.MESSAGES: "Message trace",
    TraceKind.EVENTS: "Details of a message trace",
    TraceKind.VALIDATION: "Validation of a connector",
    TraceKind.SERVERS: "Servers that Exchange Online throttles or blocks",
    TraceKind.REPORT: "Report of Exchange Online",
}


def counts(group: TraceGroup) -> str:
    """How many messages and rows, when, to where, and an example."""
    rows = f" in {counted(group.rows, 'row')}" if group.rows != group.messages else ""
    where = f", to {listed(group.recipient_domains)}" if group.recipient_domains else ""
    one = group.example
    names = (one.message_id and f"message <{one.message_id}>", one.recipient and f"to {one.recipient}")
    example = f"; the first: {' '.join(filter(None, names))}" if any(names) else ""
    what = "row" if one.kind is TraceKind.VALIDATION else "message"
    return f"{counted(group.messages, what)}{rows}{_when(group)}{where}{example}"


def _when(group: TraceGroup) -> str:
    if group.first is None or group.last is None:
        return ""
    first, last = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (group.first, group.last))
    return f", at {first} UTC" if first == last else f", from {first} to {last} UTC"


def _told(group: TraceGroup) -> Statement:
    one = group.example
    said = one.said or "Rows"
    tls = f", {one.tls}" if one.tls else ""
    begin = f"{said}{tls}: {counts(group)}."
    if one.found and one.reply:
        return Statement(
            f"{begin} {one.found.entry.title}: {one.found.reply}", one.found.entry.label, "the catalogue"
        )
    if one.text:
        return documented(f"{begin} The reply is none of those known here: {one.text}")
    if one.kind is TraceKind.MESSAGES and one.status in {Status.FAILED, Status.DEFERRED}:
        return documented(f"{begin} Why, Get-MessageTraceDetailV2 tells.")
    return documented(begin)
