"""What speaks for and against one certificate when Exchange looks for the one of a connector.

Sources: Microsoft, "Inbound STARTTLS certificate selection" (InboundSTARTTLS below); Exchange Team blog
of 4 June 2025 for TlsCertificateName; Get-ExchangeCertificate.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from probe.exchange.connector import Pin
from probe.exchange.inventory import ExchangeCertificate, RootCAType, Services, Status
from probe.pki.host_names import dns_id_matches
from probe.statement import Statement, all_of, documented
from probe.text import listed

SELECTION = "Inbound STARTTLS certificate selection"
PINNING = "Exchange Team blog, 4 June 2025"

_CN = re.compile(r'(?:^|, | \+ )CN=(?:"((?:[^"]|"")*)"|([^,+]*))')


class NameSource(enum.Enum):
    """Where the name that Exchange looks for comes from (InboundSTARTTLS, step 2)."""

    PIN = "TlsCertificateName"
    FQDN = "Fqdn"
    SERVER = "server"
    NOTHING = "nothing"
    """The evidence does not say what is looked for."""


class Wanted(NamedTuple):
    """What Exchange looks for: `text` as configured, `pin` taken apart.

    `certain` is False where the export leaves open whether something else comes first.
    """

    source: NameSource
    text: str
    pin: Pin | None = None
    certain: bool = True


class Candidate(NamedTuple):
    """One certificate of the server and the facts that decide; `remarks` say what excludes or clouds it."""

    certificate: ExchangeCertificate
    named: bool | None
    eligible: bool
    """With a private key, and X.509 v3 as far as the export tells."""
    smtp: bool | None
    valid: bool | None
    issued: bool | None
    """By a CA, not self-signed."""
    remarks: tuple[Statement, ...]

    @property
    def usable(self) -> bool | None:
        """Whether it bears the name and Exchange can use its key."""
        return all_of((self.named, self.eligible))


def assess(certificate: ExchangeCertificate, wanted: Wanted, at: datetime) -> Candidate:
    """Weigh one certificate against what is looked for, at `at` (aware UTC)."""
    named = bears(certificate, wanted)
    # Unknown counts as good: the shell lists only certificates with a private key (KB 4495258), and
    # one without v3 has no place for alternative names.
    eligible = certificate.has_private_key is not False and _version(certificate) >= 3
    issued = None if certificate.is_self_signed is None else not certificate.is_self_signed
    smtp = None if certificate.services is None else Services.SMTP in certificate.services
    candidate = Candidate(certificate, named, eligible, smtp, validity(certificate, at), issued, ())
    return candidate._replace(remarks=tuple(_remarks(candidate, wanted, at)))


def _version(certificate: ExchangeCertificate) -> int:
    return certificate.certificate.version if certificate.certificate is not None else 3


def bears(certificate: ExchangeCertificate, wanted: Wanted) -> bool | None:
    """Whether the certificate is one of those looked for; an uncertain name makes no certain match."""
    if wanted.pin is not None:
        # Both texts exactly, as Microsoft's own checker compares them (CSS-Exchange, HealthChecker).
        pairs = ((certificate.issuer, wanted.pin.issuer), (certificate.subject, wanted.pin.subject))
        found = all_of(None if mine is None else mine == pinned for mine, pinned in pairs)
    elif wanted.source is NameSource.NOTHING:
        return None
    else:
        found = _bears_name(certificate, wanted)
    return None if found and not wanted.certain else found


def _bears_name(certificate: ExchangeCertificate, wanted: Wanted) -> bool | None:
    """Subject or SAN; a wildcard stands for one level (InboundSTARTTLS)."""
    names = all_names(certificate)
    bears = any(dns_id_matches(own, wanted.text) for own in names)
    if wanted.source is NameSource.SERVER and "." not in wanted.text:
        # Only the server's first label is known: a name that begins with it may be the full one.
        bears = bears or any(own.lower().startswith((f"{wanted.text.lower()}.", "*.")) for own in names)
        return None if bears or not certificate.names_complete else False
    return bears or (False if certificate.names_complete else None)


def validity(certificate: ExchangeCertificate, at: datetime) -> bool | None:
    """Whether it is within its dates and the server does not call it revoked or broken."""
    begun = None if certificate.not_before is None else certificate.not_before <= at
    lasts = None if certificate.not_after is None else at <= certificate.not_after
    return all_of((begun, lasts, _status_is_good(certificate.status)))


def _status_is_good(status: Status | None) -> bool | None:
    match status:
        case Status.REVOKED | Status.INVALID | Status.PENDING_REQUEST:
            return False
        # Not published whether "valid" in step 5 asks for a trusted chain or a revocation list.
        case Status.UNTRUSTED | Status.REVOCATION_CHECK_FAILURE | Status.UNKNOWN:
            return None
        # DateInvalid speaks of the day of the export; the dates themselves speak for `at`.
        case _:
            return True


def all_names(certificate: ExchangeCertificate) -> tuple[str, ...]:
    """Every name Exchange searches: the export's list and the subject's CNs."""
    return tuple(dict.fromkeys((*certificate.names, *common_names(certificate))))


def common_names(certificate: ExchangeCertificate) -> tuple[str, ...]:
    """The CNs, most specific first: out of RawData, else out of the subject as Windows writes it."""
    if certificate.certificate is not None:
        return certificate.certificate.subject.common_names
    return common_names_of(certificate.subject or "")


def common_names_of(subject: str) -> tuple[str, ...]:
    """The CNs of a name in Windows' form, most specific first."""
    found = (quoted.replace('""', '"') or plain.strip() for quoted, plain in _CN.findall(subject))
    return tuple(name for name in found if name)


def title(certificate: ExchangeCertificate) -> str:
    """A certificate as a sentence names it: thumbprint, the name people know, and its issuer's."""
    names = common_names(certificate) or certificate.names
    issuer = common_names_of(certificate.issuer or "")
    known = ", ".join((*names[:1], *(f"by {one}" for one in issuer[:1])))
    return certificate.thumbprint.upper() + (f" ({known})" if known else "")


def likely_refused(certificate: ExchangeCertificate) -> bool | None:
    """Whether EOP will not know the root, by the server's own word alone (inferred); None: judge the chain."""
    if certificate.is_self_signed:
        return True
    match certificate.root_ca_type:
        case RootCAType.THIRD_PARTY:
            return False
        case RootCAType.ENTERPRISE | RootCAType.REGISTRY | RootCAType.GROUP_POLICY:
            return True
        case _:
            return None


def _remarks(candidate: Candidate, wanted: Wanted, at: datetime) -> Iterator[Statement]:
    yield from _about_name(candidate, wanted)
    if candidate.certificate.has_private_key is False:
        text = "It has no private key on this server (in use, TLS fails with the error NoCredentials)."
        yield documented(text, f"{SELECTION}; KB 4495258")
    if (version := _version(candidate.certificate)) < 3:
        yield documented(f"It is an X.509 v{version} certificate.", SELECTION)
    if candidate.named is not False:
        yield from _about_use(candidate)
        yield from _about_time(candidate.certificate, at)


def _about_name(candidate: Candidate, wanted: Wanted) -> Iterator[Statement]:
    certificate = candidate.certificate
    if wanted.pin is not None:
        yield from _about_pin(certificate, wanted.pin)
    elif candidate.named is False:
        names = listed(all_names(certificate))
        yield documented(f"It is not for {wanted.text} but for {names}.", SELECTION)
    elif candidate.named is None and wanted.source is not NameSource.NOTHING and wanted.certain:
        why = "only the server's short name is known" if certificate.names_complete else "the list is cut off"
        yield documented(f"Whether it is for {wanted.text} cannot be told: {why}.")


def _about_pin(certificate: ExchangeCertificate, pin: Pin) -> Iterator[Statement]:
    for what, mine, pinned in (
        ("issuer", certificate.issuer, pin.issuer),
        ("subject", certificate.subject, pin.subject),
    ):
        if mine is None:
            yield documented(f"The export does not hold its whole {what}.")
        elif mine != pinned:
            yield documented(f"Its {what} is {mine}, but TlsCertificateName says {pinned}.", PINNING)


def _about_use(candidate: Candidate) -> Iterator[Statement]:
    if candidate.smtp is None:
        yield documented("The export does not say whether it is enabled for SMTP.")
    elif not candidate.smtp:
        services = candidate.certificate.services or Services.NONE
        yield documented(f"It is enabled for {services.text}, not for SMTP.", SELECTION)
    if candidate.issued is None:
        yield documented("The export does not say whether it is self-signed.")
    elif not candidate.issued:
        yield documented("It is self-signed: any valid certificate from a CA comes before it.", SELECTION)


def _about_time(certificate: ExchangeCertificate, at: datetime) -> Iterator[Statement]:
    begin, end = certificate.not_before, certificate.not_after
    if begin is None or end is None:
        yield documented("The export does not hold both of its dates.")
    if begin is not None and at < begin:
        yield documented(f"It is valid only from {begin:%Y-%m-%d %H:%M} UTC.", SELECTION)
    if end is not None and end < at:
        yield documented(f"It expired on {end:%Y-%m-%d %H:%M} UTC.", SELECTION)
    if _status_is_good(certificate.status) is not True and certificate.status is not None:
        yield documented(
            f"The server reports its status as {certificate.status.value}.", "Get-ExchangeCertificate"
        )
