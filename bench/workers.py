"""`python bench/workers.py [TARGETS] [ROUNDS]`: a Dask worker's processor time a target beside the local engine's.

One worker and the local engine in turns, each in a process of its own, on servers of a third one: once with Dask's own
settings, once with those of docs/distributed.md. And what the engine costs beside its workers: the processor time of
scheduler and run for 1,000 targets.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil

from tests.cli.running import environment
from tests.fleet.clusters import address, parts

SETTINGS: dict[str, dict[str, str]] = {
    "Dask's own settings": {},
    "those of docs/distributed.md": {
        "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
        "DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL": "1s",
        "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    },
}
ROOT = Path(__file__).resolve().parent.parent
SERVER = """
import sys
from tests.cli.running import HEALTHY, ROOT
from tests.net.scripted import ScriptedServer
with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
    open(sys.argv[1], "w").write(ROOT.pem)
    print(server.port, flush=True)
    sys.stdin.read()
"""
LOCAL = """
import gc, sys, time
from probe import GARBAGE_THRESHOLD
from probe.check.run import run_jobs
from probe.check.pace import Pace
from probe.cli.options import Stores
from probe.check.options import CheckOptions
from probe.fleet.entries import Judges
from probe.fleet.run import Jobs
from probe.fleet.source import Fleet
gc.set_threshold(GARBAGE_THRESHOLD)  # as the product does
judges = Judges(lambda names: Stores(stand_in=sys.argv[2]).loader())
jobs = Jobs(Fleet(sys.argv[1], judges).entries(), CheckOptions(stores=judges.of(())))
began = time.process_time()
for done in run_jobs(jobs, Pace()):
    list(done.assessment.forecast)
print(time.process_time() - began)
"""


class Cluster:
    """A scheduler and a worker, and what each run cost: seconds of processor time of the worker, and of all else."""

    def __init__(self, stack: ExitStack, folder: Path, settings: dict[str, str]) -> None:
        before = set(psutil.Process().children())
        self.at, (worker,) = stack.enter_context(parts(folder, settings))
        [scheduler] = {
            each.pid for each in set(psutil.Process().children()) - before if each.pid != worker.process.pid
        }
        self._worker, self._scheduler = worker.process.pid, scheduler
        self.worker: list[float] = []
        self.beside: list[float] = []

    def run(self, file: Path, root: Path, targets: int) -> None:
        words = (sys.executable, "-m", "probe", "fleet", "run", file, "--stand-in", root, "--format", "jsonl",
                 "--engine", "dask", "--scheduler", self.at, "--output", file.with_suffix(".out"))  # fmt: skip
        worker, scheduler, ours = spent(self._worker), spent(self._scheduler), of_children()
        subprocess.run(words, check=False, env=environment(PYTHONPATH=str(ROOT)), stderr=subprocess.DEVNULL)
        self.worker.append(spent(self._worker) - worker)
        self.beside.append(spent(self._scheduler) - scheduler + of_children() - ours)
        assert len(file.with_suffix(".out").read_text().splitlines()) == targets


def spent(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def of_children() -> float:
    """Seconds of processor time of the processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def local(file: Path, root: Path) -> float:
    """Seconds of processor time of the local engine."""
    words = (sys.executable, "-c", LOCAL, file, root)
    return float(subprocess.check_output(words, text=True, env=environment(PYTHONPATH=str(ROOT))))


def main(targets: int = 1000, rounds: int = 5) -> None:
    folder = Path(tempfile.mkdtemp())
    file, root = folder / "t.jsonl", folder / "root.pem"
    with ExitStack() as stack:
        server = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", SERVER, root], stdin=-1, stdout=-1, text=True, cwd=ROOT,
                env=environment(PYTHONPATH=str(ROOT)),
            )
        )  # fmt: skip
        stack.callback(server.kill)
        assert server.stdout is not None
        port = int(server.stdout.readline())
        hosts = ({"host": address(n % 500), "port": port, "sni": f"n{n}.test"} for n in range(targets))
        file.write_text("".join(json.dumps(one) + "\n" for one in hosts))
        clusters = {name: Cluster(stack, folder, settings) for name, settings in SETTINGS.items()}
        here = []
        for _ in range(rounds + 1):
            here.append(local(file, root))
            for one in clusters.values():
                one.run(file, root, targets)
    median, per = statistics.median, 1000 / targets
    # The first round warms the workers up.
    print(f"processor time a target, median of {rounds} rounds: local engine {median(here[1:]) * per:.2f} ms")
    for name, one in clusters.items():
        ratio = median(b / a for a, b in zip(here[1:], one.worker[1:], strict=True))
        print(f"a worker with {name}: {median(one.worker[1:]) * per:.2f} ms, {ratio:.2f} times as much")
        print(
            f"    scheduler and run, rendering included: {median(one.beside[1:]) * per:.2f} s for 1,000 targets"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
