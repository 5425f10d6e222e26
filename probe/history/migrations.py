"""The schema's steps forward, in their order; one that was released is never changed, a change is a new one."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from probe.history import tables


def _first(connection: Connection) -> None:
    """Endpoints, certificates, what was presented, verdicts, lists and spans."""
    tables.METADATA.create_all(
        connection, tables=[each for each in tables.METADATA.sorted_tables if each.name != "meta"]
    )


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first,)
