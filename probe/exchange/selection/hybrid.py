"""The values that the Hybrid Configuration Wizard sets, checked on the connectors given.

Source: Exchange Team blog, 4 June 2025, and the hybrid certificate requirements (HybridCert).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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

Connector: TypeAlias = SendConnector | ReceiveConnector | InboundConnector | OutboundConnector


class Deviation(NamedTuple):
    """One property that is not as the wizard sets it; `found` None: the export does not tell."""

    kind: str
    connector: str
    name: str
    expected: str
    found: str | None
    statement: Statement


class _Expected(NamedTuple):
    """A property, what it should hold in words, its value as text, and whether that is right (None: unknown)."""

    name: str
    expected: str
    found: str | None
    right: bool | None


def check_hybrid(connectors: Iterable[Connector]) -> tuple[Deviation, ...]:
    """Check every connector that serves hybrid mail, in the order given; others are left alone."""
    found: list[Deviation] = []
    for connector in connectors:
        match connector:
            case SendConnector() if is_hybrid_send(connector):
                found += _deviations("Send connector", connector.name, _send(connector))
            case ReceiveConnector() if connector.name.lower().startswith("default frontend"):
                found += _deviations("Receive connector", connector.name, _receive(connector))
            case InboundConnector() if _is_hybrid(connector):
                found += _deviations("inbound connector", connector.name, _inbound(connector))
            case OutboundConnector() if _is_hybrid(connector):
                found += _deviations("outbound connector", connector.name, _outbound(connector))
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
    if connector.connector_source is ConnectorSource.HYBRID_WIZARD:
        return True
    own = connector.connector_type is ConnectorType.ON_PREMISES
    return own and connector.cloud_services_mail_enabled is True


def _deviations(kind: str, name: str, values: Iterable[_Expected]) -> Iterator[Deviation]:
    for value in values:
        if value.right:
            continue
        has = f"is {quoted(value.found)}" if value.found else "is not set"
        text = f"{value.name} of {kind} {quoted(name)} {has}; the wizard sets {value.expected}."
        if value.right is None:
            text = f"{value.name} of {kind} {quoted(name)} is not in the export; the wizard sets {value.expected}."
        found = value.found if value.right is False else None
        yield Deviation(kind, name, value.name, value.expected, found, documented(text, WIZARD))


def _send(connector: SendConnector) -> Iterator[_Expected]:
    yield _listed("AddressSpaces", f"smtp:<domain>{ROUTING_DOMAIN};1", connector.address_spaces, _is_routing)
    yield _flag("CloudServicesMailEnabled", connector.cloud_services_mail_enabled)
    yield _flag("RequireTLS", connector.require_tls)
    yield _level("TlsAuthLevel", connector.tls_auth_level)
    yield _text("TlsDomain", EOP_DOMAIN, connector.tls_domain, lambda one: one.lower() in CLOUDS)
    yield _pin(connector)


def _receive(connector: ReceiveConnector) -> Iterator[_Expected]:
    capabilities = connector.tls_domain_capabilities
    yield _listed(
        "TlsDomainCapabilities",
        CAPABILITY,
        capabilities,
        lambda one: one.replace(" ", "").lower() in _CAPABILITIES,
    )
    yield _pin(connector)


def _inbound(connector: InboundConnector) -> Iterator[_Expected]:
    domains, name = connector.sender_domains, connector.tls_sender_certificate_name
    yield _flag("RequireTls", connector.require_tls)
    yield _listed("SenderDomains", "smtp:*;1", domains, lambda one: one.lower() in {"smtp:*;1", "*"})
    yield _text("TlsSenderCertificateName", "the certificate's name", name, bool)


def _outbound(connector: OutboundConnector) -> Iterator[_Expected]:
    yield _level("TlsSettings", connector.tls_settings)
    yield _text("TlsDomain", "the name in your certificate", connector.tls_domain, bool)


def _pin(connector: SendConnector | ReceiveConnector) -> _Expected:
    expected = "<I>issuer<S>subject of the hybrid certificate"
    text = connector.tls_certificate_name
    return _text("TlsCertificateName", expected, text, lambda _: connector.pin is not None)


def _flag(name: str, value: bool | None) -> _Expected:  # noqa: FBT001 - a property's value
    return _text(name, "true", None if value is None else str(value).lower(), lambda _: value is True)


def _level(name: str, value: TlsAuthLevel | None) -> _Expected:
    wanted = TlsAuthLevel.DOMAIN_VALIDATION
    return _text(name, wanted.value, value.value if value else None, lambda _: value is wanted)


def _listed(
    name: str, expected: str, values: tuple[str, ...] | None, right: Callable[[str], bool]
) -> _Expected:
    joined = None if values is None else ", ".join(values)
    return _text(name, expected, joined, lambda _: any(map(right, values or ())))


def _text(name: str, expected: str, value: str | None, right: Callable[[str], bool]) -> _Expected:
    return _Expected(name, expected, value, None if value is None else right(value))
