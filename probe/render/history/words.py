"""How the pages of the history call things: endpoints, instants, certificates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from probe.pki.certificate import Certificate
from probe.render.report.facts import day
from probe.report.changes import Certificates
from probe.report.periods import Period, Verdict
from probe.report.record import Endpoint
from probe.report.vantages import Differing, Sight
from probe.text import printable

#: Digits of a SHA-256 that tell a certificate from another at sight.
SHORT = 12


def place(endpoint: Endpoint) -> str:
    """``mail.contoso.com 192.0.2.1:25``, and what makes it another one than is usual."""
    host, address, port = endpoint.host, endpoint.address, endpoint.port
    named = [host] if host != address else []
    where = f"[{address}]" if ":" in address else address
    named += [f"{where}:{port}" if port else where] if address else []
    more = (
        endpoint.direction if endpoint.direction != "to-eop" else "",
        endpoint.basis if endpoint.basis != "receive-connector" else "",
        endpoint.variant,
        f"from {endpoint.vantage}" if endpoint.vantage else "",
    )
    return printable(" ".join([*named, *filter(None, more)]))


def minute(moment: datetime) -> str:
    """``2026-03-04 12:00``, UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def told(sha256: str, certificates: Certificates) -> str:
    """A certificate in a line: whose, of which issuer, until when, and the beginning of its SHA-256."""
    certificate = certificates(sha256)
    if not isinstance(certificate, Certificate):
        return f"an unreadable certificate ({sha256[:SHORT]})"
    who, issuer = certificate.subject.short, certificate.issuer.short
    return f"{who} from {issuer}, until {day(certificate.not_after)} ({sha256[:SHORT]})"


def told_all(leaves: Iterable[str], certificates: Certificates) -> str:
    """Certificates one after another."""
    return "; ".join(told(sha256, certificates) for sha256 in leaves) or "no certificate"


def verdict(said: Verdict) -> str:
    """``rejected (untrusted-root)``."""
    return said.outcome.value + (f" ({said.rule})" if said.rule else "")


def sights(of: Iterable[Sight], certificates: Certificates) -> str:
    """What each vantage point sees: ``from berlin accepted, CN=...; from oslo rejected (expired), ...``."""
    return "; ".join(
        f"{printable(f'from {one.vantage}') if one.vantage else 'without a vantage point'} {verdict(one.verdict)}, "
        + told_all(one.leaves, certificates)
        for one in of
    )


def differs(of: Differing, certificates: Certificates) -> str:
    """Where vantage points differ, and since when."""
    end = of.over or of.silent
    when = f"{minute(of.first)} to {minute(end)}" if end else f"since {minute(of.first)}"
    return f"vantage-points-differ {when}: {sights(of.sights, certificates)}"


def shown(period: Period, certificates: Certificates) -> str:
    """What was shown in a period, or why nothing was."""
    if period.outage:
        return ": ".join(filter(None, (period.fault, period.error)))
    rule = f"{period.verdict.rule}: " if period.verdict.rule else ""
    mixed = "several certificates in turn: " if period.mixed else ""
    return rule + mixed + told_all(period.leaves, certificates)


def state(period: Period) -> str:
    """The period's state as a word."""
    if period.outage:
        return "outage"
    return "mixed" if period.mixed else "shown" if period.leaves else "plain"
