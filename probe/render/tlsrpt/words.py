"""How pages and documents about TLS reports call things."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from probe.exchange.tlsrpt import kinds
from probe.exchange.tlsrpt.report import MICROSOFT, PolicyType, Proof
from probe.powershell import Steps
from probe.report.tlsrpt import PolicyDay, Series, TlsReports, kinds_of
from probe.statement import Statement

#: What each policy is called.
POLICIES = {
    PolicyType.TLSA: "DANE",
    PolicyType.STS: "MTA-STS",
    PolicyType.NONE: "no policy",
    PolicyType.OTHER: "another policy",
}
NOT_ADDED = "Sessions can be counted under DANE and under MTA-STS, both: their numbers are not to be added."


class Meaning(NamedTuple):
    """What one kind of failure under one policy means, for the domains that have it, and what to do."""

    kind: str
    policy: PolicyType
    domains: tuple[str, ...]
    sessions: int
    meaning: tuple[Statement, ...]
    remedy: Steps


def state(proof: Proof) -> str:
    """How it is called whose word a report is."""
    return "proven" if proof.proven else "supplied"


def domain(name: str) -> str:
    return name or "(domain not named)"


def total(days: Iterable[PolicyDay]) -> tuple[int, int]:
    """Sessions and failed ones of the days of one policy, as far as they are told."""
    told = [(one.policy.succeeded or 0, one.policy.failed or 0) for one in days]
    failed = sum(failed for _, failed in told)
    return failed + sum(succeeded for succeeded, _ in told), failed


def whole(days: Iterable[PolicyDay]) -> bool:
    """Whether every count of these days is told."""
    return all(None not in (one.policy.succeeded, one.policy.failed) for one in days)


def meanings(reports: TlsReports) -> Iterator[Meaning]:
    """Every kind that was met, the most sessions first; tlsa and sts apart."""
    met: dict[tuple[str, PolicyType], list[tuple[Series, int]]] = {}
    for series in reports.series:
        for kind, sessions in kinds_of(series.days).items():
            met.setdefault((kind, series.policy), []).append((series, sessions))
    for (kind, policy), where in sorted(met.items(), key=lambda item: -sum(count for _, count in item[1])):
        domains = tuple(dict.fromkeys(series.domain for series, _ in where))
        by_microsoft = any(series.sender == MICROSOFT for series, _ in where)
        yield Meaning(
            kind=kind,
            policy=policy,
            domains=domains,
            sessions=sum(count for _, count in where),
            meaning=kinds.meaning(kind, policy, MICROSOFT if by_microsoft else ""),
            remedy=kinds.remedy(kind, policy, domains),
        )
