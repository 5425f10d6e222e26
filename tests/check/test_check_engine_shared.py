"""An engine whose loop others use: whose errors end it, and what is asked for while it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from probe.check.engine import JOBS_A_TURN, Engine
from probe.check.interruption import Interruption
from probe.check.pace import DEFAULT_PACE
from probe.check.run import Done, Job, Later
from probe.serve.demand import Demand
from tests.check.test_check_engine import FAST, HEALTHY, OPTIONS, Guests, Loop, jobs, loop
from tests.net.scripted import ScriptedServer

__all__ = ["loop"]


def raising() -> None:
    """A callback of somebody else's."""
    raise RuntimeError("of others")


class Shared:
    """An engine on a loop that has a handler of its own."""

    def __init__(self, loop: Loop, port: int) -> None:
        self.loop, self.heard, self.interruption = loop(), list[dict[str, Any]](), Interruption()
        self.loop.set_exception_handler(lambda _, context: self.heard.append(context))
        self.engine = Engine(self.jobs(port), DEFAULT_PACE, self.loop, self.interruption, shared=True)

    def jobs(self, port: int) -> Iterator[Job | Later]:
        yield Later(0.2)
        yield from jobs(port, "127.0.0.1")

    def run(self) -> list[Done]:
        with closing(self.loop):
            return list(self.engine.run())


def test_errors_of_others_end_nothing(loop: Loop) -> None:
    with ScriptedServer(HEALTHY) as server:
        shared = Shared(loop, server.port)
        shared.loop.call_soon(raising)
        shared.loop.call_soon(shared.loop.call_exception_handler, {"message": "out of descriptors"})
        assert [done.assessment.outcome.value for done in shared.run()] == ["accepted"]
    assert [context["message"][:10] for context in shared.heard] == ["Exception ", "out of des"]


def test_one_of_the_engine_does(loop: Loop) -> None:
    with ScriptedServer() as server:
        shared = Shared(loop, server.port)
        shared.loop.call_soon(shared.engine._parted, None, raising)
        with pytest.raises(RuntimeError, match="of others"):
            shared.run()
    assert shared.heard == []


def test_a_pace_that_is_raised_counts_at_once_for_those_who_wait(loop: Loop) -> None:
    """A thousand seconds would pass until the second of two neighbours begins."""
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
        pace = DEFAULT_PACE._replace(per_network_rate=0.001)
        engine = Engine(jobs(server.port, "127.0.0.1", "127.0.0.2"), pace, loop())
        found = []
        for done in engine.run():
            found.append(done.assessment.outcome.value)
            engine.keep_to(DEFAULT_PACE)
    assert found == ["accepted", "accepted"]


def test_without_others_every_error_ends_it(loop: Loop) -> None:
    own = loop()
    engine = Engine(iter((Later(0.2),)), DEFAULT_PACE, own)
    own.call_soon(raising)
    with pytest.raises(RuntimeError):
        list(engine.run())


class Notes:
    """Who asked for a job, and waits for it or not, as long as it takes."""

    until = math.inf
    hurry: Callable[[], None] | None = None

    def __init__(self, end: Callable[[], None] = lambda: None, *, waits: bool = True) -> None:
        self._end, self._waits = end, waits
        self.taken: list[Done] = []

    def waits(self) -> bool:
        return self._waits

    def take(self, done: Done) -> None:
        self.taken.append(done)
        self._end()


def test_what_is_asked_for_goes_first_and_to_who_asked(loop: Loop) -> None:
    order: list[str] = []
    with ScriptedServer(*[HEALTHY] * 3) as server:
        notes = Notes(lambda: order.append("asked"))
        first, second = jobs(server.port, "127.0.0.1", "127.0.0.1")
        asked = second._replace(key=2, asked=notes)
        run = Engine([first, second, asked], FAST, loop()).run()
        order.extend(str(done.job.key) for done in run)
    assert order == ["0", "asked", "1"]
    assert [done.assessment.outcome.value for done in notes.taken] == ["accepted"]


def test_what_nobody_waits_for_is_not_begun(loop: Loop) -> None:
    with ScriptedServer(HEALTHY) as server:
        notes = Notes(waits=False)
        [job, other] = jobs(server.port, "127.0.0.2", "127.0.0.1")
        done = list(Engine([job._replace(asked=notes), other], FAST, loop()).run())
    assert len(server.peers) == len(done) == 1
    assert [(one.last, one.assessment.outcome.value) for one in notes.taken] == [(True, "unknown")]


def test_a_full_engine_takes_the_next_job_after_one_that_was_asked_for(loop: Loop) -> None:
    """As many as it plans at once, and one more."""
    pace = FAST._replace(concurrency=1)
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
        notes = Notes()
        made = [one._replace(asked=notes) for one in jobs(server.port, *(f"127.0.{n}.1" for n in range(5)))]
        assert list(Engine(made, pace, loop()).run()) == []
    assert len(notes.taken) == 5


def test_many_that_were_asked_for_and_are_done_at_once_end_nothing(loop: Loop) -> None:
    """Three times what is taken in one turn, of which nothing is left under way."""
    notes = Notes()
    inside = replace(OPTIONS, public_only=True)
    made = [one._replace(asked=notes) for one in jobs(25, *["127.0.0.1"] * 3 * JOBS_A_TURN, options=inside)]
    assert list(Engine(made, FAST, loop()).run()) == []
    assert len(notes.taken) == 3 * JOBS_A_TURN


def test_nothing_is_begun_once_it_is_over(loop: Loop) -> None:
    """Where the loop is run on: no further job is taken, and nobody who waits a random moment is connected to."""
    own, interruption, taken = loop(), Interruption(), list[Job]()

    def plan(port: int) -> Iterator[Job | Later]:
        for job in jobs(port, *(f"127.7.3.{n}" for n in range(1, 100))):
            taken.append(job)
            yield job

    interruption.asked = True
    with ScriptedServer(host="0.0.0.0") as server, closing(own):
        pace = FAST._replace(jitter_s=0.1)
        assert list(Engine(plan(server.port), pace, own, interruption, shared=True).run()) == []
        own.call_later(0.2, own.stop)
        own.run_forever()
        assert (len(taken), server.peers) == (JOBS_A_TURN, [])


def test_a_demand_that_ends_lets_nobody_wait(loop: Loop) -> None:
    own = loop()
    demand = Demand(own, 2)
    with ScriptedServer() as server, closing(own):
        [job] = jobs(server.port, "127.0.0.1")
        never = own.create_future()
        asked = own.create_task(demand.probe(job, 60, 0, never))
        given_up = own.create_task(demand.probe(job, 0.01, 0, never))
        given_up.add_done_callback(lambda _: own.stop())
        while not given_up.done():
            own.run_forever()
        assert (len(demand), demand.job() is not None, demand.job()) == (2, True, None)
        assert len(demand) == 1
        demand.end()
        assert not own.run_until_complete(asked).complete


def test_what_is_asked_for_and_what_is_watched_never_meet_at_an_address(loop: Loop) -> None:
    """The server counts who is there at once: jobs of a schedule, and six that are asked for meanwhile."""
    own, guests, notes = loop(), Guests(), [Notes() for _ in range(6)]
    with ScriptedServer(guests, host="0.0.0.0") as server, closing(own):
        watched = list(jobs(server.port, *["127.7.2.1", "127.7.2.2"] * 3))
        asked = [job._replace(key=100 + n, asked=notes[n]) for n, job in enumerate(watched)]
        mixed = [each for pair in zip(watched, asked, strict=True) for each in pair]
        done = list(Engine(mixed, FAST, own, shared=True).run())
        server.join()
    assert sorted(each.job.key for each in done) == list(range(6))
    assert all(note.taken for note in notes)
    assert guests.most == {"127.7.2.1": 1, "127.7.2.2": 1}
    assert {called: len(times) for called, times in guests.came.items()} == {"127.7.2.1": 6, "127.7.2.2": 6}


def test_what_comes_meanwhile_is_taken_up_while_the_loop_runs(loop: Loop) -> None:
    own, interruption, waiting = loop(), Interruption(), list[Job]()

    def plan() -> Iterator[Job | Later]:
        while True:
            yield waiting.pop() if waiting else Later(60)

    def end() -> None:
        interruption.asked = True
        own.stop()

    def come(port: int) -> None:
        waiting.extend(job._replace(asked=notes) for job in jobs(port, "127.0.0.1"))
        engine.hasten()

    notes = Notes(end)
    with ScriptedServer(HEALTHY) as server, closing(own):
        engine = Engine(plan(), FAST, own, interruption, shared=True)
        own.call_later(0.05, come, server.port)
        assert list(engine.run()) == []
    assert [done.assessment.outcome.value for done in notes.taken] == ["accepted"]
