"""The ledger as a page for a browser: a table of every endpoint, the contradicted ones in full before it."""

from __future__ import annotations

from typing import NamedTuple

from probe import __version__
from probe.render.exchange.parts import PROBLEMS, each_once, stamp, told
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
from probe.render.page.html import render_page
from probe.render.page.options import RenderOptions
from probe.render.page.steps import Numbered, numbered
from probe.report.ledger.values import Entry, Ledger, Standing

#: Endpoints of one standing told on one page, and words that say nothing; a browser holds no ten thousand of them.
MAX_TOLD = 500


class Said(NamedTuple):
    """What Microsoft said, beside what was predicted; statements are a sentence and what it rests on."""

    predicted: list[str]
    when: str
    said: str
    whose: str
    place: str
    why: list[tuple[str, str]]


class Contradicted(NamedTuple):
    """One endpoint of which something else was predicted than came."""

    anchor: str
    outcome: str
    place: str
    said: list[Said]
    since: str
    steps: list[Numbered]


class Row(NamedTuple):
    """One endpoint that is confirmed, or not."""

    outcome: str
    place: str
    predicted: str
    confirmed: str


def render(ledger: Ledger, options: RenderOptions) -> str:  # noqa: ARG001 - every renderer is called alike
    """Render the page; what is beyond its bounds is counted there, and stands in JSON and CSV."""
    bad = ledger.standing(Standing.CONTRADICTED)
    others = [(HEADINGS[one], ledger.standing(one)) for one in (Standing.CONFIRMED, Standing.UNCONFIRMED)]
    nothing = silent(ledger)
    counts = [len(bad), len(nothing), *(len(found) for _, found in others)]
    values = {
        "outcome": ledger.outcome.value,
        "told": headline(ledger),
        "contradicted": [_contradicted(one, f"c{n}") for n, one in enumerate(bad[:MAX_TOLD], start=1)],
        "groups": [(name, [_row(one) for one in found[:MAX_TOLD]]) for name, found in others if found],
        "absence": ABSENCE,
        "silent": [(_said(run, None), told(why)) for run, why in nothing[:MAX_TOLD]],
        "left": sum(max(count - MAX_TOLD, 0) for count in counts),
        "problems": each_once(ledger.problems),
        "problems_mean": PROBLEMS,
        "version": __version__,
        "at": stamp(ledger.at),
    }
    return render_page("ledger.html", values, title=f"Ledger: {ledger.outcome.value} - eop-probe")


def _contradicted(entry: Entry, anchor: str) -> Contradicted:
    return Contradicted(
        anchor,
        entry.outcome.value,
        place(entry.series.endpoint),
        [_said(run, entry) for run in runs(entry.contradictions)],
        confirmed(entry) or "nothing confirms it",
        numbered(advice(entry)),
    )


def _said(run: Run, entry: Entry | None) -> Said:
    basis = entry.series.endpoint.basis if entry else ""
    notes = (run.first.why, run.newest.note) if entry else ()
    held = [predicted(one, basis) for one in run.newest.held] if entry else []
    return Said(held, run.when, run.said, run.whose, run.first.place, [told(one) for one in notes if one])


def _row(entry: Entry) -> Row:
    now, newest = entry.series.predictions[-1], entry.confirmed
    said = f"{confirmed(entry)}, {Run([newest]).trust}" if newest else ""
    return Row(
        now.outcome.value, place(entry.series.endpoint), predicted(now, entry.series.endpoint.basis), said
    )
