"""What the sessions of protocol logs add up to: per connector and certificate, and when it changed.

Sessions may come in any order; memory is bounded by the number of connectors and certificates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from probe.exchange.logs.certificate import Known, LogCertificate
from probe.exchange.logs.session import LogSession, SessionOutcome

#: Connectors times certificates that are told apart; an organisation has some ten of each.
MAX_GROUPS = 5_000

#: Servers (local addresses) told apart in one group.
MAX_SERVERS = 100


class Example(NamedTuple):
    """One session that stands for a reason: its id, file, time and the reply."""

    session: str
    source: str
    at: datetime | None
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Sessions with one reason: a catalogue entry's id, or ``other``; the first of them as the proof."""

    reason: str
    sessions: int
    first: Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The sessions of one connector that sent one certificate (None: none was sent, or none was logged).

    `sessions` counts sessions; `delivered` messages; `denied` (a reply refused something), `tls_failed` and
    `dropped` sessions. `refused` is most frequent first, failed TLS among it. `first_seen` and `last_seen`
    are aware UTC. `listed` says whether the certificate is in the inventory, None where there is none.
    `servers` are local addresses.
    """

    connector: str
    certificate: LogCertificate | None
    sessions: int
    delivered: int
    denied: int
    tls_failed: int
    dropped: int
    refused: tuple[Refused, ...]
    first_seen: datetime | None
    last_seen: datetime | None
    servers: tuple[str, ...]
    listed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateChange:
    """A connector's certificate changed on one server: when the new one was first seen.

    `overlapping` says that the old one was seen after that, too: the two are used in turns.
    """

    connector: str
    server: str
    at: datetime
    before: str
    after: str
    overlapping: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSummary:
    """All groups, by connector and time first seen, and all changes, in order of time.

    `left_out` counts sessions beyond `MAX_GROUPS`.
    """

    groups: tuple[Group, ...]
    changes: tuple[CertificateChange, ...]
    sessions: int
    left_out: int


@dataclass(slots=True)
class _Tally:
    """The running figures of one connector and certificate."""

    certificate: LogCertificate | None
    sessions: int = 0
    delivered: int = 0
    outcomes: Counter[SessionOutcome] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Example] = field(default_factory=dict)
    seen: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)

    def add(self, session: LogSession) -> None:
        self.sessions += 1
        self.delivered += session.delivered
        self.outcomes[session.outcome] += 1
        for refusal in {one.reason: one for one in reversed(session.refused)}.values():
            self.reasons[refusal.reason] += 1
            example = Example(session.id, session.source, session.started, refusal.reply.text)
            self.examples.setdefault(refusal.reason, example)
        server, at = session.local_endpoint.rpartition(":")[0], session.started
        if at is not None and (server in self.seen or len(self.seen) < MAX_SERVERS):
            first, last = self.seen.get(server, (at, at))
            self.seen[server] = (min(first, at), max(last, at))


class Summary:
    """Adds sessions up; `known` maps lower-case thumbprints to what the inventory says of them."""

    def __init__(self, *, known: Mapping[str, Known] | None = None) -> None:
        self._known = known
        self._tallies: dict[tuple[str, str | None], _Tally] = {}
        self._sessions = self._left_out = 0

    def add(self, session: LogSession) -> None:
        self._sessions += 1
        key = (session.connector, session.sent.thumbprint if session.sent else None)
        tally = self._tallies.get(key)
        if tally is None:
            if len(self._tallies) >= MAX_GROUPS:
                self._left_out += 1
                return
            tally = self._tallies[key] = _Tally(session.sent)
        tally.add(session)

    def result(self) -> LogSummary:
        groups = [self._group(connector, tally) for (connector, _), tally in self._tallies.items()]
        return LogSummary(
            groups=tuple(sorted(groups, key=lambda group: (group.connector, group.first_seen or _NEVER))),
            changes=tuple(sorted(self._changes(), key=lambda change: change.at)),
            sessions=self._sessions,
            left_out=self._left_out,
        )

    def _group(self, connector: str, tally: _Tally) -> Group:
        thumbprint = tally.certificate.thumbprint if tally.certificate else None
        return Group(
            connector=connector,
            certificate=tally.certificate,
            sessions=tally.sessions,
            delivered=tally.delivered,
            denied=tally.outcomes[SessionOutcome.REFUSED],
            tls_failed=tally.outcomes[SessionOutcome.TLS_FAILED],
            dropped=tally.outcomes[SessionOutcome.DROPPED],
            refused=tuple(
                Refused(reason=reason, sessions=count, first=tally.examples[reason])
                for reason, count in tally.reasons.most_common()
            ),
            first_seen=min((first for first, _ in tally.seen.values()), default=None),
            last_seen=max((last for _, last in tally.seen.values()), default=None),
            servers=tuple(sorted(server for server in tally.seen if server)),
            listed=thumbprint in self._known if self._known is not None and thumbprint else None,
        )

    def _changes(self) -> Iterable[CertificateChange]:
        used: dict[tuple[str, str], list[tuple[datetime, datetime, str]]] = {}
        for (connector, thumbprint), tally in self._tallies.items():
            for server, (first, last) in tally.seen.items():
                if thumbprint:
                    used.setdefault((connector, server), []).append((first, last, thumbprint))
        for (connector, server), periods in used.items():
            for (_, last, before), (at, _, after) in pairwise(sorted(periods)):
                yield CertificateChange(
                    connector=connector,
                    server=server,
                    at=at,
                    before=before,
                    after=after,
                    overlapping=last > at,
                )


_NEVER = datetime.max.replace(tzinfo=UTC)
