from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from probe.history.spool import Batch, Spool, broken
from tests.history.looks import look

NAME = "0" * 31


def batch(order: int, *numbers: int) -> Batch:
    return Batch(order, f"{NAME}{order % 10}", [look(number) for number in numbers])


def test_what_waits_comes_back_as_it_was_and_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "state" / "spool")
    assert (spool.waiting(), spool.next_order()) == ([], 1)
    for order in (10, 9, 11):
        spool.put(batch(order, order, order + 100))
    assert [spool.read(path) for path in spool.waiting()] == [batch(n, n, n + 100) for n in (9, 10, 11)]
    assert spool.next_order() == 12


def test_it_is_this_users_alone(tmp_path: Path) -> None:
    path = Spool(tmp_path / "state" / "spool").put(batch(1, 1))
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


@pytest.mark.parametrize("bounds", [{"max_files": 2}, {"max_bytes": 1500}])
def test_a_full_one_takes_no_more_and_keeps_what_it_has(tmp_path: Path, bounds: dict[str, int]) -> None:
    spool = Spool(tmp_path, **bounds)
    spool.put(batch(1, 1))
    spool.put(batch(2, 2))
    with pytest.raises(OSError, match="the spool is full"):
        spool.put(batch(3, 3))
    assert [spool.read(path).order for path in spool.waiting()] == [1, 2]
    spool.waiting()[0].unlink()
    spool.put(batch(3, 3))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\n",
        b'{"records":1,"schema":"eop-probe/spool/1"}\n',
        b'{"records":1,"schema":"eop-probe/spool/1"}\n{"target":"x"}\n',
        b'{"records":0,"schema":"eop-probe/spool/2"}\n',
        b'{"records":0}\nmore\n',
    ],
)
def test_a_broken_file_is_an_error_and_can_be_set_aside(tmp_path: Path, content: bytes) -> None:
    spool = Spool(tmp_path)
    path = spool.put(batch(1, 1))
    spool.put(batch(2, 2))
    assert spool.read(path).order == 1  # the control
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        spool.read(path)
    assert spool.set_aside(path) == broken(path)
    assert [spool.read(each).order for each in spool.waiting()] == [2]


def test_a_pipe_in_a_files_place_blocks_nobody(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    path = spool.put(batch(1, 1))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OSError, match="it is a pipe"):
        spool.read(path)


def test_what_a_killed_process_began_is_removed_later(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    old, new = tmp_path / ".begun.1", tmp_path / ".begun.2"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    spool.put(batch(1, 1))
    assert not old.exists()
    assert new.exists()
    assert len(spool.waiting()) == 1
