"""One SMTP session as a protocol log tells it, put together row by row.

Rows are consumed in the order of their sequence numbers; what is kept of a session is bounded,
however long it lasts.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
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

_ROLES = {role.value: role for role in Role}
_FIELDS = frozenset({"subject", "issuer name", "serial number", "thumbprint", "alternate names"})
_TLS = re.compile(
    r"TLS protocol SP_PROT_(\w{1,30}?)(?:_(?:CLIENT|SERVER))? negotiation succeeded", re.IGNORECASE
)
# Translated pages put other words around the token.
_TLS_ERROR = re.compile(
    r"TLS negotiation failed with error (\w{1,64})|.{0,80}\bTLS\b.{0,80}\b((?:No|Unknown)Credentials|SocketError)\b",
    re.IGNORECASE | re.ASCII,
)
_CLIENT_STATUS = re.compile(r"Client certificate chain validation status: '?(\w{1,64})", re.IGNORECASE)
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
    received: LogCertificate | None
    tls: TlsResult | None
    client_status: str | None
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


class SessionBuilder:
    """Consumes the rows of one session, nine texts each (`log_rows.FIELDS`), in order.

    Lines that another one of the same good reply follows (``250-SIZE``) may be left out.
    """

    __slots__ = (
        "_certificates", "_client_status", "_closed_by", "_commands", "_connector", "_delivered", "_fields",
        "_first", "_hidden", "_id", "_kind", "_last", "_mask", "_messages", "_offered", "_own_word", "_reader",
        "_refused", "_replies", "_role", "_source", "_tls", "_whole",
    )  # fmt: skip

    def __init__(self, row: list[str], *, source: str, kind: LogKind, reader: CertificateReader) -> None:
        self._source, self._kind, self._reader = source, kind, reader
        self._connector, self._id = row[1], row[2]
        self._first: str | None = None
        self._last = row
        self._certificates: dict[Role, LogCertificate] = {}
        self._role: Role | None = None
        self._fields: dict[Role, dict[str, str]] = {}
        self._commands: deque[tuple[str, bool]] = deque(maxlen=MAX_PIPELINE)
        self._replies: list[LogReply] = []
        self._refused: list[RefusedReply] = []
        self._messages: list[str] = []
        self._delivered = 0
        self._tls: TlsResult | None = None
        self._client_status: str | None = None
        self._closed_by: str | None = None
        self._whole = True
        self._offered = False
        self._mask = ""
        self._hidden: Entry | None = None
        self._own_word = ""

    def consume(self, row: list[str]) -> None:
        event, data = row[6], row[7]
        self._last = row
        if self._first is None:
            self._first = row[0]
        if event == "*":
            self._information(data, row[8])
        elif event == "-":
            self._closed_by = row[8].strip().lower()
        elif event != "+":
            if self._kind is LogKind.UNKNOWN:
                self._kind = _kind_of(event, data)
            if (event == "<") is (self._kind is LogKind.RECEIVE):
                self._command(data)
            else:
                self._reply(data)

    def feature(self, data: str) -> None:
        """Take a line of an EHLO reply that another one follows."""
        self._offered = self._offered or _OFFER.search(data) is not None
        if found := _MASK.match(data):
            self._mask = printable(found[1])

    def gap(self) -> None:
        """Rows are missing here: what follows continues no certificate and answers no earlier command."""
        self._whole = False
        self._role = None
        self._commands.clear()

    def _command(self, data: str) -> None:
        verb = printable(data[:16].partition(" ")[0].upper())
        self._offered = self._offered or verb == "STARTTLS"
        self._commands.append((verb, verb == "BDAT" and data.upper().endswith("LAST")))

    def _reply(self, data: str) -> None:
        more = data[3:4] == "-"  # a refusal of several lines: its last line answers the command
        answered = self._commands[0] if more and self._commands else None
        verb, last = answered or (self._commands.popleft() if self._commands else ("", False))
        if verb == "DATA" and data[:1] == "3":
            self._commands.appendleft((".", True))
        elif last and not more and data[:1] == "2":
            self._delivered += 1
        if verb == "EHLO" and not more and data[:1] == "2" and self._kind is not LogKind.RECEIVE:
            self._greeted(data)
        reply = LogReply(verb, printable(data, _MAX_REPLY))
        if len(self._replies) < MAX_REPLIES:
            self._replies.append(reply)
        if data[:1] in ("4", "5") and verb in _DECIDING:
            self._refuse(reply)

    def _greeted(self, data: str) -> None:
        self.feature(data)
        if not self._offered and self._whole:
            banner = self._replies[0].text if self._replies else ""
            self._mask = self._mask or ("*" if _STARRED.match(banner) else "")
            self._hidden = MASKED if self._mask else NOT_OFFERED

    def _refuse(self, reply: LogReply) -> None:
        if len(self._refused) < MAX_REPLIES:
            found = classify(reply.text)
            entry, token = (found.entry, found.token) if found else (None, None)
            if self._hidden and (entry is None or entry.rule == NOT_OFFERED.rule) and reply.verb != "RCPT":
                entry, token = self._hidden, self._mask or None
            self._refused.append(RefusedReply(reply, entry, token))

    def _information(self, data: str, context: str) -> None:
        words = context.strip().lower()
        if words.startswith("certificate ") or words == "alternate names":
            name = words.removeprefix("certificate ")
            if name in _FIELDS and self._role is not None:
                self._fields.setdefault(self._role, {})[name] = data
        elif role := next((role for name, role in _ROLES.items() if words.startswith(name)), None):
            self._certificate(role, data)
        else:
            self._note(context or data)

    def _certificate(self, role: Role, data: str) -> None:
        self._role = role
        self._fields.pop(role, None)
        if data.strip():  # else shape A: the fields follow
            certificate = self._reader.line(data) or self._reader.line("0 " + data)  # the thumbprint alone
            if certificate is not None:
                self._certificates[role] = certificate

    def _note(self, text: str) -> None:
        if found := _TLS.match(text):
            # Schannel's names: SP_PROT_TLS1_2 is TLS 1.2.
            name = found[1].upper().replace("_", ".")
            self._tls = TlsResult(f"TLS {name[3:]}" if name.startswith("TLS") else name, None)
        elif found := _TLS_ERROR.match(text):
            self._tls = TlsResult(None, found[1] or found[2])
            self._refuse(LogReply("STARTTLS", printable(text, _MAX_REPLY)))
        elif found := _CLIENT_STATUS.match(text):
            self._client_status = found[1]
        elif "InternetMessageId" in text:
            if (found := _MESSAGE.search(text)) and len(self._messages) < MAX_MESSAGES:
                self._messages.append(printable(found[1]))
        elif NOT_OFFERED.examples[0] in text:
            self._own_word = printable(text, _MAX_REPLY)
        elif _LOCAL_REPLY.match(text):
            self._refuse(LogReply("", printable(text, _MAX_REPLY)))

    def _of(self, role: Role) -> LogCertificate | None:
        if fields := self._fields.get(role):
            return self._reader.fields(tuple(fields.items()))
        return self._certificates.get(role)

    def finish(self) -> LogSession:
        """The session as far as it was seen."""
        if self._own_word and not (self._refused or self._delivered):
            self._refuse(LogReply("EHLO", self._own_word))
        return LogSession(
            id=printable(self._id),
            connector=printable(self._connector),
            kind=self._kind,
            source=self._source,
            started=instant(self._first or ""),
            ended=instant(self._last[0]),
            local_endpoint=printable(self._last[4]),
            remote_endpoint=printable(self._last[5]),
            sent=self._of(Role.SENT),
            remote=self._of(Role.REMOTE),
            received=self._of(Role.RECEIVED),
            tls=self._tls,
            client_status=self._client_status,
            replies=tuple(self._replies),
            message_ids=tuple(self._messages),
            delivered=self._delivered,
            refused=tuple(self._refused),
            outcome=self._outcome(),
            complete=self._whole and self._closed_by is not None,
        )

    def _outcome(self) -> SessionOutcome:
        if self._tls and self._tls.error:
            return SessionOutcome.TLS_FAILED
        if self._refused:
            return SessionOutcome.REFUSED
        if self._delivered:
            return SessionOutcome.DELIVERED
        dropped = self._closed_by == "remote" and all(reply.verb != "QUIT" for reply in self._replies)
        return SessionOutcome.DROPPED if dropped else SessionOutcome.NOTHING


def _kind_of(event: str, data: str) -> LogKind:
    """Whose log it is, by the side that speaks first: the server's banner is received or sent."""
    return LogKind.SEND if event == ("<" if data[:3].isdigit() else ">") else LogKind.RECEIVE
