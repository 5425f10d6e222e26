"""``eop-probe exchange diagnose``: everything given at once, one diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from probe.cli import options as shared
from probe.cli.declare import option
from probe.cli.exchange import common
from probe.cli.exit_codes import finish
from probe.cli.files import read_text
from probe.cli.output import PageOutput
from probe.cli.waiting import Waiting
from probe.errors import InputError
from probe.net.request import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from probe.pki.truststore import TrustStore
    from probe.report.assessment import Assessment


class Probing(NamedTuple):
    """How endpoints are probed that are asked about."""

    resolve: shared.Resolve = None
    timeout: shared.Timeout = TIMEOUT_S

    def live(
        self, targets: Sequence[str], load: Callable[[], Sequence[TrustStore]]
    ) -> tuple[Assessment, ...]:
        """What they present; raises ConfigurationError."""
        if not targets:
            return ()
        from probe.check.options import CheckOptions
        from probe.check.run import assess

        options = CheckOptions(stores=load, overrides=shared.overrides(self.resolve), timeout_s=self.timeout)
        with Waiting("probing"):
            return tuple(one for target in targets for one in assess(target, options))


def diagnose(
    files: list[Path] | None = typer.Argument(
        None,
        metavar="FILE...",
        help="Exports, certificates, protocol logs, events, NDRs, the listener's JSON; folders and patterns too.",
    ),
    *,
    target: list[str] | None = option("--target HOST[:PORT]", "Probe this endpoint as well. Repeatable."),
    text: list[str] | None = option("--text TEXT", "A reply, NDR or event as well; - is standard input."),
    ip: common.Address = None,
    server: common.Server = None,
    chain: common.Chain = None,
    stores: shared.Stores,
    at: shared.At = None,
    probing: Probing,
    password_file: common.PasswordFile = None,
    output: PageOutput,
) -> None:
    """Tell from all the evidence what happens, what proves it, the cause, the remedy in order, and how to verify it.

    A captured chain (eop-probe listen --format jsonl) proves most, then logs, then exports. Exit codes: 0 no
    fault found, 1 at risk, 2 mail is refused, 3 nothing can be told.
    """
    if not (files or target or text):
        raise InputError("nothing to diagnose: give files, --target or --text")
    from probe.diagnosis.run import Question, diagnose
    from probe.net import clock
    from probe.render.exchange import diagnosis as page

    found, gathered = common.gather_files(files or (), server)
    load = stores.loader()
    read = [("standard input" if one == "-" else "--text", read_text(one)) for one in text or ()]
    diagnosis = diagnose(
        Question(
            files=found,
            gathered=gathered,
            issuers=common.issuers(found, chain or (), password_file),
            stores=load,
            now=clock.now(),
            at=shared.parse_instant(at),
            texts=tuple((name, said.text) for name, said in read if said.text or not said.traces),
            arrivals=tuple(arrival for _, said in read for arrival in said.arrivals),
            traces=tuple(trace for _, said in read for trace in said.traces),
            live=probing.live(target or (), load),
            address=shared.parse_address(ip),
            paths=tuple(files or ()),
        )
    )
    output.deliver(page, diagnosis)
    finish(diagnosis.outcome.exit_code)
