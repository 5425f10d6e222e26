"""A TLS report as its sender wrote it (RFC 8460), and the single values that later questions are asked of.

Exchange Online counts the same sessions under `tlsa` and under `sts`: no number of one is ever added to one of the
other.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple

from probe.values import value

#: The organization-name of Exchange Online's reports.
MICROSOFT = "Microsoft Corporation"
#: The domain whose signature proves that a report is Microsoft's.
MICROSOFT_DOMAIN = "microsoft.com"
#: The result of sessions that were as they should be.
SUCCESS = "success"
#: The result of failed sessions of which the report gives no kind.
NOT_TOLD = "not-told"
#: Kinds that say that there was no policy to hold the MX hosts to: mail goes on (RFC 8461 3.3).
WITHOUT_POLICY = frozenset({"sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"})

_MODE = re.compile(r"\s*mode\s*:\s*(\w+)", re.ASCII | re.IGNORECASE)
_MX = re.compile(r"\s*mx\s*:\s*(\S+)", re.IGNORECASE)


class PolicyType(enum.Enum):
    """Which policy the sender applied (RFC 8460 4.4)."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"
    OTHER = "other"
    """A word that RFC 8460 does not have."""


@value
class Failure:
    """Sessions that failed alike; "" where the sender does not tell, None for a count that cannot be read."""

    kind: str
    sessions: int | None
    sending_address: str = ""
    host: str = ""
    helo: str = ""
    address: str = ""
    reason: str = ""
    more: str = ""


@value
class Policy:
    """What a report says of one policy; `strings` are the policy's lines, `hosts` what mx-host names.

    `succeeded` and `failed` count sessions, None where that cannot be read.
    """

    type: PolicyType
    domain: str
    strings: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    succeeded: int | None = None
    failed: int | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def mode(self) -> str:
        """enforce, testing or none, as the MTA-STS policy says; else ""."""
        return next((found[1].lower() for found in map(_MODE.match, self.strings) if found), "")

    @property
    def mx_hosts(self) -> tuple[str, ...]:
        """The hosts or patterns the policy is for, as mx-host or the policy's own lines name them; perhaps none."""
        lines = (found[1].lower() for found in map(_MX.match, self.strings) if found)
        return self.hosts or tuple(dict.fromkeys(lines))

    @property
    def not_told(self) -> int:
        """Failed sessions of which no kind is given; a session may fail in two ways, so this is a least number."""
        return max((self.failed or 0) - sum(one.sessions or 0 for one in self.failures), 0)

    @property
    def keeps_mail(self) -> bool:
        """Whether every session failed by a policy that is enforced, so that mail waits."""
        kinds = {one.kind for one in self.failures if one.sessions != 0}
        told = not self.not_told or any(one.sessions is None for one in self.failures)
        without = told and kinds <= WITHOUT_POLICY
        return self.enforced and bool(self.failed) and self.succeeded == 0 and not without

    @property
    def enforced(self) -> bool:
        """Whether mail waits where this policy fails: not so in testing (RFC 8461 5), nor without a policy."""
        if self.type is PolicyType.STS:
            return self.mode not in ("testing", "none")
        return self.type is PolicyType.TLSA


@value
class TlsReport:
    """One report; the instants are None where they cannot be read."""

    organization: str
    contact: str
    id: str
    begin: datetime | None
    end: datetime | None
    policies: tuple[Policy, ...]

    @property
    def day(self) -> date | None:
        """The day it is of, UTC: that of the period's middle, for some count from their own midnight."""
        moments = [one for one in (self.begin, self.end) if one]
        return (moments[0] + (moments[-1] - moments[0]) / 2).astimezone(UTC).date() if moments else None


@value
class Proof:
    """Whether Microsoft's signature shows that a report is Microsoft's, else why not; `key` is "dns" or a file."""

    proven: bool = False
    domain: str = ""
    selector: str = ""
    key: str = ""
    reason: str = ""


class Observed(NamedTuple):
    """Sessions of one day with one result, to one MX host or pattern; `mx_host` "" where none is named.

    Of a policy for several patterns each has a value, with the same number: they are not to be added up, nor are
    those of `tlsa` and `sts`. `result` is SUCCESS, a result-type of RFC 8460, or NOT_TOLD.
    """

    domain: str
    mx_host: str
    day: date | None
    policy: PolicyType
    result: str
    sessions: int | None
    proven: bool
    sender: str
    report_id: str


def observed(report: TlsReport, proof: Proof) -> Iterator[Observed]:
    """Every value of a report."""
    for policy in report.policies:
        hosts = policy.mx_hosts or ("",)
        told: dict[tuple[str, str], int | None] = {(host, SUCCESS): policy.succeeded for host in hosts}
        for one in policy.failures:
            for host in (one.host,) if one.host else hosts:
                before = told.get((host, one.kind), 0)
                told[host, one.kind] = (
                    None if before is None or one.sessions is None else before + one.sessions
                )
        told |= {(host, NOT_TOLD): policy.not_told for host in hosts if policy.not_told}
        for (host, result), sessions in told.items():
            yield Observed(
                domain=policy.domain,
                mx_host=host,
                day=report.day,
                policy=policy.type,
                result=result,
                sessions=sessions,
                proven=proof.proven,
                sender=report.organization,
                report_id=report.id,
            )
