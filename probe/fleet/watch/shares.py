"""Which shares of a fleet a watch looks at: its own, and for a while those whose watch is gone.

Watches of one fleet, with one history in PostgreSQL, each have a share I/N. By locks that end with their process every
one sees who else lives:

1. Whose share it is holds that share's `owner` lock; who looks at it holds its `work` lock.
2. A share that nobody owned nor worked on for `lease_s` is taken over by the next one that lives, going up and round.
3. Once its owner is back, whoever took it over begins no look at it any more, and lets go of it when what was under way
   is written; the owner waits for that. So no two look at one share, and due times hold across.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from probe.fleet.selection import Shard
from probe.fleet.watch.keeper import Stored
from probe.history.claim import own_share, taken
from probe.history.database import Database
from probe.history.locks import Locks
from probe.net.clock import monotonic

#: Seconds between two tries of an owner whose share is still looked at by another.
RETURN_S = 1.0


def heir(one: int, living: Collection[int], total: int) -> int:
    """Of the shares whose watches live the one that takes over another, of `total`: the next going up and round."""
    return min(living, key=lambda other: (other - one) % total)


class Leases:
    """The shares that one watch looks at, by what it hears of the others; no locks, no clock."""

    def __init__(self, own: Shard, lease_s: float) -> None:
        self._own = own
        self.lease_s = lease_s
        """Seconds after which a share is taken over that nobody looks at."""
        self.others = [(own.number + step - 1) % own.total + 1 for step in range(1, own.total)]
        """Going up and round."""
        self._free_since: dict[int, float] = {}
        self.beside: frozenset[int] = frozenset()
        """Shares that were taken over."""
        self.leaving: frozenset[int] = frozenset()
        """Shares that are wanted back: no look at them is begun any more."""
        self.kept: Stored | None = None
        """What was kept of the watch when the last one was taken over."""

    def hear(self, owned: Collection[int], worked: Collection[int], now: float) -> list[int]:
        """Take in whose owners live, and which are looked at; those that are to be taken over."""
        back = self.beside.intersection(owned)
        self.leaving |= back
        self.beside -= back
        free = [one for one in self.others if one not in owned and one not in worked]
        self._free_since = {one: self._free_since.get(one, now) for one in free}
        living = {self._own.number, *owned}
        return [
            one
            for one, since in self._free_since.items()
            if now - since >= self.lease_s and heir(one, living, self._own.total) == self._own.number
        ]

    def take_over(self, one: int, kept: Stored) -> None:
        """Look at a share, with what was kept of all."""
        self.kept = kept  # first: the loop asks for it once it sees that the share is looked at here
        self.beside |= {one}

    def let_go(self, done: Iterable[int]) -> frozenset[int]:
        """Have done with shares that are wanted back; which of them."""
        given = self.leaving.intersection(done)
        self.leaving -= given
        return given

    def lose(self) -> None:
        """Look at the own share alone: the locks of the others are gone."""
        self.beside, self.leaving = frozenset(), frozenset()

    def number_of(self, target: str) -> int:
        """The share of a target."""
        return self._own.number_of(target)

    @property
    def words(self) -> str:
        """Those that are looked at, as ``share 1/3 and share 2/3``."""
        return " and ".join(f"share {self.name(one)}" for one in sorted({self._own.number, *self.beside}))

    def name(self, number: int) -> str:
        """A share as it is asked for."""
        return f"{number}/{self._own.total}"


class Shares(Leases):
    """A claim on shares; `begin` once. The keeper's thread renews it, the loop's asks what is to be looked at."""

    def __init__(
        self, database: Database, vantage: str, own: Shard, stored: Callable[[], Stored], lease_s: float
    ) -> None:
        """`stored` answers what is kept of the watch, of every share."""
        super().__init__(own, lease_s)
        self._database, self._vantage, self._stored = database, vantage, stored
        self._locks = Locks(database)

    def begin(self, wait: Callable[[float], object], tell: Callable[[str], None]) -> None:
        """Wait until the own share is to be had; raises ConfigurationError where it has an owner."""
        self._own_it()
        waits = False
        while not self._locks.take(self._work(self._own.number)):
            if not waits:
                tell(
                    f"share {self.name(self._own.number)} is looked at by another watch, which is giving it back"
                )
            waits = True
            wait(RETURN_S)

    def renew(self) -> None:
        """Look who lives; raises ConfigurationError where another has the own share, HistoryError."""
        if not self._locks.alive():
            self.lose()
            self._own_it()
            if not self._locks.take(self._work(self._own.number)):
                self._locks.close()
                raise taken(self._database, self._owner(self._own.number))
        names = {kind(one) for kind in (self._owner, self._work) for one in self.others}
        held = self._locks.held(names)
        owned, worked = (
            {one for one in self.others if kind(one) in held} for kind in (self._owner, self._work)
        )
        for one in self.hear(owned, worked, monotonic()):
            if self._locks.take(self._work(one)):
                self.take_over(one, self._stored())

    def let_go(self, done: Iterable[int]) -> frozenset[int]:
        """Give shares back of which nothing is under way and everything is written; raises HistoryError."""
        given = super().let_go(done)
        for one in given:
            self._locks.release(self._work(one))
        return given

    def close(self) -> None:
        """Give up all."""
        self._locks.close()

    def _own_it(self) -> None:
        own_share(self._locks, self._database, self._owner(self._own.number), self._vantage, self._own.total)

    def _owner(self, number: int) -> str:
        return " ".join(filter(None, (self._vantage, self.name(number))))

    def _work(self, number: int) -> str:
        return f"{self._owner(number)} work"
