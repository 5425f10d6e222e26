"""Probes that are asked for while others run: jobs for the engine, and their results for who asked.

Everything happens on the engine's own loop; what is asked for keeps to the same pace, one connection at a time to one
address, whoever else wants it.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Iterator

from probe.check.run import Done, Job, Later
from probe.net.clock import monotonic
from probe.report.assessment import Assessment

#: Seconds after which the engine asks for a job at the latest; what is asked for wakes it.
ASK = 60.0


class FullError(Exception):
    """As many probes as may be are asked for already, or no more are begun."""


class Asked:
    """A probe that was asked for; `found` grows with each address, and `complete` says that it is all.

    `complete`: whether every address was probed while somebody waited. `until` and `hurry` as `probe.check.run` says.
    """

    __slots__ = ("_found", "answer", "complete", "ended", "hurry", "until")

    def __init__(self, answer: Future[None], until: float) -> None:
        self.answer, self.until, self.complete, self.ended = answer, until, False, False
        self.hurry: Callable[[], None] | None = None
        self._found: list[tuple[int, Assessment]] = []

    @property
    def found(self) -> tuple[Assessment, ...]:
        """The assessments there are, in the resolver's order."""
        return tuple(assessment for _, assessment in sorted(self._found, key=lambda one: one[0]))

    def waits(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.answer.done()

    def leave(self, *_: object) -> None:
        """Wait no longer."""
        self.hurry = None
        if self.waits():
            self.answer.set_result(None)

    def cut(self) -> None:
        """Wait no longer, but for what is there."""
        if self.hurry is not None:
            self.hurry()
        self.leave()

    def take(self, done: Done) -> None:
        """Take the result of one address."""
        self._found.append((done.index, done.assessment))
        self.ended = done.last
        if done.last:
            self.complete = self.waits()
            self.leave()


class Demand:
    """Takes what is asked for, `most` at once, under way and waiting; the engine takes its jobs."""

    def __init__(self, loop: AbstractEventLoop, most: int) -> None:
        self._loop, self._most = loop, most
        self.hasten: Callable[[], None] = loop.stop
        """Has the engine ask for jobs; between two runs of the loop it does by itself."""
        self._waiting: deque[tuple[Asked, Job]] = deque()
        self._asked: list[Asked] = []
        self._ending = False

    def __len__(self) -> int:
        self._asked = [one for one in self._asked if not one.ended]
        return len(self._asked)

    async def probe(self, job: Job, seconds: float, judging_s: float, gone: Future[None]) -> Asked:
        """What its connections showed within so many seconds, or until who asked was `gone`; raises FullError.

        There are `judging_s` more until it is answered.
        """
        if self._ending or len(self) >= self._most:
            raise FullError
        asked = Asked(self._loop.create_future(), monotonic() + seconds)
        self._asked.append(asked)
        self._waiting.append((asked, job._replace(asked=asked)))
        gone.add_done_callback(asked.leave)
        late = self._loop.call_later(seconds + judging_s, asked.cut)
        self.hasten()
        try:
            await asked.answer
        finally:
            late.cancel()
        return asked

    def job(self) -> Job | None:
        """The next job that somebody waits for."""
        while self._waiting:
            asked, job = self._waiting.popleft()
            if asked.waits():
                return job
            asked.ended = True
        return None

    def jobs(self, turn: Callable[[], None] = lambda: None) -> Iterator[Job | Later]:
        """The jobs of an engine that has no others, which takes its `turn` whenever it asks for one."""
        while True:
            turn()
            yield self.job() or Later(ASK)

    def end(self) -> None:
        """Begin nothing any more, and let nobody wait."""
        self._ending = True
        for asked in self._asked:
            asked.leave()
