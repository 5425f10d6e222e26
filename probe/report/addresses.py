"""Addresses of a host that came and went, and the times its name led to none: seen from its addresses together.

An address is gone where it was missed for `MISSED` intervals while others of its host were looked at; what a host has
from its first round on is there from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import NamedTuple

from probe.report.record import Endpoint, Span

#: Intervals between looks after which an address is gone, and within which looks belong to one round.
MISSED, ROUND = 2.5, 0.5
#: The interval where no address was looked at twice.
UNKNOWN_INTERVAL = timedelta(minutes=20)


class Absence(NamedTuple):
    """An address that came, or is `gone`: a span of its, the last look before, and the first that tells."""

    span: Span
    gone: bool
    since: datetime | None
    at: datetime


class Unresolved(NamedTuple):
    """A time in which the name led to no address; `before` and `over` are the looks at an address around it."""

    span: Span
    before: datetime | None
    over: datetime | None


class Host(NamedTuple):
    """The spans of each address of one host, port, direction and vantage; `nowhere` are those without an address."""

    addresses: list[Sequence[Span]]
    nowhere: Sequence[Span]


def hosts(lives: Iterable[Sequence[Span]]) -> list[Host]:
    """The hosts with several lives; each life is an endpoint's spans in their order."""
    found: dict[Endpoint, list[Sequence[Span]]] = {}
    for life in lives:
        found.setdefault(life[0].endpoint._replace(address=""), []).append(life)
    return [
        Host(
            [life for life in each if life[0].endpoint.address],
            next((life for life in each if not life[0].endpoint.address), ()),
        )
        for each in found.values()
        if len(each) > 1
    ]


def absences(host: Host) -> Iterator[Absence]:
    """Addresses that came and went."""
    interval = _interval(host.addresses)
    for life in host.addresses:
        others = [span for other in host.addresses if other is not life for span in other]
        if not others:
            continue
        begun = life[0].first
        if begun - min(span.first for span in others) > ROUND * interval:
            since = max(min(span.last, begun) for span in others if span.first < begun)
            yield Absence(life[0], gone=False, since=since, at=begun)
        for before, after in zip_longest(life, life[1:]):
            told = _told(others, before.last, after.first if after else None, interval)
            if told:
                yield Absence(before, gone=True, since=before.last, at=told)
                if after:
                    yield Absence(after, gone=False, since=before.last, at=after.first)


def unresolved(host: Host) -> Iterator[Unresolved]:
    """The times in which the name led nowhere."""
    every = [span for life in host.addresses for span in life]
    interval = _interval([*host.addresses, host.nowhere])
    for span in host.nowhere:
        before = max((min(each.last, span.first) for each in every if each.first < span.first), default=None)
        later = (each for each in every if each.last > span.last)
        over = min((_look_after(span.last, each, interval) for each in later), default=None)
        yield Unresolved(span, before, over)


def _told(
    others: Iterable[Span], last: datetime, back: datetime | None, interval: timedelta
) -> datetime | None:
    """The look at another address that tells that one last seen at `last` is gone; None where it is not."""
    after = [span for span in others if span.last > last and (back is None or span.first < back)]
    end = max((span.last if back is None else min(span.last, back) for span in after), default=last)
    missed = end - last > MISSED * interval
    return min(_look_after(last, span, interval) for span in after) if missed else None


def _look_after(moment: datetime, span: Span, interval: timedelta) -> datetime:
    """The first look of a span after a moment within or before it: a span tells only the first of its looks."""
    return span.first if span.first > moment else min(moment + interval, span.last)


def _interval(lives: Iterable[Sequence[Span]]) -> timedelta:
    """The longest mean time between two looks at an address."""
    means = [
        (life[-1].last - life[0].first) / (looks - 1)
        for life in lives
        if (looks := sum(span.looks for span in life)) > 1
    ]
    return max(means, default=UNKNOWN_INTERVAL)
