"""What Exchange Online's traces and reports say of single messages, and the columns that nobody documents.

Message traces are documented, with SMTP replies in the text of what failed or waits; of delivered messages they tell
that and no more: neither the TLS version nor a certificate.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from probe.exchange.problem import Place, Problem
from probe.exchange.replies.entry import EntryKind, Flow
from probe.exchange.replies.recognise import Recognised
from probe.values import value


class TraceKind(enum.Enum):
    """What a file is, by the names in it."""

    MESSAGES = "message-trace"
    """A row for each message and recipient (Get-MessageTraceV2, Graph's exchangeMessageTrace)."""
    EVENTS = "message-trace-detail"
    """A row for each event of a message (Get-MessageTraceDetailV2, Graph's exchangeMessageTraceDetail)."""
    VALIDATION = "connector-validation"
    """Results of Validate-OutboundConnector, whose fields are not documented."""
    SERVERS = "on-premises-servers"
    """Get-OnPremServerReportInfo, whose fields are not documented."""
    REPORT = "historical-search"
    """ConnectorReport or OutboundSecurityReport of Start-HistoricalSearch, whose columns are not documented."""


class Status(enum.Enum):
    """What became of the message, or in an event."""

    DELIVERED = "delivered"
    SENT = "sent"
    """Handed to the next server."""
    FAILED = "failed"
    DEFERRED = "deferred"
    OTHER = "other"


#: Of these no failure is looked for.
FINE = (Status.DELIVERED, Status.SENT)


@value
class Traced:
    """One row; texts are escaped, "" where it does not tell.

    `at` is aware UTC; `said` is the status or event as it came, `text` what it says of a failure, `found` the reply in
    it. `from_address` and `to_address` are what Exchange Online got the message from and tried to send it to.
    """

    source: Place
    kind: TraceKind
    status: Status
    said: str = ""
    at: datetime | None = None
    trace_id: str = ""
    message_id: str = ""
    sender: str = ""
    recipient: str = ""
    from_address: str = ""
    to_address: str = ""
    tls: str = ""
    text: str = ""
    found: Recognised | None = None

    @property
    def reply(self) -> str | None:
        """The id of the reply in the catalogue; None where only who quotes it is known."""
        return self.found.entry.id if self.found and self.found.entry.kind is not EntryKind.WRAPPER else None

    @property
    def direction(self) -> Flow:
        """By the reply; else by the address that is told, if only one is (Microsoft Graph, exchangeMessageTrace)."""
        if self.found and self.found.flow is not Flow.NEITHER:
            return self.found.flow
        if bool(self.from_address) == bool(self.to_address):
            return Flow.NEITHER
        return Flow.FROM_EOP if self.to_address else Flow.TO_EOP

    @property
    def host(self) -> str:
        """The host that the reply was about; "" where it names none."""
        if self.found is None:
            return ""
        record = self.found.last_error
        attempted = dict(record.items).get("LastAttemptedServerName", "") if record else ""
        return (record.fqdn if record else "") or attempted or self.found.host or ""

    @property
    def sender_domain(self) -> str:
        return domain(self.sender)

    @property
    def recipient_domain(self) -> str:
        return domain(self.recipient)


class Column(NamedTuple):
    """A column that is shown, not interpreted: its values, the commonest first, and how many others there are."""

    name: str
    values: tuple[tuple[str, int], ...]
    others: int


@value
class Traces:
    """What one file says; `whole` is whether it holds nothing else.

    `number` is how many rows of its kind there are: of a validation those alone are among `rows` whose reply is known.
    """

    source: str
    kind: TraceKind
    rows: tuple[Traced, ...]
    columns: tuple[Column, ...] = ()
    problems: tuple[Problem, ...] = ()
    whole: bool = True
    number: int = 0


def domain(address: str) -> str:
    """The domain of a mail address in lower case; "" where it has none."""
    return address.rpartition("@")[2].lower().rstrip(">. ") if "@" in address else ""


def with_addresses(traces: Iterable[Traces]) -> tuple[Traces, ...]:
    """The same, with sender and recipient at events whose message is told by one row of a trace and no more."""
    given = tuple(traces)
    told: dict[str, set[tuple[str, str]]] = {}
    for row in (row for one in given for row in one.rows if row.kind is TraceKind.MESSAGES):
        for key in filter(None, (row.trace_id, row.message_id)):
            told.setdefault(key, set()).add((row.sender, row.recipient))
    return tuple(replace(one, rows=tuple(_addressed(row, told) for row in one.rows)) for one in given)


def _addressed(row: Traced, told: dict[str, set[tuple[str, str]]]) -> Traced:
    if row.recipient or row.kind is not TraceKind.EVENTS:
        return row
    found = told.get(row.trace_id) or told.get(row.message_id) or ()
    return replace(row, **dict(zip(("sender", "recipient"), *found, strict=True))) if len(found) == 1 else row
