"""Writing files: who reads sees the old one or the new one, whatever fails, and whatever lies in the way."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.files import append, write_file, written_in_place

OLD, NEW = b"old\n", (b"new ", b"and ", b"whole\n")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report"
    path.write_bytes(OLD)
    return path


def alone(path: Path) -> bool:
    """Whether nothing else lies in its folder."""
    return list(path.parent.iterdir()) == [path]


def test_a_reader_never_sees_a_part(report: Path) -> None:
    seen = []

    def pieces() -> Iterator[bytes]:
        for piece in NEW:
            seen.append(report.read_bytes())
            yield piece

    write_file(report, pieces())
    assert (seen, report.read_bytes(), alone(report)) == ([OLD] * 3, b"".join(NEW), True)


@pytest.mark.parametrize("fault", [OSError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_old_one(report: Path, fault: type[BaseException]) -> None:
    def pieces() -> Iterator[bytes]:
        yield NEW[0] * 10_000
        raise fault

    with pytest.raises(fault):
        write_file(report, pieces())
    assert (report.read_bytes(), alone(report)) == (OLD, True)


def test_a_link_in_its_place_is_replaced(report: Path) -> None:
    planted = report.with_name("planted")
    planted.symlink_to(report)
    write_file(planted, NEW)
    assert (report.read_bytes(), planted.is_symlink()) == (OLD, False)
    planted.unlink()
    planted.symlink_to(report)
    with pytest.raises(OSError, match="symbolic link"):
        append(planted, NEW)
    append(report, NEW)
    assert report.read_bytes() == OLD + b"".join(NEW)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o666])
def test_permissions_are_kept(report: Path, mode: int) -> None:
    report.chmod(mode)
    during = []

    def pieces() -> Iterator[bytes]:
        during.extend(stat.S_IMODE(path.stat().st_mode) for path in report.parent.iterdir())
        yield from NEW

    write_file(report, pieces())
    assert stat.S_IMODE(report.stat().st_mode) == mode
    assert not [seen for seen in during if seen & ~mode]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_is_as_the_umask_has_it(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_file(tmp_path / "new", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask


def test_a_long_name_has_room_beside_it(tmp_path: Path) -> None:
    path = tmp_path / ("\N{EURO SIGN}" * 85)
    write_file(path, NEW)
    assert path.read_bytes() == b"".join(NEW)


def test_a_new_file_takes_nobody_elses_name(report: Path) -> None:
    with pytest.raises(FileExistsError):
        write_file(report, NEW, new=True)
    assert (report.read_bytes(), alone(report)) == (OLD, True)
    write_file(report.with_name("other"), NEW, new=True)
    assert report.with_name("other").read_bytes() == b"".join(NEW)


def test_a_pipe_given_on_purpose_gets_it_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    write_file(pipe, NEW)
    reader.join(20)
    assert (heard, stat.S_ISFIFO(pipe.stat().st_mode)) == ([b"".join(NEW)], True)


def test_a_pipe_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that everybody may write to, it would be a trap."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if os.geteuid() == 0:
        os.chown(pipe, 65_534, 65_534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: pipe.stat().st_uid + 1)
    with pytest.raises(OSError, match="somebody else"):
        write_file(pipe, NEW)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="it is a socket, not a file"):
            write_file(tmp_path / "socket", NEW)
    with pytest.raises(OSError, match="Is a directory"):
        write_file(tmp_path, NEW)


def test_devices_and_what_is_open_already() -> None:
    assert written_in_place(Path("/dev/full"))
    assert written_in_place(Path("/dev/stdout"))
    write_file(Path("/dev/null"), NEW)
    with pytest.raises(OSError, match="No space left"):
        write_file(Path("/dev/full"), NEW)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
