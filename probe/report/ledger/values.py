"""The ledger's values: what was predicted of an endpoint, what Microsoft said of it, and how the two go together."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from probe.eop.vocabulary import WORST_FIRST, Direction, Outcome
from probe.exchange.problem import Problem
from probe.exchange.tlsrpt.report import PolicyType
from probe.pki.host_names import a_labels
from probe.report.record import Endpoint
from probe.statement import Statement
from probe.values import value


class Source(enum.Enum):
    """Where Microsoft's word stands; the value is what it is called in a sentence."""

    TLSRPT = "TLS-RPT"
    MESSAGE = "the headers of a message that arrived"
    REPLY = "a reply of Exchange Online"
    LOG = "a protocol log"
    TRACE = "a message trace"
    VALIDATION = "a validation of the connector"


class Trust(enum.Enum):
    """Whose word it is shown to be."""

    PROVEN = "proven"
    """By Microsoft's signature."""
    SUPPLIED = "supplied"
    """By whoever gave the file."""
    UNPROVEN = "unproven"
    """It came in a mail, as anybody's does, whose signature does not show that it is Microsoft's."""


@value
class Word:
    """What Microsoft says of one instant or of a whole day: from `begin` until before `end`, alike for an instant.

    `hosts` are names, or patterns of one asterisk label, perhaps none; `domain` is the policy's. `kind` is the
    result-type or the reply, `sessions` None where not told. `others` says that other sessions of the same day and
    policy ended otherwise.
    """

    source: Source
    trust: Trust
    direction: Direction
    begin: datetime
    end: datetime
    accepted: bool
    kind: str
    place: str
    hosts: tuple[str, ...] = ()
    address: str = ""
    thumbprint: str = ""
    """Of the certificate that was presented: SHA-1, lower-case hex; "" where the word tells of none."""
    domain: str = ""
    policy: PolicyType | None = None
    sessions: int | None = None
    others: bool = False
    binding: bool = True
    """False: it may confirm a prediction, and contradicts none."""
    sees: frozenset[str] = frozenset()
    """The rules whose refusal an acceptance contradicts; empty: every one but those of `blind`."""
    blind: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    """Rules by one of which a prediction has to know what a refusal is about; empty: any prediction does."""
    silent: Statement | None = None
    """Why it says nothing of a prediction."""
    why: Statement | None = None
    """What makes it Microsoft's word on the certificate."""

    @property
    def day(self) -> str:
        return f"{self.begin:%Y-%m-%d}"

    def judges(self, rule: str | None) -> bool:
        """Whether an acceptance says that a refusal by this rule was wrong."""
        return rule not in self.blind and (not self.sees or rule in self.sees)


class Prediction(NamedTuple):
    """What was said of an endpoint from its `first` look that said so to the `last`.

    `leaves` are the end certificates that were seen, SHA-256 in hex, `thumbprints` the same as SHA-1, where known.
    `source` is the history or the report.
    """

    first: datetime
    last: datetime
    outcome: Outcome
    rule: str | None
    reply: str | None
    confidence: str
    leaves: tuple[str, ...]
    looks: int
    source: str
    thumbprints: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    """Those of `HOLDING` that it found."""


#: Rules that say of a policy that it holds, so that whoever predicted knew of it.
HOLDING = frozenset({"dane-valid", "mta-sts-valid"})
#: Rules by which a prediction knows of DANE, and of MTA-STS.
DANE = frozenset({"dane-valid", "dane-mismatch", "dane-missing", "dnssec-bogus"})
STS = frozenset({"mta-sts-valid", "mta-sts-host", "mta-sts-certificate"})


class Series(NamedTuple):
    """The predictions of one endpoint, seen in one way, the earliest first; `target` is as it was named.

    `targets` are the others by which it was named, of domains whose hosts it is.
    """

    target: str
    endpoint: Endpoint
    predictions: Sequence[Prediction]
    targets: tuple[str, ...] = ()

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains for whose mail it was looked at."""
        named = [one[3:] for one in (self.target, *self.targets) if one[:3].lower() == "mx:"]
        return tuple(dict.fromkeys(a_labels(one.partition(":")[0]) for one in named))


class Reading(enum.Enum):
    """What a word does to the predictions that held."""

    CONTRADICTS = "contradicts"
    CONFIRMS = "confirms"
    SILENT = "silent"


class Joined(NamedTuple):
    """A word beside the predictions that held; `note` says what is not known of it, or why it says nothing."""

    word: Word
    reading: Reading
    held: tuple[Prediction, ...] = ()
    note: Statement | None = None


class Standing(enum.Enum):
    """How an endpoint stands in the ledger."""

    CONTRADICTED = "contradicted"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"


@value
class Entry:
    """One endpoint and direction: its predictions, and every word on it, the earliest first."""

    series: Series
    joined: tuple[Joined, ...] = ()

    def read(self, reading: Reading) -> list[Joined]:
        return [one for one in self.joined if one.reading is reading]

    @property
    def contradictions(self) -> list[Joined]:
        return self.read(Reading.CONTRADICTS)

    @property
    def confirmations(self) -> list[Joined]:
        return self.read(Reading.CONFIRMS)

    @property
    def confirmed(self) -> Joined | None:
        """The newest confirmation, a proven one of the same time before a supplied one."""
        found = self.confirmations
        return max(found, key=lambda one: (one.word.begin, one.word.trust is Trust.PROVEN), default=None)

    @property
    def standing(self) -> Standing:
        if self.contradictions:
            return Standing.CONTRADICTED
        return Standing.CONFIRMED if self.confirmed else Standing.UNCONFIRMED

    @property
    def outcome(self) -> Outcome:
        """What Microsoft's newest word leaves of it.

        rejected: it refuses, by its own proven word or as was predicted. at-risk: a prediction was wrong, or is said
        to be so by a word that nothing proves: what else is predicted by that rule is uncertain, too. unknown: it
        said nothing.
        """
        decisive = [one for one in self.joined if one.reading is not Reading.SILENT]
        if not decisive:
            return Outcome.UNKNOWN
        newest = max(decisive, key=lambda one: (one.word.begin, not one.word.accepted))
        certain = newest.word.trust is Trust.PROVEN or newest.reading is Reading.CONFIRMS
        if not newest.word.accepted and certain:
            return Outcome.REJECTED
        return Outcome.AT_RISK if self.contradictions else Outcome.ACCEPTED


@value
class Ledger:
    """Every endpoint of which something was predicted, and what Microsoft says of none of them (`unjoined`).

    `others` counts files that hold neither; `unread` what should have been read and could not be.
    """

    at: datetime
    entries: tuple[Entry, ...]
    unjoined: tuple[tuple[Word, Statement], ...] = ()
    foreign: int = 0
    """Reports of other senders than Microsoft."""
    problems: tuple[Problem, ...] = ()
    unread: int = 0
    others: int = 0
    history: str = ""

    def standing(self, standing: Standing) -> list[Entry]:
        """The endpoints that stand so, the worst first."""
        found = [one for one in self.entries if one.standing is standing]
        return sorted(found, key=lambda one: WORST_FIRST.index(one.outcome))

    @property
    def outcome(self) -> Outcome:
        """The worst of what Microsoft spoke of; unknown where it spoke of nothing, or not all could be read."""
        known = {one.outcome for one in self.entries} - {Outcome.UNKNOWN}
        if self.unread or not known:
            known.add(Outcome.UNKNOWN)
        return min(known, key=WORST_FIRST.index)
