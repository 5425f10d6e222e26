"""Which certificate Exchange will choose, before and after a change: a page and a document."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from probe.eop.outlook import Outlook
from probe.eop.vocabulary import Outcome
from probe.exchange.exports.wizard_log import HcwChange
from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.problem import Problem
from probe.exchange.selection.hybrid import Deviation
from probe.exchange.selection.planned import Effect, Transition, worst
from probe.exchange.selection.result import Selection, State
from probe.exchange.selection.servers import ServerComparison
from probe.render.exchange.documents import picked, plain
from probe.render.exchange.parts import fact, problems, stamp, statements, title
from probe.render.page.options import RenderOptions
from probe.render.page.text import OUTCOME_STYLES, Page, Style

SCHEMA = "eop-probe/exchange-select/1"

STATES = {
    State.CHOSEN: "one certificate is chosen",
    State.AMBIGUOUS: "ambiguous: the published readings disagree",
    State.NOTHING: "no certificate is found",
    State.NO_TLS: "no TLS",
    State.UNKNOWN: "cannot be told from this evidence",
}
_EFFECTS = {
    Effect.NONE: Style.PLAIN,
    Effect.SAFE: Style.GOOD,
    Effect.RISKY: Style.WARNING,
    Effect.BREAKS: Style.BAD,
}


class Row(NamedTuple):
    """One connector on one server; `eop` says whether it delivers to Exchange Online (None: the MX decides).

    `outlook` is None where what Exchange Online says does not matter.
    """

    selection: Selection
    eop: bool | None
    outlook: Outlook | None


class SelectReport(NamedTuple):
    """Everything that was simulated; of a planned change its words, its steps, and the outcome `before` it."""

    at: datetime
    rows: tuple[Row, ...]
    comparisons: tuple[ServerComparison, ...]
    deviations: tuple[Deviation, ...]
    wizard: tuple[HcwChange, ...]
    change: tuple[str, ...]
    steps: tuple[Transition, ...]
    before: Outcome | None
    outcome: Outcome
    problems: tuple[Problem, ...]

    @property
    def effect(self) -> Effect:
        """The worst of the steps; where mail is refused afterwards nothing is safe."""
        found = worst(step.effect for step in self.steps)
        if self.outcome is not Outcome.REJECTED or found in {Effect.RISKY, Effect.BREAKS}:
            return found
        return Effect.NONE if self.before is Outcome.REJECTED else Effect.BREAKS

    @property
    def exit_code(self) -> int:
        """That of a change's effect, else of what holds."""
        if self.before is None or (self.effect is Effect.NONE and self.to_eop):
            return self.outcome.exit_code
        return max(tuple(Effect).index(self.effect) - 1, 0)

    @property
    def to_eop(self) -> bool:
        """Whether a connector leads to Exchange Online."""
        return any(row.outlook is not None for row in self.rows)


def render(report: SelectReport, options: RenderOptions) -> str:
    """The page: a planned change and its verdict first, then each connector."""
    page = Page(options)
    page.add(f"as of {stamp(report.at)}", first="Selection  ", mark=Style.STRONG)
    if report.before is not None:
        _add_change(page, report)
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


def _add_change(page: Page, report: SelectReport) -> None:
    page.blank()
    page.add(change_words(report), first=f"{said(report.effect).upper()}  ", mark=_EFFECTS[report.effect])
    for step in report.steps:
        lead = f"  {said(step.effect):<9}  "
        page.add(f"{place(step.after)}: {ends(step)}", first=lead, mark=_EFFECTS[step.effect])
        for reason in step.reasons:
            page.add(f"{said(reason.effect)}: {reason.statement}", first=" " * 13)


def change_words(report: SelectReport) -> str:
    words = "; ".join(report.change)
    if report.effect is Effect.NONE and report.to_eop:
        words += f": what is sent to Exchange Online is {report.outcome.value} as before"
    return words


def said(effect: Effect) -> str:
    return effect.value.replace("-", " ")


def ends(step: Transition) -> str:
    before = end(step.before) if step.before is not None else "(not there)"
    after = end(step.after)
    return f"stays with {after}" if before == after else f"{before} becomes {after}"


def end(selection: Selection) -> str:
    match selection.state:
        case State.CHOSEN | State.AMBIGUOUS | State.UNKNOWN if selection.possible:
            return " or ".join(one.thumbprint.upper() for one in selection.possible)
        case State.NOTHING:
            return "no certificate"
        case state:
            return STATES[state]


def kind(selection: Selection) -> str:
    return "Send connector" if selection.sends else "Receive connector"


def place(selection: Selection) -> str:
    return f"'{selection.connector}' on {selection.server or 'an unnamed server'}"


def _add_row(page: Page, row: Row, *, verbose: bool) -> None:
    selection, outlook = row.selection, row.outlook
    title(page, f"{kind(selection)} {place(selection)}", STATES[selection.state])
    if outlook is not None:
        lead = f"    {outlook.outcome.value.upper()}  "
        page.add(outlook_words(row, outlook), first=lead, mark=OUTCOME_STYLES[outlook.outcome])
    statements(page, selection.statements)
    for event in selection.events:
        page.add(str(event), first="    · ")
    if outlook is not None:
        for judged in outlook.judged:
            fact(page, "chain", f"{judged.certificate.thumbprint.upper()}: {judged.outcome.value}")
            statements(page, judged.statements, indent=6)
        if outlook.attribution is not None:
            page.add("", first="    The tenant and its inbound connectors (for mail of its own)")
            attribution = outlook.attribution
            statements(page, attribution.statements if verbose else attribution.own_statements, indent=6)
    _add_candidates(page, selection, verbose=verbose)


def outlook_words(row: Row, outlook: Outlook) -> str:
    """What Exchange Online says, and of which mail."""
    condition = "" if row.eop else "for domains whose mail goes to Exchange Online: "
    if outlook.cloud:
        condition = f"to Exchange Online ({outlook.cloud}): "
    words = outlook.reply or _OUTLOOK_WORDS[outlook.outcome]
    if not outlook.selection.is_source:
        words = "no mail leaves from this server through the connector, so nothing is said of it"
    elif outlook.reply is None and outlook.selection.winner is not None:
        words = outlook.judged[0].statements[0].text
    return condition + words


_OUTLOOK_WORDS = {
    Outcome.ACCEPTED: "Exchange Online would accept the certificate",
    Outcome.AT_RISK: "it depends on what is not published or may change",
    Outcome.REJECTED: "Exchange Online would refuse it",
    Outcome.UNKNOWN: "what Exchange Online says cannot be told from this evidence",
}


def _add_candidates(page: Page, selection: Selection, *, verbose: bool) -> None:
    """Every certificate of the server with what speaks against it; those not for the name only on demand."""
    for one in selection.candidates:
        if one.named is False and not verbose:
            continue
        valid = valid_words(one.certificate)
        lead = f"    {fate(selection, one.certificate):<11} "
        page.add(one.certificate.thumbprint.upper() + (f" ({valid})" if valid else ""), first=lead)
        statements(page, one.remarks, indent=6)


def fate(selection: Selection, certificate: ExchangeCertificate) -> str:
    """What becomes of a certificate of the server."""
    if certificate.thumbprint not in {one.thumbprint for one in selection.possible}:
        return "not chosen"
    return "chosen" if selection.winner else "may be chosen"


def valid_words(certificate: ExchangeCertificate) -> str:
    """Its two dates, where the export has both."""
    if not (certificate.not_before and certificate.not_after):
        return ""
    return f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"


def document(report: SelectReport) -> dict[str, Any]:
    compared = []
    for one in report.comparisons:
        shares = [picked(share, "servers thumbprint=certificate.thumbprint end") for share in one.shares]
        compared.append(picked(one, "connector agree", shares=shares, statements=one.statements))
    return {
        "schema": SCHEMA,
        **picked(report, "at outcome"),
        "change": None if report.before is None else _change_json(report),
        "selections": [_row_json(row) for row in report.rows],
        "servers": compared,
        "hybrid": [picked(one, "kind connector name expected found") for one in report.deviations],
        "problems": plain(report.problems),
    }


def _change_json(report: SelectReport) -> dict[str, Any]:
    reason = "verdict=effect text=statement.text confidence=statement.label source=statement.source"
    step = "connector=after.connector server=after.server verdict=effect before=before.possible.thumbprint"
    after = "after=after.possible.thumbprint"
    steps = [
        picked(one, f"{step} {after}", reasons=[picked(each, reason) for each in one.reasons])
        for one in report.steps
    ]
    return picked(report, "words=change verdict=effect", steps=steps)


def _row_json(row: Row) -> dict[str, Any]:
    selection, outlook = row.selection, row.outlook
    choice = "thumbprint=certificate.thumbprint readings=readings.name certain"
    candidate = "thumbprint=certificate.thumbprint bears_name=named smtp valid from_a_ca=issued remarks"
    chain = "thumbprint=certificate.thumbprint outcome reply rule statements"
    return {
        **picked(selection, "connector", kind="send" if selection.sends else "receive"),
        **picked(selection, "server", to_exchange_online=row.eop),
        **picked(selection, "state looked_for=wanted.text by=wanted.source thumbprint=winner.thumbprint"),
        "choices": [picked(one, choice) for one in selection.choices],
        "candidates": [picked(one, candidate) for one in selection.candidates],
        "events": [picked(one, "event=number text confidence=label") for one in selection.events],
        **picked(selection, "statements"),
        **picked(outlook, "outcome", reply=outlook.reply if outlook else selection.reply),
        "chains": [picked(one, chain) for one in (outlook.judged if outlook else ())],
    }
