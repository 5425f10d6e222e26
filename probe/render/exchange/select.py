"""Which certificate Exchange will choose, before and after a change: a page and a document."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from probe.eop.outlook import Judged, Outlook
from probe.eop.vocabulary import Outcome
from probe.exchange.attribution.tenant import Attribution
from probe.exchange.connector import ConnectorType
from probe.exchange.exports.wizard_log import HcwChange
from probe.exchange.problem import Problem
from probe.exchange.selection.choose import Selection, State
from probe.exchange.selection.hybrid import Deviation
from probe.exchange.selection.planned import PlannedChange, PlanVerdict, Step
from probe.exchange.selection.servers import ServerComparison
from probe.render.exchange.parts import (
    fact,
    iso,
    problem_json,
    problems,
    stamp,
    statement_json,
    statements,
    title,
)
from probe.render.page.options import RenderOptions
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.statement import Event, Statement

SCHEMA = "eop-probe/exchange-select/1"

_STATES = {
    State.CHOSEN: "one certificate is chosen",
    State.AMBIGUOUS: "ambiguous: the published readings disagree",
    State.NOTHING: "no certificate is found",
    State.NO_TLS: "no TLS",
    State.UNKNOWN: "cannot be told from this evidence",
}
_VERDICTS = {PlanVerdict.SAFE: Style.GOOD, PlanVerdict.RISKY: Style.WARNING, PlanVerdict.BREAKS: Style.BAD}


class Row(NamedTuple):
    """One connector on one server; `eop` says whether it delivers to Exchange Online (None: the MX decides).

    `outlook` is None where what Exchange Online says does not matter.
    """

    selection: Selection
    eop: bool | None
    outlook: Outlook | None


class SelectReport(NamedTuple):
    """Everything that was simulated; `plan` is the comparison with a planned change, `change` its words."""

    at: datetime
    rows: tuple[Row, ...]
    comparisons: tuple[ServerComparison, ...]
    deviations: tuple[Deviation, ...]
    wizard: tuple[HcwChange, ...]
    change: tuple[str, ...]
    plan: PlannedChange | None
    outcome: Outcome
    problems: tuple[Problem, ...]


def render(report: SelectReport, options: RenderOptions) -> str:
    """The page: a planned change and its verdict first, then each connector."""
    page = Page(options)
    page.add(f"as of {stamp(report.at)}", first="Selection  ", mark=Style.STRONG)
    if report.plan is not None:
        _add_plan(page, report, report.plan)
    for row in report.rows:
        _add_row(page, row, verbose=options.verbose)
    for comparison in report.comparisons:
        title(page, f"Source servers of '{comparison.connector}' compared")
        statements(page, comparison.statements, indent=2)
    if report.deviations:
        title(page, "Not as the Hybrid Configuration Wizard sets it")
        statements(page, (one.statement for one in report.deviations), indent=2)
    if report.wizard:
        title(page, "Changes in the logs of the Hybrid Configuration Wizard")
        for change in report.wizard:
            page.add(str(change), first="  · ")
    problems(page, report.problems)
    return page.text


def _add_plan(page: Page, report: SelectReport, plan: PlannedChange) -> None:
    page.blank()
    verdict = plan.verdict
    page.add("; ".join(report.change), first=f"{verdict.value.upper()}  ", mark=_VERDICTS[verdict])
    for step in plan.steps:
        page.add(
            f"{_place(step.after)}: {_ends(step)}",
            first=f"  {step.verdict.value:<6}  ",
            rest="          ",
            mark=_VERDICTS[step.verdict],
        )
        for reason in step.reasons:
            page.add(f"{reason.verdict.value}: {reason.statement}", first="          ")


def _ends(step: Step) -> str:
    before = _end(step.before) if step.before is not None else "(not there)"
    after = _end(step.after)
    return f"stays with {after}" if before == after else f"{before} becomes {after}"


def _end(selection: Selection) -> str:
    match selection.state:
        case State.CHOSEN | State.AMBIGUOUS | State.UNKNOWN if selection.possible:
            return " or ".join(one.thumbprint.upper() for one in selection.possible)
        case State.NOTHING:
            return "no certificate"
        case state:
            return _STATES[state]


def _place(selection: Selection) -> str:
    return f"'{selection.connector}' on {selection.server or 'an unnamed server'}"


def _add_row(page: Page, row: Row, *, verbose: bool) -> None:
    selection, outlook = row.selection, row.outlook
    kind = "Send connector" if selection.sends else "Receive connector"
    title(page, f"{kind} {_place(selection)}", _STATES[selection.state])
    if outlook is not None:
        _add_outlook(page, row, outlook)
    statements(page, selection.statements)
    for event in selection.events:
        page.add(str(event), first="    · ")
    if outlook is not None:
        for judged in outlook.judged:
            _add_judged(page, judged)
        if outlook.attribution is not None:
            page.add("", first="    The tenant and its inbound connectors (for mail of its own)")
            statements(page, _relevant(outlook.attribution, verbose=verbose), indent=6)
    _add_candidates(page, selection, verbose=verbose)


def _relevant(attribution: Attribution, *, verbose: bool) -> tuple[Statement, ...]:
    """What concerns the organisation's own connectors; the partners' only on demand."""
    if verbose:
        return attribution.statements
    said = {
        statement
        for match in attribution.matches
        if match.connector.connector_type is ConnectorType.PARTNER
        for statement in match.statements
    }
    return tuple(one for one in attribution.statements if one not in said)


def _add_outlook(page: Page, row: Row, outlook: Outlook) -> None:
    condition = "" if row.eop else "for domains whose mail goes to Exchange Online: "
    words = outlook.reply or _OUTLOOK_WORDS[outlook.outcome]
    if outlook.reply is None and outlook.selection.winner is not None:
        words = outlook.judged[0].statements[0].text
    page.add(
        condition + words,
        first=f"    {outlook.outcome.value.upper()}  ",
        mark=OUTCOME_STYLES[outlook.outcome],
    )


_OUTLOOK_WORDS = {
    Outcome.ACCEPTED: "Exchange Online would accept the certificate",
    Outcome.AT_RISK: "it depends on what is not published or may change",
    Outcome.REJECTED: "Exchange Online would refuse it",
    Outcome.UNKNOWN: "what Exchange Online says cannot be told from this evidence",
}


def _add_judged(page: Page, judged: Judged) -> None:
    fact(page, "chain", f"{judged.certificate.thumbprint.upper()}: {judged.outcome.value}")
    statements(page, judged.statements, indent=6)


def _add_candidates(page: Page, selection: Selection, *, verbose: bool) -> None:
    """Every certificate of the server with what speaks against it; those not for the name only on demand."""
    possible = {one.thumbprint for one in selection.possible}
    for one in selection.candidates:
        if one.named is False and not verbose:
            continue
        certificate = one.certificate
        mark = "✓" if certificate.thumbprint in possible else "✗"
        valid = ""
        if certificate.not_before and certificate.not_after:
            valid = f" ({certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d})"
        page.add(f"{certificate.thumbprint.upper()}{valid}", first=f"    {mark} ")
        statements(page, one.remarks, indent=6)


def document(report: SelectReport) -> dict[str, Any]:
    """The JSON document."""
    return {
        "schema": SCHEMA,
        "at": iso(report.at),
        "outcome": report.outcome.value,
        "change": None if report.plan is None else _plan_json(report, report.plan),
        "selections": [_row_json(row) for row in report.rows],
        "servers": [
            {
                "connector": one.connector,
                "agree": one.agree,
                "shares": [
                    {
                        "servers": list(share.servers),
                        "thumbprint": share.certificate.thumbprint if share.certificate else None,
                        "end": share.end.value,
                    }
                    for share in one.shares
                ],
                "statements": [statement_json(said) for said in one.statements],
            }
            for one in report.comparisons
        ],
        "hybrid": [
            {
                "kind": one.kind,
                "connector": one.connector,
                "name": one.name,
                "expected": one.expected,
                "found": one.found,
            }
            for one in report.deviations
        ],
        "problems": [problem_json(one) for one in report.problems],
    }


def _plan_json(report: SelectReport, plan: PlannedChange) -> dict[str, Any]:
    return {
        "words": list(report.change),
        "verdict": plan.verdict.value,
        "steps": [
            {
                "connector": step.after.connector,
                "server": step.after.server,
                "verdict": step.verdict.value,
                "before": [one.thumbprint for one in step.before.possible] if step.before else None,
                "after": [one.thumbprint for one in step.after.possible],
                "reasons": [
                    {"verdict": reason.verdict.value, **statement_json(reason.statement)}
                    for reason in step.reasons
                ],
            }
            for step in plan.steps
        ],
    }


def _row_json(row: Row) -> dict[str, Any]:
    selection, outlook = row.selection, row.outlook
    return {
        "connector": selection.connector,
        "kind": "send" if selection.sends else "receive",
        "server": selection.server,
        "to_exchange_online": row.eop,
        "state": selection.state.value,
        "looked_for": selection.wanted.text,
        "by": selection.wanted.source.value,
        "thumbprint": selection.winner.thumbprint if selection.winner else None,
        "choices": [
            {
                "thumbprint": one.certificate.thumbprint if one.certificate else None,
                "readings": [reading.name for reading in one.readings],
                "certain": one.certain,
            }
            for one in selection.choices
        ],
        "candidates": [
            {
                "thumbprint": one.certificate.thumbprint,
                "bears_name": one.named,
                "smtp": one.smtp,
                "valid": one.valid,
                "from_a_ca": one.issued,
                "remarks": [statement_json(said) for said in one.remarks],
            }
            for one in selection.candidates
        ],
        "events": [_event_json(one) for one in selection.events],
        "statements": [statement_json(one) for one in selection.statements],
        "outcome": outlook.outcome.value if outlook else None,
        "reply": outlook.reply if outlook else selection.reply,
        "chains": [_judged_json(one) for one in outlook.judged] if outlook else [],
    }


def _event_json(one: Event) -> dict[str, Any]:
    return {"event": one.number, "text": one.text, "confidence": one.label.value}


def _judged_json(one: Judged) -> dict[str, Any]:
    return {
        "thumbprint": one.certificate.thumbprint,
        "outcome": one.outcome.value,
        "reply": one.reply,
        "rule": one.rule,
        "statements": [statement_json(said) for said in one.statements],
    }
