"""How large a history's database is."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text


def size_of(connection: Connection) -> int:
    """The bytes of the database."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    return path_of(connection).stat().st_size


def log_of(connection: Connection) -> int:
    """The bytes of SQLite's log, which hold what is not in its file yet."""
    if connection.dialect.name == "postgresql":
        return 0
    at = path_of(connection)
    log = at.with_name(f"{at.name}-wal")
    return log.stat().st_size if log.exists() else 0


def path_of(connection: Connection) -> Path:
    """SQLite's file."""
    return Path(connection.execute(text("PRAGMA database_list")).scalars(2).first() or "")
