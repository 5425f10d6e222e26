"""The options by which a command keeps its results in the history, and how they get there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol

import typer

from probe.cli.declare import option
from probe.cli.output import warn
from probe.errors import ConfigurationError
from probe.text import printable

if TYPE_CHECKING:
    from probe.report.assessment import Assessment

#: How a database of SQLite begins (SQLite, Database File Format, 1.3).
_SQLITE = b"SQLite format 3\0"
#: Characters of the name of a vantage point.
MAX_VANTAGE = 64

_WHERE = (
    "The history: a file, or postgresql://HOST/DATABASE. A password in it is seen by other users of this machine: use "
    "the variable, or PGPASSFILE. [default: this user's file]"
)
#: The option of commands that read the history.
History = Annotated[str | None, option("--history URL|FILE", _WHERE)]


def _with_record(context: typer.Context, parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Refuse what says nothing without --record, unless it is in the environment, for other commands."""
    source = context.get_parameter_source(str(parameter.name))
    if value is not None and source and source.name == "COMMANDLINE" and not context.params.get("record"):
        raise ConfigurationError(f"--{parameter.name} is of no use without --record")
    return value


def _name(value: str | None) -> str | None:
    if value is not None and (
        len(value) > MAX_VANTAGE or printable(value) != value or value.strip() != value
    ):
        raise ConfigurationError(
            f"--vantage: a name of at most {MAX_VANTAGE} characters that can be printed, without blanks around it"
        )
    return value


#: The option of a command that always records.
Vantage = Annotated[str | None, option("--vantage NAME", "From where it is seen, as berlin.", callback=_name)]


class Keep(Protocol):
    """Takes a result, and what was asked otherwise than usual; gives it with the vantage point it was seen from."""

    def __call__(self, assessment: Assessment, variant: str = "") -> Assessment: ...


class Recording(NamedTuple):
    """Whether results are kept, where, and from where they were seen."""

    record: Annotated[bool, option("--record", "Keep every result in the history.", is_eager=True)] = False
    history: Annotated[str | None, option("--history URL|FILE", _WHERE, callback=_with_record)] = None
    vantage: Annotated[
        str | None,
        option("--vantage NAME", "From where it is seen, as berlin; results carry it.", callback=_name),
    ] = None

    def _seen(self, assessment: Assessment, variant: str = "") -> Assessment:
        del variant
        mine = self.vantage if not assessment.vantage else None  # a worker elsewhere has its own
        return replace(assessment, vantage=mine) if mine else assessment

    @contextmanager
    def recorder(self, note: Callable[[str], None] | None = None) -> Iterator[Keep]:
        """Yield what takes results, and say at the end what became of them; `note` hears all of it as it happens.

        Raises ConfigurationError where there can be no such history.
        """
        if not self.record:
            yield self._seen
            return
        from probe.history.recorder import Recorder, spool_folder
        from probe.report.record import record_of

        history = self.history or own_history()
        name, spool = writable(history), spool_folder(history)
        recorder = Recorder(history, spool, note=note)

        def kept(assessment: Assessment, variant: str = "") -> Assessment:
            seen = self._seen(assessment)
            recorder.add(record_of(seen, variant=variant))
            return seen

        try:
            with recorder:
                yield kept
        finally:
            for sentence in (*recorder.notes, recorder.kept.sentence(name, spool)):
                (note or warn)(sentence)


def own_history() -> str:
    """The history of this user, whose folder is made; raises ConfigurationError."""
    from probe.files import make_private
    from probe.stores.places import history_file

    file = history_file()
    try:
        make_private(file.parent)
    except OSError as error:
        raise ConfigurationError(f"no history can be kept in {file.parent}: {error.strerror}") from None
    return str(file)


def writable(history: str) -> str:
    """What a history is called to a person; raises ConfigurationError where it is a file that cannot be written."""
    from probe.history.database import name_of, url_of

    url = url_of(history)
    if url.get_backend_name() == "sqlite":
        _refuse_file(Path(url.database or ""), name_of(url))
    return name_of(url)


def _refuse_file(file: Path, name: str) -> None:
    from probe.files import open_file

    if file.exists():
        try:
            with open_file(file) as opened:
                head = opened.read(len(_SQLITE))
        except OSError as error:
            raise ConfigurationError(f"no history can be kept in {name}: {error.strerror}") from None
        if head not in {b"", _SQLITE}:
            raise ConfigurationError(f"no history can be kept in {name}: it is another kind of file")
    if not file.parent.is_dir():
        raise ConfigurationError(f"no history can be kept in {name}: there is no such folder")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise ConfigurationError(f"no history can be kept in {name}: it cannot be written there")
