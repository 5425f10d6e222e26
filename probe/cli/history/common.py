"""What the commands on a history share: where it is, how a result is written, and how a time is said."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

from probe.cli import options as shared
from probe.cli.declare import option
from probe.cli.output import Output, as_json, render_options, write_to
from probe.cli.recording import History
from probe.errors import ConfigurationError
from probe.text import printable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from probe.history.database import Database
    from probe.render.page.options import RenderOptions
    from probe.report.changes import Kind

T = TypeVar("T")

#: How an endpoint can be named.
TARGET = "a host, an address, host:port, or what was given as the target"

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"([0-9]{1,5})([mhdw])")


class HistoryFormat(enum.StrEnum):
    """How what the history tells is written."""

    TERMINAL = "terminal"
    JSON = "json"
    CSV = "csv"


class Reading(NamedTuple):
    """Which history, how the result is written, and where."""

    history: History = None
    output_format: Annotated[
        HistoryFormat, option("--format", "How the result is written.", variable="HISTORY_FORMAT")
    ] = HistoryFormat.TERMINAL
    output: Output = None

    @contextmanager
    def opened(self, *, read: bool = True) -> Iterator[Database]:
        """Yield the history, which is not made; raises ConfigurationError, HistoryError."""
        from probe.history.database import Database

        database = Database(self.history or _own(), create=False, read=read)
        try:
            yield database
        finally:
            database.close()

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds in the history; nothing is written. Raises ConfigurationError, HistoryError."""
        from probe.history.query import filled

        with self.opened() as database:
            return database.run(lambda connection: work(filled(connection, database.name)))

    def deliver(
        self,
        document: Callable[[], object],
        csv: Callable[[], str],
        page: Callable[[RenderOptions], str],
    ) -> None:
        """Write the result as it is wanted; raises OutputError."""
        if self.output_format is HistoryFormat.JSON:
            text = as_json(document())
        elif self.output_format is HistoryFormat.CSV:
            text = csv()
        else:
            text = page(render_options(to_file=self.output is not None))
        write_to(self.output, text)


def _own() -> str:
    from probe.stores.places import history_file

    return str(history_file())


def age(text: str, flag: str) -> timedelta:
    """Read ``30m``, ``12h``, ``7d`` or ``2w``; raises ConfigurationError."""
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise ConfigurationError(f'{flag}: "{printable(text, 60)}" is no time; write it like 12h, 7d or 2w')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment(text: str, flag: str, now: datetime) -> datetime:
    """Read an instant, ``now``, or how long ago it was; raises ConfigurationError."""
    if text.strip() == "now":
        return now
    if _AGE.fullmatch(text.strip()):
        return now - age(text, flag)
    try:
        return shared.parse_instant(text, flag) or now
    except ConfigurationError:
        raise ConfigurationError(
            f'{flag}: "{printable(text, 60)}" is no time; write it like 2026-12-31, 2026-12-31T08:00:00Z, 12h or 7d'
        ) from None


def kinds(words: list[str] | None) -> frozenset[Kind]:
    """Read kinds of change, every one where none is named; raises ConfigurationError."""
    from probe.report.changes import Kind

    known = {kind.value: kind for kind in Kind}
    for word in words or ():
        if word not in known:
            raise ConfigurationError(f'--kind: "{printable(word, 60)}" is none of {", ".join(known)}')
    return frozenset(known[word] for word in words or known)
