"""The running lab as a fixture, for each worker of a run, and how much of it the run has used."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.running import PROJECT, Lab, start
from tests.lab.situations import SERVICES

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling
    from xdist.workermanage import WorkerController

#: Tests that change the same services, or look at what others change, run one after another, on one worker.
TOGETHER = {
    "postgres": r"test_lab_(history|shares)\.py",
    "exchangers": r"test_lab_(dane|mta_sts)\.py",
    "changing": r"test_lab_(watch|monitoring|fleet)\.py|\[(wildcard|balancer|node-[ab])\b",
}

_USED = pytest.StashKey[set[str]]()


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab, started by the first worker if need be; it is left running, for the next run needs it again."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with folder.joinpath("lab").open("a") as up:
        fcntl.flock(up, fcntl.LOCK_EX)
        with _used_by_nobody_else(str(folder)):
            if not os.fstat(up.fileno()).st_size:
                try:
                    start()
                except RuntimeError as error:
                    # Not skipped: that would hide that nothing was tested.
                    pytest.fail(f"the Postfix lab does not start:\n{error}", pytrace=False)
                up.write("up")
                up.flush()
            fcntl.flock(up, fcntl.LOCK_UN)
            running = Lab()
            request.config.stash[_USED] = running.used
            yield running


@contextmanager
def _used_by_nobody_else(run: str) -> Iterator[None]:
    """Wait for the end of other runs, of other checkouts too: there is one lab, and tests change its services."""
    with (Path(gettempdir()) / f"{PROJECT}-{os.getuid()}.lock").open("a+") as lock:
        while True:
            fcntl.flock(lock, fcntl.LOCK_SH)
            lock.seek(0)
            if lock.read() == run:
                break
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(run)
            lock.flush()
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((name for name, those in TOGETHER.items() if re.search(those, nodeid)), nodeid)

    return Scheduling(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what it has used."""
    told: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["lab"] = sorted(session.config.stash.get(_USED, ()))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController) -> None:
    used = node.config.stash.setdefault(_USED, set())
    used |= set(getattr(node, "workeroutput", {}).get("lab", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if used := config.stash.get(_USED, None):
        terminalreporter.write_line(f"Postfix lab: {len(used)} of {len(SERVICES)} services used")
