"""What may be under way at once: how much is taken in, how much of it stands aside, who begins a connection next."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from probe.check.pace import Pace
from probe.check.rates import Rates
from probe.check.turns import Place, Turns

T = TypeVar("T")
#: Addresses and names under way for each connection that may be open: what is looked up, or waits for a connection.
LOOK_AHEAD = 4
#: Addresses beside those that stand aside: they wait for a rate, or for the end of another look at the same address.
MAX_ASIDE = 50_000


class Admission(Generic[T]):
    """Lets addresses in at a pace: one look at a time at each. No clock, no connections.

    `pending` are the addresses and names that were taken in and are not done, `open` those that have begun.
    """

    def __init__(self, pace: Pace, connections: int) -> None:
        self._rates = Rates(pace)
        self._connections = connections
        self.pending = self.open = 0
        self._first: Turns[T] = Turns(self._rates)
        self._further: Turns[T] = Turns(self._rates)
        """Those that have begun, and wait for their next connection."""
        self._busy: dict[str, list[tuple[Place, T]] | None] = {}  # an empty list for each would be memory
        self._behind = 0
        self._order = count()

    def keep_to(self, pace: Pace) -> None:
        """Keep to other rates from now on: whom the old ones held is asked again."""
        self._rates.keep_to(pace)
        self._first.ask_again()
        self._further.ask_again()

    @property
    def aside(self) -> int:
        """Those that could not begin although a connection were free."""
        return self._behind + self._first.aside

    @property
    def room(self) -> bool:
        """Whether another may be taken in."""
        aside = self._behind + self._first.aside
        return aside < MAX_ASIDE and self.pending - aside < LOOK_AHEAD * self._connections

    def place(self, *, first: bool = False) -> Place:
        """The next place in the order of all, or the next of those that go before the others."""
        return (0 if first else 1, next(self._order))

    def claim(self, address: str, one: T, place: Place) -> bool:
        """Whether the address is this one's now; else it waits for that."""
        if address not in self._busy:
            self._busy[address] = None
            return True
        waiting = self._busy[address]
        if waiting is None:
            waiting = self._busy[address] = []
        heappush(waiting, (place, one))
        self._behind += 1
        return False

    def release(self, address: str) -> T | None:
        """Whose the address is next; None where it is nobody's."""
        waiting = self._busy[address]
        if not waiting:
            del self._busy[address]
            return None
        self._behind -= 1
        return heappop(waiting)[-1]

    def wait(self, one: T, keys: tuple[str, ...], place: Place, *, begun: bool = False) -> None:
        """Let one wait for its first connection, or for a further one: before all that have not begun."""
        (self._further if begun else self._first).add(one, keys, place)

    def take(self, now: float) -> T | None:
        """Who may begin a connection now; None where nobody may. It is to be noted before the next is asked for."""
        one = self._further.take(now)
        return self._first.take(now) if one is None and self.open < self._connections else one

    def note(self, keys: tuple[str, ...], now: float) -> None:
        """Count a connection that begins."""
        self._rates.note(keys, now)

    @property
    def next_at(self) -> float:
        """When to ask again who may begin, if nothing else happens."""
        further = self._further.next_at
        return min(further, self._first.next_at) if self.open < self._connections else further
