"""How each database is connected to: what SQLite's driver and PostgreSQL's do not do by themselves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from probe.errors import ConfigurationError

#: Seconds to wait for another writer of the same file, and for a database server to answer a connection.
BUSY_S = 5.0
CONNECT_S = 3
#: Bytes that SQLite keeps of its log once everything is in the database.
LOG_BYTES = 16 * 1024 * 1024

#: What was committed outlives a loss of power, too: batches make that cheap (0.3 ms each).
_PRAGMAS = ("synchronous=FULL", "foreign_keys=ON", f"journal_size_limit={LOG_BYTES}")


def engine_of(url: URL) -> Engine:
    """An engine whose transactions see one state and, with the execution option `write`, lock before they read."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_S})
        event.listen(engine, "connect", _connected)
        event.listen(engine, "begin", _begun)
        return engine
    # A prepared statement is unknown to the next server behind pgbouncer.
    options = {"connect_timeout": CONNECT_S, "prepare_threshold": None}
    try:
        return create_engine(url, pool_pre_ping=True, connect_args=options)
    except ImportError:
        raise ConfigurationError(
            "a history in PostgreSQL needs psycopg, which is not installed here: pip install 'eop-probe[postgres]'"
        ) from None


def _connected(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
    # The driver begins transactions late and never for a SELECT: we say BEGIN ourselves.
    connection.isolation_level = None
    # Only the first to come changes it: that takes the file alone, and waits for nobody.
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode=WAL")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: Connection) -> None:
    # A transaction that reads and then writes fails at once where another has written in between.
    write = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
