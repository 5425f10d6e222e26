"""Whose turn it is to begin a connection: what a rate holds stands aside, and whoever it does not hold goes past."""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Generic, NamedTuple, TypeVar

from probe.check.rates import Rates

T = TypeVar("T")
#: A place in the order of all who wait, the least first: 0 for those that go before the others, and a number.
Place = tuple[int, int]
#: A rate and whom it is counted for: the place of the rate among all, and its key.
Holder = tuple[int, str]


class Waiting(NamedTuple, Generic[T]):
    """One who waits in its place, which no other has."""

    place: Place
    keys: tuple[str, ...]
    what: T


class _Lane(Generic[T]):
    """Those with the same keys but for the address, which the same rates hold: they move as one."""

    __slots__ = ("holder", "waiting")

    def __init__(self, holder: Holder) -> None:
        self.holder = holder
        self.waiting: list[Waiting[T]] = []


class Turns(Generic[T]):
    """Those who wait to begin: of those who may, whose place is the least. No clock: whoever asks says what time it is.

    Lanes stand in a queue for the rate that holds them longest, and come round in it. Once that rate lets one begin its
    first lane is asked alone, so that nothing grows with the number of those who wait.
    """

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._order = count()
        self._free: list[tuple[Place, Holder | Waiting[T]]] = []
        """A heap of those whom no rate is known to hold, and of rates that may hold their first no more."""
        self._lanes: dict[tuple[str, ...], _Lane[T]] = {}
        self._held: dict[Holder, deque[_Lane[T]]] = {}
        self._due: list[tuple[float, int, Holder | Waiting[T]]] = []
        """A heap of the rates that hold lanes, and of who waits for the rate of an address: by when they may begin."""
        self.next_at = inf
        """The instant from which one may begin whom a rate held."""
        self.aside = 0
        """Those whom a rate holds."""

    def add(self, what: T, keys: tuple[str, ...], place: Place) -> None:
        """Let one wait in its place, which no other has."""
        one = Waiting(place, keys, what)
        if self._held and (behind := self._behind(keys)):
            self._stand_aside(one, behind)
        else:
            heappush(self._free, (place, one))

    def take(self, now: float) -> T | None:
        """Who may begin now; None where nobody may. The start is to be counted before the next is asked for."""
        while self.next_at <= now:
            self._let_in(heappop(self._due)[-1])
            self.next_at = self._due[0][0] if self._due else inf
        while self._free:
            whom = heappop(self._free)[-1]
            one = self._passed(whom, now) if isinstance(whom, Waiting) else self._of_held(whom, now)
            if one is not None:
                return one.what
        return None

    def ask_again(self) -> None:
        """Ask all who wait for a rate when next somebody may be taken: the rates are others."""
        self._due = [(0.0, number, whom) for _, number, whom in self._due]
        heapify(self._due)
        self.next_at = 0.0 if self._due else inf

    def _let_in(self, whom: Holder | Waiting[T]) -> None:
        if isinstance(whom, Waiting):
            self.aside -= 1
            heappush(self._free, (whom.place, whom))
        else:
            heappush(self._free, (self._held[whom][0].waiting[0].place, whom))

    def _behind(self, keys: tuple[str, ...]) -> Holder | None:
        """The rate for which others wait already."""
        lane = self._lanes.get(keys[1:])
        if lane is not None:
            return lane.holder
        return next((each for each in enumerate(keys) if each in self._held), None)

    def _passed(self, one: Waiting[T], now: float) -> Waiting[T] | None:
        """The one, unless a rate holds it."""
        at, place = self._rates.held(one.keys, now)
        if at <= now:
            return one
        self._stand_aside(one, (place, one.keys[place]), at)
        return None

    def _stand_aside(self, one: Waiting[T], holder: Holder, at: float = 0.0) -> None:
        """`at` is when it may begin; no matter where others wait for the same holder already."""
        self.aside += 1
        if holder[0] == 0:  # nobody else begins at its address meanwhile
            self._await(at, one)
            return
        lane = self._lanes.get(one.keys[1:])
        if lane is None:
            lane = self._lanes[one.keys[1:]] = _Lane(holder)
            self._hold(lane, at)
        heappush(lane.waiting, one)
        if one.place[0] == 0:
            queue = self._held[lane.holder]
            queue.remove(lane)
            queue.appendleft(lane)

    def _await(self, at: float, whom: Holder | Waiting[T]) -> None:
        heappush(self._due, (at, next(self._order), whom))
        self.next_at = self._due[0][0]

    def _hold(self, lane: _Lane[T], at: float) -> None:
        queue = self._held.get(lane.holder)
        if queue is None:
            queue = self._held[lane.holder] = deque()
            self._await(at, lane.holder)
        queue.append(lane)

    def _of_held(self, held: Holder, now: float) -> Waiting[T] | None:
        """The first of those whom a rate held, unless that or another one holds it."""
        queue = self._held[held]
        lane = queue[0]
        one = lane.waiting[0]
        at, place = self._rates.held(one.keys, now)
        if at > now and place == held[0]:
            self._await(at, held)
            return None
        queue.popleft()
        if at > now and place > 0:
            lane.holder = (place, one.keys[place])
            self._hold(lane, at)
        else:
            self._leave(lane, one, queue)
        if queue:
            self._let_in(held)  # whether it allows one more start shows once this one is counted
        else:
            del self._held[held]
        if at > now and place == 0:
            self._stand_aside(one, (0, one.keys[0]), at)
        return one if at <= now else None

    def _leave(self, lane: _Lane[T], one: Waiting[T], queue: deque[_Lane[T]]) -> None:
        """Take the first out of a lane, which goes to the end of its queue."""
        heappop(lane.waiting)
        self.aside -= 1
        if lane.waiting:
            queue.append(lane)
        else:
            del self._lanes[one.keys[1:]]
