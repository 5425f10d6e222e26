"""What follows from a choice: the events Exchange logs, and the reply or log text of a fault.

Texts: KB 4051498, KB 4495258, KB 3156771, Exchange Team blog of 4 June 2025, MSExchangeTransport's events.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from probe.exchange.inventory import ExchangeCertificate, Services
from probe.exchange.replies.wording import STALE_PIN, UNKNOWN_CREDENTIALS
from probe.exchange.selection.candidates import PINNING, SELECTION, NameSource, Wanted, common_names
from probe.statement import Confidence, Event, Statement, documented, inferred

#: From when a certificate is said to expire soon; Exchange's own threshold for its events is not published.
#: The figure is where Microsoft's HealthChecker turns red.
EXPIRES_SOON = timedelta(days=30)


class Consequences(NamedTuple):
    """What is logged and said; `reply` is the text of a fault in queue or protocol log, or None."""

    statements: tuple[Statement, ...] = ()
    events: tuple[Event, ...] = ()
    reply: str | None = None


def of(certificate: ExchangeCertificate | None, wanted: Wanted, at: datetime, *, sends: bool) -> Consequences:
    """Say what follows where `certificate` (None: no certificate) is what a connector gets at `at`."""
    if certificate is None:
        return _nothing_found(wanted, sends=sends)
    expiry = tuple(_expiry(certificate, wanted, at))
    if certificate.services is None or Services.SMTP in certificate.services:
        return Consequences(events=expiry)
    if sends and wanted.pin is not None:
        # The blog: "SMTP assignment is not checked"; the KB: an unassigned one fails.
        text = f"The certificate is not enabled for SMTP; TLS may then fail: {UNKNOWN_CREDENTIALS}."
        said = inferred(text, f"KB 4051498, against {PINNING}")
    else:
        text = f"The certificate is not enabled for SMTP, so TLS fails later: {UNKNOWN_CREDENTIALS}."
        said = documented(text, f"{SELECTION}, its note; KB 4051498")
    return Consequences((said,), expiry, UNKNOWN_CREDENTIALS)


def _nothing_found(wanted: Wanted, *, sends: bool) -> Consequences:
    event = Event(
        12014,
        f"Microsoft Exchange could not find a certificate that contains the domain name {wanted.text} in the "
        "personal store on the local computer.",
        Confidence.REPORTED if wanted.source is NameSource.PIN else Confidence.DOCUMENTED,
    )
    if wanted.pin is not None and sends:
        said = documented(f"Mail stays in the queue: {STALE_PIN}", f"{PINNING}; KB 3156771")
        return Consequences((said,), (event,), STALE_PIN)
    if sends:
        text = "Without a certificate of its own Exchange presents none, or one nobody can name beforehand."
        return Consequences((inferred(text),), (event,))
    return Consequences((documented("STARTTLS is not offered.", SELECTION),), (event,))


def _expiry(certificate: ExchangeCertificate, wanted: Wanted, at: datetime) -> Iterator[Event]:
    end = certificate.not_after
    if end is None or end - at > EXPIRES_SOON:
        return
    name = wanted.text if wanted.pin is None else (*common_names(certificate), "")[0]
    if end < at:
        text = (
            f"There is no valid SMTP Transport Layer Security (TLS) certificate for the FQDN of {name}. "
            "The existing certificate for that FQDN has expired."
        )
        yield Event(12016, text, Confidence.DOCUMENTED if wanted.pin is None else Confidence.INFERRED)
        return
    hours = (end - at) // timedelta(hours=1)
    text = (
        f"The STARTTLS certificate will expire soon: subject: {certificate.subject or name}, "
        f"thumbprint: {certificate.thumbprint.upper()}, hours remaining: {hours}."
    )
    yield Event(12018, text, Confidence.INFERRED)
