"""``eop-probe exchange export`` and ``exchange show``: what to export, and what the exports hold."""

from __future__ import annotations

from probe.cli import options as shared
from probe.cli.exchange import common
from probe.cli.exit_codes import finish
from probe.cli.output import PlainFormat, PlainFormatOption, PlainOutput, as_json, write_out
from probe.powershell import eop_probe


def export(output_format: PlainFormatOption = PlainFormat.TERMINAL) -> None:
    """Print the PowerShell lines that export the evidence: read-only, nothing secret, ready to paste."""
    from probe.exchange.exports.commands import COMMANDS, PLACES

    if output_format is PlainFormat.JSON:
        rows = [
            {
                "kind": one.kind.value,
                "shell": PLACES[one.command.shell],
                "file": one.file,
                "line": one.command.text,
            }
            for one in COMMANDS
        ]
        write_out(as_json({"schema": "eop-probe/exchange-export/1", "commands": rows}))
        finish(0)
    lines = []
    for shell, place in PLACES.items():
        lines += [f"# {place}", *(one.command.text for one in COMMANDS if one.command.shell is shell), ""]
    lines += [
        "# Validate-OutboundConnector and Start-HistoricalSearch act in the tenant, so that they are not among these:",
        "# docs/exchange.md tells how their results are read.",
        "# Nothing is changed; no private key leaves the server. Then, where eop-probe is installed:",
        eop_probe("exchange show", "*.json").text,
    ]
    write_out("\n".join(lines))
    finish(0)


def show(
    files: common.Files,
    server: common.Server = None,
    at: shared.At = None,
    *,
    output: PlainOutput,
) -> None:
    """Show what evidence files hold: certificates, connectors, accepted domains, and what is wrong with them.

    Exit codes: 0, and 3 where nothing usable was found.
    """
    from probe.net import clock
    from probe.render.exchange import show as page

    found, gathered = common.gather_files(files, server)
    names = dict.fromkeys([*((e.name, e.kind.value) for e in found.exports)])
    held = page.Held(
        kinds=(
            *names,
            *((str(path), "log") for path in found.logs),
            *dict.fromkeys((one.source, "report") for one in found.captures),
            *((one.source, one.kind.value) for one in found.traces),
        ),
        gathered=gathered,
        x509=page.x509_of(found.exports),
        problems=(
            *found.problems,
            *gathered.problems,
            *(problem for one in found.traces for problem in one.problems),
        ),
        at=shared.parse_instant(at) or clock.now(),
    )
    output.deliver(page.document, page.render, held)
    usable = any(kind != "unknown" for _, kind in held.kinds)
    finish(0 if usable else 3)
