"""The selection as a page for a browser: what each server would pick, what is said to it, and why not the others."""

from __future__ import annotations

from typing import NamedTuple

from probe import __version__
from probe.eop.outlook import Judged
from probe.eop.vocabulary import WORST_FIRST
from probe.exchange.selection.candidates import Candidate, title
from probe.exchange.selection.planned import Effect, Transition
from probe.exchange.selection.result import Selection, State
from probe.render.exchange.parts import PROBLEMS, each_once, stamp
from probe.render.exchange.parts import told as statement
from probe.render.exchange.select import (
    STATES,
    Row,
    SelectReport,
    change_words,
    end,
    ends,
    fate,
    kind,
    outlook_words,
    place,
    said,
    valid_words,
)
from probe.render.page.html import render_page
from probe.render.page.options import RenderOptions

#: A sentence, and what it rests on.
Said = tuple[str, str]

_RANKS = tuple(Effect)
_MARKS = {Effect.NONE: "info", Effect.SAFE: "accepted", Effect.RISKY: "at-risk", Effect.BREAKS: "rejected"}


class Pick(NamedTuple):
    """A certificate of the server: what becomes of it, what is said to it where it may be chosen, and why."""

    mark: str
    fate: str
    name: str
    valid: str
    outcome: str
    because: list[Said]


class Choice(NamedTuple):
    """One connector on one server; `outcome` is empty where what Exchange Online says does not matter."""

    kind: str
    place: str
    outcome: str
    words: str
    state: str
    certificate: str
    why: list[Said]
    events: list[str]
    picks: list[Pick]
    others: list[Pick]
    tenant: list[Said]


class Step(NamedTuple):
    """What a planned change does to one connector on one server."""

    mark: str
    effect: str
    place: str
    ends: str
    reasons: list[str]


class Group(NamedTuple):
    """Statements under a heading of their own."""

    title: str
    statements: list[Said]


def render(report: SelectReport, options: RenderOptions) -> str:
    """Render the page, the worst first: what a planned change does, what each connector picks and why."""
    changed = report.before is not None
    word = said(report.effect) if changed else report.outcome.value
    values = {
        "mark": _MARKS[report.effect] if changed else report.outcome.value,
        "word": word,
        "told": change_words(report) if changed else "as Exchange selects certificates today",
        "steps": [_step(step) for step in sorted(report.steps, key=lambda step: -_RANKS.index(step.effect))],
        "choices": [_choice(row, verbose=options.verbose) for row in sorted(report.rows, key=_urgency)],
        "groups": _groups(report),
        "problems": each_once(report.problems),
        "problems_mean": PROBLEMS,
        "version": __version__,
        "at": stamp(report.at),
    }
    return render_page("selection.html", values, title=f"Selection: {word} - eop-probe")


def _urgency(row: Row) -> int:
    return WORST_FIRST.index(row.outlook.outcome) if row.outlook else len(WORST_FIRST)


def _step(step: Transition) -> Step:
    reasons = [
        str(one.statement) if one.effect is step.effect else f"{said(one.effect)}: {one.statement}"
        for one in step.reasons
    ]
    return Step(_MARKS[step.effect], said(step.effect), place(step.after), ends(step), reasons)


def _choice(row: Row, *, verbose: bool) -> Choice:
    selection, outlook = row.selection, row.outlook
    tenant = outlook.attribution if outlook else None
    stated = (tenant.statements if verbose else tenant.own_statements) if tenant else ()
    return Choice(
        kind=kind(selection),
        place=place(selection),
        outcome=outlook.outcome.value if outlook else "",
        words=outlook_words(row, outlook) if outlook else "",
        state=STATES[selection.state],
        certificate=end(selection) if selection.state in {State.CHOSEN, State.AMBIGUOUS} else "",
        why=[statement(one) for one in selection.statements],
        events=list(map(str, selection.events)),
        picks=_picks(row, named=True),
        others=_picks(row, named=False),
        tenant=[statement(one) for one in stated],
    )


def _picks(row: Row, *, named: bool) -> list[Pick]:
    """The certificates that bear the name, or may, what is picked first; else those that do not bear it."""
    judged = {one.certificate.thumbprint: one for one in (row.outlook.judged if row.outlook else ())}
    candidates = [one for one in row.selection.candidates if (one.named is not False) is named]
    found = [_pick(row.selection, one, judged.get(one.certificate.thumbprint)) for one in candidates]
    return sorted(found, key=lambda pick: pick.mark == "not-chosen")


def _pick(selection: Selection, one: Candidate, judged: Judged | None) -> Pick:
    word = fate(selection, one.certificate)
    because = (*one.remarks, *(judged.statements if judged else ()))
    return Pick(
        mark=word.replace(" ", "-"),
        fate=word,
        name=title(one.certificate),
        valid=valid_words(one.certificate),
        outcome=judged.outcome.value if judged else "",
        because=[statement(each) for each in because],
    )


def _groups(report: SelectReport) -> list[Group]:
    groups = [
        Group(f"Source servers of '{one.connector}' compared", [statement(each) for each in one.statements])
        for one in report.comparisons
    ]
    deviations = [statement(one.statement) for one in report.deviations]
    groups.append(Group("Not as the Hybrid Configuration Wizard sets it", deviations))
    wizard = [(str(change), "") for change in report.wizard]
    groups.append(Group("Changes in the logs of the Hybrid Configuration Wizard", wizard))
    return [group for group in groups if group.statements]
