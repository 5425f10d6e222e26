"""The history made shorter: what ended long ago is removed, then what nothing refers to any more."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, delete, select, text

from probe.history.database import Database, HistoryError
from probe.history.measures import size_of
from probe.history.rows import seconds
from probe.history.tables import (
    BATCHES,
    CERTIFICATES,
    DOMAINS,
    ENDPOINTS,
    LISTS,
    PRESENTATIONS,
    PRESENTED,
    SPANS,
    VERDICTS,
)
from probe.history.write import WRITERS
from probe.report.upkeep import Pruned

#: Rows that one transaction removes: a writer waits for no more than that.
MAX_REMOVED = 1000

#: What nothing refers to, each after what referred to it.
ORPHANS: tuple[tuple[Table, ColumnElement[bool]], ...] = (
    (ENDPOINTS, ENDPOINTS.c.id.not_in(select(SPANS.c.endpoint_id))),
    (VERDICTS, VERDICTS.c.id.not_in(select(SPANS.c.verdict_id))),
    (LISTS, LISTS.c.id.not_in(select(SPANS.c.lists_id))),
    (
        PRESENTATIONS,
        PRESENTATIONS.c.id.not_in(
            select(SPANS.c.presentation_id).where(SPANS.c.presentation_id.is_not(None))
        ),
    ),
    (CERTIFICATES, CERTIFICATES.c.id.not_in(select(PRESENTED.c.certificate_id))),
)

#: What goes with a row.
_BESIDE = ((PRESENTATIONS, PRESENTED.c.presentation_id), (ENDPOINTS, DOMAINS.c.endpoint_id))


def prune(database: Database, before: datetime) -> Pruned:
    """Remove the spans that ended before an instant, in transactions that are short, and give back their room.

    Raises HistoryError; what was removed until then is gone, and the history whole.
    """
    at_first = database.run(size_of)
    spans = _removed(database, SPANS, SPANS.c.last < seconds(before))
    database.run(
        lambda connection: connection.execute(delete(BATCHES).where(BATCHES.c.at < seconds(before))),
        write=True,
    )
    gone = {table.name: _removed(database, table, unused) for table, unused in ORPHANS}
    note = _give_back(database)
    return Pruned(
        spans=spans,
        endpoints=gone["endpoints"],
        certificates=gone["certificates"],
        before=at_first,
        after=database.run(size_of),
        note=note,
    )


def _removed(database: Database, table: Table, which: ColumnElement[bool]) -> int:
    removed = 0
    while count := database.run(partial(_remove, table, which), write=True):
        removed += count
    return removed


def _remove(table: Table, which: ColumnElement[bool], connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        # Alone: what a writer has just found must not go before it refers to it.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITERS})"))
    numbers = list(connection.scalars(select(table.c.id).where(which).limit(MAX_REMOVED)))
    for of, column in _BESIDE:
        if of is table:
            connection.execute(delete(column.table).where(column.in_(numbers)))
    connection.execute(delete(table).where(table.c.id.in_(numbers)))
    return len(numbers)


def _give_back(database: Database) -> str:
    if not database.sqlite:
        return "PostgreSQL uses the room again (autovacuum)"
    try:
        database.alone("VACUUM")
        database.alone("PRAGMA wal_checkpoint(TRUNCATE)")
    except HistoryError as error:
        return f"the room is used again, but not given back: {error}"
    return ""
