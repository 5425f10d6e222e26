"""Which certificate each published reading of Exchange's choice picks, with unknown facts kept unknown."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.selection.candidates import PINNING, SELECTION, Candidate
from probe.statement import Confidence, Statement, all_of, opposite

Tier: TypeAlias = Callable[[Candidate], "bool | None"]


class Order(enum.Enum):
    """What "newest" is read as."""

    VALID_FROM = "newest Valid from"
    VALID_TO = "newest validity"
    LIFETIME = "longest lifetime"

    def of(self, certificate: ExchangeCertificate) -> float | None:
        """What to sort by, the greatest first; None where the export does not tell.

        Lifetimes count in days: local dates of an export can be off by the hour of summer time.
        """
        begin, end = certificate.not_before, certificate.not_after
        match self:
            case Order.VALID_FROM:
                return begin.timestamp() if begin is not None else None
            case Order.VALID_TO:
                return end.timestamp() if end is not None else None
            case Order.LIFETIME:
                return None if begin is None or end is None else round((end - begin) / timedelta(days=1))


class Reading(NamedTuple):
    """One way to read Microsoft's pages: tiers tried in turn, the first by `order` within a tier."""

    name: str
    order: Order
    tiers: tuple[Tier, ...]
    label: Confidence
    source: str

    def says(self, text: str) -> Statement:
        """A sentence that is as well founded as the reading."""
        return Statement(text, self.label, self.source)


class Pick(NamedTuple):
    """What a reading may pick, None among it where it may find nothing.

    More than one: facts are missing (`unknown`), or several certificates are equal in its order.
    """

    reading: Reading
    possible: tuple[Candidate | None, ...]
    unknown: bool


def _with_smtp(tier: Tier) -> Tier:
    return lambda one: all_of((tier(one), one.smtp))


_ANY: Tier = attrgetter("usable")
#: InboundSTARTTLS steps 5 and 6: a valid one from a CA, else a self-signed one, else an expired one.
_STEPS: tuple[Tier, ...] = (
    lambda one: all_of((one.usable, one.valid, one.issued)),
    lambda one: all_of((one.usable, opposite(one.issued))),
    _ANY,
)
_SMTP_STEPS = tuple(map(_with_smtp, _STEPS))
#: Step 3 and the article's note together: one without SMTP is chosen where none has it.
_SMTP_FIRST = (*_SMTP_STEPS, *_STEPS)

_NOTE = "newest Valid from, SMTP not asked for"
_SIMULATED = "simulated after the inbound algorithm"

#: By TlsCertificateName or Fqdn. The note ("a match that lacks SMTP is still chosen") contradicts step 3.
RECEIVE: tuple[Reading, ...] = (
    Reading("newest Valid from", Order.VALID_FROM, _SMTP_FIRST, Confidence.DOCUMENTED, SELECTION),
    Reading(_NOTE, Order.VALID_FROM, _STEPS, Confidence.DOCUMENTED, f"{SELECTION}, its note"),
)
#: By the server's own name: the note does not speak of it.
RECEIVE_BY_SERVER: tuple[Reading, ...] = (
    Reading("newest Valid from", Order.VALID_FROM, _SMTP_STEPS, Confidence.DOCUMENTED, SELECTION),
)
#: By Fqdn: no algorithm is published for the client's side.
SEND: tuple[Reading, ...] = (
    Reading("newest Valid from", Order.VALID_FROM, _SMTP_FIRST, Confidence.INFERRED, _SIMULATED),
    Reading("newest validity", Order.VALID_TO, _SMTP_FIRST, Confidence.INFERRED, _SIMULATED),
    Reading("longest lifetime", Order.LIFETIME, _SMTP_FIRST, Confidence.REPORTED, "CSS-Exchange issue 1165"),
    Reading(_NOTE, Order.VALID_FROM, _STEPS, Confidence.INFERRED, f"{SELECTION}, its note"),
)
SEND_BY_SERVER = tuple(reading._replace(tiers=_SMTP_STEPS) for reading in SEND[:3])
#: Pinned: issuer and subject must match, of several the newest, SMTP is not checked.
SEND_PINNED: tuple[Reading, ...] = (
    Reading("newest Valid from", Order.VALID_FROM, (_ANY,), Confidence.DOCUMENTED, PINNING),
    Reading("newest validity", Order.VALID_TO, (_ANY,), Confidence.DOCUMENTED, PINNING),
    Reading("longest lifetime", Order.LIFETIME, (_ANY,), Confidence.REPORTED, "CSS-Exchange issue 1165"),
    Reading("newest Valid from, valid ones first", Order.VALID_FROM, _STEPS, Confidence.INFERRED, _SIMULATED),
)


def pick(reading: Reading, candidates: tuple[Candidate, ...]) -> Pick:
    """Say what a reading may pick; the first certain candidate ends the search."""
    found: list[Candidate] = []
    unknown = False
    for tier in reading.tiers:
        facts = [(one, fact) for one in candidates if (fact := tier(one)) is not False]
        front, doubtful = _front(facts, reading.order)
        found += [one for one in front if one not in found]
        unknown = unknown or doubtful
        if any(fact for _, fact in facts):
            return Pick(reading, tuple(found), unknown and len(found) > 1)
    return Pick(reading, (*found, None), bool(found))


def settled(picks: Sequence[Pick]) -> tuple[Pick, ...]:
    """A reading that cannot tell equals apart does not contradict one that can."""
    firm = {id(one.possible[0]) for one in picks if len(one.possible) == 1}
    return tuple(
        one
        if one.unknown
        else one._replace(possible=tuple(c for c in one.possible if id(c) in firm) or one.possible)
        for one in picks
    )


def _front(facts: Sequence[tuple[Candidate, bool | None]], order: Order) -> tuple[list[Candidate], bool]:
    """The members of a tier that may come first, and whether a missing fact makes them so."""
    keys = {id(one): order.of(one.certificate) for one, _ in facts}
    front = [one for one, _ in facts if keys[id(one)] is None]
    doubtful = bool(front)
    dated = [(one, fact, key) for one, fact in facts if (key := keys[id(one)]) is not None]
    for key in sorted({key for _, _, key in dated}, reverse=True):
        group = [(one, fact) for one, fact, mine in dated if mine == key]
        front += [one for one, _ in group]
        doubtful = doubtful or any(fact is None for _, fact in group)
        if any(fact for _, fact in group):
            break
    return front, doubtful
