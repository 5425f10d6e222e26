"""A fleet watched: each target looked at when it is due, until a signal ends it.

All happens on one loop. What may take time stands aside: the history is written by the keeper's thread, the ping sent
by one of its own.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple, Protocol

from probe.alarms.seen import Seen
from probe.check.engine import Engine
from probe.check.loops import new_loop
from probe.check.pace import Pace
from probe.check.run import Done, Job, Later
from probe.eop.vocabulary import WORST_FIRST
from probe.errors import ConfigurationError
from probe.fleet.by_history import ByHistory
from probe.fleet.entries import Entry
from probe.fleet.run import compared
from probe.fleet.watch.confirm import Known, Looks
from probe.fleet.watch.described import INTERVAL, Described, interval_s
from probe.fleet.watch.keeper import Keeper, Stored
from probe.fleet.watch.ping import Ping
from probe.fleet.watch.rounds import Round
from probe.fleet.watch.schedule import Schedule, slot
from probe.fleet.watch.signals import Signals
from probe.fleet.watch.systemd import Systemd
from probe.report.record import Span, State, record_of
from probe.text import counted

#: Seconds between two turns of what happens beside the looks: writing, pings, signs of life.
TURN = 5.0
#: Seconds after which the schedule is asked at the latest: a clock may have been set.
ASK = 60.0
#: Endpoints whose last state is known; of others a failure is looked at twice.
MAX_KNOWN = 200_000


class Turn(NamedTuple):
    """A look at a target that is under way."""

    key: str
    entry: Entry
    looks: Looks


class Told(NamedTuple):
    """Who hears of a result that counts, with the state before it, of what the watch has to say, and how it stands."""

    result: Callable[[Seen, State | None], None]
    word: Callable[[str], None]
    status: Callable[[str], None]


class Beside(Protocol):
    """Probes that are asked for while the watch goes on."""

    hasten: Callable[[], None]

    def job(self) -> Job | None:
        """The next one, if any; it bears who `asked` for it."""


class Onlooker(Protocol):
    """Who shows how the fleet stands."""

    def see(self, key: str, seen: Seen) -> None:
        """Take in a result that counts, of one endpoint of a target."""

    def settle(self, key: str) -> None:
        """Know that a look at a target is over."""


class Sharing(Protocol):
    """Which shares of the fleet are looked at here."""

    beside: frozenset[int]
    kept: Stored | None

    @property
    def leaving(self) -> frozenset[int]:
        """Shares that another wants back."""

    @property
    def words(self) -> str:
        """Those that are looked at."""

    def number_of(self, target: str) -> int:
        """The share of a target, by its text."""


class Watch:
    """Runs until a signal comes; `run` once."""

    def __init__(
        self,
        what: Described,
        keeper: Keeper,
        told: Told,
        *,
        now: Callable[[], float],
        stored: Stored | None = None,
        vantage: str = "",
        systemd: Systemd | None = None,
    ) -> None:
        """`stored` is what was kept of a watch before; `now` tells seconds since 1970."""
        self.signals = Signals()
        self.reload: Callable[[], Described] | None = None
        """What reads the description anew; raises ConfigurationError."""
        self.before: Callable[[], Described] | None = None
        """What says it as it was read last, with the shares of now."""
        self.beside: Beside | None = None
        """Who else has probes made at the watch's pace."""
        self.onlooker: Onlooker | None = None
        self.shares: Sharing | None = None
        self._beside: frozenset[int] = frozenset()
        self._keeper, self._told, self._now, self._vantage = keeper, told, now, vantage
        self._systemd = systemd or Systemd({})
        self._schedule, self._known = Schedule(), Known(MAX_KNOWN)
        self._remember(stored.spans if stored else ())
        self._looks: dict[str, Looks] = {}
        self._under_way: dict[int, Turn] = {}
        self._number = 0
        self._loop: AbstractEventLoop | None = None
        self._troubles: dict[str, str] = {}
        self._take_up(what, stored.due if stored else {})

    def _take_up(self, what: Described, due: Mapping[str, int]) -> None:
        """Watch what is described from now on."""
        self._what, now, intervals = what, self._now(), what.intervals
        self._schedule.keep(intervals, now, due)
        self._looks = {key: looks for key, looks in self._looks.items() if key in intervals}
        self._length = min(intervals.values(), default=INTERVAL)
        self._round = Round(self._schedule.due, self._length, now)
        self._ping = Ping(what.ping_url) if what.ping_url else None

    def _take_over(self, what: Described) -> None:
        """Take up a description that was read again, with what was kept of targets that came with a share."""
        kept = self.shares.kept if self.shares else None
        new = what.entries.keys() - self._what.entries.keys()
        if kept and new:
            by_history = ByHistory(kept.spans, kept.domains)
            self._remember(span for key in new for span in by_history.of(what.entries[key], what.base))
        self._take_up(what, {key: kept.due[key] for key in new & kept.due.keys()} if kept else {})

    def _remember(self, spans: Iterable[Span]) -> None:
        """How endpoints were seen last."""
        for span in spans:
            self._known[span.endpoint] = span.state

    @property
    def due(self) -> Mapping[str, int]:
        """When each target is, or was, due, in seconds since 1970."""
        return self._schedule.due

    @property
    def next_due(self) -> float | None:
        """When the next one is due; None where none waits for its turn."""
        return self._schedule.next_due

    @property
    def under_way(self) -> int:
        """Looks that are being made."""
        return len(self._under_way)

    @property
    def left(self) -> int:
        """Targets of this round that are still to be settled."""
        return self._round.left

    def again_at(self, key: str) -> float | None:
        """When a target whose last look left doubts is looked at once more; None where none is waited for."""
        return self._schedule.again_at(key)

    def look_now(self, key: str) -> bool:
        """Look at a target out of its turn; whether there is such a one that waits for its turn."""
        hastened = self._schedule.hasten(key, self._now())
        if hastened and self._loop is not None:
            self._loop.stop()  # the engine asks for jobs between two runs of the loop
        return hastened

    def run(self, pace: Pace, loop: AbstractEventLoop | None = None) -> None:
        """Watch; raises ConfigurationError where another watch has the history now."""
        self._loop = loop = loop or new_loop()
        shared = self.beside is not None
        self._turn(loop)
        self._systemd.ready()
        try:
            self._engine = Engine(self._jobs(), pace, loop, self.signals, shared=shared)
            if self.beside is not None:
                self.beside.hasten = self._engine.hasten
            for done in self._engine.run():
                self._take(done)
        finally:
            self._systemd.stopping()
            self._keeper.close(self._now())

    def _jobs(self) -> Iterator[Job | Later]:
        while True:
            if self.signals.reload and self.reload:
                self._read_again(self.reload)
            if self.beside is not None and (job := self.beside.job()) is not None:
                yield job
                continue
            now = self._now()
            key = self._schedule.take(now)
            yield self._job(key) if key else Later(min(ASK, self._schedule.wait_s(now) or ASK))

    def _job(self, key: str) -> Job:
        self._number += 1
        entry, looks = self._what.entries[key], self._looks.setdefault(key, Looks())
        self._under_way[self._number] = Turn(key, entry, looks)
        job = entry.job(self._number, self._what.base)
        samples = max(looks.samples(), job.options.samples or 1)
        return job._replace(options=replace(job.options, samples=samples)) if samples > 1 else job

    def _take(self, done: Done) -> None:
        """Take in the result of one endpoint."""
        turn = self._under_way.pop(done.job.key) if done.last else self._under_way[done.job.key]
        assessment = compared(done.assessment, turn.entry.expectation)
        variant = done.job.options.variant(assessment.capture.host)
        record = record_of(assessment, variant=variant, vantage=self._vantage)
        settled = turn.looks.take(record, self._known)
        for each in settled.records:
            self._keeper.record(each)
        if settled.counts:
            seen = Seen(settled.counts, assessment, turn.entry.labels)
            self._keeper.count(seen)
            self._told.result(seen, settled.before)
            if self.onlooker is not None:
                self.onlooker.see(turn.key, seen)
        if done.last:
            self._end(turn)

    def _end(self, turn: Turn) -> None:
        """After the last endpoint of a target."""
        now, key, gone = self._now(), turn.key, turn.looks.end()
        if gone is None:
            self._schedule.again(key, now + self._what.recheck_s)
            return
        for record in gone:
            self._keeper.record(record)
        self._schedule.settle(key, now)
        # Of one that was given back meanwhile, whoever has it now learns when it is due.
        interval = interval_s(turn.entry)
        self._keeper.settle(key, self._schedule.due.get(key) or slot(key, interval, now + interval / 2))
        self._round.settled(key)
        if self.onlooker is not None:
            self.onlooker.settle(key)

    def _turn(self, loop: AbstractEventLoop) -> None:
        """What happens beside the looks."""
        now = self._now()
        if self._keeper.ended:
            raise self._keeper.ended
        self._keeper.turn(now, self._share(self.shares) if self.shares else frozenset())
        self._say("the history can be written again", self._keeper.trouble)
        if self._round.over(now):
            self._round = Round(self._schedule.due, self._length, now)
            if self._ping:
                self._ping.send()
        if self._ping:
            self._say("the ping arrives again", self._ping.trouble)
        self._systemd.alive()
        status = self._status(now)
        self._systemd.status(status)
        self._told.status(status)
        loop.call_later(min(TURN, (self._systemd.watchdog_s or TURN * 2) / 2), self._turn, loop)

    def _say(self, over: str, trouble: str) -> None:
        """Say once that there is a trouble, and once that it is `over`."""
        if trouble != self._troubles.get(over, ""):
            self._troubles[over] = trouble
            self._told.word(trouble or over)

    def _read_again(self, reload: Callable[[], Described]) -> None:
        self.signals.reload = False
        self._systemd.reloading()
        try:
            self._take_over(reload())
            self._engine.forget()
            self._told.word(f"the description was read again: {counted(len(self._what.entries), 'target')}")
        except ConfigurationError as error:
            self._told.word(f"{error}\nwhat was watched before goes on")
        self._systemd.ready()

    def _share(self, shares: Sharing) -> frozenset[int]:
        """Look at the shares that were taken over, and no more at those given back; which of these are done with."""
        beside = shares.beside
        if beside != self._beside and (what := self._read_or_before()):
            self._take_over(what)
            self._beside = beside
            self._told.word(f"looking at {shares.words} now: {counted(len(what.entries), 'target')}")
        under_way = {shares.number_of(turn.entry.target.text) for turn in self._under_way.values()}
        return shares.leaving - self._beside - under_way

    def _read_or_before(self) -> Described | None:
        """The description as it is now, or else as it was before; None where it has too many targets."""
        trouble, what = "", None
        for read in (self.reload, self.before):
            try:
                what = what or (read and read())
            except ConfigurationError as error:
                trouble = trouble or f"{error}\nshares change hands by what was watched before"
        self._say("the description can be read again", trouble)
        return what

    def _status(self, now: float) -> str:
        """How many targets there are, how they stand, and when the next one is due."""
        worst = Counter(looks.worst for looks in self._looks.values() if looks.worst)
        parts = [f"{worst[one]:,} {one.value}" for one in WORST_FIRST if worst[one]]
        unseen = len(self._what.entries) - worst.total()
        parts += [f"{unseen:,} not looked at yet"] if unseen else []
        wait_s = self._schedule.wait_s(now)
        following = "" if wait_s is None else f"; the next in {timedelta(seconds=round(wait_s))}"
        return f"{counted(len(self._what.entries), 'target')}{': ' if parts else ''}{', '.join(parts)}{following}"
