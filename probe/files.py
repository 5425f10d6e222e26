"""Files that users name: what is no file is refused before it can block, what is written replaces the old one whole."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from probe.errors import InputError
from probe.text import printable

#: Files of one run; a server writes some 9,000 hourly logs a year.
MAX_FILES = 20_000

_PIPE, _DEVICE = (stat.S_ISFIFO, "it is a pipe, not a file"), (stat.S_ISCHR, "it is a device, not a file")
_NEVER_WRITTEN = (
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
    (stat.S_ISDIR, os.strerror(errno.EISDIR)),
)
_NEVER_READ = (_PIPE, _DEVICE, *_NEVER_WRITTEN[:2])

#: Where the system keeps links to what a process has open already, as /dev/stdout.
_SYSTEM_LINKS = ("/dev", "/dev/fd", "/proc/self/fd")
#: Characters of a file's name that the name of the file beside it repeats; file systems take 255 bytes in all.
_NAME_BESIDE = 40


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading; raises OSError, at once for a pipe, a device or a socket."""
    _refuse(path.stat().st_mode, _NEVER_READ)
    return open(path, "rb", opener=_opener)


def _opener(path: str, flags: int) -> int:
    # What has taken the file's place since must not block either.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        _refuse(os.fstat(descriptor).st_mode, _NEVER_READ)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse(mode: int, kinds: Iterable[tuple[Callable[[int], bool], str]]) -> None:
    for is_one, sentence in kinds:
        if is_one(mode):
            raise OSError(errno.EINVAL, sentence)


def _there(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def expand(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Every file meant: a folder's files in the order of their names, a pattern's, or the file itself.

    Raises InputError where a path means nothing at all. Exchange names its logs by the hour, so
    names are in the order of time.
    """
    found: dict[Path, None] = {}
    for path in paths:
        for one in _files(path):
            found[one] = None
            if len(found) > MAX_FILES:
                raise InputError(f"more than {MAX_FILES} files are given; name a folder further down")
    return tuple(found)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(one for one in path.rglob("*") if one.is_file())
    elif path.exists():
        yield path
    else:
        import glob

        pattern = glob.has_magic(str(path))
        matches = sorted(Path(path.anchor).glob(str(path)[len(path.anchor) :])) if pattern else ()
        if not matches:
            raise InputError(f"{printable(str(path))} {'matches no file' if pattern else 'does not exist'}")
        for match in matches:
            yield from _files(match)


def written_in_place(path: Path) -> bool:
    """Whether a path names a device, a pipe of one's own, or what is open already; raises OSError if no file can be."""
    found = _there(path)
    if found is None:
        return False
    if stat.S_ISLNK(found.st_mode):
        return str(path.parent) in _SYSTEM_LINKS
    _refuse(found.st_mode, _NEVER_WRITTEN)
    if stat.S_ISFIFO(found.st_mode) and found.st_uid not in (0, os.geteuid()):
        raise OSError(errno.EPERM, "it is a pipe of somebody else's")
    return not stat.S_ISREG(found.st_mode)


def append(path: Path, pieces: Iterable[bytes]) -> None:
    """Add to what is there; raises OSError. A symbolic link is followed in the system's folders only."""
    follow = str(path.parent) in _SYSTEM_LINKS
    flags = os.O_WRONLY | os.O_APPEND | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    with open(path, "ab", opener=lambda name, _: os.open(name, flags)) as file:
        file.writelines(pieces)


def write_file(path: Path, pieces: Iterable[bytes], *, new: bool = False, permissions: int = 0o666) -> None:
    """Write a whole file: a reader sees the old one or the new one, never a part, and a failure leaves the old one.

    It is written beside the old one and takes its permissions, else those given, less the umask; a symbolic link is
    replaced, not followed. A device or a pipe gets the pieces as they come. Raises OSError; with `new`,
    FileExistsError where the name is taken.
    """
    if not new and written_in_place(path):
        append(path, pieces)
        return
    old = _there(path)
    mode = stat.S_IMODE(old.st_mode) if old and stat.S_ISREG(old.st_mode) else None
    beside = path.with_name(f".{path.name[:_NAME_BESIDE]}.{os.urandom(8).hex()}")
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode or permissions)) as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if old and mode is not None:
            with contextlib.suppress(OSError, AttributeError):  # not everybody may give a file away
                os.chown(beside, old.st_uid, old.st_gid)
            beside.chmod(mode)
        if new:
            os.link(beside, path)
        else:
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone; raises OSError."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
