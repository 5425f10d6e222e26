"""When somebody is told: after how many looks, how often, and not at which hours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from probe.eop.vocabulary import Outcome

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))? )?(\d\d):(\d\d)-(\d\d):(\d\d)", re.IGNORECASE)


class Hours(NamedTuple):
    """Hours of a week, by the clock of `zone`: minutes of the day, on days that begin with Monday as 0.

    Where `until` is not after `start`, they end on the next day.
    """

    days: frozenset[int]
    start: int
    until: int
    zone: tzinfo

    def hold(self, now: datetime) -> bool:
        """Whether `now` lies in them."""
        local = now.astimezone(self.zone)
        minute, today = local.hour * 60 + local.minute, local.weekday()
        if self.start < self.until:
            return today in self.days and self.start <= minute < self.until
        late = today in self.days and minute >= self.start
        return late or ((today - 1) % 7 in self.days and minute < self.until)


def hours_of(text: str, zone: tzinfo) -> Hours:
    """``22:00-07:00``, ``Sat 02:00-06:00`` or ``Mon-Fri 20:00-24:00``; raises ValueError."""
    found = _HOURS.fullmatch(text.strip())
    names = (found[1] or "mon", found[2] or found[1] or "sun") if found else ()
    if not found or any(name.lower() not in DAYS for name in names):
        raise ValueError
    first, last = (DAYS.index(name.lower()) for name in names)
    days = frozenset((first + more) % 7 for more in range((last - first) % 7 + 1))
    start, until = int(found[3]) * 60 + int(found[4]), int(found[5]) * 60 + int(found[6])
    if int(found[4]) > 59 or int(found[6]) > 59 or start >= 1440 or until > 1440:
        raise ValueError
    return Hours(days, start, until, zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A time in which alarms of some endpoints are held back: all conditions that are given have to be met."""

    hosts: frozenset[str] = frozenset()
    labels: Mapping[str, str]
    start: datetime | None = None
    until: datetime | None = None
    weekly: tuple[Hours, ...] = ()

    def concerns(self, host: str, labels: Mapping[str, str]) -> bool:
        """Whether it is about this endpoint."""
        named = not self.hosts or host in self.hosts
        return named and all(labels.get(name) == value for name, value in self.labels.items())

    def holds(self, now: datetime) -> bool:
        """Whether it is going on."""
        begun = self.start is None or self.start <= now
        over = self.until is not None and self.until <= now
        return begun and not over and (not self.weekly or any(each.hold(now) for each in self.weekly))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`fail_after` and `recover_after` count looks that say the same; not `at_risk`: what may not last is not told.

    More notices of one round than `digest_over` are one message. `repeat` None: nothing is repeated.
    """

    fail_after: int = 1
    recover_after: int = 2
    repeat: timedelta | None = timedelta(days=1)
    digest_over: int = 5
    at_risk: bool = True
    quiet: tuple[Hours, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    page_url: str | None = None

    def tells(self, outcome: str, *, critical: bool) -> bool:
        """Whether an outcome is bad enough."""
        return critical or self.at_risk or outcome != Outcome.AT_RISK.value
