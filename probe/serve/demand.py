"""Probes that are asked for while others run: jobs for the engine, and their results for who asked.

Everything happens on the engine's own loop; what is asked for keeps to the same pace, one connection at a time to one
address, whoever else wants it.
"""

from __future__ import annotations

from asyncio import FIRST_COMPLETED, AbstractEventLoop, Future, wait
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count

from probe.check.run import Done, Job, Later
from probe.report.assessment import Assessment

#: Seconds after which the engine asks for a job at the latest; what is asked for wakes it.
ASK = 60.0


class FullError(Exception):
    """As many probes as may be are asked for already, or no more are begun."""


class Asked:
    """A probe that was asked for; `found` grows with each address, in no order, and `complete` says that it is all."""

    __slots__ = ("_found", "answer", "job")

    def __init__(self, job: Job, answer: Future[None]) -> None:
        self.job, self.answer = job, answer
        self._found: list[tuple[int, Assessment]] = []

    @property
    def complete(self) -> bool:
        """Whether every address was probed."""
        return self.answer.done() and not self.answer.cancelled()

    @property
    def found(self) -> tuple[Assessment, ...]:
        """The assessments there are, in the resolver's order."""
        return tuple(assessment for _, assessment in sorted(self._found, key=lambda one: one[0]))

    def take(self, done: Done) -> None:
        """Take the result of one address."""
        self._found.append((done.index, done.assessment))
        if done.last and not self.answer.done():
            self.answer.set_result(None)


class Demand:
    """Takes what is asked for, `most` at once; the engine takes its jobs, and gives what came of them back."""

    def __init__(self, loop: AbstractEventLoop, most: int) -> None:
        self._loop, self._most = loop, most
        self._numbers = count(1)
        self._waiting: deque[Asked] = deque()
        self._under_way: dict[int, Asked] = {}
        self._ending = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    async def probe(self, job: Job, seconds: float, gone: Future[None]) -> Asked:
        """What came of it within so many seconds, or until who asked was `gone`; raises FullError.

        A probe that nobody waits for any more is not begun.
        """
        if self._ending or len(self) >= self._most:
            raise FullError
        answer = self._loop.create_future()
        asked = Asked(job._replace(key=-next(self._numbers), wanted=lambda: not answer.done()), answer)
        self._waiting.append(asked)
        self._loop.stop()  # the engine asks for jobs between two runs of the loop
        try:
            await wait((asked.answer, gone), timeout=seconds, return_when=FIRST_COMPLETED)
        finally:
            asked.answer.cancel()
        return asked

    def job(self) -> Job | None:
        """The next job, if anything is asked for; its key is below 0."""
        while self._waiting:
            asked = self._waiting.popleft()
            if not asked.answer.done():
                self._under_way[asked.job.key] = asked
                return asked.job
        return None

    def jobs(self, turn: Callable[[], None] = lambda: None) -> Iterator[Job | Later]:
        """The jobs of an engine that has no others, which takes its `turn` whenever it asks for one."""
        while True:
            turn()
            yield self.job() or Later(ASK)

    def take(self, done: Done) -> bool:
        """Give a result to who asked for it; whether anybody did."""
        key = done.job.key
        asked = self._under_way.pop(key, None) if done.last else self._under_way.get(key)
        if asked is not None:
            asked.take(done)
        return asked is not None

    def end(self) -> None:
        """Begin nothing any more, and let nobody wait."""
        self._ending = True
        for asked in (*self._waiting, *self._under_way.values()):
            asked.answer.cancel()
