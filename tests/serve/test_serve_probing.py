"""What a scrape makes of its target's job, and of what comes of it before its time is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from probe.check.loops import new_loop
from probe.check.options import CheckOptions
from probe.check.run import Done, Job
from probe.fleet.entries import Judges
from probe.fleet.source import Fleet
from probe.fleet.watch.described import Described, described
from probe.serve.counted import Counted
from probe.serve.demand import Demand
from probe.serve.probing import Probing
from probe.serve.targets import Targets
from tests.render import samples

FLEET = """
[defaults]
timeout = 7
[[target]]
host = "mail.contoso.test"
[[target]]
host = "pinned.contoso.test"
expect = { outcome = "rejected" }
[[target]]
host = "safe.contoso.test"
implicit-tls = true
[[target]]
host = "submission.contoso.test"
port = 587
"""


@pytest.fixture
def what(tmp_path: Path) -> Described:
    (tmp_path / "fleet.toml").write_text(FLEET)
    judges = Judges(lambda _: lambda: ())
    fleet = Fleet(str(tmp_path / "fleet.toml"), judges)
    base = CheckOptions(stores=judges.of(()), total_s=9)
    return described(fleet.entries(), base, fleet.watch, None, fleet.ways())


def answered(
    what: Described, target: str, patience: str, look: Callable[[Job], Done | None]
) -> tuple[Job, str]:
    """The job of a scrape, and its answer where this is what the engine makes of the job."""
    loop, jobs = new_loop(), list[Job]()
    demand = Demand(loop, 1)
    probing = Probing(demand, Targets(what, any_target=False), Counted(lambda: 0))
    scope = {
        "query_string": f"target={target}".encode(),
        "headers": [(b"x-prometheus-scrape-timeout-seconds", patience.encode())],
    }
    task = loop.create_task(probing.answer(scope, loop.create_future))
    task.add_done_callback(lambda _: loop.stop())
    while not task.done():  # what is asked for stops it, too
        loop.run_forever()
        if job := demand.job():
            jobs.append(job)
            if done := look(job):
                job.asked.take(done)  # type: ignore[union-attr]
    loop.close()
    return jobs[0], bytes(task.result().body).decode()


def whole(job: Job) -> Done:
    return Done(job, 0, samples.accepted(), last=True)


@pytest.mark.parametrize(
    ("patience", "timeout_s", "total_s"), [("60", 7, 9), ("8", 7, 7.5), ("4", 3.5, 3.5), ("0.5", 0.25, 0.25)]
)
def test_no_connection_lasts_longer_than_the_scrape_or_than_it_may(
    what: Described, patience: str, timeout_s: float, total_s: float
) -> None:
    job, _ = answered(what, "mail.contoso.test", patience, whole)
    assert (job.options.timeout_s, job.options.total_s) == (timeout_s, total_s)


def test_what_is_pinned_counts(what: Described) -> None:
    said = [answered(what, f"{name}.contoso.test", "60", whole)[1] for name in ("mail", "pinned")]
    assert ['rule="unexpected' in one for one in said] == [False, True]


@pytest.mark.parametrize("last", [True, False])
def test_of_a_target_that_was_seen_in_part_that_is_said(what: Described, *, last: bool) -> None:
    _, said = answered(what, "mail.contoso.test", "0.05", lambda job: replace(whole(job), last=last))
    assert f"probe_success {int(last)}\n" in said
    assert ('address=""' in said) != last
    assert 'address="192.0.2' in said


@pytest.mark.parametrize(("name", "port"), [("mail", 25), ("safe", 465), ("submission", 587)])
def test_a_target_that_was_not_reached_bears_the_port_of_its_series(
    what: Described, name: str, port: int
) -> None:
    _, said = answered(what, f"{name}.contoso.test", "0.01", lambda _: None)
    assert f'port="{port}"' in said
