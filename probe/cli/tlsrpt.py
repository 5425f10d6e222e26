"""``eop-probe tlsrpt``: what senders report of their TLS to a domain's mail hosts (RFC 8460)."""

from __future__ import annotations

import enum
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.files import contents
from probe.cli.output import Output, as_json, render_options, write_to
from probe.cli.waiting import Waiting

if TYPE_CHECKING:
    from probe.report.tlsrpt import TlsReports

app = new_app()

DkimKey = Annotated[
    list[Path] | None,
    option("--dkim-key FILE", "Verify with this key instead of DNS: PEM, or the record's text. Repeatable."),
]


class TlsrptFormat(enum.StrEnum):
    """How what the reports say is written."""

    TERMINAL = "terminal"
    JSON = "json"
    CSV = "csv"
    PROMETHEUS = "prometheus"


@app.command()
def tlsrpt(
    files: list[Path] = typer.Argument(
        metavar="FILE|FOLDER|-...",
        help="Reports (JSON, also gzipped), mails (.eml, .msg), mboxes, folders and Maildirs; - is standard input.",
    ),
    *,
    dkim_key: DkimKey = None,
    resolver: shared.Resolver = None,
    at: shared.At = None,
    output_format: Annotated[
        TlsrptFormat, option("--format", "How the result is written.", variable="TLSRPT_FORMAT")
    ] = TlsrptFormat.TERMINAL,
    output: Output = None,
    verbose: Annotated[bool, option("--verbose -v", "Every day and every failure.")] = False,
) -> None:
    """Say what TLS reports tell of each domain, day and policy, what each failure means, and whose word it is.

    A mail that Microsoft signed proves its report; any other is supplied. Exit codes, by the newest day of each
    policy: 0 no session failed, 1 some did, 2 all did and mail waits, 3 a report, or all, cannot be read.
    """
    from probe.exchange.messages.mbox import MAX_MAIL_BYTES
    from probe.exchange.problem import Problems
    from probe.net import clock
    from probe.tlsrpt.files import Reading
    from probe.tlsrpt.keys import Keys

    reading = Reading(Keys(dkim_key or (), resolver), shared.parse_instant(at) or clock.now())
    stdin = Path("-")
    if stdin in files:
        reading.take(io.BytesIO(contents(stdin, MAX_MAIL_BYTES + 1)), Problems("standard input"))
    with Waiting("reading"):
        reading.read([path for path in files if path != stdin])
    reports = reading.result
    write_to(output, _text(reports, output_format, output, verbose=verbose))
    finish(reports.outcome.exit_code)


def _text(reports: TlsReports, output_format: TlsrptFormat, output: str | None, *, verbose: bool) -> str:
    from probe.render.tlsrpt import documents, terminal

    options = render_options(to_file=output is not None, verbose=verbose)
    match output_format:
        case TlsrptFormat.JSON:
            return as_json(documents.document(reports))
        case TlsrptFormat.CSV:
            return documents.csv(reports)
        case TlsrptFormat.PROMETHEUS:
            return documents.prometheus(reports, replace(options, file=Path(output).name if output else ""))
        case TlsrptFormat.TERMINAL:
            return terminal.render(reports, options)
