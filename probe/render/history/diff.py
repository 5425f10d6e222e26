"""What is otherwise at a second instant: a page, and a row for each endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from probe.render.history.words import minute, place, shown, state
from probe.render.page.options import RenderOptions
from probe.render.page.table import csv_row
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.report.changes import Certificates
from probe.report.periods import Difference, Period
from probe.report.record import Endpoint
from probe.text import counted

COLUMNS = (
    "target", *Endpoint._fields, "outcome_before", "rule_before", "state_before", "certificates_before", "outcome",
    "rule", "state", "certificates",
)  # fmt: skip


class Diff(NamedTuple):
    """The endpoints that were in another state at the second instant, of how many."""

    before: datetime
    after: datetime
    endpoints: int
    found: tuple[Difference, ...]


def render(diff: Diff, certificates: Certificates, options: RenderOptions) -> str:
    """A block for each endpoint: before, and after."""
    page = Page(options)
    for one in diff.found:
        page.add(place(one.endpoint), style=Style.STRONG)
        _add(page, diff.before, one.before, certificates)
        _add(page, diff.after, one.after, certificates)
    page.blank()
    between = f"between {minute(diff.before)} and {minute(diff.after)} UTC"
    page.add(f"{len(diff.found):,} of {counted(diff.endpoints, 'endpoint')} changed {between}")
    return page.text


def _add(page: Page, at: datetime, period: Period | None, certificates: Certificates) -> None:
    if period is None:
        page.add("not seen yet", first=f"  {minute(at)}  ")
        return
    outcome = period.verdict.outcome
    text = f"{'outage' if period.outage else outcome.value}, {shown(period, certificates)}"
    page.add(text, first=f"  {minute(at)}  ", mark=OUTCOME_STYLES[outcome])


def csv(found: Iterable[Difference]) -> str:
    """The header, and a row for each endpoint; certificates by SHA-256."""
    rows = ((one.target, *one.endpoint, *_cells(one.before), *_cells(one.after)) for one in found)
    return csv_row(COLUMNS) + "".join(map(csv_row, rows))


def _cells(period: Period | None) -> tuple[str | None, ...]:
    if period is None:
        return (None,) * 4
    said = period.verdict
    return said.outcome.value, said.rule, state(period), " ".join(period.leaves)
