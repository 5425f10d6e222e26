"""``eop-probe check``: the live probe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.declare import option
from probe.cli.exit_codes import finish
from probe.cli.output import ReportOutput
from probe.errors import ConfigurationError
from probe.net.target import Target, ascii_host, is_ip_address, parse_target

if TYPE_CHECKING:
    from probe.check.options import CheckOptions
    from probe.cli.progress import Progress
    from probe.report.assessment import Report

app = new_app()


@app.command()
def check(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET...",
            help="host, host:port, IPv4, [IPv6]:port, or mx:domain for every MX of a domain.",
        ),
    ],
    *,
    question: shared.Question,
    stores: shared.Stores,
    output: ReportOutput,
    port: Annotated[
        int | None, option("--port", "Port. [default: 25, implicit TLS: 465]", min=1, max=65535)
    ] = None,
    ehlo: Annotated[str | None, option("--ehlo NAME", "Name to say EHLO with.")] = None,
    sni: Annotated[
        str | None, option("--sni NAME|none", "Server name to ask for. [default: the host's]")
    ] = None,
    timeout: shared.Timeout = shared.TIMEOUT_S,
    implicit_tls: Annotated[
        bool, option("--implicit-tls/--starttls", "TLS from the first byte, or STARTTLS.")
    ] = False,
    resolver: Annotated[
        str | None, option("--resolver IP", "DNS server to ask instead of the system's.")
    ] = None,
    resolve: shared.Resolve = None,
    thorough: Annotated[
        bool, option("--thorough", "Both key types, with and without SNI, 3 samples.")
    ] = False,
    samples: Annotated[
        int | None, option("--samples", "Connections to each address. [default: 1]", min=1, max=100)
    ] = None,
    save_chain: Annotated[
        str | None, option("--save-chain DIR", "Save what was presented as PEM files.")
    ] = None,
) -> None:
    """Probe SMTP endpoints and predict what Exchange Online would say to the certificates they present."""
    parsed = tuple(parse_target(target) for target in targets)
    _save_to(save_chain)
    options = replace(
        question.options(stores),
        port=port,
        ehlo_name=_ehlo(ehlo),
        sni=_sni(sni),
        timeout_s=timeout,
        implicit_tls=implicit_tls,
        nameserver=resolver,
        overrides=shared.overrides(resolve),
        thorough=thorough,
        samples=samples,
    )
    report = _run(parsed, options)
    output.deliver(report)
    _save_to(save_chain, report)
    finish(report.outcome.exit_code)


def _run(targets: Sequence[Target], options: CheckOptions) -> Report:
    from probe.check.run import run
    from probe.net import clock

    generated_at = clock.now()
    found = {}
    with _progress(len(targets)) as progress:
        for key, assessment in run(targets, options):
            found[key] = assessment
            if progress is not None:
                progress.advance(len({target for target, _ in found}))
    from probe import __version__
    from probe.report.assessment import Report

    ordered = tuple(found[key] for key in sorted(found))
    return Report(generated_at=generated_at, version=__version__, assessments=ordered)


def _save_to(folder: str | None, report: Report | None = None) -> None:
    """Save the chains there, if a folder was given; without a report see to it that this will be possible."""
    if folder is None:
        return
    from probe.cli import save

    if report is None:
        save.make_folder(folder)
    else:
        save.save_chains(report, folder)


def _progress(total: int) -> AbstractContextManager[Progress | None]:
    if total == 1 or not sys.stderr.isatty():
        return nullcontext()
    from probe.cli.progress import Progress

    return Progress(total)


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
    if name is None:
        return None
    if name.lower() == "none":
        return ""
    if is_ip_address(name):
        raise ConfigurationError(f"--sni: {name} is an address; TLS asks for host names only (or none)")
    return ascii_host(name)
