"""``eop-probe exchange export`` and ``exchange show``: what to export, and what the exports hold."""

from __future__ import annotations

from probe.cli import options as shared
from probe.cli.exchange import common
from probe.cli.exit_codes import finish
from probe.cli.output import check_writable, render_options, write_out, write_to
from probe.powershell import eop_probe


def export(output_format: common.OutputFormat = common.PlainFormat.TERMINAL) -> None:
    """Print the PowerShell lines that export the evidence: read-only, nothing secret, ready to paste."""
    from probe.exchange.exports.commands import COMMANDS, PLACES

    if output_format is common.PlainFormat.JSON:
        rows = [
            {
                "kind": one.kind.value,
                "shell": PLACES[one.command.shell],
                "file": one.file,
                "line": one.command.text,
            }
            for one in COMMANDS
        ]
        write_out(common.as_json({"schema": "eop-probe/exchange-export/1", "commands": rows}))
        finish(0)
    lines = []
    for shell, place in PLACES.items():
        lines += [f"# {place}", *(one.command.text for one in COMMANDS if one.command.shell is shell), ""]
    lines += [
        "# Nothing is changed; no private key leaves the server. Then, where eop-probe is installed:",
        eop_probe("exchange show", "*.json").text,
    ]
    write_out("\n".join(lines))
    finish(0)


def show(
    files: common.Files,
    server: common.Server = None,
    at: shared.At = None,
    output_format: common.OutputFormat = common.PlainFormat.TERMINAL,
    output: shared.Output = None,
) -> None:
    """Show what evidence files hold: certificates, connectors, accepted domains, and what is wrong with them.

    Exit codes: 0, and 3 where nothing usable was found.
    """
    check_writable(output)
    from probe.net import clock
    from probe.render.exchange import show as page

    found, gathered = common.gather_files(files, server)
    names = dict.fromkeys([*((e.name, e.kind.value) for e in found.exports)])
    held = page.Held(
        kinds=(
            *names,
            *((str(path), "log") for path in found.logs),
            *dict.fromkeys((one.source, "report") for one in found.captures),
        ),
        gathered=gathered,
        x509=page.x509_of(found.exports),
        problems=(*found.problems, *gathered.problems),
        at=shared.parse_instant(at) or clock.now(),
    )
    if output_format is common.PlainFormat.JSON:
        write_to(output, common.as_json(page.document(held)))
    else:
        write_to(output, page.render(held, render_options(to_file=output is not None)))
    usable = any(kind != "unknown" for _, kind in held.kinds)
    finish(0 if usable else 3)
