"""`fleet run --engine dask` with a scheduler and two workers in containers of the product's image, over TLS."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from probe.history.database import Database
from probe.history.read import spans
from tests.cli.running import CA, HEALTHY, HOST, ISSUING
from tests.cli.running import ROOT as ROOT_CERTIFICATE
from tests.fleet.clusters import Counted, address
from tests.lab.cut import Wire, wire_to
from tests.lab.running import PATIENCE_SECONDS, ROOT, START_SECONDS, Lab, run, said, until
from tests.net.scripted import Peer, ScriptedServer

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 240)]

IMAGE = "eop-probe"
TARGETS, CUT_S = 300, 10
#: Looks that are served at once; each worker has so many open at most, so that of one more both have some.
FIRST, CONCURRENCY = 100, 10


class Cluster(NamedTuple):
    """Containers by what they are, the scheduler's port, the wire to it that the second worker has, and TLS files."""

    containers: dict[str, str]
    port: int
    wire: Wire
    tls: Path


def started(tls: Path, part: str, *words: str) -> str:
    """A container on this machine's network."""
    command = ("docker", "run", "--detach", "--network", "host", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
               "-e", "HOME=/tmp", "-v", f"{tls}:/tls:ro", "--entrypoint", "dask", IMAGE)  # fmt: skip
    files = ("--tls-ca-file", "/tls/ca.pem", "--tls-cert", "/tls/part.pem", "--tls-key", "/tls/part.key")
    return run(*command, part, *words, "--no-dashboard", *files).strip()


def logged(container: str, words: str) -> str:
    """What follows these words in the first line that has them; a container that has ended says nothing more."""

    def found() -> str:
        runs = run("docker", "inspect", "--format", "{{.State.Running}}", container)
        logs = said("docker", "logs", container)
        if match := re.search(rf"{words}(.*)\n", logs):
            return match[1].strip()
        assert runs == "true\n", logs
        return ""

    return until(found, words, lambda: said("docker", "logs", container))


@pytest.fixture
def cluster(lab: Lab, tmp_path: Path) -> Iterator[Cluster]:
    del lab  # whose image it is
    tls = tmp_path / "tls"
    tls.mkdir(mode=0o755)
    leaf = CA.leaf(ISSUING, "127.0.0.1")
    (tls / "ca.pem").write_text(ROOT_CERTIFICATE.pem)
    (tls / "part.pem").write_text(leaf.pem + ISSUING.pem)
    (tls / "part.key").write_text(leaf.key_pem)
    made: dict[str, str] = {}
    try:
        made["scheduler"] = started(tls, "scheduler", "--host", "tls://127.0.0.1", "--port", "0")
        port = int(logged(made["scheduler"], r"Scheduler at:.*:"))
        with wire_to(port) as wire:
            for name, at in (("oslo", f"127.0.0.1:{port}"), ("berlin", wire.at)):
                made[name] = started(tls, "worker", f"tls://{at}", "--host", "127.0.0.1", "--nthreads", "1",
                                     "--no-nanny", "--local-directory", "/tmp")  # fmt: skip
            for name in ("oslo", "berlin"):
                logged(made[name], "Registered to:")
            yield Cluster(made, port, wire, tls)
    finally:
        said("docker", "rm", "--force", "--volumes", *made.values())


@contextlib.contextmanager
def fleet(cluster: Cluster, at: str, folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A run over the cluster, with a history."""
    targets = (json.dumps({"host": HOST, "addresses": [address(n)], "port": port}) for n in range(TARGETS))
    (folder / "t.jsonl").write_text("\n".join(targets))
    (folder / "root.pem").write_text(ROOT_CERTIFICATE.pem)
    with (folder / "out").open("w") as out, subprocess.Popen(
        [sys.executable, "-m", "probe", "fleet", "run", folder / "t.jsonl", "--stand-in", folder / "root.pem",
         "--format", "jsonl", "--concurrency", str(CONCURRENCY), "--record", "--history", folder / "h.sqlite",
         "--engine", "dask", "--scheduler", f"tls://{at}", "--scheduler-ca", cluster.tls / "ca.pem",
         "--scheduler-cert", cluster.tls / "part.pem", "--scheduler-key", cluster.tls / "part.key"],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def looked_at_again(
    cluster: Cluster, folder: Path, at: Callable[[], str], meanwhile: Callable[[], object]
) -> tuple[int, str]:
    """How many targets the server saw more than once, and what was said; what is reported and kept is each once.

    While it happens both workers have looks under way, which go on afterwards.
    """
    served, go_on = count(), threading.Event()

    def look(peer: Peer) -> None:
        if next(served) >= FIRST:
            go_on.wait(PATIENCE_SECONDS)
        HEALTHY(peer)

    counted = Counted(FIRST + CONCURRENCY + 1, look)
    with (
        ScriptedServer(counted, host="0.0.0.0") as server,
        fleet(cluster, at(), folder, server.port) as process,
    ):
        try:
            until(lambda: counted.reached.is_set() or process.poll() is not None, "looks of both workers")
            if process.poll() is None:
                meanwhile()
        finally:
            go_on.set()
        _, words = process.communicate(timeout=PATIENCE_SECONDS)
    out = (folder / "out").read_text()
    assert process.returncode == 0, words
    every = dict.fromkeys(map(address, range(TARGETS)), 1)
    assert Counter(json.loads(line)["address"] for line in out.splitlines()) == every
    database = Database(str(folder / "h.sqlite"))
    kept = database.run(lambda connection: list(spans(connection)))
    database.close()
    assert Counter({span.endpoint.address: span.looks for span in kept}) == every
    looks = Counter(target for _, target in counted.looks)
    assert looks.keys() == every.keys()
    return sum(1 for one in looks.values() if one > 1), words


def test_a_worker_that_is_killed_costs_what_was_under_way_there(cluster: Cluster, tmp_path: Path) -> None:
    again, words = looked_at_again(
        cluster,
        tmp_path,
        lambda: f"127.0.0.1:{cluster.port}",
        lambda: run("docker", "kill", cluster.containers["oslo"]),
    )
    assert " is gone; " in words
    assert 0 < again <= 110


def test_a_scheduler_that_is_cut_off_for_ten_seconds_costs_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """The run's own connection is broken, that of one worker silent."""
    with wire_to(cluster.port) as ours:

        def cut() -> None:
            ours.broken_for(CUT_S)
            cluster.wire.silent_for(CUT_S)

        again, words = looked_at_again(cluster, tmp_path, lambda: ours.at, cut)
    assert again == 0
    assert words.startswith(f"eop-probe: {TARGETS} results recorded in ")
