"""``eop-probe ledger``: what was predicted, what Microsoft confirmed and when, and where the two disagree."""

from __future__ import annotations

import enum
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.output import Output, as_json, render_options, write_to
from probe.cli.recording import History
from probe.cli.tlsrpt import DkimKey
from probe.cli.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probe.report.ledger.values import Ledger, Series

app = new_app()


class LedgerFormat(enum.StrEnum):
    """How the ledger is written."""

    TERMINAL = "terminal"
    JSON = "json"
    CSV = "csv"
    PROMETHEUS = "prometheus"
    HTML = "html"


@app.command()
def ledger(
    files: list[Path] = typer.Argument(
        metavar="FILE|FOLDER...",
        help="Microsoft's word: TLS reports, mails, mailboxes, messages that arrived; and reports of eop-probe.",
    ),
    *,
    history: History = None,
    dkim_key: DkimKey = None,
    resolver: shared.Resolver = None,
    at: shared.At = None,
    output_format: Annotated[
        LedgerFormat, option("--format", "How the result is written.", variable="LEDGER_FORMAT")
    ] = LedgerFormat.TERMINAL,
    output: Output = None,
    verbose: Annotated[bool, option("--verbose -v", "Every endpoint and every word.")] = False,
) -> None:
    """Say of each endpoint what was predicted, what Microsoft confirmed and when, and where the two disagree.

    Predictions are those of the history, and of reports that earlier runs wrote as JSON. Exit codes: 0 Microsoft took
    what it spoke of, 1 a prediction was contradicted, 2 Microsoft's newest word is a refusal, 3 it said nothing of what
    is predicted, or something could not be read.
    """
    from probe.ledger.gather import Gathering
    from probe.net import clock
    from probe.tlsrpt.keys import Keys

    gathering = Gathering(Keys(dkim_key or (), resolver), shared.parse_instant(at) or clock.now())
    with Waiting("reading"):
        gathering.read(files)
        made = gathering.ledger(*_predicted(history, thumbprints=gathering.logs))
    write_to(output, _text(made, output_format, output, verbose=verbose))
    finish(made.outcome.exit_code)


def _predicted(history: str | None, *, thumbprints: bool) -> tuple[Sequence[Series], str]:
    """What the history predicted, and its name; nothing where none is named and this user has none."""
    from probe.stores.places import history_file

    if history is None and not history_file().exists():
        return (), ""
    from probe.history.database import Database
    from probe.ledger.gather import predicted

    database = Database(history or str(history_file()), create=False, read=True)
    try:
        return predicted(database, thumbprints=thumbprints), database.name
    finally:
        database.close()


def _text(made: Ledger, output_format: LedgerFormat, output: str | None, *, verbose: bool) -> str:
    from probe.render.ledger import documents, html, metrics, terminal

    options = render_options(to_file=output is not None, verbose=verbose)
    match output_format:
        case LedgerFormat.JSON:
            return as_json(documents.document(made))
        case LedgerFormat.CSV:
            return documents.csv(made)
        case LedgerFormat.TERMINAL:
            return terminal.render(made, options)
        case LedgerFormat.PROMETHEUS:
            return metrics.render(made, replace(options, file=Path(output).name if output else ""))
        case LedgerFormat.HTML:
            return html.render(made, options)
