"""What is said of the history's own database: how it is, and what was removed from it."""

from __future__ import annotations

from datetime import datetime

from probe.values import value


@value
class Health:
    """How a history's database is; `problems` are sentences, none where it is sound.

    `rows` counts each table's rows. `size` and `log` are bytes, `log` what SQLite has not put into its file yet;
    `free` are the bytes free on the disk, None where that is another machine's. `first` and `last` are when the
    earliest and the latest look of all began.
    """

    name: str
    system: str
    schema: int
    rows: dict[str, int]
    size: int
    log: int
    free: int | None
    first: datetime | None
    last: datetime | None
    problems: tuple[str, ...]


@value
class Pruned:
    """What was removed: spans that ended before an instant, and what nothing refers to since.

    `before` and `after` are the database's bytes; `note` says why the room is not given back, empty where it is.
    """

    spans: int
    endpoints: int
    certificates: int
    before: int
    after: int
    note: str
