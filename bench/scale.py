"""A fleet watched by many processes, simulated without a network: what is missed, what waits, and who waits longest.

    python -m bench.scale [--targets N] [--workers N] [--hours N] [--write]

The due times are the product's (`slot`), and so are who may be under way and who begins next (`Admission`), who
inherits a share (`heir`) and after how long; only the servers' answers are drawn, from a fixed seed. With --write the
tables in docs/scale.md are made anew.
"""

from __future__ import annotations

import argparse
import heapq
import random
import re
import sys
from array import array
from bisect import bisect
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from probe.check.admission import Admission
from probe.check.pace import DEFAULT_PACE, Pace
from probe.check.turns import Place
from probe.fleet.watch.described import MAX_TARGETS, TAKEOVER_AFTER
from probe.fleet.watch.schedule import slot
from probe.fleet.watch.shares import heir
from probe.fleet.watch.watch import TURN

DOCUMENT = Path(__file__).parents[1] / "docs" / "scale.md"
INTERVAL = 3600
#: Shares of all targets that stand at the five largest operators; the rest stands alone, one to an address.
OPERATORS = (0.30, 0.10, 0.05, 0.03, 0.02)
#: Networks (/24) of each of those.
NETWORKS = 20
#: Seconds that a look takes: at most servers, at far or busy ones, at those that never answer; and how many these are.
USUAL, FAR, SILENT = (0.2, 0.6), (0.6, 6.0), 30.0
FAR_SHARE, SILENT_SHARE = 0.05, 0.02


class Targets:
    """What is looked at: each with its key, its operator (-1: alone) and the seconds that a look takes."""

    def __init__(self, count: int, seed: int = 1) -> None:
        chance = random.Random(seed)  # noqa: S311 - a simulation
        bounds = list(accumulate(OPERATORS))
        self.keys = [f"{number:08x}" for number in range(count)]
        self.operator, self.seconds = array("b"), array("f")
        for _ in range(count):
            operator = bisect(bounds, chance.random())
            self.operator.append(operator if operator < len(OPERATORS) else -1)
            kind = chance.random()
            if kind < SILENT_SHARE:
                self.seconds.append(SILENT)
            else:
                self.seconds.append(chance.uniform(*(FAR if kind < SILENT_SHARE + FAR_SHARE else USUAL)))

    def rate_keys(self, one: int) -> tuple[str, ...]:
        operator = self.operator[one]
        if operator < 0:
            return (f"a{one}", f"n{one}")
        network = f"{operator}.{one % NETWORKS}"
        return (f"{network}.{one % (NETWORKS * 200)}", network, f"operator {operator}")


@dataclass(slots=True)
class Worker:
    """One watch: `due` are the targets it has, by when they are due."""

    number: int
    admission: Admission[int]
    due: list[tuple[float, int]] = field(default_factory=list)
    under_way: dict[int, Place] = field(default_factory=dict)
    lives: bool = True
    woken: float = float("inf")
    turn_at: float = float("inf")


class Death(NamedTuple):
    """A worker that is gone from one second to another."""

    worker: int
    at: float
    back: float


class Simulation:
    """Runs the watches of all shares for so many seconds."""

    def __init__(
        self, targets: Targets, workers: int, pace: Pace, deaths: Sequence[Death] = (), *, away: bool = False
    ) -> None:
        self.targets, self.pace = targets, pace
        self.workers = [Worker(number, self._admission()) for number in range(workers)]
        self.looks = 0
        self.waits: dict[int, array[float]] = {operator: array("f") for operator in range(-1, len(OPERATORS))}
        self.last = array("d", [-1.0]) * len(targets.keys)
        self.missed = 0
        self.longest_gap = 0.0
        self._due_at = array("d", [0.0]) * len(targets.keys)
        self._events: list[tuple[float, int, str, int, int]] = []
        self._order = 0
        self._at: list[int] = [number % workers for number in range(len(targets.keys))]  # who has it now
        for one, key in enumerate(targets.keys):
            self._plan(one, 0.0 if away else slot(key, INTERVAL, 0.0))
        for worker in self.workers:
            heapq.heapify(worker.due)
            self._wake(worker, 0.0)
        for death in deaths:
            self._push(death.at, "dies", death.worker)
            self._push(death.at + TAKEOVER_AFTER + TURN, "inherited", death.worker)
            self._push(death.back, "returns", death.worker)

    def _admission(self) -> Admission[int]:
        return Admission(self.pace, self.pace.concurrency)

    def run(self, seconds: float) -> Simulation:
        """Let so many seconds pass."""
        happens = {
            "wake": self._woken, "turn": self._turned, "end": self._ended,
            "dies": self._dies, "inherited": self._inherited, "returns": self._returns,
        }  # fmt: skip
        while self._events and self._events[0][0] <= seconds:
            now, _, kind, number, one = heapq.heappop(self._events)
            happens[kind](self.workers[number], one, now)
        for one in range(len(self.last)):
            self._note_gap(one, seconds)
        return self

    def _woken(self, worker: Worker, _: int, now: float) -> None:
        if worker.woken == now:
            worker.woken = float("inf")
            self._fill(worker, now)

    def _turned(self, worker: Worker, _: int, now: float) -> None:
        if worker.turn_at == now:
            worker.turn_at = float("inf")
            self._turn(worker, now)
            self._fill(worker, now)

    def _ended(self, worker: Worker, one: int, now: float) -> None:
        if worker.lives and one in worker.under_way:
            self._end(worker, one, now)

    def _inherited(self, worker: Worker, _: int, now: float) -> None:
        if not worker.lives:
            self._hand_over(worker, self.workers[self._heir(worker.number)], now)

    def _returns(self, worker: Worker, _: int, now: float) -> None:
        """What is under way elsewhere is let end there."""
        worker.lives = True
        self._hand_over(self.workers[self._heir(worker.number)], worker, now)

    def _heir(self, number: int) -> int:
        living = [each.number for each in self.workers if each.lives and each.number != number]
        return heir(number, living, len(self.workers))

    def _push(self, at: float, kind: str, worker: int, one: int = -1) -> None:
        self._order += 1
        heapq.heappush(self._events, (at, self._order, kind, worker, one))

    def _plan(self, one: int, at: float) -> None:
        self._due_at[one] = at
        self.workers[self._at[one]].due.append((at, one))

    def _wake(self, worker: Worker, now: float) -> None:
        if worker.lives and worker.due:
            at = max(now, worker.due[0][0])
            if at < worker.woken:
                worker.woken = at
                self._push(at, "wake", worker.number)

    def _fill(self, worker: Worker, now: float) -> None:
        """Take as many as may be under way, as the engine does."""
        if not worker.lives:
            return
        while worker.due and worker.due[0][0] <= now and worker.admission.room:
            one = heapq.heappop(worker.due)[1]
            worker.under_way[one] = place = worker.admission.place()
            worker.admission.pending += 1
            keys = self.targets.rate_keys(one)
            if worker.admission.claim(keys[0], one, place):
                worker.admission.wait(one, keys, place)
                self._turn(worker, now)
        if worker.admission.room:
            self._wake(worker, now)

    def _turn(self, worker: Worker, now: float) -> None:
        """Begin the looks whose turn it is, and come back when it is another one's."""
        while (one := worker.admission.take(now)) is not None:
            self._begin(worker, one, now)
        at = worker.admission.next_at
        if at < worker.turn_at:
            worker.turn_at = at
            self._push(at, "turn", worker.number)

    def _begin(self, worker: Worker, one: int, now: float) -> None:
        worker.admission.note(self.targets.rate_keys(one), now)
        worker.admission.open += 1
        self.waits[self.targets.operator[one]].append(now - self._due_at[one])
        self._note_gap(one, now)
        self.last[one] = now
        self.looks += 1
        self._push(now + self.targets.seconds[one], "end", worker.number, one)

    def _note_gap(self, one: int, now: float) -> None:
        """A target that was not looked at for more than an interval and a half has missed one."""
        gap = now - max(self.last[one], 0.0)
        self.longest_gap = max(self.longest_gap, gap)
        self.missed += int(gap / INTERVAL - 0.5)

    def _end(self, worker: Worker, one: int, now: float) -> None:
        worker.admission.open -= 1
        worker.admission.pending -= 1
        del worker.under_way[one]
        at = slot(self.targets.keys[one], INTERVAL, now + INTERVAL / 2)
        self._due_at[one] = at
        heapq.heappush(self.workers[self._at[one]].due, (at, one))
        self._wake(self.workers[self._at[one]], now)
        following = worker.admission.release(self.targets.rate_keys(one)[0])
        if following is not None:
            place = worker.under_way[following]
            worker.admission.wait(following, self.targets.rate_keys(following), place)
        self._turn(worker, now)
        self._fill(worker, now)

    def _dies(self, worker: Worker, *_: float) -> None:
        """What is under way stays due: nobody wrote that it was looked at."""
        worker.lives = False
        for one in worker.under_way:
            worker.due.append((self._due_at[one], one))
        heapq.heapify(worker.due)
        worker.under_way.clear()
        worker.admission = self._admission()
        worker.woken = worker.turn_at = float("inf")

    def _hand_over(self, one: Worker, other: Worker, now: float) -> None:
        """The share of whoever was dead goes from one to the other."""
        gone = one if not one.lives else other  # or just back
        share = gone.number
        mine = [each for each in one.due if each[1] % len(self.workers) == share]
        one.due = [each for each in one.due if each[1] % len(self.workers) != share]
        heapq.heapify(one.due)
        for _, target in mine:
            self._at[target] = other.number
        for target in one.under_way if one.lives else ():
            if target % len(self.workers) == share:
                self._at[target] = other.number
        other.due = list(heapq.merge(sorted(other.due), sorted(mine)))
        self._wake(other, now)


def quantile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def shown(name: str, run: Simulation, hours: float) -> str:
    """A row of the first table."""
    every = [wait for waits in run.waits.values() for wait in waits]
    return (
        f"| {name} | {run.looks / hours:,.0f} | {run.missed:,} | {run.longest_gap / 60:.0f} min "
        f"| {quantile(every, 0.5):.1f} s | {quantile(every, 0.99):.0f} s | {max(every):,.0f} s |"
    )


def fairness(name: str, run: Simulation) -> str:
    """A row of the second table."""
    cells = [f"{quantile(run.waits[operator], 0.5):,.1f} / {max(run.waits[operator], default=0):,.0f} s"
             for operator in (*range(len(OPERATORS)), -1)]  # fmt: skip
    return f"| {name} | {' | '.join(cells)} |"


class Case(NamedTuple):
    """One way to run the fleet; with `away` nobody watched for an interval before, and everything is due at once."""

    name: str
    workers: int
    pace: Pace
    deaths: tuple[Death, ...] = ()
    away: bool = False


def cases(targets: int, workers: int) -> list[Case]:
    usual = max(workers, -(-targets // MAX_TARGETS))
    polite = DEFAULT_PACE._replace(per_operator_rate=DEFAULT_PACE.per_operator_rate / usual)
    return [
        Case(f"{usual} watches", usual, DEFAULT_PACE),
        Case(
            "one of them is gone for half an hour", usual, DEFAULT_PACE, (Death(0, 3600.0, 3600.0 + 1800.0),)
        ),
        Case("nobody watched for an hour before", usual, DEFAULT_PACE, away=True),
        Case("all together keep the rate to one operator", usual, polite),
    ]


def rows_of(targets: int, hours: float, case: Case) -> tuple[str, str]:
    """The rows of a case."""
    made = Targets(targets)
    run = Simulation(made, case.workers, case.pace, case.deaths, away=case.away).run(hours * 3600)
    return shown(case.name, run, hours), fairness(case.name, run)


def tables(targets: int, workers: int, hours: float) -> str:
    with ProcessPoolExecutor() as processes:
        done = processes.map(partial(rows_of, targets, hours), cases(targets, workers))
        rows, fair = zip(*done, strict=True)
    shares = " | ".join(f"{share:.0%}" for share in OPERATORS)
    return "\n".join(
        [
            f"{targets:,} targets, each once an hour, {hours:g} hours:",
            "",
            "| | looks an hour | intervals missed | longest time without a look | wait: median | 99 % | longest |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
            "The wait by operator, median and longest; the columns are operators by their share of all targets:",
            "",
            f"| | {shares} | alone |",
            f"|---|{'---|' * (len(OPERATORS) + 1)}",
            *fair,
        ]
    )


def main() -> None:
    """Print the tables, or write them into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    text = tables(given.targets, given.workers, given.hours)
    if given.write:
        document = DOCUMENT.read_text(encoding="utf-8")
        begin, end = "<!-- begin scale -->\n", "<!-- end scale -->"
        DOCUMENT.write_text(
            re.sub(f"(?s){begin}.*?{end}", lambda _: f"{begin}{text}\n{end}", document), encoding="utf-8"
        )
    else:
        sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
