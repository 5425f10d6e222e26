"""Probes that are asked for while others run: jobs for the engine, and their results for who asked.

Everything happens on the engine's own loop; what is asked for keeps to the same pace, one connection at a time to one
address, whoever else wants it.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, wait_for
from collections import deque
from collections.abc import Iterator
from itertools import count

from probe.check.run import Done, Job, Later
from probe.report.assessment import Assessment

#: Seconds after which the engine asks for a job at the latest; what is asked for wakes it.
ASK = 60.0


class _Asked:
    __slots__ = ("answer", "found", "job")

    def __init__(self, job: Job, answer: Future[tuple[Assessment, ...]]) -> None:
        self.job, self.answer = job, answer
        self.found: list[tuple[int, Assessment]] = []


class Demand:
    """Takes what is asked for; the engine takes its jobs, and gives what came of them back."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._numbers = count(1)
        self._waiting: deque[_Asked] = deque()
        self._under_way: dict[int, _Asked] = {}

    async def probe(self, job: Job, seconds: float) -> tuple[Assessment, ...]:
        """The assessments of every address, in the resolver's order; raises TimeoutError.

        A probe that nobody waits for any more is not begun.
        """
        asked = _Asked(job._replace(key=-next(self._numbers)), self._loop.create_future())
        self._waiting.append(asked)
        self._loop.stop()  # the engine asks for jobs between two runs of the loop
        return await wait_for(asked.answer, seconds)

    def job(self) -> Job | None:
        """The next job, if anything is asked for; its key is below 0."""
        while self._waiting:
            asked = self._waiting.popleft()
            if not asked.answer.done():
                self._under_way[asked.job.key] = asked
                return asked.job
        return None

    def jobs(self) -> Iterator[Job | Later]:
        """The jobs of an engine that has no others."""
        while True:
            yield self.job() or Later(ASK)

    def take(self, done: Done) -> bool:
        """Give a result to who asked for it; whether anybody did."""
        asked = self._under_way.get(done.job.key)
        if asked is None:
            return False
        asked.found.append((done.index, done.assessment))
        if done.last:
            del self._under_way[done.job.key]
            if not asked.answer.done():
                asked.answer.set_result(
                    tuple(each for _, each in sorted(asked.found, key=lambda one: one[0]))
                )
        return True
