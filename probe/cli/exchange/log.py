"""``eop-probe exchange log``: SMTP protocol logs, streamed whatever their size."""

from __future__ import annotations

import codecs
import enum
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from probe.cli import options as shared
from probe.cli.declare import option
from probe.cli.exchange import common
from probe.cli.exit_codes import UNKNOWN, finish
from probe.cli.output import Output, PlainFormat, PlainOutput, write_to
from probe.errors import ConfigurationError
from probe.text import printable

if TYPE_CHECKING:
    from probe.exchange.logs.certificate import Known
    from probe.exchange.logs.session import LogSession
    from probe.exchange.logs.summary import LogSummary
    from probe.exchange.problem import Problem


class LogFormat(enum.StrEnum):
    """How the result is written: a summary, or a row for each session."""

    TERMINAL = "terminal"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def log(
    paths: list[Path] = typer.Argument(
        metavar="PATH...", help="Logs, folders of them, patterns; .gz is unpacked as it is read."
    ),
    *,
    since: str | None = option("--since ISO-INSTANT", "Only sessions that lasted until then or later."),
    connector: str | None = option("--connector NAME", "Only this connector's."),
    inventory: list[Path] | None = option(
        "--inventory FILE", "Get-ExchangeCertificate exports to join with. Repeatable."
    ),
    ansi: str = option(
        "--ansi ENCODING", "Encoding of lines that are not UTF-8, e.g. cp1251.", default="cp1252"
    ),
    output_format: LogFormat = option(
        "--format",
        "terminal and json: a summary. jsonl and csv: a row for each session.",
        default=LogFormat.TERMINAL,
        variable="EXCHANGE_LOG_FORMAT",
    ),
    output: Output = None,
) -> None:
    """Say which certificates SMTP protocol logs prove were sent, what was answered, and what that means.

    Exit codes: 0 mail was delivered and nothing refused, 1 TLS failed or was dropped, 2 something was
    refused, 3 no session.
    """
    known, problems = _known(inventory or ())
    reading = _Reading(paths, known, shared.parse_instant(since, "--since"), connector, _encoding(ansi))
    if output_format in {LogFormat.JSONL, LogFormat.CSV}:
        reading.stream(output_format, output)
        common.warn_of((*problems, *reading.problems))
    else:
        _write_summary(reading, problems, output_format, output)
    finish(_code(reading.summary))


class _Reading:
    """One pass over the logs; the summary is complete when all sessions have been taken."""

    def __init__(
        self,
        paths: Sequence[Path],
        known: dict[str, Known],
        since: datetime | None,
        connector: str | None,
        ansi: str,
    ) -> None:
        from probe.evidence_files import log_files
        from probe.exchange.logs.reader import LogReader
        from probe.exchange.logs.summary import Summary

        self.files, found = log_files(paths)
        self._problems = list(found)
        self._reader = LogReader(known=known, since=since, connector=connector, ansi=ansi)
        self._summary = Summary(known=known or None)

    def sessions(self) -> Iterator[LogSession]:
        """Every session, counted on its way."""
        from probe.evidence_files import read_sessions

        for session in read_sessions(self._reader, self.files, self._problems):
            self._summary.add(session)
            yield session

    @property
    def summary(self) -> LogSummary:
        return self._summary.result()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (*self._problems, *self._reader.problems)

    def stream(self, output_format: LogFormat, output: str | None) -> None:
        """Write a row for each session as soon as it has ended; memory stays the same."""
        from probe.render.exchange.log import csv_lines, session_row

        rows = (session_row(session) for session in self.sessions())
        as_lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_to(output, csv_lines(rows) if output_format is LogFormat.CSV else as_lines)


def _write_summary(
    reading: _Reading, problems: tuple[Problem, ...], output_format: LogFormat, output: str | None
) -> None:
    from probe.render.exchange import log as page

    for _ in reading.sessions():
        pass
    report = page.LogReport(reading.summary, tuple(map(str, reading.files)), (*problems, *reading.problems))
    PlainOutput(PlainFormat(output_format.value), output).deliver(page.document, page.render, report)


def _known(inventory: Sequence[Path]) -> tuple[dict[str, Known], tuple[Problem, ...]]:
    if not inventory:
        return {}, ()
    from probe.evidence_files import known_from

    found, gathered = common.gather_files(inventory)
    return known_from(gathered.inventory), (*found.problems, *gathered.problems)


def _encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ConfigurationError(
            f"--ansi: {printable(name, 60)} is no encoding that is known; write it like cp1251"
        ) from None


def _code(summary: LogSummary) -> int:
    groups = summary.groups
    if any(group.denied for group in groups):
        return 2
    if any(group.tls_failed or group.dropped for group in groups):
        return 1
    return 0 if any(group.delivered for group in groups) else UNKNOWN
