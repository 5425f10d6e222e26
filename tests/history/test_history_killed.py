"""A process that records is killed with SIGKILL at any moment: what it said to be kept is there, and nothing twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from probe.history.recorder import Bounds, Kept, Recorder
from probe.history.spool import Spool
from tests.history.looks import found

pytestmark = pytest.mark.slow

#: Records without end, and after each few what is kept of them.
PROGRAM = """
import sys
from itertools import count
from pathlib import Path
from probe.history.recorder import Bounds, Recorder
from tests.history.looks import look
recorder = Recorder(sys.argv[1], Path(sys.argv[2]), bounds=Bounds(flush_s=60.0))
for number in count():
    recorder.add(look(number))
    if number % 7 == 0:
        kept = recorder.flush()
        print(kept.recorded, kept.waiting, kept.lost, flush=True)
"""

#: However busy this machine is.
PATIENT = Bounds(flush_s=60.0)


def killed(history: Path, spool: Path, *, after: int) -> tuple[int, int, int]:
    """What a process said last that was killed after so many lines."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(history), str(spool)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += process.stdout.readlines()
    recorded, waiting, lost = map(int, [line for line in lines if line.endswith("\n")][-1].split())
    return recorded, waiting, lost


@pytest.mark.parametrize("after", [1, 6, 40])
def test_while_the_database_is_there(tmp_path: Path, after: int) -> None:
    history, spool = tmp_path / "history.sqlite", tmp_path / "spool"
    said = killed(history, spool, after=after)
    there = list(found(history))
    assert said[1:] == (0, 0)
    assert there == list(range(len(there)))
    assert said[0] <= len(there) <= said[0] + 7
    assert Recorder(str(history), spool, bounds=PATIENT).close() == Kept()  # the next run finds nothing left


@pytest.mark.parametrize("after", [1, 6, 40])
def test_while_it_is_away(tmp_path: Path, after: int) -> None:
    history, spool = tmp_path / "mounted" / "history.sqlite", tmp_path / "spool"
    said = killed(history, spool, after=after)
    assert (said[0], said[2]) == (0, 0)
    history.parent.mkdir()
    delivered = Recorder(str(history), spool, bounds=PATIENT).close()
    there = list(found(history))
    assert there == list(range(len(there)))
    assert delivered == Kept(delivered=len(there))
    assert said[1] <= len(there) <= said[1] + 7
    assert Spool(spool).waiting() == []
