"""Files that a user names are opened here: what is no file is refused before it can block or be consumed."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_OTHERS = (
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading; raises OSError, at once for a pipe, a device or a socket."""
    _refuse_others(path.stat().st_mode)
    return open(path, "rb", opener=_opener)


def _opener(path: str, flags: int) -> int:
    # What has taken the file's place since must not block either.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        _refuse_others(os.fstat(descriptor).st_mode)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_others(mode: int) -> None:
    for is_one, sentence in _OTHERS:
        if is_one(mode):
            raise OSError(errno.EINVAL, sentence)
