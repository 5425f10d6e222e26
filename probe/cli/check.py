"""``eop-probe check``: the live probe."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

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


class Connection(NamedTuple):
    """How an endpoint is connected to, how often, and what it is asked for."""

    port: Annotated[
        int | None, option("--port PORT", "Port. [default: 25, implicit TLS: 465]", min=1, max=65535)
    ] = None
    ehlo: Annotated[str | None, option("--ehlo NAME", "Name to say EHLO with.", callback=_ehlo)] = None
    sni: Annotated[
        str | None,
        option("--sni NAME|none", "Server name to ask for. [default: the host's]", callback=_sni),
    ] = None
    timeout: shared.Timeout = TIMEOUT_S
    total_timeout: Annotated[
        float | None,
        seconds(
            "--total-timeout",
            f"Total for all connections to one address. [default: {TOTAL_SHARE} x --timeout]",
            longest=86_400,
        ),
    ] = None
    implicit_tls: Annotated[
        bool, option("--implicit-tls/--starttls", "TLS from the first byte, or STARTTLS.")
    ] = False
    resolver: shared.Resolver = None
    resolve: shared.Resolve = None
    force_ip: Annotated[
        IpVersion | None, option("--force-ip", "Probe only addresses of this version of IP.")
    ] = None
    thorough: Annotated[bool, option("--thorough", "Both key types, with and without SNI, 3 samples.")] = (
        False
    )
    samples: Annotated[
        int | None, option("--samples N", "Connections to each address. [default: 1]", min=1, max=100)
    ] = None
    key_type: Annotated[
        KeyType,
        option("--key-type", "Ask for a certificate with this kind of key, where there are several."),
    ] = KeyType.ANY

    def of(self, options: CheckOptions) -> CheckOptions:
        """The options of a check with these; raises ConfigurationError."""
        if self.thorough and self.key_type is not KeyType.ANY:
            raise ConfigurationError("--thorough asks for each kind of key: leave out --key-type")
        return replace(
            options,
            port=self.port,
            ehlo_name=self.ehlo,
            sni=self.sni,
            timeout_s=self.timeout,
            total_s=self.total_timeout,
            implicit_tls=self.implicit_tls,
            nameserver=self.resolver,
            overrides=shared.overrides(self.resolve),
            ip_version=int(self.force_ip) if self.force_ip else None,
            thorough=self.thorough,
            samples=self.samples,
            key_type=self.key_type,
        )


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
    connection: Connection,
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
    options = connection.of(sender.of(question.options(stores)))
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
