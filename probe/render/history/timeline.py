"""The life of endpoints: a page of what each showed from when to when, and a row for each such period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from probe.render.history.words import differs, minute, place, shown, state
from probe.render.page.options import RenderOptions
from probe.render.page.table import csv_row
from probe.render.page.text import OUTCOME_STYLES, Page, Style
from probe.render.report.facts import instant
from probe.report.changes import Certificates
from probe.report.periods import Life, Period
from probe.report.vantages import differing
from probe.text import counted, duration

COLUMNS = (
    "target", "host", "address", "port", "direction", "basis", "variant", "vantage", "first", "last", "looks",
    "outcome", "rule", "reply", "state", "certificates", "fault", "error",
)  # fmt: skip


def render(lives: Sequence[Life], certificates: Certificates, options: RenderOptions) -> str:
    """A block for each endpoint, its latest period at the end."""
    page = Page(options)
    for life in lives:
        page.blank()
        looks = counted(sum(period.looks for period in life.periods), "look")
        page.add(f"({looks}, times are UTC)", first=f"{place(life.endpoint)}  ", rest="  ", mark=Style.STRONG)
        for period in life.periods:
            _add(page, period, certificates, since=period is life.periods[-1])
    for one in differing(lives):
        page.blank()
        page.add(differs(one, certificates), first=f"{place(one.endpoint)}  ", rest="  ", mark=Style.STRONG)
    return page.text


def _add(page: Page, period: Period, certificates: Certificates, *, since: bool) -> None:
    when = f"since {minute(period.first)}" if since else _when(period.first, period.last)
    lasted = f"{duration(period.last - period.first)}, {counted(period.looks, 'look')}"
    said = "OUTAGE" if period.outage else period.verdict.outcome.value.upper()
    style = Style.BAD if period.outage else OUTCOME_STYLES[period.verdict.outcome]
    page.add(f"{when} ({lasted})", first=f"  {said:<8}  ", rest=" " * 12, mark=style)
    page.add(shown(period, certificates), first=" " * 12)
    if period.reply:
        page.add(period.reply, first=" " * 12)


def _when(first: datetime, last: datetime) -> str:
    end = minute(last)
    return f"{minute(first)} to {end[11:] if first.date() == last.date() else end}"


def csv(lives: Iterable[Life]) -> str:
    """The header, and a row for each period; `certificates` by SHA-256."""
    return csv_row(COLUMNS) + "".join(_row(life, period) for life in lives for period in life.periods)


def _row(life: Life, period: Period) -> str:
    return csv_row(
        (
            life.target,
            *life.endpoint,
            instant(period.first),
            instant(period.last),
            period.looks,
            *(period.verdict.outcome.value, period.verdict.rule, period.reply, state(period)),
            *(" ".join(period.leaves), period.fault, period.error),
        )
    )
