"""Many endpoints at once on one thread: names, connections within the pace, judgements, results as they come.

The loop stands still while a result is taken; what servers say meanwhile waits in the kernel.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from probe.capture import Capture
from probe.check import judge
from probe.check.admission import Admission
from probe.check.connection import Connection
from probe.check.endpoints import Endpoint
from probe.check.interruption import Interruption
from probe.check.loops import new_loop, of_others
from probe.check.observe import observations, unresolved
from probe.check.pace import Pace, room_for
from probe.check.planner import Planner
from probe.check.rates import keys_of
from probe.check.remembered import Remembered
from probe.check.run import Done, Job, Later, concluded
from probe.check.work import Plan, Work
from probe.net import clock
from probe.net.observe import Attempt, Shown

if TYPE_CHECKING:
    from probe.report.assessment import Assessment

#: Jobs taken before what is under way goes on: many that stand aside may follow one another.
JOBS_A_TURN = 32
#: Seconds before a connection is tried again for which there was no descriptor.
STARVED_S = 0.25
#: Judgements at once that ask issuers' servers about revocation.
MAX_ASKING = 16


class Engine:
    """Runs jobs at a pace; `run` once."""

    def __init__(
        self,
        jobs: Iterable[Job | Later],
        pace: Pace,
        loop: asyncio.AbstractEventLoop | None = None,
        interruption: Interruption | None = None,
        *,
        shared: bool = False,
    ) -> None:
        """With `shared` others use the loop, too: they close it, and their errors go to the handler it has."""
        self._jobs = iter(jobs)
        self._pace = pace
        self._interruption = interruption or Interruption()
        room = room_for(pace.concurrency)
        self._admission: Admission[Work] = Admission(pace, room)
        self._loop, self._shared = loop or new_loop(), shared
        self._others = self._loop.get_exception_handler() if shared else None
        self._loop.set_exception_handler(self._note_error)
        self._planner = Planner(self._loop, self._planned, self._hand_out, room)
        self._remembered = Remembered()  # this thread's
        self._no_more = self._full = self._hastening = self._over = False
        self._under_way: set[Work] = set()
        self._parting: set[Connection] = set()
        self._asking = defaultdict[bool, ThreadPoolExecutor](
            partial(ThreadPoolExecutor, MAX_ASKING, "revocation")
        )
        self._done: deque[Done] = deque()
        self._error: BaseException | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._turn_at = math.inf
        self._turning: asyncio.TimerHandle | None = None

    def run(self) -> Iterator[Done]:
        """Every result as it comes; what was done before an interruption is yielded before it is raised."""
        try:
            self._interruption.stop(self._loop)
            while self._fill() and not self._interruption.asked:
                try:
                    self._loop.run_forever()
                except BaseException as error:  # noqa: BLE001 - Ctrl-C among them; raised below
                    self._error = error
                while self._done:
                    yield self._done.popleft()
                if self._error is not None:
                    raise self._error
            self._planner.domains.undecided()
            yield from self._done
        finally:
            self._close()

    def hasten(self) -> None:
        """Ask for jobs now: some have come. The loop is not stopped for it, which uvloop makes dear."""
        if not self._hastening:
            self._hastening = True
            self._loop.call_soon(self._hastened)

    def _hastened(self) -> None:
        self._hastening = False
        if not self._over and not self._fill():
            self._loop.stop()

    def keep_to(self, pace: Pace) -> None:
        """Begin connections at other rates from now on; called on the loop's thread, as by what yields jobs."""
        self._admission.keep_to(pace)
        if not self._over:
            self._turn()

    def forget(self) -> None:
        """Look up names anew, and let go of what was built by lists of roots that may have been replaced."""
        self._planner.forget()
        self._remembered.forget()

    def _close(self) -> None:
        self._over = True  # who shares the loop may run it on
        for timer in (self._turning, self._wake):
            if timer is not None:
                timer.cancel()
        for connection in (*self._parting, *(work.connection for work in self._under_way)):
            if connection is not None:
                connection.close()
        self._planner.close()
        for pool in self._asking.values():
            pool.shutdown(cancel_futures=True)
        if not self._shared:
            self._loop.close()

    def _note_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception") or RuntimeError(context["message"])
        if self._others and of_others(error):
            self._others(loop, context)
            return
        self._error = self._error or error
        self._loop.stop()

    def _fill(self) -> bool:
        """Take as many jobs as may be under way; whether any is, or will be."""
        if self._wake is not None:
            self._wake.cancel()
        self._full = False
        for _ in range(JOBS_A_TURN):
            if not self._admission.room:
                self._full = True
                break
            job = next(self._jobs, None)
            if job is None:
                self._no_more = True
                break
            if isinstance(job, Later):
                if job.forget:
                    self._planner.forget()
                self._wake = self._loop.call_later(job.seconds, self._loop.stop)
                return True
            self._admission.pending += 1
            self._planner.plan(Plan(job))
        else:
            self.hasten()
            return True  # there may be more jobs, also where all of these are done already
        return self._admission.pending > 0 or bool(self._done)

    def _planned(self, plan: Plan, found: tuple[Endpoint, ...] | Exception) -> None:
        if isinstance(found, Exception):
            self._unplanned(plan, found)
            return
        plan.left = len(found)
        self._admission.pending += len(found) - 1
        for index, endpoint in enumerate(found):
            work = Work(plan, index, endpoint, self._admission.place(first=plan.job.asked is not None))
            if endpoint.address is None:
                self._finish(work, (unresolved(endpoint),))
            elif self._admission.claim(endpoint.address, work, work.place):
                self._begin(work, endpoint.address)
            else:
                self._refill()

    def _unplanned(self, plan: Plan, error: Exception) -> None:
        """A defect over a job's names; what is wrong with its options ends the run."""
        plan.domain = None
        work = Work(plan, 0, Endpoint(plan.job.target, plan.job.target.host, 0, None))
        with work.guard:
            raise error
        plan.left = 1
        self._finish(work, ())

    def _begin(self, work: Work, address: str) -> None:
        """Have the address, to which there is no connection now, wait for its turn."""
        with work.guard:
            work.keys = keys_of(work.endpoint, address)
        jitter_s = self._pace.jitter_s
        self._later(random.SystemRandom().uniform(0.0, jitter_s) if jitter_s else 0.0, work)

    def _later(self, seconds: float, work: Work) -> None:
        if seconds > 0:
            self._loop.call_later(seconds, self._wait, work)
        else:
            self._wait(work)

    def _wait(self, work: Work) -> None:
        self._admission.wait(work, work.keys, work.place, begun=work in self._under_way)
        if not self._over:
            self._turn()

    def _turn(self) -> None:
        """Make the connections whose turn it is, and come back when it is another one's."""
        while (work := self._admission.take(now := clock.monotonic())) is not None:
            self._connect(work, now)
        at = self._admission.next_at
        if at < self._turn_at:
            if self._turning is not None:
                self._turning.cancel()
            self._turn_at = at
            self._turning = self._loop.call_later(at - now, self._turn_again)
        self._refill()

    def _turn_again(self) -> None:
        self._turn_at = math.inf
        self._turn()

    def _refill(self) -> None:
        """Take more jobs where others stand aside; what is done has some taken as it is."""
        if self._full and not self._done and self._admission.room:
            self.hasten()

    def _connect(self, work: Work, now: float) -> None:
        """Make the next connection."""
        begun = work.attempt is not None
        attempt = work.attempt or self._first_attempt(work)
        if attempt is None:
            self._loop.call_soon(self._finish, work, ())
            return
        if begun:
            work.waited_s = now - work.ended - attempt.pause_s
        else:
            self._under_way.add(work)
            self._admission.open += 1
            work.started_at, work.started = clock.now(), now
        self._admission.note(work.keys, now)
        work.connection = Connection(
            self._loop, attempt, work.guard, partial(self._shown, work), self._remembered.chains.parse
        )

    def _first_attempt(self, work: Work) -> Attempt | None:
        """Plan the connections to an address, not before one may be made: who waits has little memory."""
        asked, address = work.plan.job.asked, work.endpoint.address
        if asked and not asked.waits():
            work.guard.failure = "nobody waits for it any more"
        with work.guard:
            if address is not None and not work.guard.failure:
                left_s = max(asked.until - clock.monotonic(), 0.01) if asked else math.inf
                total_s = min(self._pace.total_s or math.inf, left_s)
                work.steps = observations(work.endpoint, address, work.plan.job.options, total_s)
                work.attempt = next(work.steps)
        return work.attempt

    def _shown(self, work: Work, shown: Shown | None) -> None:
        found: tuple[Capture, ...] = ()
        work.ended = clock.monotonic()
        if shown is not None and shown.starved and (self._parting or work.others_may_end(self._under_way)):
            self._let_go(work, partial(self._later, STARVED_S, work))
            return
        if shown is not None and work.steps is not None:
            with work.guard:
                try:
                    work.attempt = work.steps.send(shown._replace(waited_s=work.waited_s))
                except StopIteration as end:
                    found = end.value
                else:
                    self._let_go(work, partial(self._later, work.attempt.pause_s, work))
                    return
        self._finish(work, found)

    def _finish(self, work: Work, found: tuple[Capture, ...]) -> None:
        """Let go of the address, and judge what was seen of it."""
        if work in self._under_way:
            self._under_way.remove(work)
            self._admission.open -= 1
        address = work.endpoint.address
        following = None if address is None else self._admission.release(address)
        if address is not None and following is not None:
            self._let_go(work, partial(self._begin, following, address))
        else:
            self._let_go(work)
        self._judge(work, found)
        self._turn()

    def _let_go(self, work: Work, then: Callable[[], None] | None = None) -> None:
        """Close the connection: at once, or once the server has, where another one follows."""
        # No circle stays behind: the garbage collector would find it late, with all that was captured.
        connection, work.connection = work.connection, None
        if connection is None:
            if then is not None:
                then()
        elif then is None:
            connection.close()
        else:
            self._parting.add(connection)
            connection.part(partial(self._parted, connection, then))

    def _parted(self, connection: Connection, then: Callable[[], None]) -> None:
        self._parting.discard(connection)
        then()

    def _judge(self, work: Work, found: tuple[Capture, ...]) -> None:
        options, waits = work.plan.job.options, work.plan.job.asked
        judged = partial(
            concluded,
            work.endpoint,
            options,
            found,
            work.started_at or clock.now(),
            work.started or clock.monotonic(),
            work.guard,
        )
        if not options.revocation:
            self._deliver(work, judged(partial(self._remembered.assessed, again=waits is not None)))
            return
        # Issuers' servers take their time; who waits has threads apart. Not daemons: OpenSSL works in these threads.
        by = partial(judge.assessed, until=waits.until if waits else math.inf)
        asked = self._asking[waits is not None].submit(judged, by)
        told = partial(self._loop.call_soon_threadsafe, lambda: self._deliver(work, asked.result()))
        asked.add_done_callback(lambda _: told())

    def _deliver(self, work: Work, assessment: Assessment) -> None:
        plan = work.plan
        plan.left -= 1
        if plan.domain is None:
            self._hand_out(plan, work.index, assessment, last=plan.left == 0)
        else:
            self._planner.domains.take(plan, plan.domain, work.index, assessment)

    def _hand_out(self, plan: Plan, index: int, assessment: Assessment, *, last: bool) -> None:
        job = plan.job
        self._admission.pending -= 1
        done = Done(job, index, assessment, last)
        if job.asked is None:
            self._done.append(done)
        else:
            job.asked.take(done)
        if job.asked is None or self._full or self._no_more:
            self._loop.stop()  # to yield it, to take another job, or to see that this was the last
