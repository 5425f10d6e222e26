"""How pages and documents about the ledger call things, and which words are told together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from probe.eop.rules.contradicted import what_to_do
from probe.eop.rules.outbound import OUTBOUND_RULES
from probe.eop.vocabulary import Direction, Outcome
from probe.exchange.tlsrpt.report import SUCCESS
from probe.powershell import Steps
from probe.render.tlsrpt.words import POLICIES
from probe.report.ledger.values import Entry, Joined, Ledger, Prediction, Reading, Standing, Trust, Word
from probe.report.record import Endpoint
from probe.statement import Statement
from probe.text import counted

ABSENCE = "Absence proves nothing: not every mail is reported on, no message may have been sent, and reports come late."
#: What each standing is called as a heading.
HEADINGS = {
    Standing.CONTRADICTED: "Contradicted by Microsoft's word",
    Standing.CONFIRMED: "Confirmed",
    Standing.UNCONFIRMED: "Predicted and not confirmed",
}
#: Which predictions only a look at the whole domain makes again.
_OF_DOMAINS = frozenset(one.id for one in OUTBOUND_RULES)
_TRUST = {
    Trust.PROVEN: "proven by Microsoft's signature",
    Trust.SUPPLIED: "supplied",
    Trust.UNPROVEN: "in a mail that proves nothing",
}


class Run(NamedTuple):
    """Words of one kind from one source on the same prediction, the earliest first."""

    joined: Sequence[Joined]

    @property
    def first(self) -> Word:
        return self.joined[0].word

    @property
    def newest(self) -> Joined:
        return self.joined[-1]

    @property
    def when(self) -> str:
        """The day, or the first and the last and how many there are."""
        days = list(dict.fromkeys(one.word.day for one in self.joined))
        return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}, {counted(len(days), 'day')}"

    @property
    def sessions(self) -> int | None:
        """Of one policy, so that they can be added; None where one is not told."""
        told = [one.word.sessions for one in self.joined]
        return None if None in told else sum(filter(None, told))

    @property
    def said(self) -> str:
        """What Microsoft said: ``31 sessions failed: certificate-expired (MTA-STS of contoso.com)``."""
        word, sessions = self.first, self.sessions
        if word.policy is None:
            return word.kind
        count = counted(sessions, "session") if sessions else "sessions"
        told = f"{count} succeeded" if word.kind == SUCCESS else f"{count} failed: {word.kind}"
        return f"{told} ({POLICIES[word.policy]} of {word.domain or 'a domain not named'})"

    @property
    def whose(self) -> str:
        return f"{self.first.source.value}, {self.trust}"

    @property
    def trust(self) -> str:
        return _TRUST[self.first.trust]


def runs(joined: Iterable[Joined]) -> list[Run]:
    """Words told together: what they are, by whom, and of which prediction."""
    found: dict[object, list[Joined]] = {}
    for one in joined:
        word, held = one.word, one.held[-1:]
        key = (word.source, word.trust, word.accepted, word.kind, word.policy, word.domain, one.note)
        found.setdefault((key, *((each.outcome, each.rule) for each in held)), []).append(one)
    return [Run(each) for each in found.values()]


def place(endpoint: Endpoint) -> str:
    """An endpoint as a heading names it, with what tells it from others."""
    address = endpoint.address if endpoint.address != endpoint.host else ""
    where = " ".join(filter(None, (address, f"port {endpoint.port}" if endpoint.port not in {0, 25} else "")))
    more = ", ".join(filter(None, (endpoint.variant, endpoint.vantage and f"seen from {endpoint.vantage}")))
    named = f"{endpoint.host or endpoint.address}{f' ({where})' if where else ''}"
    return f"{named}, {endpoint.direction}{f', {more}' if more else ''}"


def predicted(one: Prediction, basis: str) -> str:
    """What was predicted, from what, and when."""
    rule = f", rule {one.rule}" if one.rule and one.outcome is not Outcome.ACCEPTED else ""
    until = "" if one.looks == 1 else f" to {_minute(one.last)}, {counted(one.looks, 'look')}"
    return f"{one.outcome.value}{rule}, from {basis} ({_minute(one.first)}{until}; {one.source.rpartition('/')[2]})"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def confirmed(entry: Entry) -> str:
    """``confirmed for you on 2026-11-20 by TLS-RPT``; "" where nothing confirms it."""
    newest = entry.confirmed
    return f"confirmed for you on {newest.word.day} by {newest.word.source.value}" if newest else ""


def advice(entry: Entry) -> Steps:
    endpoint, target = entry.series.endpoint, entry.series.target
    whole = target.startswith("mx:") and entry.series.predictions[-1].rule in _OF_DOMAINS
    host = endpoint.host or endpoint.address
    return what_to_do(
        target if whole else host, Direction(endpoint.direction), None if whole else endpoint.port
    )


def headline(ledger: Ledger) -> str:
    """What there is, the loudest first."""
    if not ledger.entries:
        return "nothing is predicted: give a history, or reports of eop-probe in JSON"
    counts = {standing: len(ledger.standing(standing)) for standing in Standing}
    bad = counts[Standing.CONTRADICTED]
    parts = [f"Microsoft contradicts what was predicted of {counted(bad, 'endpoint')}"] if bad else []
    parts += [
        f"{counts[one]:,} {one.value}" for one in (Standing.CONFIRMED, Standing.UNCONFIRMED) if counts[one]
    ]
    return "; ".join(parts)


def silent(ledger: Ledger) -> list[tuple[Run, Statement]]:
    """What says nothing of a prediction, and why: of every endpoint together, each word once."""
    told = {
        one.word: one
        for entry in ledger.entries
        for one in entry.joined
        if one.note and one.reading is Reading.SILENT
    }
    told |= {word: Joined(word, Reading.SILENT, (), why) for word, why in ledger.unjoined}
    return [
        (run, note)
        for run in runs(one._replace(held=()) for one in told.values())
        if (note := run.newest.note)
    ]
