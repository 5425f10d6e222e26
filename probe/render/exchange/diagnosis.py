"""The diagnosis for a person and for a program: each fault from what happens to how to verify the repair."""

from __future__ import annotations

from typing import Any

from probe.render.exchange.documents import picked
from probe.render.exchange.parts import (
    problems,
    stamp,
    statements,
    title,
)
from probe.render.page.closing import add_closing
from probe.render.page.options import RenderOptions
from probe.render.page.steps import commands_json
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.report.diagnosis import DiagnosedFault, Diagnosis
from probe.text import counted

SCHEMA = "eop-probe/exchange-diagnosis/1"

#: Characters of a log's line that the page shows; the document has the whole.
_MAX_LINE = 400


def render(diagnosis: Diagnosis, options: RenderOptions) -> str:
    """The page."""
    page = Page(options)
    seen = sum(fault.seen for fault in diagnosis.faults)
    told = counted(seen, "fault") + " proven"
    if len(diagnosis.faults) > seen:
        told += f", {len(diagnosis.faults) - seen} predicted from the exports as of {stamp(diagnosis.at)}"
    if not diagnosis.faults:
        told = "no fault found in the evidence given"
    page.add(told, first=f"{diagnosis.outcome.value.upper()}  ", mark=OUTCOME_STYLES[diagnosis.outcome])
    if len(diagnosis.faults) > 1:
        for number, fault in enumerate(diagnosis.faults, start=1):
            page.add(
                _in_a_line(fault),
                first=f"  {number}. {fault.outcome.value:<8}  ",
                mark=OUTCOME_STYLES[fault.outcome],
            )
    for number, fault in enumerate(diagnosis.faults, start=1):
        _add_fault(page, number, fault)
    if diagnosis.notes:
        title(page, "Also known")
        statements(page, diagnosis.notes, indent=2)
    problems(page, diagnosis.problems)
    if diagnosis.faults:
        worst = diagnosis.faults[0]
        mark = OUTCOME_STYLES[diagnosis.outcome]
        said = f"{told}. First: {_in_a_line(worst)}"
        add_closing(page, 0, said, diagnosis.outcome.value, mark, worst.reply, worst.remedy)
    return page.text


def _in_a_line(fault: DiagnosedFault) -> str:
    return fault.title + (f", Send connector '{fault.connector}'" if fault.connector else "")


def _add_fault(page: Page, number: int, fault: DiagnosedFault) -> None:
    page.blank()
    page.add(fault.title, first=f"{number}. ", style=Style.STRONG, mark=OUTCOME_STYLES[fault.outcome])
    lead = "what happened" if fault.seen else "predicted, not seen"
    where = f", Send connector '{fault.connector}'" if fault.connector else ""
    page.add(f"{fault.outcome.value}: {lead}{where}", first="   ")
    if fault.thumbprint:
        page.verbatim(fault.thumbprint, first="   certificate  ")
    if fault.reply:
        page.verbatim(fault.reply, first="   reply        ", style=Style.BAD)
    _add_part(page, "What happens")
    statements(page, fault.happens)
    _add_part(page, "The proof")
    for proof in fault.proof:
        page.add(proof.text, first="    · ", rest="      ")
        for place, line in proof.quotes:
            page.add(place, first="      ", style=Style.FAINT)
            page.verbatim(line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]} ...", first="        ")
    _add_part(page, "The cause")
    statements(page, fault.cause)
    _add_part(page, "The remedy, in order")
    page.steps(fault.remedy, indent=4)
    _add_part(page, "How to verify it")
    page.steps(fault.verify, indent=4)


def _add_part(page: Page, heading: str) -> None:
    page.add("", first=f"   {heading}", mark=Style.STRONG)


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The JSON document."""
    faults = [_fault_json(fault) for fault in diagnosis.faults]
    return {
        "schema": SCHEMA,
        **picked(diagnosis, "outcome at", stories=faults),
        **picked(diagnosis, "notes problems"),
    }


def _fault_json(fault: DiagnosedFault) -> dict[str, Any]:
    proof = [
        {"text": one.text, "quotes": [{"place": place, "line": line} for place, line in one.quotes]}
        for one in fault.proof
    ]
    return {
        **picked(fault, "id title outcome seen connector"),
        "thumbprint": fault.thumbprint.lower() if fault.thumbprint else None,
        **picked(fault, "reply happens", proof=proof),
        **picked(fault, "cause remedy verify"),
        "remedy_commands": commands_json(fault.remedy),
        "verify_commands": commands_json(fault.verify),
    }
