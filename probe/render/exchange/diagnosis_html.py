"""The diagnosis as a page for a browser: the account of each fault, its evidence beside it, and commands to copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probe import __version__
from probe.exchange.messages import confirmation
from probe.exchange.traces import groups
from probe.render.exchange import arrivals, traces
from probe.render.exchange.diagnosis import seen, shown, told
from probe.render.exchange.parts import PROBLEMS, each_once, stamp
from probe.render.exchange.parts import told as statement
from probe.render.page.html import render_page
from probe.render.page.options import RenderOptions
from probe.render.page.steps import Numbered, numbered
from probe.report.diagnosis import DiagnosedFault, Diagnosis, Proof


class FaultView(NamedTuple):
    """One fault as the page tells it; statements are a sentence and what it rests on."""

    outcome: str
    title: str
    seen: str
    connector: str
    facts: list[tuple[str, str]]
    reply: str
    happens: list[tuple[str, str]]
    cause: list[tuple[str, str]]
    proof: list[Proof]
    remedy: list[Numbered]
    verify: list[Numbered]


def render(diagnosis: Diagnosis, options: RenderOptions) -> str:  # noqa: ARG001 - every renderer is called alike
    """Render the page: what was found, then each fault from what happens to how to verify the repair."""
    values = {
        "outcome": diagnosis.outcome.value,
        "told": told(diagnosis),
        "faults": [_fault(fault) for fault in diagnosis.faults],
        "arrivals": [statement(line) for one in diagnosis.arrivals for line in confirmation.told(one)],
        "arrived": arrivals.HEADING,
        "traces": [statement(line) for one in diagnosis.traces for line in groups.told(one)],
        "traced": traces.HEADING,
        "notes": [statement(one) for one in diagnosis.notes],
        "problems": each_once(diagnosis.problems),
        "problems_mean": PROBLEMS,
        "version": __version__,
        "at": stamp(diagnosis.at),
    }
    return render_page("diagnosis.html", values, title=f"Diagnosis: {diagnosis.outcome.value} - eop-probe")


def _fault(fault: DiagnosedFault) -> FaultView:
    return FaultView(
        outcome=fault.outcome.value,
        title=fault.title,
        seen=seen(fault),
        connector=fault.connector or "",
        facts=list(_facts(fault)),
        reply=fault.reply or "",
        happens=[statement(one) for one in fault.happens],
        cause=[statement(one) for one in fault.cause],
        proof=[
            one._replace(quotes=tuple((place, shown(line)) for place, line in one.quotes))
            for one in fault.proof
        ],
        remedy=numbered(fault.remedy),
        verify=numbered(fault.verify),
    )


def _facts(fault: DiagnosedFault) -> Iterator[tuple[str, str]]:
    yield "Proof", seen(fault)
    if fault.connector:
        yield "Send connector", fault.connector
    if fault.thumbprint:
        yield "Certificate", fault.thumbprint.upper()
