"""Batches that wait on disk for the database: a file each, in their order, until it has them."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from probe.files import make_private, open_file, write_file
from probe.net import clock
from probe.report.record import Record

#: Bytes and files of one spool; what comes then is lost, and counted. A record has some 5,000 bytes.
MAX_BYTES = 256 << 20
MAX_FILES = 10_000
#: Seconds after which a file that was being written is one whose process was killed.
_ABANDONED_S = 3600
_NAME = re.compile(r"(\d{12})-([0-9a-f]{32})\.jsonl")


class Batch(NamedTuple):
    """Records that are written together; `name` makes a second delivery harmless, `order` is the spool's."""

    order: int
    name: str
    records: Sequence[Record]


class Spool:
    """The files of one history's spool, which several processes may use at once.

    A file is removed once its batch is committed: two that deliver it both find that out. It is made when it is
    needed. A file that cannot be read is set aside under another name, and counts as before.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> None:
        self.folder = folder
        self._max_bytes, self._max_files = max_bytes, max_files

    def waiting(self) -> list[Path]:
        """The files that wait, in their order; none where the folder cannot be read."""
        return sorted(path for path in self._all() if _NAME.fullmatch(path.name))

    def next_order(self) -> int:
        """The order of a batch that comes after all that wait."""
        return 1 + max((order_of(path) for path in self.waiting()), default=0)

    def path(self, batch: Batch) -> Path:
        """Where a batch waits, if it does."""
        return self.folder / f"{batch.order:012}-{batch.name}.jsonl"

    def put(self, batch: Batch) -> Path:
        """Keep a batch until it is delivered: it is on the disk when this returns; raises OSError, ValueError,
        OverflowError.
        """
        from probe.history.spool_lines import encoded

        pieces = encoded(batch.records)
        make_private(self.folder)
        self._make_room(sum(map(len, pieces)))
        path = self.path(batch)
        write_file(path, pieces, permissions=0o600)
        _sync(self.folder)
        return path

    def read(self, path: Path) -> Batch:
        """A batch that waits; raises OSError, or ValueError where it is broken."""
        from probe.history.spool_lines import decoded

        with open_file(path) as file:
            records = decoded(file.read(self._max_bytes))
        return Batch(order_of(path), path.stem.partition("-")[2], records)

    def set_aside(self, path: Path) -> Path:
        """Take a file that cannot be delivered out of the way; raises OSError."""
        return path.rename(broken(path))

    def _make_room(self, wanted: int) -> None:
        found = list(self._all())
        # A killed process's beginning of a file was never counted as waiting.
        for path in found:
            if path.name.startswith(".") and clock.now().timestamp() - _status(path)[1] > _ABANDONED_S:
                path.unlink(missing_ok=True)
        if (
            len(found) >= self._max_files
            or sum(_status(path)[0] for path in found) + wanted > self._max_bytes
        ):
            raise OSError(errno.ENOSPC, f"the spool is full ({len(found):,} files)")

    def _all(self) -> Iterator[Path]:
        try:
            yield from self.folder.iterdir()
        except OSError:
            return


def order_of(path: Path) -> int:
    """The order of a batch that waits."""
    return int(path.name.partition("-")[0])


def broken(path: Path) -> Path:
    """What a file is called that was set aside."""
    return path.with_suffix(".broken")


def _status(path: Path) -> tuple[int, float]:
    """Bytes, and when it was changed; another process may have delivered it."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0.0
    return found.st_size, found.st_mtime


def _sync(folder: Path) -> None:
    """Have the folder's new entry on the disk, where a folder can be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
