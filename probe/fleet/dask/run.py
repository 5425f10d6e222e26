"""A run over the workers of a cluster: jobs dealt out as they are needed, each result taken once, whoever is lost.

1. Each worker has a session: orders to it and answers from it are numbered, one at a time. An order that comes twice is
   done once, an answer that was lost is given again.
2. What a worker has under way is known here. A worker that is lost is given up with its session, and what it had under
   way is dealt out again; what had arrived is done. Results of a session that was given up are not taken any more.
3. A worker gets a new order as its answer is taken: where nobody takes results, the workers run dry.
4. What one worker has begun counts for the others: a share grows, and a new worker begins, once what was begun by
   larger shares, or by a worker that is gone, no longer counts.
5. Targets of one host, or of an address that is known, are at one worker at a time, which never connects to one address
   twice at once: unless so many wait for that one that others would have nothing to do.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from itertools import islice
from typing import Any
from uuid import uuid4

from probe.check.endpoints import Endpoint, addresses, known
from probe.check.interruption import LOOK_S, Interruption
from probe.check.pace import Pace
from probe.check.run import Done, Job, Later, concluded
from probe.errors import ConfigurationError
from probe.fleet.dask.cluster import AWAY_S, Cluster, Event, Muster
from probe.fleet.dask.wire import Answer, Lists, Order, packed
from probe.net import clock
from probe.report.failed import Guard
from probe.text import counted, printable

#: Targets of a batch, and batches under way at a worker beyond the connections it may have open.
BATCH = 10
AHEAD = 10
#: Seconds between two counts of the workers.
COUNT_S = 1.0
#: Seconds for the workers' last answers after an interruption.
END_S = 5.0
#: Seconds for an answer of a worker: one that hangs is given up, though Dask counts it among the living.
SILENT_S = 120.0
#: Failures of one question in a row before its worker is not asked any more.
MAX_FAILURES = 3
#: Characters of a worker's vantage point.
MAX_VANTAGE = 64
#: Workers that may be lost over one target.
MAX_LOST = 4


class Remote:
    """A worker, as the run knows it."""

    def __init__(self, address: str) -> None:
        self.address, self.session = address, uuid4().hex
        self.number = self.taken = 0
        self.under_way: dict[int, Job] = {}
        self.lists: set[int] = set()
        self.share = self.told = self.failures = 0
        """By how many its rates are divided (0: nothing was asked yet), and will be once it has heard."""
        self.shrank = -math.inf
        """When it heard last that its share is smaller."""
        self.kept: list[Job] = []
        """What goes to it next, as it leads where what it has under way does."""
        self.order: Order | None = None
        """What is asked now."""
        self.asked: Future[Any] | None = None
        self.asked_at = 0.0


class Run:
    """Runs jobs; `run` once. `note` hears what happens beside the results."""

    def __init__(
        self,
        cluster: Cluster,
        jobs: Iterable[Job | Later],
        pace: Pace,
        interruption: Interruption,
        note: Callable[[str], None],
    ) -> None:
        self._cluster, self._pace, self._interruption, self._note = cluster, pace, interruption, note
        self._jobs = interruption.until_asked(jobs)
        self._more = True
        self._again: deque[Job] = deque()
        self._lost: Counter[int] = Counter()
        self._lists = Lists()
        self._remotes: dict[str, Remote] = {}
        self._refused: set[str] = set()
        self._places: dict[str, tuple[Remote, int]] = {}
        """Hosts and addresses under way: the worker, and the last job that leads there."""
        self._counts_s = LOOK_S + max(1.0, *(1 / rate for rate in pace.rates))
        """Seconds for which what was begun counts, and for which it may take a worker to keep to another share."""
        self._gone: list[float] = []
        """When workers went whose connections still count."""
        self._counted, self._counting, self._begun = -COUNT_S, False, False
        self._reached = self._deserted = clock.monotonic()

    def run(self) -> Iterator[Done]:
        """Every result as it comes, and what is done at an interruption; raises ConfigurationError."""
        try:
            while not self._interruption.asked and self._is_left():
                self._count()
                self._deal()
                yield from self._heard(self._cluster.next(LOOK_S))
                self._look()
                yield from self._unanswered()
        finally:
            last = list(self._end())
        yield from last

    def _is_left(self) -> bool:
        return (
            self._more
            or bool(self._again)
            or any(one.under_way or one.kept for one in self._remotes.values())
        )

    def _count(self) -> None:
        now = clock.monotonic()
        if not self._counting and now - self._counted >= COUNT_S:
            self._counting, self._counted = True, now
            self._cluster.count(self._remotes.keys() | self._refused)

    def _look(self) -> None:
        """End in order where the scheduler, or every worker, is away for too long."""
        if self._cluster.cut and self._cluster.renew():
            self._counting = False
            for one in self._remotes.values():
                _cancel(one)
        now = clock.monotonic()
        if not self._cluster.cut:
            self._reached = now
            for one in self._remotes.values():
                if one.order and one.asked is None:
                    self._ask(one)
        if self._remotes and not self._cluster.cut:
            self._deserted = now
        elif now - self._deserted > AWAY_S:
            who = "no worker answers" if self._reached == now else "there is no scheduler"
            self._give_up(f"{who} at {self._cluster.name}, for {AWAY_S:.0f} seconds now")

    def _unanswered(self) -> Iterator[Done]:
        """Give up the workers that hang."""
        since = clock.monotonic() - SILENT_S
        if not self._cluster.cut:
            for one in [each for each in self._remotes.values() if each.asked and each.asked_at < since]:
                yield from self._lose(one, f"has not answered for {SILENT_S:.0f} seconds")

    def _give_up(self, why: str) -> None:
        """A mistake where nothing has begun; else an end in order, with what is done."""
        if not self._begun:
            raise ConfigurationError(why)
        self._note(why)
        self._interruption.asked = True

    def _deal(self) -> None:
        """Give each worker that is not asked now what it has room for, in turns, and ask for what it has done."""
        free = [one for one in self._remotes.values() if one.order is None and self._may_begin(one)]
        while free:
            one = max(free, key=self._room)
            batch = self._next(min(BATCH, self._room(one)))
            if not batch:
                break
            for job in batch:
                self._place(job, one).kept.append(job)
        for one in free:
            jobs, one.kept = one.kept, []
            self._send(one, jobs)

    def _room(self, one: Remote) -> int:
        return max(0, self._pace.concurrency + AHEAD * BATCH - len(one.under_way) - len(one.kept))

    def _place(self, job: Job, free: Remote) -> Remote:
        """Who is to do a job: `free`, unless another one is at the same host or address and not far behind."""
        names = _led_to(job)
        there = (self._places[name][0] for name in names if name in self._places)
        one = next((each for each in there if len(each.kept) < AHEAD * BATCH), free)
        self._places.update(dict.fromkeys(names, (one, job.key)))
        return one

    def _leave(self, one: Remote, job: Job) -> None:
        """Nothing leads to a job's host any more, unless a later one does."""
        for name in _led_to(job):
            if self._places.get(name) == (one, job.key):
                del self._places[name]

    def _shares(self) -> int:
        """By how many the rates are divided: what was begun by a worker that is gone still counts for a while."""
        now = clock.monotonic()
        self._gone = [since for since in self._gone if now - since < self._counts_s]
        return len(self._remotes) + len(self._gone)

    def _may_begin(self, one: Remote) -> bool:
        """A worker that comes begins once all others keep to their smaller share, and have for a while."""
        shares, past = self._shares(), clock.monotonic() - self._counts_s
        return bool(one.share) or all(
            min(other.share or other.told, other.told) >= shares and other.shrank < past
            for other in self._remotes.values()
            if other.number
        )

    def _next(self, count: int) -> list[Job]:
        """Jobs that are to be done: first those whose worker was lost."""
        again = [self._again.popleft() for _ in range(min(count, len(self._again)))]
        new = list(islice(self._jobs, count - len(again))) if self._more else []
        self._more = self._more and len(again) + len(new) == count
        return again + [job for job in new if not isinstance(job, Later)]

    def _send(self, one: Remote, jobs: list[Job], *, end: bool = False) -> None:
        one.number += 1
        one.under_way.update((job.key, job) for job in jobs)
        one.told = self._shares()
        stores = self._lists.lacking(jobs, one.lists)
        one.lists |= stores.keys()
        pace = self._pace.share(one.told)
        work = self._lists.packed(jobs) if jobs else b""
        one.order = Order(one.session, one.number, one.taken, pace, work, stores, end)
        self._ask(one)

    def _ask(self, one: Remote) -> None:
        one.asked_at = clock.monotonic()
        one.asked = self._cluster.send(one.address, packed(one.order), (one, one.number))

    def _heard(self, event: Event | None) -> Iterator[Done]:
        """What comes of an event."""
        if event is None:
            return
        if event.about is None:
            self._counting = False
            if not event.failure:
                yield from self._mustered(event.answer)
            return
        one: Remote = event.about[0]
        if self._remotes.get(one.address) is not one or one.order is None or event.about[1] != one.number:
            return  # given up, or answered meanwhile
        if not event.failure:
            yield from self._taken(one, event.answer)
        elif one.failures < MAX_FAILURES:
            one.failures += not self._cluster.cut
            one.asked = None  # to be asked again
        else:
            self._refused.add(one.address)
            yield from self._lose(one, f"cannot be used: {event.failure}")

    def _mustered(self, muster: Muster) -> Iterator[Done]:
        """Take leave of the workers that have gone, and in those that have come."""
        for one in [each for each in self._remotes.values() if each.address not in muster.there]:
            yield from self._lose(one, "is gone")
        self._refused &= set(muster.there)
        new = muster.workers.keys() & set(muster.there) - self._remotes.keys() - self._refused
        differing = list(filter(None, (muster.scheduler, *(muster.workers[each] for each in sorted(new)))))
        if muster.scheduler or (differing and not self._begun):
            self._give_up("; ".join(differing))
        for address in sorted(new):
            if said := muster.workers[address]:
                self._refused.add(address)
                self._note(f"a worker is left out: {said}")
            else:
                self._remotes[address] = Remote(address)
                self._begun = True

    def _taken(self, one: Remote, answer: Answer) -> Iterator[Done]:
        """The results that are new."""
        if answer.lost:
            yield from self._lose(one, "was started anew")
            return
        if isinstance(answer.error, ConfigurationError):
            raise answer.error
        if answer.note and not one.share:
            self._note(f"the worker {printable(one.address)}: {printable(answer.note)}")
        if one.share and one.told > one.share:
            one.shrank = clock.monotonic()
        one.order, one.share, one.failures = None, one.told, 0
        vantage = printable(answer.vantage.strip(), MAX_VANTAGE)
        for found in answer.found[one.taken - answer.first :]:
            one.taken += 1
            job = one.under_way[found.key]
            if found.last:
                del one.under_way[found.key]
                self._leave(one, job)
            seen = replace(found.assessment, vantage=vantage) if vantage else found.assessment
            yield Done(job, found.place, seen, found.last)
        if answer.error is not None:
            yield from self._lose(one, f"failed: {printable(str(answer.error))}")

    def _lose(self, one: Remote, why: str) -> Iterator[Done]:
        """Give a worker up; another one does what it had under way, but for what has cost too many."""
        del self._remotes[one.address]
        _cancel(one)
        if one.number:
            self._gone.append(clock.monotonic())
        for job in (*one.under_way.values(), *one.kept):
            self._leave(one, job)
        self._again += one.kept
        again = (
            f"; {counted(len(one.under_way), 'target')} under way there go elsewhere" if one.under_way else ""
        )
        self._note(f"the worker {printable(one.address)} {why}{again}")
        for job in one.under_way.values():
            self._lost[job.key] += 1
            if self._lost[job.key] < MAX_LOST:
                self._again.append(job)
            else:
                yield _given_up(job)

    def _end(self) -> Iterator[Done]:
        """What the workers still have done, and an end to their sessions."""
        until = clock.monotonic() + END_S
        asked = {each for each in self._remotes.values() if each.number}
        for each in asked:
            if each.order is None:
                self._send(each, [], end=True)
        while asked and not self._cluster.cut and clock.monotonic() < until:
            event = self._cluster.next(LOOK_S)
            if event is None or event.about is None or event.about[0] not in asked:
                continue
            one: Remote = event.about[0]
            ended = bool(event.failure) or (one.order is not None and one.order.end)
            if not event.failure and not event.answer.lost and not event.answer.error:
                yield from self._taken(one, event.answer)
            if ended:
                asked.discard(one)
            else:
                self._send(one, [], end=True)


def _led_to(job: Job) -> tuple[str, ...]:
    """The addresses of a job, as far as they are known without asking; else its host."""
    host = job.target.host
    found = job.addresses or (addresses(host, job.options) if known(host, job.options) else (host,))
    return found if isinstance(found, tuple) else (host,)


def _cancel(one: Remote) -> None:
    if one.asked is not None:
        one.asked.cancel()
    one.asked = None


def _given_up(job: Job) -> Done:
    """The result of a target over which too many workers were lost."""
    guard = Guard()
    guard.failure = f"{MAX_LOST} workers were lost while it was under way"
    endpoint = Endpoint(job.target, job.target.host, 0, None)
    assessment = concluded(endpoint, job.options, (), clock.now(), clock.monotonic(), guard)
    return Done(job, 0, assessment, last=True)
