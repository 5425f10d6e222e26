"""When each target of a watch is due, by a key of the target's own: kept, so that a restart changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, Table, Text, delete, func, select

from probe.history.read import spans
from probe.history.rows import insert_into
from probe.history.tables import ENDPOINTS, SPANS
from probe.report.record import Span

#: Seconds for which the due time of a target is kept that nobody looks at any more.
FORGOTTEN_AFTER = 400 * 86_400

METADATA = MetaData()
#: Whole seconds since 1970.
DUE = Table(
    "due",
    METADATA,
    Column("vantage", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("due_at", "at"),
)


def due_times(connection: Connection, vantage: str) -> dict[str, int]:
    """When each target is due, by its key."""
    asked = select(DUE.c.target, DUE.c.at).where(DUE.c.vantage == vantage)
    return {row.target: row.at for row in connection.execute(asked)}


def keep_due(connection: Connection, vantage: str, due: Mapping[str, int], now: float) -> None:
    """Note when these targets are due; what is long past is forgotten."""
    insert = insert_into(connection, DUE)
    merge = insert.on_conflict_do_update(
        index_elements=["vantage", "target"], set_={"at": insert.excluded.at}
    )
    if due:
        rows = [{"vantage": vantage, "target": target, "at": at} for target, at in sorted(due.items())]
        connection.execute(merge, rows)
    connection.execute(delete(DUE).where(DUE.c.at < int(now) - FORGOTTEN_AFTER))


def last_spans(connection: Connection, vantage: str) -> list[Span]:
    """How each endpoint was seen last."""
    last = select(func.max(SPANS.c.id)).group_by(SPANS.c.endpoint_id)
    return list(spans(connection, SPANS.c.id.in_(last), ENDPOINTS.c.vantage == vantage))
