"""One watch at a time: a claim on a history, which ends with its process, however that ends.

On SQLite it is a lock on a file beside the database, on PostgreSQL an advisory lock of a session that stays open.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from probe.errors import ConfigurationError
from probe.history.database import Database, HistoryError
from probe.history.locks import Locks, digest
from probe.text import counted, printable


class Claim:
    """The claim of one watch; raises ConfigurationError where another has it."""

    def __init__(self, database: Database, name: str) -> None:
        """Claim `database` for what is called `name`."""
        self._database, self._name = database, name
        self._file: BinaryIO | None = None
        self._locks = Locks(database)
        self.renew()

    def renew(self) -> None:
        """Make sure of the claim; raises ConfigurationError where another has it, HistoryError where none can tell."""
        if self._database.file is not None:
            self._file = self._file or self._locked(self._database.file)
        elif not self._locks.alive():
            own_share(self._locks, self._database, self._name, self._name, 1)

    def let_go(self, done: Iterable[int]) -> None:
        """Nothing: there are no shares of others."""

    def close(self) -> None:
        """Give it up."""
        if self._file is not None:
            self._file.close()
        self._locks.close()

    def _locked(self, database: Path) -> BinaryIO:
        path = database.with_name(f"{database.name}-watch-{digest(self._name)[:4].hex()}")
        try:
            file = path.open("ab")
        except OSError as error:
            raise HistoryError(f"cannot write {printable(str(path))}: {error.strerror}") from None
        try:
            _lock(file)
        except OSError:
            file.close()
            raise taken(self._database, self._name) from None
        return file


def own_share(locks: Locks, database: Database, name: str, fleet: str, total: int) -> None:
    """Take what is called `name`, one of `total` shares of a fleet.

    Raises ConfigurationError where another watch has it, or where the fleet is divided otherwise: its targets would be
    looked at twice. HistoryError where none can tell.
    """
    if not locks.take(name):
        locks.close()
        raise taken(database, name)
    if others := sorted(locks.divide(fleet, total)):
        locks.close()
        raise ConfigurationError(
            f"another fleet watch{_as(fleet)} has the history {database.name}, in {counted(others[0], 'share')} of "
            f"the fleet, not {total}: all of those must end first"
        )


def taken(database: Database, name: str) -> ConfigurationError:
    """That another watch has what is called `name`."""
    return ConfigurationError(
        f"another fleet watch{_as(name)} has the history {database.name}; it must end first"
    )


def _as(name: str) -> str:
    return f" as {printable(name)}" if name else ""


if sys.platform == "win32":

    def _lock(file: BinaryIO) -> None:
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock(file: BinaryIO) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
