"""Microsoft's word out of replies: in message traces and NDRs, and in the protocol logs of who sent to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from probe.eop.vocabulary import Direction
from probe.exchange.exports import dates
from probe.exchange.logs.rows import LogKind
from probe.exchange.logs.session import LogSession
from probe.exchange.online import domain_of
from probe.exchange.problem import Problem
from probe.exchange.replies.entry import Entry, EntryKind, Flow
from probe.exchange.replies.from_exchange_online import EXPIRED
from probe.exchange.replies.recognise import Recognised, findings
from probe.exchange.traces.report import FINE, Status, Traced, Traces
from probe.report.ledger.values import DANE, STS, Source, Trust, Word
from probe.statement import Statement, documented, inferred
from probe.text import counted

#: What a session is called in which Exchange Online took mail.
TAKEN = "mail was taken"
#: Words of all logs that are kept: a day's sessions of one certificate that ended alike are one.
MAX_WORDS = 20_000

# documented: entries of these rules, and two of refusals whose reason is not known, are of the certificate or of TLS.
_RULES = {
    Flow.TO_EOP: {"untrusted-root", "old-tls"},
    Flow.FROM_EOP: {"untrusted-root", "name-mismatch", "no-starttls", "early-session-ticket", "tls-failed", "expired",
                    "mta-sts-certificate"},
}  # fmt: skip
_NEEDS = {"dane-mismatch": DANE, "dnssec-bogus": DANE, "mta-sts-host": STS}
_ENTRIES = {"to-eop-tls-channel-other", "from-eop-certificate-other"}
_BANNER = re.compile(r"220[ -](\S{1,255})")
#: How far a time without its zone may be off.
_ZONES = timedelta(hours=14)

_ELSEWHERE = documented("The reply is of the network, of a policy or of the tenant, not of the certificate.")
_UNTOLD = inferred("It tells no reply that is known here.")
# documented: a trace tells neither a TLS version nor a certificate, and without a policy any certificate is taken.
_TRACED = documented("A trace tells that mail went, and of no certificate.")
_TAKEN = inferred(
    "Exchange Online took mail in a session that presented this certificate.", "the protocol log"
)


def of_traces(traces: Iterable[Traces]) -> Iterator[Word]:
    """What each row says that failed or waits; of those that went one is told for all of a file."""
    for one in traces:
        words = [word for row in one.rows if (word := _of_row(row))]
        yield from (word for word in words if not word.accepted)
        yield from [word for word in words if word.accepted][:1]


def _of_row(row: Traced) -> Word | None:
    """None where the row names neither a host nor an address, no time, or neither way."""
    flow = row.direction
    address = row.to_address if flow is Flow.FROM_EOP else row.from_address
    if row.at is None or flow is Flow.NEITHER or not (row.host or address) or row.status is Status.OTHER:
        return None
    accepted = row.status in FINE
    word = Word(
        source=Source.TRACE,
        trust=Trust.SUPPLIED,
        direction=Direction(flow.value),
        begin=row.at,
        end=row.at,
        accepted=accepted,
        kind=(row.found.reply if row.found else row.text) or row.said or row.status.value,
        place=str(row.source),
        hosts=(row.host.lower(),) if row.host and flow is Flow.FROM_EOP else (),
        address=address,
    )
    return (
        replace(word, silent=_TRACED) if accepted else _because(word, row.found.entry if row.found else None)
    )


def of_text(name: str, text: str) -> Iterator[Word | Problem]:
    """What the last-error records of a text say; a refusal of Exchange Online's without one is told as a problem."""
    said = findings(text)
    yield from (Problem(name, None, None, one) for one in said.more)
    causes = [one for one in said.found if one.entry.kind is EntryKind.REPLY and one.flow is not Flow.NEITHER]
    # That the message expired tells no cause beside one, and is of the same host.
    for found in [one for one in causes if one.entry is not EXPIRED] or causes:
        word = _of_record(name, found)
        yield word or Problem(
            name,
            None,
            None,
            f"tells neither of which endpoint nor when: {found.reply}; it is not in the ledger.",
        )


def _of_record(name: str, found: Recognised) -> Word | None:
    record = found.last_error
    if record is None or not (record.fqdn or record.address) or found.flow is not Flow.FROM_EOP:
        return None
    read = dates.read(record.at, month_first=dates.month_comes_first([record.at]))
    if read.instant is None:
        return None
    off = _ZONES if read.inferred else timedelta()
    word = Word(
        source=Source.REPLY,
        trust=Trust.SUPPLIED,
        direction=Direction.FROM_EOP,
        begin=read.instant - off,
        end=read.instant + off,
        accepted=False,
        kind=found.reply,
        place=name,
        hosts=(record.fqdn.lower(),) if record.fqdn else (),
        address=record.address,
    )
    return _because(word, found.entry)


def _because(word: Word, entry: Entry | None) -> Word:
    """The word with what its entry says of the certificate, or that it says nothing of it."""
    if entry is None:
        return replace(word, silent=_UNTOLD)
    if not (entry.rule in _RULES.get(entry.flow, ()) or entry.rule in _NEEDS or entry.id in _ENTRIES):
        return replace(word, silent=_ELSEWHERE)
    return replace(
        word, needs=_NEEDS.get(entry.rule, frozenset()), why=Statement(entry.judge, entry.label, entry.title)
    )


def of_logs(sessions: Iterable[LogSession]) -> Iterator[Word | Problem]:
    """What Exchange Online did to Send connectors' sessions: of a day, a certificate and an end each told once.

    At the end it is told how many sessions were beyond the bound.
    """
    found: dict[tuple[object, ...], Word] = {}
    beyond, place = 0, ""
    for session in sessions:
        for word in _of_session(session):
            key = (word.day, word.thumbprint, word.address, word.kind)
            before = found.get(key)
            if before is not None:
                found[key] = replace(before, sessions=(before.sessions or 0) + 1)
            elif len(found) < MAX_WORDS:
                found[key] = word
            else:
                beyond, place = beyond + 1, session.source
    yield from found.values()
    if beyond:
        told = f"and what was read before it: {counted(beyond, 'session')} beyond {MAX_WORDS} kinds were left out."
        yield Problem(place, None, None, told)


def _of_session(session: LogSession) -> Iterator[Word]:
    banner = _BANNER.match(session.replies[0].text) if session.replies else None
    online = banner is not None and domain_of(banner[1]) is not None
    if not online or session.kind is LogKind.RECEIVE or session.started is None or session.sent is None:
        return
    if session.delivered:
        yield replace(_session(session, session.started, TAKEN), accepted=True, why=_TAKEN)
    for one in session.refused[:1]:
        yield _because(_session(session, session.started, one.reply.text), one.entry)


def _session(session: LogSession, at: datetime, kind: str) -> Word:
    return Word(
        source=Source.LOG,
        trust=Trust.SUPPLIED,
        direction=Direction.TO_EOP,
        begin=at,
        end=at,
        accepted=False,
        kind=kind,
        place=session.source,
        address=session.local_endpoint.rpartition(":")[0].strip("[]"),
        thumbprint=(session.sent.thumbprint or "") if session.sent else "",
        sessions=1,
    )
