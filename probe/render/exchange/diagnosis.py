"""The diagnosis for a person and for a program: each fault from what happens to how to verify the repair."""

from __future__ import annotations

from typing import Any

from probe.render.exchange.arrivals import add_arrivals, arrivals_json
from probe.render.exchange.documents import picked
from probe.render.exchange.parts import problems, stamp, statements, title
from probe.render.exchange.traces import add_traces, traces_json
from probe.render.page.options import RenderOptions
from probe.render.page.steps import commands_json
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.report.diagnosis import DiagnosedFault, Diagnosis
from probe.text import counted

SCHEMA = "eop-probe/exchange-diagnosis/1"

#: Characters of a log's line that the page shows; the document has the whole.
_MAX_LINE = 400


def render(diagnosis: Diagnosis, options: RenderOptions) -> str:
    page = Page(options)
    outcome, mark, words = diagnosis.outcome.value, OUTCOME_STYLES[diagnosis.outcome], told(diagnosis)
    page.add(words, first=f"{outcome.upper()}  ", mark=mark)
    numbered = tuple(enumerate(diagnosis.faults, start=1))
    for number, fault in numbered if len(numbered) > 1 else ():
        lead = f"  {number}. {fault.outcome.value:<8}  "
        page.add(in_a_line(fault), first=lead, mark=OUTCOME_STYLES[fault.outcome])
    for number, fault in numbered:
        _add_fault(page, number, fault)
    add_arrivals(page, diagnosis.arrivals)
    add_traces(page, diagnosis.traces)
    if diagnosis.notes:
        title(page, "Also known")
        statements(page, diagnosis.notes, indent=2)
    problems(page, diagnosis.problems)
    if diagnosis.faults:
        worst = diagnosis.faults[0]
        said = f"{words}. First: {in_a_line(worst)}"
        page.closing(0, said, outcome, mark, worst.reply, worst.remedy)
    return page.text


def told(diagnosis: Diagnosis) -> str:
    if not diagnosis.faults:
        return "no fault found in the evidence given"
    proven = sum(fault.seen for fault in diagnosis.faults)
    predicted = len(diagnosis.faults) - proven
    more = f", {predicted} predicted from the exports as of {stamp(diagnosis.at)}" if predicted else ""
    return f"{counted(proven, 'fault')} proven{more}"


def in_a_line(fault: DiagnosedFault) -> str:
    return fault.title + _where(fault)


def seen(fault: DiagnosedFault) -> str:
    return "what happened" if fault.seen else "predicted, not seen"


def shown(line: str) -> str:
    """A line of a log as a page shows it."""
    return line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]} ..."


def _where(fault: DiagnosedFault) -> str:
    return f", Send connector '{fault.connector}'" if fault.connector else ""


def _add_fault(page: Page, number: int, fault: DiagnosedFault) -> None:
    page.blank()
    page.add(fault.title, first=f"{number}. ", style=Style.STRONG, mark=OUTCOME_STYLES[fault.outcome])
    page.add(f"{fault.outcome.value}: {seen(fault)}{_where(fault)}", first="   ")
    if fault.thumbprint:
        page.verbatim(fault.thumbprint.upper(), first="   certificate  ")
    if fault.reply:
        page.verbatim(fault.reply, first="   reply        ", style=Style.BAD)
    _add_part(page, "What happens")
    statements(page, fault.happens)
    _add_part(page, "The proof")
    for proof in fault.proof:
        page.add(proof.text, first="    · ", rest="      ")
        for place, line in proof.quotes:
            page.add(place, first="      ", style=Style.FAINT)
            page.verbatim(shown(line), first="        ")
    _add_part(page, "The cause")
    statements(page, fault.cause)
    _add_part(page, "The remedy, in order")
    page.steps(fault.remedy, indent=4)
    _add_part(page, "How to verify it")
    page.steps(fault.verify, indent=4)


def _add_part(page: Page, heading: str) -> None:
    page.add("", first=f"   {heading}", mark=Style.STRONG)


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    stories = [_fault_json(fault) for fault in diagnosis.faults]
    outcome = picked(diagnosis, "outcome at", stories=stories)
    return {
        "schema": SCHEMA,
        **outcome,
        "arrivals": arrivals_json(diagnosis.arrivals),
        "traces": traces_json(diagnosis.traces),
        **picked(diagnosis, "notes problems"),
    }


def _fault_json(fault: DiagnosedFault) -> dict[str, Any]:
    proof = [
        {"text": one.text, "quotes": [{"place": place, "line": line} for place, line in one.quotes]}
        for one in fault.proof
    ]
    return {
        **picked(fault, "id title outcome seen connector thumbprint reply happens", proof=proof),
        **picked(fault, "cause remedy verify"),
        "remedy_commands": commands_json(fault.remedy),
        "verify_commands": commands_json(fault.verify),
    }
