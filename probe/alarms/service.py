"""Alarms while endpoints are watched: what is seen goes in, messages go out.

with Alarms(database, policy, channels) as alarms:
    alarms.take(seen, now)                # once a round, with every confirmed result
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self
from uuid import uuid4

from probe.alarms import outbox
from probe.alarms.channels.kinds import Channel
from probe.alarms.courier import LOOK, Courier
from probe.alarms.policy import Policy
from probe.alarms.seen import Look, Seen, look_of
from probe.history.database import Database, HistoryError
from probe.net import clock
from probe.text import counted

#: Looks that wait in memory for a database that is away; the oldest rounds are lost first.
MAX_WAITING = 100_000
#: Seconds that a message on its way has when everything ends.
GRACE_S = 5.0


class _Round(NamedTuple):
    """What was seen together; the name is ours, so that it is taken once."""

    name: str
    looks: Sequence[Look]
    now: datetime


class Alarms:
    """Keeps alarms in the history's database, and sends what there is to tell from threads of its own.

    `say` hears, on any thread, what a person should know: a channel that does not take its messages, a database that
    is away.
    """

    def __init__(
        self,
        database: Database,
        policy: Policy,
        channels: Sequence[Channel],
        *,
        say: Callable[[str], None] = lambda _: None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._database, self._policy, self._say, self._now = database, policy, say, now
        self.couriers = tuple(Courier(database, channel, now, say) for channel in channels)
        self._names = [channel.name for channel in channels]
        self._rounds: deque[_Round] = deque()
        self._lock = threading.Lock()
        self._held, self._away = True, False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)

    def take(self, seen: Sequence[Seen], now: datetime) -> None:
        """Take what was seen in one round; where the database is away it waits in memory, and that is said."""
        looks = [look_of(each) for each in seen]
        with self._lock:
            self._rounds.append(_Round(uuid4().hex, looks, now))
            while len(self._rounds) > 1 and sum(len(each.looks) for each in self._rounds) > MAX_WAITING:
                lost = self._rounds.popleft()
                self._say(
                    f"{counted(len(lost.looks), 'result')} came to no alarm: the history is away for too long"
                )
            self._take_waiting()

    def start(self) -> None:
        """Begin to send, what waits from an earlier run included."""
        try:
            for name in self._database.run(partial(outbox.without, channels=self._names), write=True):
                self._say(f"messages for channel {name} are given up: there is no such channel any more")
        except HistoryError as error:
            self._say(str(error))
        for courier in self.couriers:
            courier.start()
        self._thread.start()

    def close(self) -> None:
        """End in order: messages that were not sent stay in the outbox."""
        self._stop.set()
        if self._rounds:
            self.take((), self._now())
        if lost := sum(len(each.looks) for each in self._rounds):
            self._say(f"{counted(lost, 'result')} came to no alarm: the history is away")
        if self._thread.ident is not None:
            self._thread.join()
        for courier in self.couriers:
            courier.wake()
        closing = [threading.Thread(target=courier.close, args=(GRACE_S,)) for courier in self.couriers]
        for each in closing:
            each.start()
        for each in closing:
            each.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def _take_waiting(self) -> None:
        try:
            while self._rounds:
                name, looks, now = self._rounds[0]
                work = partial(
                    outbox.take,
                    name=name,
                    looks=looks,
                    policy=self._policy,
                    channels=self._names,
                    now=now,
                )
                self._held = self._database.run(work, write=True)
                self._rounds.popleft()
        except HistoryError as error:
            if not self._away:
                self._say(str(error))
            self._away = True
            return
        self._away = False
        for courier in self.couriers:
            courier.wake()

    def _run(self) -> None:
        """Tell what was held back as soon as its time has come, and take what waited for the database."""
        while not self._stop.wait(LOOK.total_seconds()):
            if self._held or self._rounds:
                self.take((), self._now())
