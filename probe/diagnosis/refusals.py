"""Sessions that were refused, in groups: one for each connector, certificate and reason."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from probe.evidence_files import LogLine
from probe.exchange.logs.certificate import LogCertificate
from probe.exchange.logs.rows import MAX_LINE
from probe.exchange.logs.session import LogSession, RefusedReply
from probe.exchange.online import domain_of
from probe.exchange.problem import Problem
from probe.exchange.replies.entry import Entry, EntryKind, Flow
from probe.exchange.replies.from_exchange_online import EXPIRED
from probe.exchange.replies.recognise import Recognised, findings
from probe.exchange.replies.to_exchange_online import MASKED, NOT_OFFERED
from probe.exchange.traces.groups import TraceGroup, grouped
from probe.exchange.traces.report import Traces
from probe.text import printable

#: Groups told apart; an organisation with more has a list of connectors to look at first.
MAX_GROUPS = 200
#: Message ids remembered of one group, to find the events of the same messages.
MAX_MESSAGES = 500
#: Texts kept as proof of one group.
MAX_TEXTS = 20
#: Lines of a session that are looked at for proof.
MAX_LINES = 500

_BANNER = re.compile(r"220[ -](\S{1,255})")
_HELLO = re.compile(r"250[ -].{0,300}? Hello \[([0-9A-Fa-f.:]{2,45})\]")
# Not the 250 of a command, which has an enhanced code.
_EHLO_LINE = re.compile(r"220[ -]|250[ -](?!2\.)")
_MAIL = re.compile(r"MAIL FROM:\s?<([^>]{0,320})>", re.IGNORECASE)
_RCPT = re.compile(r"RCPT TO:\s?<([^>]{1,320})>", re.IGNORECASE)


class Seen(NamedTuple):
    """One session: its log, id, and time (aware UTC, None where the log has none)."""

    source: str
    session: str
    at: datetime | None


class TextProof(NamedTuple):
    """A text that says the same, or rows of a message trace."""

    source: str
    found: Recognised
    traced: TraceGroup | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalGroup:
    """One reason for which the sessions of one connector with one certificate were refused.

    A group without `first` comes from texts alone. `lines` prove it; `mail_from`, `rcpt_to` and
    `seen_as` (the address the other side greets) are the first session's, None where unknown.
    """

    connector: str | None
    certificate: LogCertificate | None
    reason: str
    entry: Entry | None
    reply: str
    sessions: int = 0
    first: Seen | None = None
    last: datetime | None = None
    to_eop: bool = False
    messages: frozenset[str] = frozenset()
    lines: tuple[LogLine, ...] = ()
    texts: tuple[TextProof, ...] = ()
    mail_from: str | None = None
    rcpt_to: str | None = None
    seen_as: str | None = None

    @property
    def thumbprint(self) -> str | None:
        """The certificate that was sent, lower-case hex."""
        return self.certificate.thumbprint if self.certificate else None

    @property
    def host(self) -> str | None:
        """The host that rows of a message trace name, or the last-error record of who sent to it."""
        traced = (host for one in self.texts if one.traced for host in one.traced.hosts)
        sent_to = (one.found for one in self.texts if one.found.flow is Flow.FROM_EOP)
        told = (found.last_error.fqdn for found in sent_to if found.last_error)
        return next(filter(None, (*traced, *told)), None)

    @property
    def sender(self) -> str:
        """Who sent it, as a sentence begins."""
        return f"The Send connector '{self.connector}'" if self.connector else "A Send connector"


class Refusals:
    """Collects the groups, and which certificates mail was delivered with, from sessions in any order."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str | None, str], RefusalGroup] = {}
        self.delivered: dict[str, Seen] = {}
        """The last session in which Exchange Online took mail, by lower-case thumbprint."""
        self.latest: datetime | None = None
        self.sessions = self.left_out = 0

    def add(self, session: LogSession) -> None:
        self.sessions += 1
        if session.ended is not None:
            self.latest = max(self.latest or session.ended, session.ended)
        banner = _BANNER.match(session.replies[0].text) if session.replies else None
        to_eop = banner is not None and domain_of(banner[1]) is not None
        if session.delivered and to_eop and session.sent and session.sent.thumbprint:
            seen = Seen(session.source, session.id, session.started)
            before = self.delivered.get(session.sent.thumbprint)
            if before is None or (seen.at and (before.at is None or before.at < seen.at)):
                self.delivered[session.sent.thumbprint] = seen
        for refusal in {one.reason: one for one in reversed(session.refused)}.values():
            self._refused(session, refusal, to_eop=to_eop)

    def _refused(self, session: LogSession, refusal: RefusedReply, *, to_eop: bool) -> None:
        key = (session.connector, session.sent.thumbprint if session.sent else None, refusal.reason)
        group = self._groups.get(key) or RefusalGroup(
            connector=session.connector,
            certificate=session.sent,
            reason=refusal.reason,
            entry=refusal.entry,
            reply=refusal.reply.text,
            first=Seen(session.source, session.id, session.started),
        )
        if group.sessions == 0 and len(self._groups) >= MAX_GROUPS:
            self.left_out += 1
            return
        more = session.message_ids if len(group.messages) < MAX_MESSAGES else ()
        self._groups[key] = replace(
            group,
            sessions=group.sessions + 1,
            last=max(filter(None, (group.last, session.started)), default=None),
            to_eop=group.to_eop or to_eop,
            messages=group.messages.union(more),
        )

    @property
    def groups(self) -> tuple[RefusalGroup, ...]:
        """The groups so far, in the order first seen."""
        return tuple(self._groups.values())


def with_lines(group: RefusalGroup, lines: Sequence[LogLine]) -> RefusalGroup:
    """Keep the lines of its first session that prove what was sent and what was answered."""
    sent = [one.data for one in lines if one.event == ">"]
    return replace(
        group,
        lines=tuple(one for one in lines if _proves(group, one)),
        mail_from=_first(_MAIL, sent),
        rcpt_to=_first(_RCPT, sent),
        seen_as=_first(_HELLO, (one.data for one in lines)),
    )


def _proves(group: RefusalGroup, line: LogLine) -> bool:
    lower = line.text.lower()
    if group.thumbprint and group.thumbprint in lower and "remote certificate" not in lower:
        return True
    if group.entry in (MASKED, NOT_OFFERED) and line.event == "<" and _EHLO_LINE.match(line.data):
        return True
    words = group.reply.split(" [", 1)[0]
    return len(words) > 3 and any(words in printable(field, MAX_LINE) for field in (line.data, line.context))


def _first(pattern: re.Pattern[str], texts: Iterable[str]) -> str | None:
    found = next(filter(None, map(pattern.match, texts)), None)
    return printable(found[1]) if found else None


def with_texts(
    groups: Iterable[RefusalGroup],
    texts: Iterable[tuple[str, str]],
    problems: list[Problem],
    plain: Container[str] = (),
) -> tuple[RefusalGroup, ...]:
    """Add what texts say: to the group of the same message or reason, else as groups of their own.

    Of the files `plain`, which are nothing but texts, it is told where they say nothing.
    """
    found = list(groups)
    for source, text in texts:
        said = findings(text)
        problems += [Problem(source, None, None, one) for one in said.more]
        told = said.found
        if not told and source in plain:
            problems.append(Problem(source, None, None, "says nothing that is known: no reply, no event."))
        causes = [one for one in told if one.entry.kind is not EntryKind.WRAPPER and one.entry is not EXPIRED]
        for one in causes or told:  # who quotes a reply that is not known, where that is all there is
            _file(found, TextProof(source, one))
    return tuple(found)


def with_traces(groups: Iterable[RefusalGroup], traces: Iterable[Traces]) -> tuple[RefusalGroup, ...]:
    """Add the replies that are known of what failed or waits; the end of a wait only where nothing tells its cause."""
    found = list(groups)
    replies = [
        TextProof(one.source, group.example.found, group)
        for one in traces
        for group in grouped(one.rows)
        if group.example.found and group.example.reply
    ]
    for proof in [one for one in replies if one.found.entry is not EXPIRED] or replies:
        _file(found, proof)
    return tuple(found)


def _file(groups: list[RefusalGroup], proof: TextProof) -> None:
    for place, group in enumerate(groups):
        # The same reason, and nothing that says that it is about another message.
        message = proof.found.message_id
        same = message is None or not group.messages or message in group.messages
        if same and group.reason == proof.found.entry.id:
            if len(group.texts) < MAX_TEXTS:
                groups[place] = replace(group, texts=(*group.texts, proof))
            return
    if len(groups) < MAX_GROUPS:
        one = proof.found
        groups.append(
            RefusalGroup(
                connector=one.connector,
                certificate=None,
                reason=one.entry.id,
                entry=one.entry,
                reply=one.reply,
                messages=frozenset(filter(None, (one.message_id,))),
                texts=(proof,),
            )
        )
