"""Looks and results for tests of alarms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from probe.alarms.document import Facts, Shown
from probe.alarms.seen import VERDICT, Look

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def shown(number: int) -> Shown:
    return Shown(
        subject=f"CN=mail{number}.contoso.test",
        issuer="CN=Net Issuing CA",
        sha1=f"{number:040x}",
        sha256=f"{number:064x}",
        not_before=NOW - 50 * 24 * HOUR,
        not_after=NOW + 150 * 24 * HOUR,
    )


def facts(rule: str | None = None, outcome: str = "accepted", certificate: int | None = 1) -> Facts:
    return Facts(
        target="mail.contoso.test",
        direction="to-eop",
        outcome=outcome,
        rule=rule,
        verdict=f"It would be {outcome}.",
        summary=f"What {rule} says.",
        certificate=None if certificate is None else shown(certificate),
    )


def look(
    rule: str | None = None,
    *,
    outcome: str = "rejected",
    host: str = "mail.contoso.test",
    ending: Mapping[int, str] | None = None,
    certificate: int | None = 1,
    labels: Mapping[str, str] | None = None,
    at: datetime = NOW,
) -> Look:
    """A look at `host`: what decides is `rule`; of the certificates in `ending` there is something to say, too."""
    return Look(
        key=f'["{host}"]',
        name=host,
        host=host,
        labels=labels or {},
        at=at,
        facts=facts(outcome=outcome if rule else "accepted", certificate=certificate),
        problems={VERDICT: facts(rule, outcome, certificate)} if rule else {},
        ending={f"{n:064x}": facts(said, "at-risk", n) for n, said in (ending or {}).items()},
        shows=certificate is not None,
    )
