"""Many endpoints at once on one thread: names, connections within the pace, judgements, results as they come.

The loop stands still while a result is taken; what servers say meanwhile waits in the kernel.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from probe.capture import Capture
from probe.check.connection import Connection
from probe.check.domains import Domains
from probe.check.endpoints import Endpoint, Host, addresses, endpoints, hosts, known
from probe.check.interruption import Interruption
from probe.check.loops import new_loop, of_others
from probe.check.names import Names
from probe.check.observe import observations, unresolved
from probe.check.pace import Pace, room_for
from probe.check.rates import Rates, keys_of
from probe.check.remembered import Remembered
from probe.check.run import Done, Job, Later, concluded
from probe.check.work import Plan, Work, queue
from probe.errors import ResolveError
from probe.net import clock
from probe.net.observe import Shown

if TYPE_CHECKING:
    from probe.report.assessment import Assessment

#: Addresses and names under way for each connection that may be open: what waits for its turn by the pace.
LOOK_AHEAD = 4
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
        self._rates = Rates(pace)
        self._loop, self._shared = loop or new_loop(), shared
        self._others = self._loop.get_exception_handler() if shared else None
        self._loop.set_exception_handler(self._note_error)
        self._names = Names(self._loop)
        self._domains = Domains(self._loop, self._hand_out)
        self._remembered = Remembered()  # this thread's
        self._connections = room_for(pace.concurrency)
        self._open = self._pending = 0
        self._no_more = False
        self._ready: deque[Work] = deque()
        self._busy: dict[str, deque[Work]] = {}
        self._under_way: set[Work] = set()
        self._parting: set[Connection] = set()
        self._asking: ThreadPoolExecutor | None = None
        self._done: deque[Done] = deque()
        self._error: BaseException | None = None
        self._wake: asyncio.TimerHandle | None = None

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
            self._domains.undecided()
            yield from self._done
        finally:
            self._close()

    def hasten(self) -> None:
        """Ask for jobs now: some have come. The loop is not stopped for it, which uvloop makes dear."""
        self._loop.call_soon(self._hastened)

    def _hastened(self) -> None:
        if not self._fill():
            self._loop.stop()

    def forget(self) -> None:
        """Look up names anew, and let go of what was built by lists of roots that may have been replaced."""
        self._forget_names()
        self._remembered.forget()

    def _forget_names(self) -> None:
        self._names.forget()
        self._domains.forget()

    def keep_to(self, pace: Pace) -> None:
        """Begin connections at these rates from now on; called on the loop's thread, as by what yields jobs."""
        self._rates.keep_to(pace)

    def _close(self) -> None:
        for connection in (*self._parting, *(work.connection for work in self._under_way)):
            if connection is not None:
                connection.close()
        self._names.close()
        self._domains.close()
        if self._asking is not None:
            self._asking.shutdown(cancel_futures=True)
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
        while self._pending < LOOK_AHEAD * self._connections:
            job = next(self._jobs, None)
            if job is None:
                self._no_more = True
                break
            if isinstance(job, Later):
                if job.forget:
                    self._forget_names()
                self._wake = self._loop.call_later(job.seconds, self._loop.stop)
                return True
            self._pending += 1
            self._plan(Plan(job))
        return self._pending > 0 or bool(self._done)

    def _plan(self, plan: Plan) -> None:
        _, target, options, given, _ = plan.job
        if given:
            self._planned(plan, endpoints(target, options, Host(target.host), given))
        elif target.mx:
            question = ("MX", target.host, options.nameserver)
            self._names.ask(question, partial(hosts, target, options), partial(self._named, plan))
        else:
            self._named(plan, hosts(target, options))

    def _named(self, plan: Plan, found: tuple[Host, ...] | Exception) -> None:
        if isinstance(found, Exception):
            self._unplanned(plan, found)
            return
        options = plan.job.options
        plan.found, plan.unknown = [()] * len(found), len(found)
        self._domains.begin(plan, found)
        for place, host in enumerate(found):
            then = partial(self._resolved, plan, place, host)
            if host.failure is not None:
                then(host.failure)
            elif known(host.name, options):
                then(addresses(host.name, options))
            else:
                question = ("A", host.name, options.nameserver)
                self._names.ask(question, partial(addresses, host.name, options), then)

    def _resolved(self, plan: Plan, place: int, host: Host, found: tuple[str, ...] | Exception) -> None:
        if isinstance(found, Exception) and not isinstance(found, ResolveError):
            self._unplanned(plan, found)
            return
        plan.found[place] = endpoints(plan.job.target, plan.job.options, host, found)
        plan.unknown -= 1
        if plan.unknown == 0:
            self._planned(plan, tuple(chain.from_iterable(plan.found)))

    def _unplanned(self, plan: Plan, error: Exception) -> None:
        """A defect over a job's names; what is wrong with its options ends the run."""
        plan.unknown, plan.domain = -1, None
        work = Work(plan, 0, Endpoint(plan.job.target, plan.job.target.host, 0, None))
        with work.guard:
            raise error
        plan.left = 1
        self._finish(work, ())

    def _planned(self, plan: Plan, found: tuple[Endpoint, ...]) -> None:
        plan.left = len(found)
        self._pending += len(found) - 1
        for index, endpoint in enumerate(found):
            work = Work(plan, index, endpoint)
            if endpoint.address is None:
                self._finish(work, (unresolved(endpoint),))
            elif endpoint.address in self._busy:
                queue(self._busy[endpoint.address], work)
            else:
                self._busy[endpoint.address] = deque()
                self._begin(work, endpoint.address)

    def _begin(self, work: Work, address: str) -> None:
        """Plan the connections to an address to which there is none now."""
        with work.guard:
            work.keys = keys_of(work.endpoint, address)
            work.steps = observations(work.endpoint, address, work.plan.job.options, self._pace.total_s)
            work.attempt = next(work.steps)
            jitter_s = self._pace.jitter_s
            self._later(random.SystemRandom().uniform(0.0, jitter_s) if jitter_s else 0.0, work)
        if work.guard.failure:
            self._finish(work, ())

    def _later(self, seconds: float, work: Work) -> None:
        if seconds > 0:
            self._loop.call_later(seconds, self._connect, work)
        else:
            self._connect(work)

    def _connect(self, work: Work) -> None:
        """Make the next connection, or wait for the turn of it."""
        if work.attempt is None:
            return
        asked = work.plan.job.asked
        if asked and work not in self._under_way and not asked.waits():
            self._loop.call_soon(self._give_up, work)
            return
        if work not in self._under_way and self._open >= self._connections:
            queue(self._ready, work)
            return
        now = clock.monotonic()
        free_at = self._rates.free_at(work.keys, now)
        if free_at > now:
            self._later(free_at - now, work)
            return
        self._rates.note(work.keys, now)
        if work not in self._under_way:
            self._under_way.add(work)
            self._open += 1
            work.started_at, work.started = clock.now(), now
        else:
            work.waited_s = now - work.ended - work.attempt.pause_s
        work.connection = Connection(
            self._loop, work.attempt, work.guard, partial(self._shown, work), self._remembered.chains.parse
        )

    def _give_up(self, work: Work) -> None:
        work.guard.failure = "nobody waits for it any more"
        self._finish(work, ())

    def _shown(self, work: Work, shown: Shown | None) -> None:
        found: tuple[Capture, ...] = ()
        work.ended = clock.monotonic()
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
            self._open -= 1
        address = work.endpoint.address
        if address is not None:
            if self._busy[address]:
                self._let_go(work, partial(self._next, address))
            else:
                self._let_go(work)
                del self._busy[address]
        self._judge(work, found)
        while self._ready and self._open < self._connections:
            self._connect(self._ready.popleft())

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

    def _next(self, address: str) -> None:
        self._begin(self._busy[address].popleft(), address)

    def _judge(self, work: Work, found: tuple[Capture, ...]) -> None:
        options = work.plan.job.options
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
            self._deliver(
                work, judged(partial(self._remembered.assessed, again=work.plan.job.asked is not None))
            )
            return
        # Issuers' servers take their time. Not daemons: OpenSSL works in these threads.
        self._asking = self._asking or ThreadPoolExecutor(MAX_ASKING, "revocation")
        asked = self._asking.submit(judged)
        told = partial(self._loop.call_soon_threadsafe, lambda: self._deliver(work, asked.result()))
        asked.add_done_callback(lambda _: told())

    def _deliver(self, work: Work, assessment: Assessment) -> None:
        plan = work.plan
        plan.left -= 1
        if plan.domain is None:
            self._hand_out(plan, work.index, assessment, last=plan.left == 0)
        else:
            self._domains.take(plan, plan.domain, work.index, assessment)

    def _hand_out(self, plan: Plan, index: int, assessment: Assessment, *, last: bool) -> None:
        job, full = plan.job, self._pending >= LOOK_AHEAD * self._connections
        self._pending -= 1
        done = Done(job, index, assessment, last)
        if job.asked is None:
            self._done.append(done)
        else:
            job.asked.take(done)
        if job.asked is None or full or self._no_more:
            self._loop.stop()  # to yield it, to take another job, or to see that this was the last
