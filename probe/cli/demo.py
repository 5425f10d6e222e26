"""``eop-probe demo``: the main job on built-in servers on loopback, through the very same code as ``check``."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from probe.cli.app import new_app
from probe.cli.exit_codes import UNKNOWN, finish
from probe.cli.output import Verbose, render_options, report_of, warn, write_out

if TYPE_CHECKING:
    from probe.demo_servers import SimulatedServer, Simulator
    from probe.pki.truststore import TrustStore
    from probe.report.assessment import Assessment

app = new_app()

#: What the store of the demo is called in reports: it stands in for the lists a real check goes by.
STORE_NAME = "demo-roots"
#: Connections to each server: two, so that certificates that take turns are seen.
SAMPLES = 2
#: The server whose report is shown to its end, with what to do; the others end after the chain.
SHOWN_WHOLE = "internal-ca"


@app.command()
def demo(verbose: Verbose = False) -> None:
    """Run the main job on built-in servers with throw-away certificates: no network, no Docker, seconds."""
    from probe.demo_servers import Simulator
    from probe.net import clock

    with Simulator.start(clock.now()) as simulator:
        store = _store(simulator)
        write_out("Five SMTP servers on 127.0.0.1; a throw-away root plays the part of a public one.")
        found = [(server, _probe(server, store)) for server in simulator.servers]
    for server, assessment in found:
        _show(server, assessment, verbose=verbose)
    write_out(_summary(found))
    if any(assessment.evidence.leaf is None for _, assessment in found):
        warn("a built-in server showed no certificate: is a local firewall in the way of 127.0.0.1?")
        finish(UNKNOWN)
    finish(0)


def _store(simulator: Simulator) -> TrustStore:
    from probe import stores
    from probe.pki.certificate import Certificate
    from probe.pki.containers import read
    from probe.pki.truststore import AnchorStore, StandInStore

    held = read(simulator.root_pem)
    roots = AnchorStore(STORE_NAME, [entry for entry in held.entries if isinstance(entry, Certificate)])
    return StandInStore(stores.load_default()[0], roots)


def _probe(server: SimulatedServer, store: TrustStore) -> Assessment:
    from probe.check.options import CheckOptions
    from probe.check.run import assess

    options = CheckOptions(
        stores=lambda: [store],
        overrides={server.host: ("127.0.0.1",)},
        samples=SAMPLES if server.name == "two-certificates" else None,
    )
    return assess(f"{server.host}:{server.port}", options)[0]


def _show(server: SimulatedServer, assessment: Assessment, *, verbose: bool) -> None:
    from probe.render.report.terminal import render

    write_out(f"\n{server.name}: {server.title}\n")
    brief = not verbose and server.name != SHOWN_WHOLE
    write_out(render(report_of([assessment]), render_options(verbose=verbose, brief=brief)))


def _summary(found: list[tuple[SimulatedServer, Assessment]]) -> str:
    lines = ["", "The five verdicts:"]
    for server, assessment in found:
        rule = assessment.predictions[0].rule or ""
        lines.append(f"  {assessment.outcome.value:9} {server.name:22} {rule}".rstrip())
    return "\n".join((*lines, "", "Now yours:", f"  {_program()} check mail.example.com", ""))


def _program() -> str:
    """How this program is called from where the user is: by its name where that is found, else as it was called."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{sys.executable} -m probe"
    return "eop-probe" if which("eop-probe") or called.name != "eop-probe" else str(called)
