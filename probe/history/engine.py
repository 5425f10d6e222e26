"""How each database is connected to: what SQLite's driver and PostgreSQL's do not do by themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from probe.errors import ConfigurationError
from probe.history.tables import BATCHES, META, SPANS

#: Seconds to wait for another writer of the same file, and for a database server to answer a connection.
BUSY_S = 5.0
CONNECT_S = 3
#: Bytes that SQLite keeps of its log once everything is in the database.
LOG_BYTES = 16 * 1024 * 1024

#: What was committed outlives a loss of power, too: batches make that cheap (0.3 ms each).
_PRAGMAS = ("synchronous=FULL", "foreign_keys=ON", f"journal_size_limit={LOG_BYTES}")


def engine_of(url: URL, *, read: bool = False) -> Engine:
    """An engine whose transactions see one state and, with the execution option `write`, lock before they read.

    With `read` a file of SQLite is made by nobody, and not written to.
    """
    if url.get_backend_name() == "sqlite":
        engine = create_engine(_read_only(url) if read else url, connect_args={"timeout": BUSY_S})
        event.listen(engine, "connect", _read if read else _connected)
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


def _read_only(url: URL) -> URL:
    """How a file is opened to be read: as one that never changes only where nobody writes and we may not.

    SQLite's log has to be made to be read; where the folder forbids that, a log that is there is read as it is.
    """
    path = Path(url.database or "").absolute()
    effective = os.access in os.supports_effective_ids
    free = all(os.access(each, os.W_OK, effective_ids=effective) for each in (path, path.parent))
    mode = (
        {"mode": "rw"}
        if free
        else {"mode": "ro"}
        if _log(path).exists()
        else {"mode": "ro", "immutable": "1"}
    )
    return url.set(database=f"file:{quote(str(path))}", query={"uri": "true", **mode})


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _read(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")


def _connected(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own
    # The driver begins transactions late and never for a SELECT: we say BEGIN ourselves.
    connection.isolation_level = None
    _refuse_others(connection)
    # Only the first to come changes it: that takes the file alone, and waits for nobody.
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode=WAL")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _refuse_others(connection: Any) -> None:  # noqa: ANN401 - the driver's own
    """Leave another program's database as it is: our tables are made all at once or not at all."""
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if found and not {META.name, BATCHES.name, SPANS.name} <= found:
        raise ConfigurationError("no history can be kept there: it is the database of another program")


def _begun(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("alone"):
        return
    # A transaction that reads and then writes fails at once where another has written in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")
