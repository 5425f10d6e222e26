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

from probe.errors import ConfigurationError
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


class Shares:
    """A claim on shares; `begin` once. The keeper's thread renews it, the loop's asks what is to be looked at."""

    def __init__(
        self, database: Database, vantage: str, own: Shard, stored: Callable[[], Stored], lease_s: float
    ) -> None:
        """`stored` answers what is kept of the watch, of every share."""
        self._database, self._vantage, self._own, self._stored = database, vantage, own, stored
        self._locks = Locks(database)
        self.lease_s = lease_s
        """Seconds after which a share is taken over that nobody looks at."""
        self._others = [
            (own.number + step - 1) % own.total + 1 for step in range(1, own.total)
        ]  # going up and round
        self._left: set[int] = set()
        self._free_since: dict[int, float] = {}
        self.beside: frozenset[int] = frozenset()
        """Shares that were taken over."""
        self.kept: Stored | None = None
        """What was kept of the watch when the last one was."""

    def begin(self, wait: Callable[[float], object], tell: Callable[[str], None]) -> None:
        """Wait until the own share is to be had; raises ConfigurationError where it has an owner."""
        self._own_it()
        waits = False
        while not self._locks.take(self._work(self._own.number)):
            if not waits:
                tell(
                    f"share {self._name(self._own.number)} is looked at by another watch, which is giving it back"
                )
            waits = True
            wait(RETURN_S)

    def renew(self) -> None:
        """Look who lives; raises ConfigurationError where another has the own share, HistoryError."""
        if not self._locks.alive():
            self.beside, self._left = frozenset(), set()
            self._own_it()
            if not self._locks.take(self._work(self._own.number)):
                raise self._taken()
        held = self._locks.held(
            [name for one in self._others for name in (self._owner(one), self._work(one))]
        )
        owned = {one for one in self._others if self._owner(one) in held}
        back = self.beside & owned
        self._left |= back
        self.beside -= back
        free = {one for one in self._others if not {self._owner(one), self._work(one)} & held}
        self._free_since = {one: self._free_since.get(one, monotonic()) for one in free}
        for one, since in self._free_since.items():
            if (
                monotonic() - since >= self.lease_s
                and heir(one, {self._own.number, *owned}, self._own.total) == self._own.number
            ):
                self._take_over(one)

    def let_go(self, done: Iterable[int]) -> None:
        """Give shares back of which nothing is under way and everything is written; raises HistoryError."""
        for one in self._left & set(done):
            self._locks.release(self._work(one))
            self._left.discard(one)

    @property
    def leaving(self) -> frozenset[int]:
        """Shares that are wanted back."""
        return frozenset(self._left)

    def number_of(self, target: str) -> int:
        """The share of a target."""
        return self._own.number_of(target)

    def close(self) -> None:
        """Give up all."""
        self._locks.close()

    @property
    def words(self) -> str:
        """Those that are looked at, as ``share 1/3 and share 2/3``."""
        return " and ".join(f"share {self._name(one)}" for one in sorted({self._own.number, *self.beside}))

    def _own_it(self) -> None:
        own_share(self._locks, self._database, self._owner(self._own.number), self._vantage, self._own.total)

    def _take_over(self, one: int) -> None:
        if self._locks.take(self._work(one)):
            self.kept = self._stored()
            self.beside |= {one}

    def _taken(self) -> ConfigurationError:
        self._locks.close()
        return taken(self._database, " ".join(filter(None, (self._vantage, self._name(self._own.number)))))

    def _name(self, number: int) -> str:
        return f"{number}/{self._own.total}"

    def _owner(self, number: int) -> str:
        return " ".join(filter(None, (self._vantage, self._name(number))))

    def _work(self, number: int) -> str:
        return f"{self._owner(number)} work"
