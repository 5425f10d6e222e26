"""What of one target's looks counts: a failure or a change is looked at once more before it does.

The second look makes several connections, so that servers behind one balancer that differ are seen as one state. What
was seen first is kept, too, as the blip it was, unless it is a part of what the second look shows.
"""

from __future__ import annotations

from typing import NamedTuple

from probe.eop.vocabulary import Outcome
from probe.pki.recent import Recent
from probe.report.record import Endpoint, Record, State

#: Connections of a second look, and of each look at an address that showed several chains.
SAMPLES = 3
#: Connections of the second look where an address that showed several chains seems to show one now.
SAMPLES_TO_LEAVE = 12

Known = Recent[Endpoint, State]


def doubtful(before: State | None, now: State) -> bool:
    """Whether a state has to be seen twice: a failure that is new, or another certificate."""
    if before is None:
        return now.outcome is not Outcome.ACCEPTED
    worse = Outcome.worst((before.outcome, now.outcome)) is not before.outcome
    return worse or _failed(before, now) or _changed(before, now)


def _failed(before: State, now: State) -> bool:
    return now.fault is not None and (now.phase, now.fault) != (before.phase, before.fault)


def _changed(before: State, now: State) -> bool:
    """Whether other chains were shown; of several, not all need be met by every look."""
    if not before.chains or now.chains == before.chains:
        return False
    shown, known = set(now.chains), set(before.chains)
    return len(shown) < 2 or not (shown <= known or known <= shown)


def changed(before: State | None, now: State) -> str | None:
    """What is new of an endpoint in words, which are none where nothing was known of it; None where nothing is new."""
    if before is None:
        return ""
    new = [f"was {before.outcome.value}"] if before.outcome is not now.outcome else []
    if _changed(before, now) and now.chains:
        new.append("other certificates" if len(now.chains) > 1 else "another certificate")
    if not new and before.rule != now.rule:
        new.append(f"was {before.rule or 'without a finding'}")
    return ", ".join(new) or None


class Settled(NamedTuple):
    """What is to be recorded of an endpoint, in its order; the last one is what counts, unless that is None."""

    records: tuple[Record, ...] = ()
    before: State | None = None
    counts: Record | None = None


class Looks:
    """The looks at one target in one round: a first one and, where that leaves doubts, a second."""

    __slots__ = ("_held", "_mixed", "_settled", "second", "worst")

    def __init__(self) -> None:
        self.worst: Outcome | None = None
        """The worst outcome of the round before."""
        self.second = False
        """Whether this is the second look."""
        self._held: dict[Endpoint, Record] = {}
        self._settled: dict[Endpoint, State] = {}
        self._mixed = False

    def samples(self) -> int:
        """How many connections to each address this look needs at least."""
        if self.second:
            return SAMPLES_TO_LEAVE if self._mixed else SAMPLES
        return SAMPLES if self._mixed else 1

    def take(self, record: Record, known: Known) -> Settled:
        """Take in what was seen of one endpoint; `known` is what counted last of each."""
        endpoint, before = record.endpoint, known.get(record.endpoint)
        if endpoint in self._settled:
            return Settled()
        if not self.second and doubtful(before, record.state):
            self._held[endpoint] = record
            self._mixed = self._mixed or (before is not None and len(before.chains) > 1)
            return Settled()
        first = self._held.pop(endpoint, None)
        self._settled[endpoint] = known[endpoint] = record.state
        part = first is None or set() < set(first.state.chains) < set(record.state.chains)
        return Settled((record,) if first is None or part else (first, record), before, record)

    def end(self) -> tuple[Record, ...] | None:
        """After a look's last endpoint: None where a second one is needed, else what was seen once and never again."""
        if self._held and not self.second:
            self.second = True
            return None
        gone = tuple(self._held.values())
        self._mixed = any(len(state.chains) > 1 for state in self._settled.values())
        self.worst = Outcome.worst(tuple(state.outcome for state in self._settled.values()))
        self._held, self._settled, self.second = {}, {}, False
        return gone
