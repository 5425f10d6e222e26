"""``eop-probe exchange diagnose``: everything given at once, one diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli import options as shared
from probe.cli.exchange import common
from probe.cli.exit_codes import finish
from probe.cli.output import check_writable, render_options, warn, write_to
from probe.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.pki.truststore import TrustStore
    from probe.report.assessment import Assessment


def diagnose(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            help="Exports, certificates, protocol logs, events, NDRs, the listener's JSON; folders and patterns too.",
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            envvar="EOP_PROBE_TARGET", metavar="HOST[:PORT]", help="Probe this endpoint as well. Repeatable."
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            envvar="EOP_PROBE_TEXT",
            metavar="TEXT",
            help="A reply, NDR or event as well; - is standard input.",
        ),
    ] = None,
    ip: common.Address = None,
    server: common.Server = None,
    chain: Annotated[
        list[Path] | None,
        typer.Option(
            envvar="EOP_PROBE_CHAIN", metavar="FILE", help="Intermediates the servers send along. Repeatable."
        ),
    ] = None,
    store: shared.Stores = None,
    stand_in: shared.StandIn = None,
    at: shared.At = None,
    resolve: shared.Resolve = None,
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
    password_file: common.PasswordFile = None,
    output_format: common.OutputFormat = common.PlainFormat.TERMINAL,
    output: shared.Output = None,
    authroot_stl: shared.AuthrootStl = None,
    disallowed_stl: shared.DisallowedStl = None,
) -> None:
    """Tell from all the evidence what happens, what proves it, the cause, the remedy in order, and how to verify it.

    A captured chain (eop-probe listen --format jsonl) proves most, then logs, then exports. Exit codes: 0 no
    fault found, 1 at risk, 2 mail is refused, 3 nothing can be told.
    """
    check_writable(output)
    if not (files or target or text):
        raise InputError("nothing to diagnose: give files, --target or --text")
    from probe.diagnosis.run import Question, diagnose
    from probe.net import clock
    from probe.render.exchange import diagnosis as page

    found, gathered = common.gather_files(files or (), server)
    load = shared.store_loader(
        store, stand_in, authroot_stl=authroot_stl, disallowed_stl=disallowed_stl, warn=warn
    )
    diagnosis = diagnose(
        Question(
            files=found,
            gathered=gathered,
            issuers=common.issuers(found, chain or (), password_file),
            stores=load,
            now=clock.now(),
            at=shared.parse_instant(at),
            texts=tuple(_texts(text or ())),
            live=_live(target or (), load, resolve or (), timeout),
            address=common.address(ip),
            paths=tuple(files or ()),
        )
    )
    if output_format is common.PlainFormat.JSON:
        write_to(output, common.as_json(page.document(diagnosis)))
    else:
        write_to(output, page.render(diagnosis, render_options(to_file=output is not None)))
    finish(diagnosis.outcome.exit_code)


def _texts(given: Sequence[str]) -> list[tuple[str, str]]:
    return [("standard input" if one == "-" else "--text", common.text_of(one)) for one in given]


def _live(
    targets: Sequence[str],
    load: Callable[[], Sequence[TrustStore]],
    resolve: Sequence[str],
    timeout: float,
) -> tuple[Assessment, ...]:
    if not targets:
        return ()
    from probe.check.options import CheckOptions
    from probe.check.run import assess

    options = CheckOptions(stores=load, overrides=shared.overrides(resolve), timeout_s=timeout)
    return tuple(one for target in targets for one in assess(target, options))
