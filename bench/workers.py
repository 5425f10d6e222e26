"""`python bench/workers.py [TARGETS] [ROUNDS]`: a Dask worker's processor time a target beside the local engine's.

One worker and the local engine in turns, each in a process of its own, on servers of a third one; and what the engine
costs beside its workers: the scheduler's and the run's processor time for 1,000 targets.
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

PROFILE_OFF = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
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


def spent(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def main(targets: int = 1000, rounds: int = 5) -> None:
    folder = Path(tempfile.mkdtemp())
    file, root = folder / "t.jsonl", folder / "root.pem"
    env = environment(PYTHONPATH=str(ROOT))
    with ExitStack() as stack:
        server = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", SERVER, root], stdin=-1, stdout=-1, text=True, cwd=ROOT, env=env
            )
        )
        stack.callback(server.kill)
        assert server.stdout is not None
        port = int(server.stdout.readline())
        file.write_text(
            "".join(
                json.dumps({"host": address(n % 500), "port": port, "sni": f"n{n}.test"}) + "\n"
                for n in range(targets)
            )
        )
        at, (worker,) = stack.enter_context(parts(folder, PROFILE_OFF))
        scheduler = psutil.Process(worker.process.pid).parent()
        assert scheduler is not None
        [planner] = [
            each for each in scheduler.children() if any("dask_scheduler" in word for word in each.cmdline())
        ]
        words = (sys.executable, "-m", "probe", "fleet", "run", file, "--stand-in", root, "--format", "jsonl",
                 "--engine", "dask", "--scheduler", at, "--output", folder / "out")  # fmt: skip
        here: list[float] = []
        there: list[float] = []
        beside: list[float] = []
        for number in range(rounds + 1):
            out = subprocess.run(
                [sys.executable, "-c", LOCAL, file, root], capture_output=True, text=True, check=True, env=env
            ).stdout
            before, planned, ours = spent(worker.process.pid), spent(planner.pid), os.times()
            subprocess.run(words, check=False, env=env, stderr=subprocess.DEVNULL)
            after = os.times()
            if number:  # the first warms the worker up
                here.append(1000 * float(out) / targets)
                there.append(1000 * (spent(worker.process.pid) - before) / targets)
                client = (
                    after.children_user + after.children_system - ours.children_user - ours.children_system
                )
                beside.append(1000 * (spent(planner.pid) - planned + client) / targets)
        assert len((folder / "out").read_text().splitlines()) == targets
    ratio = statistics.median(b / a for a, b in zip(here, there, strict=True))
    print(f"local engine   {statistics.median(here):.2f} ms of processor time a target")
    print(
        f"Dask's worker  {statistics.median(there):.2f} ms: {ratio:.2f} times as much (median of {rounds} pairs)"
    )
    print(f"scheduler and run, rendering included: {statistics.median(beside):.2f} s for 1,000 targets")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
