"""The life of endpoints as a page draws it: their states and their certificates on one line of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from probe.pki.certificate import Certificate
from probe.render.history.words import SHORT, minute, shown
from probe.render.report.timeline import Row, Scale, Span, TimeLine
from probe.report.changes import Certificates
from probe.report.periods import Life, Period
from probe.text import counted, duration

#: Periods that are told of one endpoint, and certificates that are drawn: the latest ones.
MAX_PERIODS, MAX_DRAWN = 100, 8


class Told(NamedTuple):
    """A period as a row that begins with a badge."""

    outcome: str
    words: str
    cells: tuple[str, ...]


def line(life: Life, certificates: Certificates, now: datetime) -> TimeLine:
    """The states of one endpoint, and each certificate while it was shown."""
    periods = life.periods[-MAX_PERIODS:]
    scale = Scale(now, (period.first for period in periods))
    last = len(periods) - 1
    states = tuple(
        scale.span(one.first, now if n == last else one.last, f"phase-{one.verdict.outcome.value}")
        for n, one in enumerate(periods)
    )
    words = f"since {minute(periods[0].first)}, {counted(sum(one.looks for one in periods), 'look')}"
    drawn = _certificates(periods, certificates, scale)
    return TimeLine(
        f"The dashed line is now, {minute(now)} UTC. Each state is told in the table below.",
        scale.ticks(),
        scale.x(now),
        [group for group in ([Row("State", words, states)], drawn) if group],
    )


def _certificates(periods: Sequence[Period], certificates: Certificates, scale: Scale) -> list[Row]:
    """A row for each certificate, the last one first."""
    times: dict[str, list[Period]] = {}
    for period in periods:
        for leaf in period.leaves:
            times.setdefault(leaf, []).append(period)
    latest = sorted(times, key=lambda leaf: times[leaf][-1].last, reverse=True)[:MAX_DRAWN]
    return [_certificate(leaf, times[leaf], certificates(leaf), scale) for leaf in latest]


def _certificate(sha256: str, of: Sequence[Period], certificate: object, scale: Scale) -> Row:
    name = "A certificate"
    if isinstance(certificate, Certificate):
        name = f"{certificate.subject.short} from {certificate.issuer.short}"
    words = f"shown {minute(of[0].first)} to {minute(of[-1].last)} ({sha256[:SHORT]})"
    spans: list[Span] = [scale.span(one.first, one.last, "span") for one in of]
    return Row(name, words, tuple(spans))


def told(life: Life, certificates: Certificates) -> list[Told]:
    """The periods in words, the latest first."""
    last = life.periods[-1]
    return [_told(one, certificates, lasts=one is last) for one in life.periods[: -MAX_PERIODS - 1 : -1]]


def _told(period: Period, certificates: Certificates, *, lasts: bool) -> Told:
    outcome = period.verdict.outcome.value
    when = f"since {minute(period.first)}" if lasts else f"{minute(period.first)} to {minute(period.last)}"
    length = duration(period.last - period.first) if period.last - period.first >= timedelta(hours=1) else ""
    looks = ", ".join(filter(None, (length, counted(period.looks, "look"))))
    return Told(outcome, "outage" if period.outage else outcome, (when, looks, shown(period, certificates)))
