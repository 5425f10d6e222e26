"""Reads message traces, connector validations and reports of Exchange Online, recognised by the names in them.

Sources: Microsoft, Get-MessageTraceV2, Get-MessageTraceDetailV2, Start-HistoricalSearch; Microsoft Graph,
exchangeMessageTrace, exchangeMessageTraceDetail.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache

from probe.exchange.exports import dates
from probe.exchange.exports.decoding import decode
from probe.exchange.exports.record import Fields, Raw, Record
from probe.exchange.exports.records import records_of
from probe.exchange.problem import Problems
from probe.exchange.replies.recognise import Recognised, explain_text
from probe.exchange.traces.report import FINE, Column, Status, Traced, TraceKind, Traces
from probe.text import printable

#: Columns of one file that are shown, and values of each.
MAX_COLUMNS = 64
MAX_VALUES = 5
#: Characters of a row's text in which a reply is looked for, and of a file's different ones; an LED record has 400.
MAX_TEXT = 2_048
MAX_TEXTS = 1 << 20
#: Characters shown of a value or an address.
MAX_SHOWN = 320

#: Characters of a file in which one of the names stands, if it is of these kinds.
_SEARCHED = 1 << 18
_MARK = re.compile(
    r"(?:recipient|sender).?address|message.?(?:trace.?)?id|IsTaskSuccessful|tls.?used|smtp.?security.?error|block.?status"
    r"|Get-OnPremServerReportInfo|Validate-OutboundConnector",
    re.IGNORECASE,
)
_CODE = re.compile(r"[245]\d\d[ -]|[245]\.\d{1,3}\.\d", re.ASCII)
_TIME = re.compile(r"(?<=\{LRT=)[^{}]{1,60}(?=\})")
#: The documented values of -TLSUsed.
_TLS = re.compile(r"No ?Tls|TLS ?1\.([0-3])", re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[\W_]+")

#: Names without blanks and underscores, by what they hold.
_AT = ("date", "datetime", "datetimeutc", "received", "receiveddatetime", "origintimestamputc")
_SAID = ("event", "status", "deliverystatus")
_TEXTS = ("detail", "description", "data")
_TRACE_IDS = ("messagetraceid", "networkmessageid")
_IDS = frozenset({"messagetraceid", "messageid"})
_MESSAGE = frozenset({"senderaddress", "recipientaddress", "status"})
#: Parameters of Start-HistoricalSearch: those of one of the two reports alone, and those of others too.
_OF_REPORTS = frozenset({"tlsused", "connectortype", "smtpsecurityerror", "blockstatus"})
_PARAMETERS = frozenset({
    "senderaddress", "recipientaddress", "messageid", "networkmessageid", "originalclientip", "deliverystatus",
    "direction",
})  # fmt: skip
_READ = frozenset({*_AT, *_SAID, *_TRACE_IDS, "messageid", "senderaddress", "recipientaddress"})
_STATUS = {
    "delivered": Status.DELIVERED, "deliver": Status.DELIVERED,
    "send": Status.SENT, "sendexternal": Status.SENT,
    "failed": Status.FAILED, "fail": Status.FAILED,
    "pending": Status.DEFERRED, "defer": Status.DEFERRED,
}  # fmt: skip
_UNDOCUMENTED = (TraceKind.VALIDATION, TraceKind.SERVERS, TraceKind.REPORT)
#: What a field named Cmdlet says, which the lines of `exchange export` add: nobody documents the other names.
_CMDLETS = {
    "Get-OnPremServerReportInfo": TraceKind.SERVERS,
    "Validate-OutboundConnector": TraceKind.VALIDATION,
}
_SEARCHED_WHOLE = (TraceKind.VALIDATION, TraceKind.REPORT)
"""In any of whose columns a reply may stand."""
_WITH_REPLIES = (TraceKind.MESSAGES, TraceKind.EVENTS, *_SEARCHED_WHOLE)


def read_traces(data: bytes, source: str) -> Traces | None:
    """What a file says of messages and connectors; None where it is of no such kind. Never raises for its content."""
    problems = Problems(printable(source))
    text = decode(data, problems)
    if not _MARK.search(text, 0, _SEARCHED):
        return None
    found, prose = records_of(text, problems, lambda one: _kind(one) is not None, _is_table)
    kinds = [TraceKind.REPORT] * len(found) if _is_report(found) else [_kind(one) for one in found]
    kind = next(filter(None, kinds), None)
    if kind is None:
        return None
    rows = [(_plain(one), each) for one, each in zip(found, kinds, strict=True) if each in _WITH_REPLIES]
    replies = _Replies(problems)
    month_first = dates.month_comes_first(date for one, _ in rows for date in _texts(one, _AT))
    read = [
        _row(each, Fields(one, problems), _at(one, problems, month_first=month_first), replies)
        for one, each in rows
    ]
    return Traces(
        source=problems.source,
        kind=kind,
        rows=tuple(one for one in read if one.reply or one.kind is not TraceKind.VALIDATION),
        columns=tuple(_columns(one for one, each in zip(found, kinds, strict=True) if each in _UNDOCUMENTED)),
        problems=problems.found,
        whole=not prose and None not in kinds,
        number=sum(each is not None for each in kinds),
    )


@lru_cache(maxsize=1024)
def _letters(name: str) -> str:
    return _NOT_LETTERS.sub("", name).lower()


def _plain(record: Record) -> Record:
    """The record with its names as letters alone."""
    return record._replace(fields={_letters(name): field for name, field in record.fields.items()})


def _is_table(names: list[str]) -> bool:
    return len(names) > 1 and len(frozenset(names)) == len(names) and all(map(str.isprintable, names))


def _kind(record: Record) -> TraceKind | None:
    names = frozenset(map(_letters, record.fields))
    if names >= _MESSAGE and names & {*_IDS, "received", "receiveddatetime"}:
        return TraceKind.MESSAGES
    if "event" in names and names & _IDS and names & {"detail", "description"}:
        return TraceKind.EVENTS
    if names >= {"taskname", "istasksuccessful"}:
        return TraceKind.VALIDATION
    return next((_CMDLETS[one] for one in _texts(record, ("cmdlet",)) if one in _CMDLETS), None)


def _is_report(records: list[Record]) -> bool:
    """Whether rows have names of the two reports' parameters, or names of messages beside a report's TLS versions."""
    if not records or _kind(records[0]):
        return False
    names = frozenset(map(_letters, records[0].fields))
    own, others = len(names & _OF_REPORTS), len(names & _PARAMETERS)
    versions = own > 0 or any(_TLS.fullmatch(value) for one in records for value in _texts(one, one.fields))
    return own + others > 1 and versions and not _is_export(records[0])


def _is_export(record: Record) -> bool:
    from probe.exchange.exports.certificates import is_certificate
    from probe.exchange.exports.connectors import is_configuration

    return is_certificate(record) or is_configuration(record.fields)


class _Replies:
    """The replies in the texts of one file, each text looked through once."""

    def __init__(self, problems: Problems) -> None:
        self._known: dict[str, Recognised | None] = {}
        self._room = MAX_TEXTS
        self._problems = problems

    def of(self, values: list[str]) -> tuple[str, Recognised | None]:
        """The value with a reply that is known, and the reply; else the first value with a status code, or none."""
        coded = [one for one in values if _CODE.search(one)]
        known = ((printable(one, MAX_SHOWN), found) for one in coded if (found := self._reply(one)))
        return next(known, (printable(next(iter(coded), ""), MAX_SHOWN), None))

    def _reply(self, text: str) -> Recognised | None:
        text = _TIME.sub("", text)  # it would make every text another one
        if text not in self._known:
            self._room -= len(text)
            if self._room < 0:
                self._problems.add_once(
                    f"has more than {MAX_TEXTS} characters of replies; not all are looked at."
                )
                return None
            self._known[text] = next(iter(explain_text(text)), None)
        return self._known[text]


def _row(kind: TraceKind, fields: Fields, at: datetime | None, replies: _Replies) -> Traced:
    names = fields.record.fields if kind in _SEARCHED_WHOLE else _TEXTS
    values = [html.unescape(one.strip()[:MAX_TEXT]) for one in _texts(fields.record, names)]
    said = _first(fields, _SAID)
    status = _STATUS.get(_letters(said), Status.OTHER)
    text, found = ("", None) if status in FINE else replies.of(values)
    return Traced(
        source=fields.record.source,
        kind=kind,
        status=status,
        said=said,
        at=at,
        trace_id=_first(fields, _TRACE_IDS),
        message_id=_first(fields, ("messageid",)).strip("<>"),
        sender=_first(fields, ("senderaddress",)),
        recipient=_first(fields, ("recipientaddress",)),
        from_address=_first(fields, ("fromip",)),
        to_address=_first(fields, ("toip",)),
        tls=next((_tls(one) for one in values if _TLS.fullmatch(one)), ""),
        text=text,
        found=found,
    )


def _at(record: Record, problems: Problems, *, month_first: bool | None) -> datetime | None:
    for text in filter(None, _texts(record, _AT)):
        reading = dates.read(text, month_first=month_first)
        if reading.instant is None:
            problems.add_once(
                "has dates that cannot be read without knowing the culture.", line=record.source.line
            )
        elif reading.inferred:
            problems.add_once("has times without a time zone, taken as UTC; they may be off by 14 hours.")
        return reading.instant
    return None


def _first(fields: Fields, names: Iterable[str]) -> str:
    found = next(filter(None, map(fields.text, names)), "")
    return printable(found, MAX_SHOWN)


def _tls(value: str) -> str:
    found = _TLS.fullmatch(value)
    return f"TLSv1.{found[1]}" if found and found[1] else "no TLS"


def _texts(record: Record, names: Iterable[str]) -> Iterator[str]:
    found = filter(None, map(record.fields.get, names))
    return (one.value for one in found if isinstance(one.value, str))


def _columns(records: Iterable[Record]) -> Iterator[Column]:
    counts: dict[str, Counter[str]] = {}
    for one in records:
        for name, field in one.fields.items():
            if _letters(name) not in _READ and (name in counts or len(counts) < MAX_COLUMNS):
                counts.setdefault(name, Counter())[_shown(field.value)] += 1
    for name, values in counts.items():
        yield Column(
            printable(name, MAX_SHOWN),
            tuple(values.most_common(MAX_VALUES)),
            max(len(values) - MAX_VALUES, 0),
        )


def _shown(value: Raw) -> str:
    if isinstance(value, tuple):
        return printable(", ".join(map(str, value)), MAX_SHOWN)
    return "" if value is None else printable(str(value), MAX_SHOWN)
