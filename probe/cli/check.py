"""``eop-probe check``: the live probe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.exit_codes import finish
from probe.cli.output import check_writable, deliver, warn
from probe.eop.settings import Settings
from probe.eop.vocabulary import Direction
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
    direction: shared.DirectionOption = Direction.TO_EOP,
    store: shared.Stores = None,
    stand_in: shared.StandIn = None,
    at: shared.At = None,
    output_format: shared.OutputFormat = shared.Format.TERMINAL,
    output: shared.Output = None,
    port: Annotated[
        int | None,
        typer.Option(
            envvar="EOP_PROBE_PORT", min=1, max=65535, help="Port. [default: 25, implicit TLS: 465]"
        ),
    ] = None,
    ehlo: Annotated[
        str | None, typer.Option(envvar="EOP_PROBE_EHLO", metavar="NAME", help="Name to say EHLO with.")
    ] = None,
    sni: Annotated[
        str | None,
        typer.Option(
            envvar="EOP_PROBE_SNI", metavar="NAME|none", help="Server name to ask for. [default: the host's]"
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            envvar="EOP_PROBE_TIMEOUT",
            callback=shared.finite,
            metavar="SECONDS",
            min=0.1,
            max=3600,
            help="Total for one connection.",
        ),
    ] = 30.0,
    implicit_tls: Annotated[
        bool,
        typer.Option(
            "--implicit-tls/--starttls",
            envvar="EOP_PROBE_IMPLICIT_TLS",
            help="TLS from the first byte, or STARTTLS.",
        ),
    ] = False,
    resolver: Annotated[
        str | None,
        typer.Option(
            envvar="EOP_PROBE_RESOLVER", metavar="IP", help="DNS server to ask instead of the system's."
        ),
    ] = None,
    resolve: shared.Resolve = None,
    tls_sender_certificate_name: shared.SenderCertificateName = None,
    accepted_domain: shared.AcceptedDomains = None,
    tls_domain: shared.TlsDomain = None,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough", envvar="EOP_PROBE_THOROUGH", help="Both key types, with and without SNI, 3 samples."
        ),
    ] = False,
    samples: Annotated[
        int | None,
        typer.Option(
            envvar="EOP_PROBE_SAMPLES", min=1, max=100, help="Connections to each address. [default: 1]"
        ),
    ] = None,
    save_chain: Annotated[
        str | None,
        typer.Option(
            envvar="EOP_PROBE_SAVE_CHAIN", metavar="DIR", help="Save what was presented as PEM files."
        ),
    ] = None,
    expiring_days: shared.ExpiringDays = 30,
    expiring_share: shared.ExpiringShare = 1 / 3,
    authroot_stl: shared.AuthrootStl = None,
    disallowed_stl: shared.DisallowedStl = None,
    revocation: shared.Revocation = False,
    revocation_allow_private: shared.RevocationAllowPrivate = False,
    verbose: shared.Verbose = False,
) -> None:
    """Probe SMTP endpoints and predict what Exchange Online would say to the certificates they present."""
    parsed = tuple(parse_target(target) for target in targets)
    check_writable(output)
    _save_to(save_chain)
    instant = shared.parse_instant(at)
    from probe.check.options import CheckOptions

    options = CheckOptions(
        stores=shared.store_loader(
            store, stand_in, authroot_stl=authroot_stl, disallowed_stl=disallowed_stl, warn=warn
        ),
        direction=direction,
        settings=Settings(
            tls_sender_certificate_name=tls_sender_certificate_name,
            accepted_domains=tuple(accepted_domain or ()),
            tls_domain=tls_domain,
            expiring_days=expiring_days,
            expiring_fraction=expiring_share,
        ),
        at=instant,
        port=port,
        ehlo_name=_ehlo(ehlo),
        sni=_sni(sni),
        timeout_s=timeout,
        implicit_tls=implicit_tls,
        nameserver=resolver,
        overrides=shared.overrides(resolve or ()),
        thorough=thorough,
        samples=samples,
        revocation=revocation,
        revocation_allow_private=revocation_allow_private,
    )
    report = _run(parsed, options)
    deliver(report, output_format, output, verbose=verbose)
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
