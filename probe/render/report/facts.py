"""What renderers draw from an assessment besides its fields: names, dates and the deciding path."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from probe.capture import Capture
from probe.eop.vocabulary import WORST_FIRST
from probe.pki.certificate import Certificate
from probe.report.assessment import Assessment, Report

#: Names of RFC 5280 4.2.1.12 for the purposes met in the field; any other is given as its OID.
PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}


@functools.lru_cache(maxsize=256)  # a report names the same ones over and over
def instant(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with ``Z``, in whole seconds; None for None."""
    if moment is None:
        return None
    # Not strftime: glibc's %Y leaves the zeros out of a year below 1000, which a certificate may well name.
    moment = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return moment.isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


def day(moment: datetime) -> str:
    """The date in UTC, e.g. ``2026-11-21``."""
    return moment.astimezone(UTC).date().isoformat()


def endpoint(capture: Capture) -> str:
    """Where it was observed: ``192.0.2.1:25``, ``[2001:db8::1]:25``, or the host where no address is known."""
    place = capture.address or capture.host
    if not capture.port:  # a file has no port
        return place
    return f"[{place}]:{capture.port}" if ":" in place else f"{place}:{capture.port}"


def place(capture: Capture) -> str:
    """Host and endpoint, each once: ``mail.contoso.com 192.0.2.1:25``."""
    named = capture.address is not None and capture.address != capture.host
    return f"{capture.host} {endpoint(capture)}" if named else endpoint(capture)


def label(assessment: Assessment) -> str:
    """What a person calls the target: host and endpoint, and the domain where an MX record led here."""
    text = place(assessment.capture)
    if assessment.mx_preference is None:
        return text
    return f"{text} (MX {assessment.mx_preference} of {assessment.target.removeprefix('mx:')})"


def worst_first(report: Report) -> list[Assessment]:
    """The assessments by outcome as `Outcome.worst` ranks them, within one outcome in the report's order."""
    return sorted(report.assessments, key=lambda assessment: WORST_FIRST.index(assessment.outcome))


def tally(report: Report) -> str:
    """How many of each outcome, the worst first: ``1 rejected, 3 accepted``, and an interruption; else empty."""
    counts = [(outcome, sum(a.outcome is outcome for a in report.assessments)) for outcome in WORST_FIRST]
    told = ", ".join(f"{count} {outcome.value}" for outcome, count in counts if count)
    return "; ".join(filter(None, (told, report.interrupted)))


def deciding_rule(assessment: Assessment) -> str | None:
    """The rule behind the outcome, or None where none is."""
    made = assessment.prediction
    return made.rule if made else None


def reply(assessment: Assessment) -> str | None:
    """What Exchange Online would say, where it would refuse and its words are known."""
    made = assessment.prediction
    return made.reply if made else None


def path_certificates(assessment: Assessment) -> tuple[Certificate, ...]:
    """The certificates that decide: the path as built, else the end certificate alone, else none."""
    deciding = assessment.evidence.deciding
    if deciding and deciding.best().elements:
        return tuple(element.certificate for element in deciding.best().elements)
    leaf = assessment.evidence.leaf
    return (leaf,) if leaf else ()


def soonest_expiry(certificates: Iterable[Certificate]) -> datetime | None:
    """When the first of them expires."""
    return min((certificate.not_after for certificate in certificates), default=None)


def days_between(earlier: datetime, later: datetime) -> float:
    """Days with a fraction; negative where `later` is the earlier."""
    return (later - earlier) / timedelta(days=1)
