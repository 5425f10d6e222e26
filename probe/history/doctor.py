"""Whether a history's database is sound, and how large it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, func, select, text

from probe.history.database import Database, HistoryError
from probe.history.measures import log_of, path_of, size_of
from probe.history.migrations import version
from probe.history.prune import ORPHANS
from probe.history.read import moment
from probe.history.tables import CERTIFICATES, LISTS, METADATA, PRESENTED, SPANS
from probe.report.upkeep import Health
from probe.text import counted, printable

#: Bytes that ought to be free on the disk: less, and the next rounds may not find room.
ROOM = 100 * 1024 * 1024
#: Bytes of SQLite's log above which somebody has been reading for long, so that nothing leaves it.
LONG_LOG = 64 * 1024 * 1024


def examine(database: Database) -> Health:
    """Look at all of a history; raises HistoryError where it cannot be read."""
    damage = _damage(database)
    return database.run(lambda connection: _health(connection, database.name, damage))


def _health(connection: Connection, name: str, damage: tuple[str, ...]) -> Health:
    sqlite = connection.dialect.name == "sqlite"
    free = shutil.disk_usage(path_of(connection).parent).free if sqlite else None
    log = log_of(connection)
    # A file that is damaged may not even be counted.
    first, last = (None, None) if damage else _first_and_last(connection)
    return Health(
        name=name,
        system=_system(connection),
        schema=version(connection),
        rows={} if damage else _rows(connection),
        size=size_of(connection),
        log=log,
        free=free,
        first=first,
        last=last,
        problems=damage or (*_references(connection), *_room(free, log)),
    )


def _first_and_last(connection: Connection) -> tuple[datetime | None, ...]:
    found = connection.execute(select(func.min(SPANS.c.first), func.max(SPANS.c.last))).one()
    return tuple(None if each is None else moment(each) for each in found)


def _rows(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in METADATA.sorted_tables
    }


def _system(connection: Connection) -> str:
    asked = "SELECT sqlite_version()" if connection.dialect.name == "sqlite" else "SHOW server_version"
    name = "SQLite" if connection.dialect.name == "sqlite" else "PostgreSQL"
    return printable(f"{name} {connection.execute(text(asked)).scalar_one()}")


def _damage(database: Database) -> tuple[str, ...]:
    """What SQLite finds wrong with its file; PostgreSQL has tools of its own."""
    if not database.sqlite:
        return ()
    check = text("PRAGMA integrity_check(5)")
    try:
        said = database.run(lambda connection: connection.execute(check).scalars().all())
    except HistoryError as error:
        return (str(error),)
    return tuple(f"the file is damaged: {printable(each)}" for each in said if each != "ok")


def _references(connection: Connection) -> Iterator[str]:
    for table, unused in ORPHANS:
        if table is LISTS:  # each new list leaves the one before behind
            continue
        count = connection.execute(select(func.count()).select_from(table).where(unused)).scalar_one()
        if count:
            yield f"{counted(count, 'row')} of {table.name} that nothing refers to: `history prune` removes them"
    lost = (
        select(func.count())
        .select_from(PRESENTED)
        .where(PRESENTED.c.certificate_id.not_in(select(CERTIFICATES.c.id)))
    )
    if count := connection.execute(lost).scalar_one():
        yield f"{counted(count, 'presented certificate')} missing"


def _room(free: int | None, log: int) -> Iterator[str]:
    if free is not None and free < ROOM:
        yield f"{free / 1e6:.0f} MB are free on the disk"
    if log > LONG_LOG:
        yield f"the log holds {log / 1e6:.0f} MB: somebody has been reading for long, and it shrinks when that ends"
