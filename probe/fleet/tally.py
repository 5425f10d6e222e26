"""Counting in bounded memory, however many endpoints there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

#: Places that are named of what several endpoints have in common.
MAX_PLACES = 3


@dataclass(slots=True)
class Common:
    """How many endpoints have something in common, and the first of them that differ."""

    count: int
    places: list[str]

    def add(self, place: str) -> None:
        """Count one more endpoint."""
        self.count += 1
        if len(self.places) < MAX_PLACES and place not in self.places:
            self.places.append(place)


class Tally:
    """Counts things by name, `limit` of them at once: those met most often stay, and `exact` turns false."""

    def __init__(self, limit: int) -> None:
        self.exact = True
        self._limit = limit
        self._things: dict[str, Common] = {}

    def add(self, name: str, place: str) -> None:
        """Count one endpoint."""
        found = self._things.get(name)
        if found is None:
            if len(self._things) >= self._limit:
                self._forget()
            found = self._things[name] = Common(0, [])
        found.add(place)

    def most(self, number: int, *, least: int = 1) -> list[tuple[str, Common]]:
        """The things met most often, by at least `least` different endpoints, the most frequent first."""
        ordered = sorted(self._things.items(), key=lambda pair: (-pair[1].count, pair[0]))
        return [pair for pair in ordered if len(pair[1].places) >= least][:number]

    def __len__(self) -> int:
        return len(self._things)

    def _forget(self) -> None:
        """Half of them go, those that were met least: what many endpoints have in common stays, or soon comes back."""
        self.exact = False
        ordered = sorted(self._things, key=lambda name: -self._things[name].count)
        self._things = {name: self._things[name] for name in ordered[: self._limit // 2]}


class Soonest:
    """The `limit` soonest of what is to come, each once, however many endpoints it concerns; exact."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._found: dict[tuple[datetime, str], Common] = {}

    def add(self, at: datetime, what: str, place: str) -> None:
        """Take in what happens to one endpoint; what is put out of the list by others never comes back."""
        key = (at, what)
        found = self._found.get(key)
        if found is None:
            if len(self._found) == self._limit:
                last = max(self._found)
                if last < key:
                    return
                del self._found[last]
            found = self._found[key] = Common(0, [])
        found.add(place)

    def ordered(self) -> list[tuple[datetime, str, Common]]:
        """What happens, the soonest first."""
        return [(at, what, self._found[at, what]) for at, what in sorted(self._found)]
