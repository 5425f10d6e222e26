"""From raw records to connectors and accepted domains, told apart by fields that only one of them has."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from probe.exchange.connector import (
    AcceptedDomain,
    ConnectorSource,
    ConnectorType,
    DomainType,
    InboundConnector,
    OutboundConnector,
    ReceiveConnector,
    SendConnector,
    TlsAuthLevel,
)
from probe.exchange.exports.record import Fields, Numbers, Record
from probe.exchange.problem import Problems, quoted

Configuration: TypeAlias = (
    SendConnector | ReceiveConnector | InboundConnector | OutboundConnector | AcceptedDomain
)

#: 2 was observed in published CLIXML; its neighbours follow from the documented order.
_TLS_LEVELS = Numbers(
    TlsAuthLevel,
    {2: TlsAuthLevel.CERTIFICATE_VALIDATION},
    {1: TlsAuthLevel.ENCRYPTION_ONLY, 3: TlsAuthLevel.DOMAIN_VALIDATION},
)
# No number of these was observed: a number stays unknown.
_CONNECTOR_TYPES = Numbers(ConnectorType)
_CONNECTOR_SOURCES = Numbers(ConnectorSource)
_DOMAIN_TYPES = Numbers(DomainType)


def _send(fields: Fields, name: str) -> SendConnector:
    return SendConnector(
        source=fields.record.source,
        name=name,
        enabled=fields.flag("Enabled"),
        address_spaces=fields.texts("AddressSpaces", "address_spaces"),
        smart_hosts=fields.texts("SmartHosts", "smart_hosts"),
        source_transport_servers=fields.texts("SourceTransportServers", "source_transport_servers"),
        fqdn=fields.text("Fqdn"),
        tls_certificate_name=fields.text("TlsCertificateName"),
        tls_auth_level=fields.choice("TlsAuthLevel", "tls_auth_level", _TLS_LEVELS),
        tls_domain=fields.text("TlsDomain"),
        require_tls=fields.flag("RequireTLS"),
        cloud_services_mail_enabled=fields.flag("CloudServicesMailEnabled"),
        dns_routing_enabled=fields.flag("DNSRoutingEnabled"),
        frontend_proxy_enabled=fields.flag("FrontendProxyEnabled"),
        ignore_starttls=fields.flag("IgnoreSTARTTLS"),
        domain_secure_enabled=fields.flag("DomainSecureEnabled"),
        port=fields.number("Port"),
        protocol_logging_level=fields.text("ProtocolLoggingLevel"),
        inferred=tuple(fields.inferred),
        incomplete=tuple(fields.incomplete),
    )


def _receive(fields: Fields, name: str) -> ReceiveConnector:
    server, slash, rest = (fields.text("Identity") or "").partition("\\")
    return ReceiveConnector(
        source=fields.record.source,
        name=rest if slash and name == f"{server}\\{rest}" else name,
        server=(server if slash else fields.text("Server")) or None,
        enabled=fields.flag("Enabled"),
        bindings=fields.texts("Bindings", "bindings"),
        auth_mechanism=_auth_mechanism(fields),
        fqdn=fields.text("Fqdn"),
        tls_certificate_name=fields.text("TlsCertificateName"),
        tls_domain_capabilities=fields.texts("TlsDomainCapabilities", "tls_domain_capabilities"),
        require_tls=fields.flag("RequireTLS"),
        protocol_logging_level=fields.text("ProtocolLoggingLevel"),
        inferred=tuple(fields.inferred),
        incomplete=tuple(fields.incomplete),
    )


def _auth_mechanism(fields: Fields) -> tuple[str, ...] | None:
    """The mechanisms' names out of ``Tls, Integrated``; their numbers are not published."""
    text = fields.text("AuthMechanism")
    if text is None:
        return None
    if text.isdecimal():
        fields.note("AuthMechanism", f"is the number {quoted(text)}, which is not known.")
        return None
    names = (part.strip() for part in text.replace(";", ",").split(","))
    return tuple(name for name in names if name and name.lower() != "none")


def _inbound(fields: Fields, name: str) -> InboundConnector:
    return InboundConnector(
        source=fields.record.source,
        name=name,
        enabled=fields.flag("Enabled"),
        connector_type=fields.choice("ConnectorType", "connector_type", _CONNECTOR_TYPES),
        connector_source=fields.choice("ConnectorSource", "connector_source", _CONNECTOR_SOURCES),
        sender_domains=fields.texts("SenderDomains", "sender_domains"),
        sender_ip_addresses=fields.texts("SenderIPAddresses", "sender_ip_addresses"),
        associated_accepted_domains=fields.texts("AssociatedAcceptedDomains", "associated_accepted_domains"),
        require_tls=fields.flag("RequireTls"),
        tls_sender_certificate_name=fields.text("TlsSenderCertificateName"),
        restrict_domains_to_certificate=fields.flag("RestrictDomainsToCertificate"),
        restrict_domains_to_ip_addresses=fields.flag("RestrictDomainsToIPAddresses"),
        cloud_services_mail_enabled=fields.flag("CloudServicesMailEnabled"),
        treat_messages_as_internal=fields.flag("TreatMessagesAsInternal"),
        trusted_organizations=fields.texts("TrustedOrganizations", "trusted_organizations"),
        inferred=tuple(fields.inferred),
        incomplete=tuple(fields.incomplete),
    )


def _outbound(fields: Fields, name: str) -> OutboundConnector:
    return OutboundConnector(
        source=fields.record.source,
        name=name,
        enabled=fields.flag("Enabled"),
        connector_type=fields.choice("ConnectorType", "connector_type", _CONNECTOR_TYPES),
        connector_source=fields.choice("ConnectorSource", "connector_source", _CONNECTOR_SOURCES),
        recipient_domains=fields.texts("RecipientDomains", "recipient_domains"),
        smart_hosts=fields.texts("SmartHosts", "smart_hosts"),
        tls_settings=fields.choice("TlsSettings", "tls_settings", _TLS_LEVELS),
        tls_domain=fields.text("TlsDomain"),
        cloud_services_mail_enabled=fields.flag("CloudServicesMailEnabled"),
        inferred=tuple(fields.inferred),
        incomplete=tuple(fields.incomplete),
    )


def _accepted_domain(fields: Fields, name: str) -> AcceptedDomain:
    return AcceptedDomain(
        source=fields.record.source,
        domain_name=fields.text("DomainName") or name,
        name=name,
        domain_type=fields.choice("DomainType", "domain_type", _DOMAIN_TYPES),
        default=fields.flag("Default"),
        match_subdomains=fields.flag("MatchSubDomains"),
        inferred=tuple(fields.inferred),
        incomplete=tuple(fields.incomplete),
    )


_Reader: TypeAlias = Callable[[Fields, str], Configuration]

#: What only one kind of object has, the surest first. A Send and a Receive connector share the rest.
_TELLING: tuple[tuple[_Reader, frozenset[str]], ...] = (
    (_inbound, frozenset({"tlssendercertificatename", "restrictdomainstocertificate", "senderdomains"})),
    (_outbound, frozenset({"tlssettings", "recipientdomains", "usemxrecord", "istransportrulescoped"})),
    (_accepted_domain, frozenset({"domainname", "matchsubdomains"})),
    (_receive, frozenset({"authmechanism", "bindings", "tlsdomaincapabilities", "permissiongroups"})),
    (_send, frozenset({"addressspaces", "sourcetransportservers", "tlsauthlevel", "dnsroutingenabled",
                       "frontendproxyenabled", "ignorestarttls", "domainsecureenabled"})),
)  # fmt: skip


def is_configuration(names: Collection[str]) -> bool:
    """Whether these lower-case field names are those of a connector or an accepted domain."""
    return "tlscertificatename" in names or any(not telling.isdisjoint(names) for _, telling in _TELLING)


def read_configuration(record: Record, problems: Problems) -> Configuration | None:
    """Read a connector or an accepted domain; None, without a problem, where the record is neither."""
    names = record.fields.keys()
    for read, telling in _TELLING:
        if not telling.isdisjoint(names):
            return read(fields := Fields(record, problems), _name(fields))
    if "tlscertificatename" in record:
        fields = Fields(record, problems)
        fields.note(
            "TlsCertificateName", "may be a Send or a Receive connector's; export more of its fields."
        )
    return None


def _name(fields: Fields) -> str:
    return fields.text("Name") or fields.text("Identity") or fields.text("DomainName") or "(no name)"
