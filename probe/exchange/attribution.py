"""Whether a certificate's names satisfy an inbound connector and belong to the tenant.

Names: KB 4019940 and KB 3169958 (subject, CN or SAN; the pages contradict each other), wildcards as
Set-InboundConnector documents them: "a domain and all subdomains". The predicate is our reading.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

from probe.pki.certificate import Certificate
from probe.pki.names import dns_id_matches

#: KB 3212877, KB 4051495 (documented).
RELAY_DENIED = "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
#: KB 4019940, KB 3169958 (documented; the tail varies).
RELAY_DENIED_ATTR36 = (
    "550 5.7.64 Relay Access Denied ATTR36. For more details please refer to: "
    "https://support.microsoft.com/kb/3169958"
)


class NameMatch(enum.Enum):
    """How well a certificate satisfies TlsSenderCertificateName."""

    SUBJECT = "subject"
    """A CN matches: every reading of Microsoft's pages accepts it."""
    ALTERNATIVE = "alternative"
    """Only an alternative name matches: reported to be enough, contradicted by one page."""
    WILDCARD = "wildcard"
    """Only a wildcard name covers the connector's host name: no source says whether that is enough."""
    NONE = "none"


def base(name: str) -> str:
    """A name in lower case without a leading ``*.`` and a final dot."""
    return name.lower().rstrip(".").removeprefix("*.")


def connector_matches(connector: str, name: str) -> bool:
    """Whether a connector's TlsSenderCertificateName covers one certificate name, at any depth for ``*.``."""
    wanted, given = connector.lower().rstrip("."), base(name)
    if wanted.startswith("*."):
        return given == wanted[2:] or given.endswith(wanted[1:])
    return given == wanted


def match(certificate: Certificate, connector: str) -> NameMatch:
    """Grade the match of a certificate against a connector's TlsSenderCertificateName."""
    if any(connector_matches(connector, name) for name in certificate.subject.common_names):
        return NameMatch.SUBJECT
    if any(connector_matches(connector, name) for name in certificate.dns_names):
        return NameMatch.ALTERNATIVE
    if any(dns_id_matches(name, connector) for name in certificate.names()):
        return NameMatch.WILDCARD
    return NameMatch.NONE


def owned(name: str, accepted_domains: Iterable[str]) -> bool:
    """Whether a certificate name, or the domain immediately above it, is accepted (KB 4019940)."""
    domains = {base(domain) for domain in accepted_domains} - {""}
    given = base(name)
    return given in domains or given.partition(".")[2] in domains
