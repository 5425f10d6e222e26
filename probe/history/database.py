"""A database of the history: opened by URL or file, brought to the present schema, and asked in whole transactions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError

from probe.errors import ConfigurationError, ProbeError
from probe.history.migrations import MIGRATIONS
from probe.history.tables import META
from probe.text import printable

#: Seconds to wait for another writer of the same file, and for a database server to answer a connection.
BUSY_S = 5.0
CONNECT_S = 3
#: Bytes that SQLite keeps of its log once everything is in the database.
_LOG_BYTES = 16 * 1024 * 1024
#: Tries of one transaction: a database that was restarted fails those under way.
TRIES = 3

T = TypeVar("T")


class HistoryError(ProbeError):
    """The history cannot be read or written now: it is away, full or broken."""


class RefusedError(HistoryError):
    """The database is there and does not take this: to send it again is of no use."""


class Database:
    """A history that is open; raises ConfigurationError where the URL or the schema is none of ours."""

    def __init__(self, url: str) -> None:
        """Open `url`, an SQLAlchemy URL or a file's path, and bring its schema up to date."""
        self._url = url_of(url)
        self._engine = _engine(self._url)
        self.sqlite = self._url.get_backend_name() == "sqlite"
        self.run(_migrate, write=True)

    @property
    def name(self) -> str:
        """What it is called to a person, without its password."""
        return printable(self._url.database or "") if self.sqlite else printable(self._url.render_as_string())

    def run(self, work: Callable[[Connection], T], *, write: bool = False) -> T:
        """Do all of `work` in one transaction, again from its beginning where the connection is lost.

        Work that writes has to bear being done twice: what was lost may have been committed. Raises HistoryError.
        """
        for attempt in range(1, TRIES + 1):
            try:
                with self._engine.connect().execution_options(write=write) as connection, connection.begin():
                    return work(connection)
            except (DataError, IntegrityError) as error:
                raise RefusedError(_sentence(self.name, error)) from None
            except DBAPIError as error:
                if attempt == TRIES or not error.connection_invalidated:
                    raise HistoryError(_sentence(self.name, error)) from None
            except SQLAlchemyError as error:
                raise HistoryError(_sentence(self.name, error)) from None
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def close(self) -> None:
        """Let go of its connections."""
        self._engine.dispose()


def url_of(word: str) -> URL:
    """The URL of a history that is named by one or by a file; raises ConfigurationError."""
    try:
        url = make_url(word) if "://" in word else URL.create("sqlite", database=str(Path(word).expanduser()))
    except ArgumentError:
        raise ConfigurationError(
            "the history's URL cannot be read; a file's path or postgresql://HOST/DATABASE"
        ) from None
    match url.get_backend_name():
        case "sqlite":
            return url
        case "postgresql":
            return url.set(drivername="postgresql+psycopg")
        case other:
            raise ConfigurationError(f"a history is kept in SQLite or PostgreSQL, not in {printable(other)}")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        # A prepared statement is unknown to the next server behind pgbouncer.
        options = {"connect_timeout": CONNECT_S, "prepare_threshold": None}
        return create_engine(url, pool_pre_ping=True, connect_args=options)
    engine = create_engine(url, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
        # The driver begins transactions late and never for a SELECT: we say BEGIN ourselves.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            f"journal_size_limit={_LOG_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A transaction that reads and then writes fails at once where another has written in between.
        write = connection.get_execution_options().get("write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _sentence(name: str, error: SQLAlchemyError) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return f"the history {name} cannot be used: {printable(said[0] if said else type(error).__name__)}"


def _migrate(connection: Connection) -> None:
    """Bring the schema up to date: every migration once, in its order, under a lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7094201)"))
    META.create(connection, checkfirst=True)
    found = connection.scalar(select(META.c.value).where(META.c.key == "schema"))
    version = int(found or 0)
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"the history was written by a newer eop-probe (schema {version}, this one knows {len(MIGRATIONS)}): update"
        )
    for migration in MIGRATIONS[version:]:
        migration(connection)
    if found is None:
        connection.execute(insert(META).values(key="schema", value=str(len(MIGRATIONS))))
    elif version < len(MIGRATIONS):
        connection.execute(META.update().where(META.c.key == "schema").values(value=str(len(MIGRATIONS))))
