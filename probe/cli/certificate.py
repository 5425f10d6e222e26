"""``eop-probe certificate``: the same judgement on files, before anything is installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.declare import option, seconds
from probe.cli.exit_codes import finish
from probe.cli.output import ReportOutput, report_of, warn
from probe.cli.waiting import Waiting
from probe.net.request import TIMEOUT_S
from probe.net.target import Target, is_ip_address, parse_target
from probe.text import printable

if TYPE_CHECKING:
    from probe.check.options import CheckOptions
    from probe.report.assessment import Assessment, Report

app = new_app()


@app.command()
def certificate(
    files: list[Path] = typer.Argument(
        metavar="FILE...", help="PEM, DER, PKCS#7 or PKCS#12 (PFX); each judged by itself."
    ),
    *,
    question: shared.Question,
    stores: shared.Stores,
    output: ReportOutput,
    chain: list[Path] | None = option("--chain FILE", "More certificates the server would send along."),
    against: str | None = option(
        "--against TARGET", "Compare with what this endpoint presents now: is the swap safe?"
    ),
    resolve: shared.Resolve = None,
    timeout: float = seconds("--timeout", "Total for one connection of --against.", default=TIMEOUT_S),
    password_file: Path | None = shared.password_file("the PFX or key"),
) -> None:
    """Judge certificate files before they are installed, and whether they can take the place of what is in use."""
    from probe.net import clock

    live = parse_target(against) if against is not None else None
    named = live.host if live and not live.mx and not is_ip_address(live.host) else None
    options = question.options(stores)
    options = replace(
        options,
        settings=replace(options.settings, expected_name=named),
        at=options.at or clock.now(),
        overrides=shared.overrides(resolve),
        timeout_s=timeout,
    )
    report = _report(files, chain or (), live, options, password_file)
    finish(output.deliver(report).exit_code)


def _report(
    files: Sequence[Path],
    chain: Sequence[Path],
    live: Target | None,
    options: CheckOptions,
    password_file: Path | None,
) -> Report:
    """Judge every file; all of them are read first, so that nothing is asked of the network in vain."""
    from probe.check.file import assess_file
    from probe.cli.passwords import Passwords

    passwords = Passwords(password_file)
    extra = tuple(entry for path in chain for entry in passwords.open(path).entries)
    held = [(printable(str(path)), passwords.open(path)) for path in files]
    assessments = [one for name, container in held for one in assess_file(name, container, extra, options)]
    if live is not None:
        assessments = _compared(assessments, live, options)
    return report_of(assessments)


def _compared(judged: list[Assessment], live: Target, options: CheckOptions) -> list[Assessment]:
    """Add what a swap would change to each file's assessment; unknown where the endpoint shows no certificate."""
    from probe.check.run import assess
    from probe.eop.swap import compare, not_compared

    with Waiting("probing"):
        seen = assess(live, replace(options, at=None, revocation=False))
    olds = [a.evidence.leaf for a in seen if a.evidence.leaf is not None]
    reasons = [a.error.message for a in seen if a.error is not None]
    if olds and reasons:
        warn(f"not every address of {live.text} shows a certificate: {reasons[0]}")
    compared = []
    for one in judged:
        new = one.evidence.leaf
        swap = (
            compare(olds, new, one.outcome)
            if olds and new is not None
            else not_compared(live.text, next(iter(reasons), None), one.outcome)
        )
        compared.append(replace(one, outcome=swap.outcome, findings=(*one.findings, *swap.findings)))
    return compared
