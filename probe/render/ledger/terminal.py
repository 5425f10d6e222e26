"""The ledger for a person: contradictions first and loud, then what is confirmed, then what is not."""

from __future__ import annotations

from probe.eop.rules.contradicted import PREDICTION_CONTRADICTED
from probe.render.exchange.parts import fact, problems, statements, title
from probe.render.ledger.words import (
    ABSENCE,
    HEADINGS,
    Run,
    advice,
    confirmed,
    headline,
    place,
    predicted,
    runs,
    silent,
)
from probe.render.page.options import RenderOptions
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.report.ledger.values import Entry, Ledger, Standing
from probe.text import counted

#: Endpoints of one heading, and words of one endpoint, that are shown without --verbose; JSON and CSV have all.
MAX_SHOWN = 20


def render(ledger: Ledger, options: RenderOptions) -> str:
    page = Page(options)
    page.add(headline(ledger), first=f"{ledger.outcome.value.upper()}  ", mark=OUTCOME_STYLES[ledger.outcome])
    most = len(ledger.entries) if options.verbose else MAX_SHOWN
    for one in ledger.standing(Standing.CONTRADICTED)[:most]:
        _add_contradicted(page, one)
    _rest(page, len(ledger.standing(Standing.CONTRADICTED)) - most)
    for standing in (Standing.CONFIRMED, Standing.UNCONFIRMED):
        found = ledger.standing(standing)
        if found:
            more = f"  {ABSENCE}" if standing is Standing.UNCONFIRMED else ""
            title(page, HEADINGS[standing], f"{counted(len(found), 'endpoint')}.{more}")
        for one in found[:most]:
            _add_entry(page, one, verbose=options.verbose)
        _rest(page, len(found) - most)
    _add_silent(page, ledger, options)
    problems(page, ledger.problems)
    return page.text


def _rest(page: Page, more: int) -> None:
    if more > 0:
        page.add(f"{more:,} more; --verbose shows them", first="  ", style=Style.FAINT)


def _add_contradicted(page: Page, entry: Entry) -> None:
    page.blank()
    page.add(
        place(entry.series.endpoint), first="CONTRADICTED  ", rest="  ", mark=Style.BAD, style=Style.STRONG
    )
    for run in runs(entry.contradictions):
        _add_run(page, run, entry)
    fact(
        page,
        "since then" if _over(entry) else "otherwise",
        confirmed(entry) or "nothing confirms it",
        indent=2,
    )
    fact(page, "rule", f"{PREDICTION_CONTRADICTED.id}; what was predicted keeps its own confidence", indent=2)
    page.steps(advice(entry))


def _over(entry: Entry) -> bool:
    """Whether Microsoft's newest word agrees again."""
    newest = entry.confirmed
    return newest is not None and newest.word.begin > max(one.word.begin for one in entry.contradictions)


def _add_run(page: Page, run: Run, entry: Entry) -> None:
    for one in run.newest.held:
        fact(page, "predicted", predicted(one, entry.series.endpoint.basis), indent=2)
    page.add(f"{run.when}: {run.said}", first=f"  {'Microsoft':<12}", style=Style.STRONG)
    fact(page, "", f"by {run.whose}: {run.newest.word.place}", indent=2)
    notes = (run.first.why, run.newest.note)
    statements(page, (one for one in notes if one), indent=2)


def _add_entry(page: Page, entry: Entry, *, verbose: bool) -> None:
    now = entry.series.predictions[-1]
    page.add(place(entry.series.endpoint), first="  ", mark=OUTCOME_STYLES[now.outcome])
    fact(page, "predicted", predicted(now, entry.series.endpoint.basis))
    newest = entry.confirmed
    if newest:
        run = Run([newest])
        fact(page, "Microsoft", f"{confirmed(entry)}, {run.trust}: {run.said}")
        statements(page, (one for one in (newest.note,) if one and verbose))
    every = runs(entry.confirmations)
    for run in every if verbose else ():
        fact(page, "", f"{run.when}: {run.said}, {run.whose}")


def _add_silent(page: Page, ledger: Ledger, options: RenderOptions) -> None:
    found = silent(ledger)
    if found or ledger.foreign or ledger.others:
        title(page, "What says nothing of a prediction")
    for run, why in found[: None if options.verbose else MAX_SHOWN]:
        page.add(f"{run.when}: {run.said}, {run.whose}", first="  · ", rest="    ")
        statements(page, (why,))
    if not options.verbose:
        _rest(page, len(found) - MAX_SHOWN)
    if ledger.foreign:
        page.add(f"{counted(ledger.foreign, 'report')} of other senders than Microsoft", first="  · ")
    if ledger.others:
        page.add(f"{counted(ledger.others, 'file')} of another kind", first="  · ")
