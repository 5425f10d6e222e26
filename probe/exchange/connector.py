"""Connectors and accepted domains as their Get- cmdlets print them.

Sources: Microsoft, Set-SendConnector, Set-ReceiveConnector, Set-InboundConnector, Set-OutboundConnector,
Get-AcceptedDomain. In every value ``None`` means that the export does not tell; an empty text or tuple
means that the property is not set. `inferred` names the fields read from an undocumented number,
`incomplete` the lists that the export cut off.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from probe.exchange.problem import Place

#: Microsoft's own checker accepts either case, and anything before the first mark (CSS-Exchange, HealthChecker).
_PIN = re.compile(r"<i>(?P<issuer>.*?)<s>(?P<subject>.*)", re.IGNORECASE | re.DOTALL)

#: Characters of TlsCertificateName that an Edge server's directory can hold (KB 4052493).
EDGE_PIN_LIMIT = 256


class Pin(NamedTuple):
    """A TlsCertificateName taken apart: issuer and subject as Windows writes them, compared exactly."""

    issuer: str
    subject: str


class TlsAuthLevel(enum.Enum):
    """How a sender checks the other side's certificate (TlsAuthLevel, TlsSettings)."""

    UNSET = ""
    ENCRYPTION_ONLY = "EncryptionOnly"
    CERTIFICATE_VALIDATION = "CertificateValidation"
    DOMAIN_VALIDATION = "DomainValidation"


class SecurityMode(enum.Enum):
    """How an outbound connector takes DANE (SmtpDaneMode) or MTA-STS (MtaStsMode, which has no Mandatory)."""

    OPPORTUNISTIC = "Opportunistic"
    MANDATORY = "Mandatory"
    NONE = "None"


class ConnectorType(enum.Enum):
    """Whose servers an Exchange Online connector is for."""

    ON_PREMISES = "OnPremises"
    PARTNER = "Partner"


class ConnectorSource(enum.Enum):
    """What made an Exchange Online connector."""

    DEFAULT = "Default"
    HYBRID_WIZARD = "HybridWizard"
    MIGRATED = "Migrated"


class DomainType(enum.Enum):
    """What an accepted domain is accepted for."""

    AUTHORITATIVE = "Authoritative"
    INTERNAL_RELAY = "InternalRelay"
    EXTERNAL_RELAY = "ExternalRelay"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendConnector:
    """A Send connector of Exchange Server: the client of the TLS session EOP judges."""

    source: Place
    name: str
    enabled: bool | None = None
    address_spaces: tuple[str, ...] | None = None
    smart_hosts: tuple[str, ...] | None = None
    source_transport_servers: tuple[str, ...] | None = None
    fqdn: str | None = None
    tls_certificate_name: str | None = None
    tls_auth_level: TlsAuthLevel | None = None
    tls_domain: str | None = None
    require_tls: bool | None = None
    cloud_services_mail_enabled: bool | None = None
    dns_routing_enabled: bool | None = None
    frontend_proxy_enabled: bool | None = None
    ignore_starttls: bool | None = None
    domain_secure_enabled: bool | None = None
    port: int | None = None
    protocol_logging_level: str | None = None
    inferred: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()

    @property
    def pin(self) -> Pin | None:
        """TlsCertificateName taken apart; None where unknown, unset or malformed."""
        return read_pin(self.tls_certificate_name or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveConnector:
    """A Receive connector of Exchange Server: the server a probe of the endpoint sees.

    `auth_mechanism` holds the mechanisms' names, e.g. ``("Tls", "Integrated")``.
    """

    source: Place
    name: str
    server: str | None = None
    enabled: bool | None = None
    bindings: tuple[str, ...] | None = None
    auth_mechanism: tuple[str, ...] | None = None
    fqdn: str | None = None
    tls_certificate_name: str | None = None
    tls_domain_capabilities: tuple[str, ...] | None = None
    require_tls: bool | None = None
    protocol_logging_level: str | None = None
    inferred: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()

    @property
    def pin(self) -> Pin | None:
        """TlsCertificateName taken apart; None where unknown, unset or malformed."""
        return read_pin(self.tls_certificate_name or "")

    @property
    def offers_tls(self) -> bool | None:
        """Whether AuthMechanism holds TLS, without which STARTTLS is not offered; None where unknown."""
        if self.auth_mechanism is None:
            return None
        return any(mechanism.lower() == "tls" for mechanism in self.auth_mechanism)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundConnector:
    """An inbound connector of Exchange Online: what attributes a message to the tenant."""

    source: Place
    name: str
    enabled: bool | None = None
    connector_type: ConnectorType | None = None
    connector_source: ConnectorSource | None = None
    sender_domains: tuple[str, ...] | None = None
    sender_ip_addresses: tuple[str, ...] | None = None
    associated_accepted_domains: tuple[str, ...] | None = None
    require_tls: bool | None = None
    tls_sender_certificate_name: str | None = None
    restrict_domains_to_certificate: bool | None = None
    restrict_domains_to_ip_addresses: bool | None = None
    cloud_services_mail_enabled: bool | None = None
    treat_messages_as_internal: bool | None = None
    trusted_organizations: tuple[str, ...] | None = None
    inferred: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundConnector:
    """An outbound connector of Exchange Online: how it judges the server it sends to.

    `is_validated` and `last_validation_timestamp` (aware UTC) are of Microsoft's own test with a message
    (Validate-OutboundConnector).
    Connectors have the two modes since 10 March 2026: an export without them is older.
    """

    source: Place
    name: str
    enabled: bool | None = None
    connector_type: ConnectorType | None = None
    connector_source: ConnectorSource | None = None
    recipient_domains: tuple[str, ...] | None = None
    smart_hosts: tuple[str, ...] | None = None
    tls_settings: TlsAuthLevel | None = None
    tls_domain: str | None = None
    smtp_dane_mode: SecurityMode | None = None
    mta_sts_mode: SecurityMode | None = None
    cloud_services_mail_enabled: bool | None = None
    is_validated: bool | None = None
    last_validation_timestamp: datetime | None = None
    inferred: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedDomain:
    """A domain a tenant has registered."""

    source: Place
    domain_name: str
    name: str | None = None
    domain_type: DomainType | None = None
    default: bool | None = None
    match_subdomains: bool | None = None
    inferred: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()


def read_pin(text: str) -> Pin | None:
    """Take a TlsCertificateName ``<I>issuer<S>subject`` apart; None where it is not of that form."""
    found = _PIN.search(text)
    return Pin(found["issuer"].strip(), found["subject"].strip()) if found else None


def domain_of_space(space: str) -> str:
    """The domain of an address space such as ``smtp:*.contoso.com;1``, in lower case."""
    return space.lower().removeprefix("smtp:").partition(";")[0].strip().rstrip(".")
