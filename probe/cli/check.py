"""``eop-probe check``: the live probe."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from probe.check.options import TOTAL_SHARE
from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.declare import option, seconds
from probe.cli.exit_codes import finish
from probe.cli.files import targets_of
from probe.cli.output import ReportOutput, report_of, warn
from probe.cli.recording import Keep, Recording
from probe.cli.waiting import Waiting
from probe.errors import ConfigurationError, InputError, TargetError
from probe.net.request import TIMEOUT_S, KeyType
from probe.net.target import Target, server_name
from probe.text import printable

if TYPE_CHECKING:
    from probe.check.options import CheckOptions
    from probe.report.assessment import Assessment, Report

app = new_app()


class IpVersion(enum.StrEnum):
    """The versions of the Internet Protocol."""

    FOUR = "4"
    SIX = "6"


def _folder(path: str | None) -> str | None:
    if path is not None:
        from probe.cli.save import make_folder

        make_folder(path)
    return path


def _ehlo(name: str | None) -> str | None:
    if name is None:
        return None
    from probe.smtp.ehlo import ehlo_argument

    try:
        return ehlo_argument(name)
    except ValueError as error:
        raise ConfigurationError(f"--ehlo: {error}") from None


def _sni(name: str | None) -> str | None:
    """None: the host's own name; "" none at all; else a host name in its ASCII form."""
    try:
        return None if name is None else server_name(name)
    except TargetError as error:
        raise ConfigurationError(f"--sni: {error}") from None


@app.command()
def check(
    context: typer.Context,
    targets: list[str] = typer.Argument(
        metavar="TARGET...",
        help="host, host:port, IPv4, [IPv6]:port, mx:domain for every MX of a domain, or @FILE, or - for standard "
        "input: one a line, # begins a comment.",
    ),
    *,
    question: shared.Question,
    stores: shared.Stores,
    output: ReportOutput,
    port: int | None = option("--port PORT", "Port. [default: 25, implicit TLS: 465]", min=1, max=65535),
    ehlo: str | None = option("--ehlo NAME", "Name to say EHLO with.", callback=_ehlo),
    sni: str | None = option(
        "--sni NAME|none", "Server name to ask for. [default: the host's]", callback=_sni
    ),
    timeout: shared.Timeout = TIMEOUT_S,
    total_timeout: float | None = seconds(
        "--total-timeout",
        f"Total for all connections to one address. [default: {TOTAL_SHARE} x --timeout]",
        longest=86_400,
    ),
    implicit_tls: bool = option(
        "--implicit-tls/--starttls", "TLS from the first byte, or STARTTLS.", default=False
    ),
    resolver: shared.Resolver = None,
    resolve: shared.Resolve = None,
    force_ip: IpVersion | None = option("--force-ip", "Probe only addresses of this version of IP."),
    thorough: bool = option("--thorough", "Both key types, with and without SNI, 3 samples.", default=False),
    samples: int | None = option("--samples N", "Connections to each address. [default: 1]", min=1, max=100),
    key_type: KeyType = option(
        "--key-type",
        "Ask for a certificate with this kind of key, where there are several.",
        default=KeyType.ANY,
    ),
    sender: shared.Sender,
    save_chain: str | None = option(
        "--save-chain DIR", "Save what was presented as PEM files.", callback=_folder
    ),
    ledger: Path | None = option(
        "--ledger FILE", "Say what Microsoft confirmed: the JSON that eop-probe ledger wrote."
    ),
    recording: Recording,
) -> None:
    """Probe SMTP endpoints and predict what Exchange Online would say to the certificates they present."""
    parsed = targets_of(targets)
    sender.refuse_unused(context, question.direction, parsed)
    if thorough and key_type is not KeyType.ANY:
        raise ConfigurationError("--thorough asks for each kind of key: leave out --key-type")
    options = replace(
        sender.of(question.options(stores)),
        port=port,
        ehlo_name=ehlo,
        sni=sni,
        timeout_s=timeout,
        total_s=total_timeout,
        implicit_tls=implicit_tls,
        nameserver=resolver,
        overrides=shared.overrides(resolve),
        ip_version=int(force_ip) if force_ip else None,
        thorough=thorough,
        samples=samples,
        key_type=key_type,
    )
    beside = _ledger(ledger)
    with recording.recorder() as keep:
        found = _run(parsed, options, keep)
        report = output.deliver(replace(found, assessments=tuple(map(beside, found.assessments))))
    if save_chain is not None:
        from probe.cli.save import save_chains

        save_chains(report, save_chain)
    finish(report.exit_code)


def _ledger(path: Path | None) -> Callable[[Assessment], Assessment]:
    """What puts a ledger's word beside an assessment; read before anything is probed. Raises InputError."""
    if path is None:
        return lambda one: one
    from probe.cli.files import contents
    from probe.report.ledger.confirmed import MAX_LEDGER_BYTES, beside, read_ledger

    name, data = printable(str(path)), contents(path, MAX_LEDGER_BYTES + 1)
    if len(data) > MAX_LEDGER_BYTES:
        raise InputError(f"{name} is larger than {MAX_LEDGER_BYTES} bytes")
    known = read_ledger(data, name)
    return lambda one: beside(one, known)


def _run(targets: Sequence[Target], options: CheckOptions, keep: Keep) -> Report:
    """The report; what was done before Ctrl-C or SIGTERM is reported, too."""
    from probe.check.interruption import Interruption
    from probe.check.run import run
    from probe.net import clock

    generated_at = clock.now()
    found, over = {}, 0
    alone = len(targets) == 1 and not targets[0].mx  # needs no event loop, so there is none to be stopped
    interruption = Interruption(raises=alone)
    with Waiting("probing", len(targets)) as waiting, suppress(KeyboardInterrupt), interruption.watched():
        for done in run(targets, options, None if alone else interruption):
            variant = options.variant(done.assessment.capture.host)
            found[done.job.key, done.index] = keep(done.assessment, variant)
            waiting.advance(over := over + done.last)
    if interruption.asked and not found:
        raise KeyboardInterrupt
    if interrupted := interruption.words(over, len(targets)):
        warn(interrupted)
    return report_of((found[key] for key in sorted(found)), generated_at, interrupted)
