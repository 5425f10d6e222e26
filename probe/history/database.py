"""A database of the history: opened by URL or file, brought to the present schema, and asked in whole transactions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError

from probe.errors import ConfigurationError, ProbeError
from probe.history.engine import engine_of
from probe.history.migrations import is_current, migrate, version
from probe.text import printable

#: Tries of one transaction: a database that was restarted fails those under way, and two may wait for each other.
TRIES = 3
#: What PostgreSQL says to one of two that wait for each other, and to one that may be done again (Appendix A).
_AGAIN = ("40001", "40P01")

T = TypeVar("T")


class HistoryError(ProbeError):
    """The history cannot be read or written now: it is away, full or broken."""


class RefusedError(HistoryError):
    """The database is there and does not take this: to send it again is of no use."""


class Database:
    """A history that is open; raises ConfigurationError where the URL or the schema is none of ours."""

    def __init__(self, url: str, *, create: bool = True, read: bool = False) -> None:
        """Open `url`, an SQLAlchemy URL or a file's path, and bring its schema up to date.

        Without `create` a file that is not there is a ConfigurationError. With `read` nothing is written, nor made.
        """
        self._url = url_of(url)
        self.sqlite = self._url.get_backend_name() == "sqlite"
        if self.sqlite and (read or not create):
            _refuse_none(Path(self._url.database or ""), self.name)
        self._identity: tuple[int, int] | None = None
        self._engine = engine_of(self._url, read=read)
        if read and not self.run(version):
            raise ConfigurationError(f"{self.name} holds no history")
        if not (read or self.run(is_current)):
            self.run(migrate, write=True)
        if self.sqlite:
            self._identity = self._identity_of_file()

    @property
    def name(self) -> str:
        return name_of(self._url)

    def run(self, work: Callable[[Connection], T], *, write: bool = False) -> T:
        """Do all of `work` in one transaction, again from its beginning where the connection is lost.

        Work that writes has to bear being done twice: what was lost may have been committed. Raises HistoryError.
        """
        self._same_file()
        for attempt in range(1, TRIES + 1):
            try:
                with self._engine.connect().execution_options(write=write) as connection, connection.begin():
                    return work(connection)
            except (DataError, IntegrityError) as error:
                raise RefusedError(_sentence(self.name, error)) from None
            except DBAPIError as error:
                again = error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _AGAIN
                if attempt == TRIES or not again:
                    raise HistoryError(_sentence(self.name, error)) from None
            except SQLAlchemyError as error:
                raise HistoryError(_sentence(self.name, error)) from None
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def _same_file(self) -> None:
        """Hold to a file by its name: what is written to one that lost its name is lost."""
        if self._identity and (now := self._identity_of_file()) != self._identity:
            self._engine.dispose()
            self._identity = now

    def _identity_of_file(self) -> tuple[int, int]:
        try:
            found = Path(self._url.database or "").stat()
        except OSError as error:
            # A new connection would make an empty one.
            raise HistoryError(f"the history {self.name} is no longer there: {error.strerror}") from None
        return found.st_dev, found.st_ino

    def alone(self, statement: str) -> None:
        """Do what no transaction may surround. Raises HistoryError."""
        options = {"isolation_level": "AUTOCOMMIT", "alone": True}
        try:
            with self._engine.connect().execution_options(**options) as connection:
                connection.exec_driver_sql(statement)
        except SQLAlchemyError as error:
            raise HistoryError(_sentence(self.name, error)) from None

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self._url.database or "") if self.sqlite else None

    def session(self) -> Connection:
        """A connection of the caller's own; raises HistoryError."""
        try:
            return self._engine.connect()
        except SQLAlchemyError as error:
            raise HistoryError(_sentence(self.name, error)) from None

    def close(self) -> None:
        """Let go of its connections."""
        self._engine.dispose()


def _refuse_none(file: Path, name: str) -> None:
    """Raise ConfigurationError where no file can be opened."""
    try:
        why = "" if S_ISREG(file.stat().st_mode) else "it is no file"
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigurationError(
            f"there is no history at {name} yet: check --record and a watch write one"
        ) from None
    except OSError as error:
        why = error.strerror or str(error)
    if why:
        raise ConfigurationError(f"{name} holds no history: {why}")


def name_of(url: URL) -> str:
    """What a history is called to a person, without its secrets."""
    if url.get_backend_name() == "sqlite":
        return printable(url.database or "")
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return printable(shown.render_as_string())


def url_of(word: str) -> URL:
    """The URL of a history that is named by one or by a file; raises ConfigurationError."""
    try:
        url = make_url(word) if "://" in word else URL.create("sqlite", database=str(Path(word).expanduser()))
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the history's URL cannot be read; a file's path or postgresql://HOST/DATABASE"
        ) from None
    match url.get_backend_name():
        case "sqlite" if url.database in {None, "", ":memory:"}:
            raise ConfigurationError("a history in memory would be gone at once: name a file")
        case "sqlite" if url.query:
            raise ConfigurationError("a history in a file takes no options after ?")
        case "sqlite":
            return url.set(drivername="sqlite")
        case "postgresql" | "postgres" if word.count("@") > 1:
            # What follows the first would be taken for the server's name, and shown.
            raise ConfigurationError("the history's URL has more than one @: write one in a password as %40")
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
        case other:
            raise ConfigurationError(f"a history is kept in SQLite or PostgreSQL, not in {printable(other)}")


def _sentence(name: str, error: SQLAlchemyError) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return f"the history {name} cannot be used: {printable(said[0] if said else type(error).__name__)}"
