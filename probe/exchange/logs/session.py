"""One SMTP session as a protocol log tells it, put together row by row.

Rows are consumed in the order of their sequence numbers; what is kept of a session is bounded,
however long it lasts.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from probe.exchange.logs.certificate import Known, LogCertificate, Role, from_fields, from_line, instant
from probe.exchange.logs.rows import LogKind
from probe.exchange.replies.entry import Entry
from probe.exchange.replies.recognise import classify
from probe.exchange.replies.to_exchange_online import MASKED, NOT_OFFERED
from probe.text import printable

#: Replies and refusals kept of one session; Exchange reuses a connection for some tens of messages.
MAX_REPLIES = 60

#: Message ids kept of one session.
MAX_MESSAGES = 50

#: Commands whose replies are outstanding; a pipeline holds the recipients of one message.
MAX_PIPELINE = 1_000

#: Different certificate lines remembered.
_CERTIFICATES = 256

#: Characters of one reply that are kept.
_MAX_REPLY = 600

_FIELDS = frozenset({"subject", "issuer name", "serial number", "thumbprint", "alternate names"})
_TLS = re.compile(
    r"TLS protocol SP_PROT_(\w{1,30}?)(?:_(?:CLIENT|SERVER))? negotiation succeeded", re.IGNORECASE
)
# Translated pages put other words around the token.
_TLS_ERROR = re.compile(
    r"TLS negotiation failed with error (\w{1,64})|.{0,80}\bTLS\b.{0,80}\b((?:No|Unknown)Credentials|SocketError)\b",
    re.IGNORECASE | re.ASCII,
)
_OFFER = re.compile(r"250[ -](?:.{1,500} )?STARTTLS\b", re.IGNORECASE)
# A Cisco device's inspection overwrites a keyword, and the banner.
_MASK = re.compile(r"250[ -](X{4,}[A-Z]?)\s*$", re.IGNORECASE)
_STARRED = re.compile(r"220[ -][*0-9 ]{4,}$")
_MESSAGE = re.compile(r"InternetMessageId <([^<>\s]{1,400})>", re.IGNORECASE)
_LOCAL_REPLY = re.compile(
    r"[45]\d\d[ -][45]\.\d|Remote host closed connection in response to EHLO", re.IGNORECASE
)
#: Replies to these say what became of a message, or of the whole session.
_DECIDING = frozenset({"", "MAIL", "RCPT", "DATA", "BDAT", ".", "STARTTLS"})


class SessionOutcome(enum.Enum):
    """What became of a session."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The other side, or this one, gave a reply that refuses; other messages may have been delivered."""
    TLS_FAILED = "tls-failed"
    DROPPED = "dropped"
    """The other side closed the connection before anything was decided."""
    NOTHING = "nothing"
    """No message was decided: none was tried, no connection came about, or the end is not in the log."""


class TlsResult(NamedTuple):
    """How the handshake ended: the version (``TLS 1.2``) or the error as logged, one of them None."""

    version: str | None
    error: str | None


class LogReply(NamedTuple):
    """A command's verb ("" for the banner or an unasked reply, "." for the message) and its reply, escaped."""

    verb: str
    text: str


class RefusedReply(NamedTuple):
    """A reply that refuses, and the catalogue's entry for it; None where the catalogue has none."""

    reply: LogReply
    entry: Entry | None
    token: str | None

    @property
    def reason(self) -> str:
        """The entry's id, or ``other``."""
        return self.entry.id if self.entry else "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSession:
    """One session: who, when, which certificates, how TLS went, what was replied.

    `started` and `ended` are aware UTC, None where the log has no readable time. `sent` is the
    certificate this server presented, `remote` the other side's. `delivered` counts messages.
    `complete` is False where the log does not hold the whole session.
    """

    id: str
    connector: str
    kind: LogKind
    source: str
    started: datetime | None
    ended: datetime | None
    local_endpoint: str
    remote_endpoint: str
    sent: LogCertificate | None
    remote: LogCertificate | None
    tls: TlsResult | None
    replies: tuple[LogReply, ...]
    message_ids: tuple[str, ...]
    delivered: int
    refused: tuple[RefusedReply, ...]
    outcome: SessionOutcome
    complete: bool

    @property
    def reason(self) -> RefusedReply | None:
        """The refusal that decided, or None: the first one that the catalogue knows, else the first."""
        return next((one for one in self.refused if one.entry), next(iter(self.refused), None))


class CertificateReader:
    """Reads certificate lines once: a server sends the same few certificates in every session."""

    def __init__(self, known: Mapping[str, Known]) -> None:
        self.line = lru_cache(maxsize=_CERTIFICATES)(lambda data: from_line(data, known))
        self.fields = lru_cache(maxsize=_CERTIFICATES)(lambda items: from_fields(dict(items)))


@dataclass(slots=True, kw_only=True)
class SessionBuilder:
    """Consumes the rows of one session, nine texts each (`log_rows.FIELDS`), in order; `begun` is the one met first.

    Lines that another one of the same good reply follows (``250-SIZE``) may be left out.
    """

    begun: list[str]
    last: list[str]
    source: str
    kind: LogKind
    reader: CertificateReader
    first: str | None = None
    certificates: dict[Role, LogCertificate] = field(default_factory=dict)
    role: Role | None = None
    fields: dict[Role, dict[str, str]] = field(default_factory=dict)
    commands: deque[tuple[str, bool]] = field(default_factory=lambda: deque(maxlen=MAX_PIPELINE))
    replies: list[LogReply] = field(default_factory=list)
    refused: list[RefusedReply] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    delivered: int = 0
    tls: TlsResult | None = None
    closed_by: str | None = None
    whole: bool = True
    offered: bool = False
    mask: str = ""
    hidden: Entry | None = None
    own_word: str = ""

    def consume(self, row: list[str]) -> None:
        event, data = row[6], row[7]
        self.last = row
        if self.first is None:
            self.first = row[0]
        if event == "*":
            self._information(data, row[8])
        elif event == "-":
            self.closed_by = row[8].strip().lower()
        elif event != "+":
            if self.kind is LogKind.UNKNOWN:
                # Whose log it is, by the side that speaks first: the server's banner is received or sent.
                self.kind = LogKind.SEND if event == ("<" if data[:3].isdigit() else ">") else LogKind.RECEIVE
            if (event == "<") is (self.kind is LogKind.RECEIVE):
                self._command(data)
            else:
                self._reply(data)

    def feature(self, data: str) -> None:
        """Take a line of an EHLO reply that another one follows."""
        self.offered = self.offered or _OFFER.search(data) is not None
        if found := _MASK.match(data):
            self.mask = printable(found[1])

    def gap(self) -> None:
        """Rows are missing here: what follows continues no certificate and answers no earlier command."""
        self.whole = False
        self.role = None
        self.commands.clear()

    def _command(self, data: str) -> None:
        verb = printable(data[:16].partition(" ")[0].upper())
        self.offered = self.offered or verb == "STARTTLS"
        self.commands.append((verb, verb == "BDAT" and data.upper().endswith("LAST")))

    def _reply(self, data: str) -> None:
        more = data[3:4] == "-"  # a refusal of several lines: its last line answers the command
        answered = self.commands[0] if more and self.commands else None
        verb, last = answered or (self.commands.popleft() if self.commands else ("", False))
        if verb == "DATA" and data[:1] == "3":
            self.commands.appendleft((".", True))
        elif last and not more and data[:1] == "2":
            self.delivered += 1
        if verb == "EHLO" and not more and data[:1] == "2" and self.kind is not LogKind.RECEIVE:
            self._greeted(data)
        reply = LogReply(verb, printable(data, _MAX_REPLY))
        if len(self.replies) < MAX_REPLIES:
            self.replies.append(reply)
        if data[:1] in ("4", "5") and verb in _DECIDING:
            self._refuse(reply)

    def _greeted(self, data: str) -> None:
        self.feature(data)
        if not self.offered and self.whole:
            banner = self.replies[0].text if self.replies else ""
            self.mask = self.mask or ("*" if _STARRED.match(banner) else "")
            self.hidden = MASKED if self.mask else NOT_OFFERED

    def _refuse(self, reply: LogReply) -> None:
        if len(self.refused) < MAX_REPLIES:
            found = classify(reply.text)
            entry, token = (found.entry, found.token) if found else (None, None)
            if self.hidden and (entry is None or entry.rule == NOT_OFFERED.rule) and reply.verb != "RCPT":
                entry, token = self.hidden, self.mask or None
            self.refused.append(RefusedReply(reply, entry, token))

    def _information(self, data: str, context: str) -> None:
        words = context.strip().lower()
        if words.startswith("certificate ") or words == "alternate names":
            name = words.removeprefix("certificate ")
            if name in _FIELDS and self.role is not None:
                self.fields.setdefault(self.role, {})[name] = data
        elif role := next((one for one in Role if words.startswith(one.value)), None):
            self._certificate(role, data)
        else:
            self._note(context or data)

    def _certificate(self, role: Role, data: str) -> None:
        self.role = role
        self.fields.pop(role, None)
        if data.strip():  # else shape A: the fields follow
            certificate = self.reader.line(data) or self.reader.line("0 " + data)  # the thumbprint alone
            if certificate is not None:
                self.certificates[role] = certificate

    def _note(self, text: str) -> None:
        if found := _TLS.match(text):
            # Schannel's names: SP_PROT_TLS1_2 is TLS 1.2.
            name = found[1].upper().replace("_", ".")
            self.tls = TlsResult(f"TLS {name[3:]}" if name.startswith("TLS") else name, None)
        elif found := _TLS_ERROR.match(text):
            self.tls = TlsResult(None, found[1] or found[2])
            self._refuse(LogReply("STARTTLS", printable(text, _MAX_REPLY)))
        elif "InternetMessageId" in text:
            if (found := _MESSAGE.search(text)) and len(self.messages) < MAX_MESSAGES:
                self.messages.append(printable(found[1]))
        elif NOT_OFFERED.examples[0] in text:
            self.own_word = printable(text, _MAX_REPLY)
        elif _LOCAL_REPLY.match(text):
            self._refuse(LogReply("", printable(text, _MAX_REPLY)))

    def _of(self, role: Role) -> LogCertificate | None:
        if fields := self.fields.get(role):
            return self.reader.fields(tuple(fields.items()))
        return self.certificates.get(role)

    def finish(self) -> LogSession:
        """The session as far as it was seen."""
        if self.own_word and not (self.refused or self.delivered):
            self._refuse(LogReply("EHLO", self.own_word))
        return LogSession(
            id=printable(self.begun[2]),
            connector=printable(self.begun[1]),
            kind=self.kind,
            source=self.source,
            started=instant(self.first or ""),
            ended=instant(self.last[0]),
            local_endpoint=printable(self.last[4]),
            remote_endpoint=printable(self.last[5]),
            sent=self._of(Role.SENT),
            remote=self._of(Role.REMOTE),
            tls=self.tls,
            replies=tuple(self.replies),
            message_ids=tuple(self.messages),
            delivered=self.delivered,
            refused=tuple(self.refused),
            outcome=self._outcome(),
            complete=self.whole and self.closed_by is not None,
        )

    def _outcome(self) -> SessionOutcome:
        if self.tls and self.tls.error:
            return SessionOutcome.TLS_FAILED
        if self.refused:
            return SessionOutcome.REFUSED
        if self.delivered:
            return SessionOutcome.DELIVERED
        dropped = self.closed_by == "remote" and all(reply.verb != "QUIT" for reply in self.replies)
        return SessionOutcome.DROPPED if dropped else SessionOutcome.NOTHING
