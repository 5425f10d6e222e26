"""The schema's steps forward, in their order; one that was released is never changed, a change is a new one."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, inspect, select, text

from probe.errors import ConfigurationError
from probe.history import alarm_tables, due, tables
from probe.history.tables import META

#: PostgreSQL's lock of those who bring the schema up to date.
_LOCK = 7094201


def _first(connection: Connection) -> None:
    """What was seen."""
    # A table of that name is somebody else's: nothing is made beside it.
    tables.METADATA.create_all(
        connection,
        checkfirst=False,
        tables=[
            tables.BATCHES,
            tables.ENDPOINTS,
            tables.CERTIFICATES,
            tables.PRESENTATIONS,
            tables.PRESENTED,
            tables.VERDICTS,
            tables.LISTS,
            tables.SPANS,
        ],
    )


def _alarms(connection: Connection) -> None:
    """Alarms, and the messages about them."""
    alarm_tables.METADATA.create_all(connection, checkfirst=False)


def _due_times(connection: Connection) -> None:
    """When the targets of a watch are due."""
    due.METADATA.create_all(connection, checkfirst=False)


def _domains(connection: Connection) -> None:
    """Every domain that an endpoint is of; of each the first was known."""
    domains, known = tables.DOMAINS, tables.ENDPOINTS.c
    domains.create(connection)
    named = select(known.id, known.target).where(known.target.ilike("mx:%"))
    connection.execute(insert(domains).from_select(list(domains.columns), named))


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first, _alarms, _due_times, _domains)


def version(connection: Connection) -> int:
    """The schema's number, 0 where there is none yet; raises ConfigurationError where it is a newer one."""
    there = inspect(connection).has_table(META.name)
    found = connection.scalar(select(META.c.value).where(META.c.key == "schema")) if there else None
    number = int(found or 0)
    if number > len(MIGRATIONS):
        raise ConfigurationError(
            f"the history was written by a newer eop-probe (schema {number}, this one knows {len(MIGRATIONS)}): update"
        )
    return number


def is_current(connection: Connection) -> bool:
    """Whether nothing is to be done; locks nothing, so that whoever only reads needs to write nothing."""
    return version(connection) == len(MIGRATIONS)


def migrate(connection: Connection) -> None:
    """Bring the schema up to date: every migration once, in its order, under a lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    META.create(connection, checkfirst=True)
    for migration in MIGRATIONS[version(connection) :]:
        migration(connection)
    connection.execute(delete(META).where(META.c.key == "schema"))
    connection.execute(insert(META).values(key="schema", value=str(len(MIGRATIONS))))
