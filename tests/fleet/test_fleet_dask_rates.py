"""What workers that come and go do together: rates counted at the server, and never two of them at one address."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import LocalCluster

from tests.cli.running import HEALTHY, HOST, Cli
from tests.fleet.clusters import Counted, cluster
from tests.fleet.test_fleet_dask import many, run
from tests.net.scripted import Peer, ScriptedServer

pytest_plugins = ("tests.cli.conftest",)

RATE = 20


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@contextmanager
def once(counted: Counted, then: Callable[[], object]) -> Iterator[None]:
    """Do something as soon as a server has been looked at so often."""

    def act() -> None:
        assert counted.reached.wait(60)
        then()

    thread = threading.Thread(target=act)
    thread.start()
    yield
    thread.join()


def most(moments: list[float]) -> int:
    """The most connections within a second, or nearly: the last may have been late, the first not."""
    return max(sum(1 for each in moments if at <= each < at + 0.8) for at in moments)


def come(made: LocalCluster) -> None:
    made.scale(5)


def go(made: LocalCluster) -> None:
    made.sync(made.workers[0].close)


@pytest.mark.parametrize("change", [come, go])
def test_the_rate_holds_while_workers(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, change: Callable[[LocalCluster], None]
) -> None:
    """All targets are in one network, which is asked twenty times a second by however many workers there are."""
    monkeypatch.setattr("probe.fleet.dask.run.COUNT_S", 0.1)
    monkeypatch.setattr("probe.fleet.dask.run.AHEAD", 0)  # some are left for those that come
    counted = Counted(45, lambda peer: peer.say(b"554 5.3.2 not now\r\n"))
    with (
        ScriptedServer(counted, host="0.0.0.0") as server,
        cluster() as made,
        once(counted, lambda: change(made)),
    ):
        assert run(cli, made.scheduler_address, many(2, 1)).code == 3  # nothing is to be loaded later
        targets = [{"host": HOST, "addresses": [f"127.80.1.{n}"], "port": server.port} for n in range(1, 121)]
        options = ("--rate", str(RATE), "--concurrency", "20")
        ran = run(cli, made.scheduler_address, targets, *options)
    assert len(ran.out.splitlines()) == 120
    assert most([at for at, _ in counted.looks]) <= RATE + 2


class Overlap:
    """A server that counts how many connections it has at once, and answers none before it may and has so many."""

    def __init__(self, may: threading.Event, at_once: int) -> None:
        self.now = self.most = 0
        self._may, self._lock, self._there = may, threading.Lock(), threading.Barrier(at_once)

    def __call__(self, peer: Peer) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        assert self._may.wait(60)
        self._there.wait(60)
        HEALTHY(peer)
        with self._lock:
            self.now -= 1


@pytest.mark.parametrize(
    ("hosts", "at_once"),
    [(["localhost"] * 2, 1), (["127.0.0.1"] * 2, 1), (["localhost", "127.0.0.1"], 2)],
    ids=["a name", "an address", "a name that leads to the address of another target"],
)
def test_two_workers_are_at_one_address_only_where_nobody_knows(
    cli: Cli, hosts: list[str], at_once: int
) -> None:
    """Batches of ten: the second one is the other worker's."""
    counted = Counted(30)
    overlap = Overlap(counted.reached, at_once)
    with (
        ScriptedServer(overlap) as server,
        ScriptedServer(counted, host="0.0.0.0") as others,
        cluster() as made,
    ):
        targets = many(30, others.port)
        for place, host in zip((0, 15), hosts, strict=True):
            targets.insert(place, {"host": host, "port": server.port})
        ran = run(cli, made.scheduler_address, targets)
    assert len(ran.out.splitlines()) == len(targets)
    assert overlap.most == at_once
