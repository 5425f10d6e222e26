"""What TLS reports say together: for each domain, sender and policy the days, what failed, and the one word for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import groupby
from typing import NamedTuple

from probe.eop.vocabulary import Outcome
from probe.exchange.problem import Problem
from probe.exchange.tlsrpt.received import Received
from probe.exchange.tlsrpt.report import NOT_TOLD, Observed, Policy, PolicyType, observed
from probe.values import value


class PolicyDay(NamedTuple):
    """What one report says of one policy."""

    received: Received
    policy: Policy

    @property
    def day(self) -> date | None:
        return self.received.report.day

    @property
    def outcome(self) -> Outcome:
        """rejected: every session failed, and mail waits; at-risk: some did, or mail went all the same."""
        policy = self.policy
        if policy.keeps_mail:
            return Outcome.REJECTED
        if policy.failed or any(one.sessions != 0 for one in policy.failures):
            return Outcome.AT_RISK
        return Outcome.ACCEPTED if policy.failed == 0 and policy.succeeded else Outcome.UNKNOWN


class Series(NamedTuple):
    """The days of one policy of a domain as one sender has them, the earliest first.

    What is proven and what is supplied are two: nobody's forged report of a later day takes a proven one's place.
    """

    domain: str
    sender: str
    policy: PolicyType
    proven: bool
    days: tuple[PolicyDay, ...]

    @property
    def newest(self) -> tuple[PolicyDay, ...]:
        """What is said of the newest day on which there were sessions; of the newest day where there were none."""
        told = [one for one in self.days if one.outcome is not Outcome.UNKNOWN] or self.days
        return tuple(one for one in told if one.day == told[-1].day)

    @property
    def outcome(self) -> Outcome:
        """That of the newest day: what failed before is over."""
        return Outcome.worst(tuple(one.outcome for one in self.newest))


@value
class TlsReports:
    """Every report that was read, once; `unread` counts reports that could not be, `others` what was no report."""

    received: tuple[Received, ...]
    problems: tuple[Problem, ...] = ()
    unread: int = 0
    others: int = 0

    @property
    def series(self) -> tuple[Series, ...]:
        """By domain, sender, proof and policy."""
        days = [PolicyDay(one, policy) for one in self.received for policy in one.report.policies]
        days.sort(key=lambda one: (_key(one), one.day or date.min))
        return tuple(
            Series(*key[:2], PolicyType(key[3]), not key[2], tuple(same)) for key, same in groupby(days, _key)
        )

    @property
    def outcome(self) -> Outcome:
        """The worst of the newest days; a report that cannot be read leaves it unknown at best."""
        found = tuple(one.outcome for one in self.series)
        known = tuple(one for one in found if one is not Outcome.UNKNOWN)
        return Outcome.worst((*known, *([Outcome.UNKNOWN] if self.unread else [])))

    @property
    def observed(self) -> Iterator[Observed]:
        """Every single value, report by report."""
        return (one for each in self.received for one in observed(each.report, each.proof))


def _key(one: PolicyDay) -> tuple[str, str, bool, str]:
    return (
        one.policy.domain,
        one.received.report.organization,
        not one.received.proof.proven,
        one.policy.type.value,
    )


def kinds_of(days: Iterable[PolicyDay]) -> dict[str, int]:
    """Failed sessions by kind, the most first; those of which the report gives none under NOT_TOLD."""
    found: dict[str, int] = {}
    for one in days:
        for failure in one.policy.failures:
            found[failure.kind] = found.get(failure.kind, 0) + (failure.sessions or 0)
        if one.policy.not_told:
            found[NOT_TOLD] = found.get(NOT_TOLD, 0) + one.policy.not_told
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def midnight(day: date) -> datetime:
    """The beginning of a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
