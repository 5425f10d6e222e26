"""One sentence of a simulation with how well founded it is, and the three-valued logic under them.

A fact is True, False, or None where the evidence or Microsoft's pages do not tell.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple


class Statement(NamedTuple):
    """One whole sentence, its label, and what it rests on ("" where it only repeats the evidence)."""

    text: str
    label: Confidence
    source: str = ""

    def __str__(self) -> str:
        rests_on = f"{self.label.value}: {self.source}" if self.source else self.label.value
        return f"{self.text} ({rests_on})"


def documented(text: str, source: str = "") -> Statement:
    return Statement(text, Confidence.DOCUMENTED, source)


def reported(text: str, source: str = "") -> Statement:
    return Statement(text, Confidence.REPORTED, source)


def inferred(text: str, source: str = "") -> Statement:
    return Statement(text, Confidence.INFERRED, source)


class Event(NamedTuple):
    """An event Exchange would log under the source MSExchangeTransport: its number and text."""

    number: int
    text: str
    label: Confidence

    def __str__(self) -> str:
        return f"Event {self.number}: {self.text} ({self.label.value})"


def all_of(facts: Iterable[bool | None]) -> bool | None:
    """False where any fact is False, else None where any is unknown, else True."""
    known = tuple(facts)
    if any(fact is False for fact in known):
        return False
    return None if None in known else True


def any_of(facts: Iterable[bool | None]) -> bool | None:
    """True where any fact is True, else None where any is unknown, else False."""
    known = tuple(facts)
    if True in known:
        return True
    return None if None in known else False


def opposite(fact: bool | None) -> bool | None:  # noqa: FBT001 - a fact is what is being negated
    """The negation; unknown stays unknown."""
    return None if fact is None else not fact


class Confidence(enum.Enum):
    """How well founded a statement about Exchange Online is."""

    DOCUMENTED = "documented"
    REPORTED = "reported"
    INFERRED = "inferred"
