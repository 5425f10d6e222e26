"""One watch at a time: a claim on a history, which ends with its process, however that ends.

On SQLite it is a lock on a file beside the database, on PostgreSQL an advisory lock of a session that stays open.
"""

from __future__ import annotations

import contextlib
import sys
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from probe.errors import ConfigurationError
from probe.history.database import Database, HistoryError
from probe.text import printable

#: Tells PostgreSQL early that a client's machine is gone: seconds of silence, between probes, and how many.
_KEEPALIVE = ("tcp_keepalives_idle=30", "tcp_keepalives_interval=10", "tcp_keepalives_count=3")


class Claim:
    """The claim of one watch; raises ConfigurationError where another has it."""

    def __init__(self, database: Database, name: str) -> None:
        """Claim `database` for what is called `name`."""
        self._database, self._name = database, name
        self._file: BinaryIO | None = None
        self._session: Connection | None = None
        self.renew()

    def renew(self) -> None:
        """Make sure of the claim; raises ConfigurationError where another has it, HistoryError where none can tell."""
        if self._database.file is not None:
            self._file = self._file or self._locked(self._database.file)
        elif not self._alive():
            self._session = self._opened()

    def close(self) -> None:
        """Give it up."""
        if self._file is not None:
            self._file.close()
        self._let_go()

    @property
    def _digest(self) -> bytes:
        return blake2b(f"watch {self._name}".encode(), digest_size=8).digest()

    def _locked(self, database: Path) -> BinaryIO:
        path = database.with_name(f"{database.name}-watch-{self._digest[:4].hex()}")
        try:
            file = path.open("ab")
        except OSError as error:
            raise HistoryError(f"cannot write {printable(str(path))}: {error.strerror}") from None
        try:
            _lock(file)
        except OSError:
            file.close()
            raise self._taken() from None
        return file

    def _alive(self) -> bool:
        if self._session is None:
            return False
        try:
            self._session.execute(text("SELECT 1"))
            self._session.commit()
        except SQLAlchemyError:
            self._let_go()
        return self._session is not None

    def _opened(self) -> Connection:
        self._session = session = self._database.session()
        try:
            for setting in _KEEPALIVE:
                session.execute(text(f"SET {setting}"))
            number = int.from_bytes(self._digest, "big", signed=True)
            mine = session.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": number})
            session.commit()
        except SQLAlchemyError as error:
            self._let_go()
            raise HistoryError(f"the history {self._database.name} is away: {type(error).__name__}") from None
        if not mine:
            self._let_go()
            raise self._taken()
        return session

    def _let_go(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(SQLAlchemyError):
                session.invalidate()  # not back to the pool, which would keep the lock
                session.close()

    def _taken(self) -> ConfigurationError:
        which = f" as {printable(self._name)}" if self._name else ""
        return ConfigurationError(
            f"another fleet watch{which} has the history {self._database.name}; it must end first"
        )


if sys.platform == "win32":

    def _lock(file: BinaryIO) -> None:
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock(file: BinaryIO) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
