"""The values that the Hybrid Configuration Wizard sets, checked on the connectors given.

Source: Exchange Team blog, 4 June 2025, and the hybrid certificate requirements (HybridCert).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from probe.exchange.connector import (
    ConnectorSource,
    ConnectorType,
    InboundConnector,
    OutboundConnector,
    ReceiveConnector,
    SendConnector,
    TlsAuthLevel,
    domain_of_space,
)
from probe.exchange.online import CLOUDS, EOP_DOMAIN
from probe.exchange.problem import quoted
from probe.statement import Statement, documented

WIZARD = "Exchange Team blog, 4 June 2025: what the Hybrid Configuration Wizard sets"
#: What the wizard sets for the worldwide cloud; another cloud's domain is as right.
CAPABILITY = f"{EOP_DOMAIN}:AcceptCloudServicesMail"
_CAPABILITIES = frozenset(f"{domain}:acceptcloudservicesmail" for domain in CLOUDS)
#: The address space of a tenant's routing domain ends so.
ROUTING_DOMAIN = ".mail.onmicrosoft.com"
_LEVEL = TlsAuthLevel.DOMAIN_VALIDATION

Connector: TypeAlias = SendConnector | ReceiveConnector | InboundConnector | OutboundConnector
_Value: TypeAlias = bool | str | tuple[str, ...] | enum.Enum | None


class Deviation(NamedTuple):
    """One property that is not as the wizard sets it; `found` None: the export does not tell."""

    kind: str
    connector: str
    name: str
    expected: str
    found: str | None
    statement: Statement


class _Expected(NamedTuple):
    """A property, what it should hold in words, what it holds (None: the export does not tell), and is that right?"""

    name: str
    expected: str
    found: _Value
    right: bool


def check_hybrid(connectors: Iterable[Connector]) -> tuple[Deviation, ...]:
    """Check every connector that serves hybrid mail, in the order given; others are left alone."""
    found: list[Deviation] = []
    for one in connectors:
        match one:
            case SendConnector() if is_hybrid_send(one):
                found += _deviations("Send connector", one.name, _send(one))
            case ReceiveConnector() if one.name.lower().startswith("default frontend"):
                found += _deviations("Receive connector", one.name, _receive(one))
            case InboundConnector() if _is_hybrid(one):
                found += _deviations("inbound connector", one.name, _inbound(one))
            case OutboundConnector() if _is_hybrid(one):
                found += _deviations("outbound connector", one.name, _outbound(one))
            case _:
                pass
    return tuple(found)


def is_hybrid_send(connector: SendConnector) -> bool:
    """Whether a Send connector carries hybrid mail: to the tenant's routing domain, or marked as such."""
    spaces = connector.address_spaces or ()
    return connector.cloud_services_mail_enabled is True or any(map(_is_routing, spaces))


def _is_routing(space: str) -> bool:
    return domain_of_space(space).endswith(ROUTING_DOMAIN)


def _is_hybrid(connector: InboundConnector | OutboundConnector) -> bool:
    own = (
        connector.connector_type is ConnectorType.ON_PREMISES
        and connector.cloud_services_mail_enabled is True
    )
    return own or connector.connector_source is ConnectorSource.HYBRID_WIZARD


def _deviations(kind: str, name: str, values: Iterable[_Expected]) -> Iterator[Deviation]:
    for value in values:
        if value.found is None or not value.right:
            found = _words(value.found)
            has = "not in the export" if found is None else quoted(found) if found else "not set"
            text = f"{value.name} of {kind} {quoted(name)} is {has}; the wizard sets {value.expected}."
            yield Deviation(kind, name, value.name, value.expected, found, documented(text, WIZARD))


def _words(value: _Value) -> str | None:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return ", ".join(value)
        case enum.Enum():
            return str(value.value)
        case _:
            return value


def _send(one: SendConnector) -> Iterator[_Expected]:
    spaces, level, domain = one.address_spaces, one.tls_auth_level, one.tls_domain
    yield _Expected(
        "AddressSpaces", f"smtp:<domain>{ROUTING_DOMAIN};1", spaces, any(map(_is_routing, spaces or ()))
    )
    yield _flag("CloudServicesMailEnabled", one.cloud_services_mail_enabled)
    yield _flag("RequireTLS", one.require_tls)
    yield _Expected("TlsAuthLevel", _LEVEL.value, level, level is _LEVEL)
    yield _Expected("TlsDomain", EOP_DOMAIN, domain, (domain or "").lower() in CLOUDS)
    yield _pin(one)


def _receive(one: ReceiveConnector) -> Iterator[_Expected]:
    capabilities = one.tls_domain_capabilities
    right = any(each.replace(" ", "").lower() in _CAPABILITIES for each in capabilities or ())
    yield _Expected("TlsDomainCapabilities", CAPABILITY, capabilities, right)
    yield _pin(one)


def _inbound(one: InboundConnector) -> Iterator[_Expected]:
    domains, name = one.sender_domains, one.tls_sender_certificate_name
    everybody = any(each.lower() in {"smtp:*;1", "*"} for each in domains or ())
    yield _flag("RequireTls", one.require_tls)
    yield _Expected("SenderDomains", "smtp:*;1", domains, everybody)
    yield _Expected("TlsSenderCertificateName", "the certificate's name", name, bool(name))


def _outbound(one: OutboundConnector) -> Iterator[_Expected]:
    yield _Expected("TlsSettings", _LEVEL.value, one.tls_settings, one.tls_settings is _LEVEL)
    yield _Expected("TlsDomain", "the name in your certificate", one.tls_domain, bool(one.tls_domain))


def _pin(one: SendConnector | ReceiveConnector) -> _Expected:
    expected = "<I>issuer<S>subject of the hybrid certificate"
    return _Expected("TlsCertificateName", expected, one.tls_certificate_name, one.pin is not None)


def _flag(name: str, value: bool | None) -> _Expected:  # noqa: FBT001 - a property's value
    return _Expected(name, "true", value, value is True)
