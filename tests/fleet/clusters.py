"""A Dask cluster as tests use it: in this process, or each part a process of its own; and a server that counts."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from distributed import LocalCluster
from distributed.security import Security

from tests.cli.running import HEALTHY, unmeasured
from tests.net.scripted import Peer, Script


@contextmanager
def cluster(workers: int = 2, security: Security | None = None) -> Iterator[LocalCluster]:
    """Scheduler and workers in this process; without an address its HTTP server would take port 8787."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", sys.path[:])  # each part puts its folder there, and leaves it
        with LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0",
            host="127.0.0.1", protocol="tls://" if security else "tcp://", security=security,
        ) as made:  # fmt: skip
            yield made


class Counted:
    """A server that keeps when it was looked at, and by which of its addresses; `reached` once there are `mark`."""

    def __init__(self, mark: int = 0, script: Script = HEALTHY) -> None:
        self.looks: list[tuple[float, str]] = []
        self.reached = threading.Event()
        self._mark, self._script, self._lock = mark, script, threading.Lock()

    def __call__(self, peer: Peer) -> None:
        with self._lock:
            self.looks.append((time.monotonic(), peer.socket.getsockname()[0]))
            if len(self.looks) == self._mark:
                self.reached.set()
        self._script(peer)


def address(number: int) -> str:
    """A target's address in a network of its own."""
    return f"127.{71 + number // 250}.{number % 250}.1"


class Part:
    """A scheduler or a worker, in a process of its own."""

    def __init__(self, stack: ExitStack, *words: str, **environ: str) -> None:
        self.process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                env=unmeasured(**environ),  # it is killed
            )
        )
        stack.callback(self.end)
        self.said: list[str] = []

    def until(self, words: str) -> str:
        """What follows these words, once they are said; what is said afterwards is let go."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if words in line:
                threading.Thread(target=self._let_go, daemon=True).start()
                return line.partition(words)[2].strip()
        raise AssertionError("".join(self.said))

    def _let_go(self) -> None:
        with suppress(ValueError):
            for line in self.process.stderr or ():
                self.said.append(line)

    def end(self) -> None:
        self.process.kill()


@contextmanager
def parts(folder: Path, *environs: dict[str, str]) -> Iterator[tuple[str, list[Part]]]:
    """The address of a scheduler, and a worker for each environment."""
    with ExitStack() as stack:
        scheduler = Part(
            stack, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
        )
        at = scheduler.until("Scheduler at:")
        made = [
            Part(
                stack, "distributed.cli.dask_worker", at, "--host", "127.0.0.1", "--no-nanny", "--nthreads", "1",
                "--no-dashboard", "--local-directory", str(folder), **environ,
            )
            for environ in environs
        ]  # fmt: skip
        for one in made:
            one.until("Registered to:")
        yield at, made
