"""From raw records to connectors and accepted domains, told apart by fields that only one of them has."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeAlias

from probe.exchange.connector import (
    AcceptedDomain,
    ConnectorSource,
    ConnectorType,
    DomainType,
    InboundConnector,
    OutboundConnector,
    ReceiveConnector,
    SecurityMode,
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
_MODES = Numbers(SecurityMode)


class _Kind(NamedTuple):
    """One kind of object: what only it has, and its properties by what they hold, blanks between them."""

    made: Callable[..., Configuration]
    telling: frozenset[str]
    flags: str
    texts: str = ""
    lists: str = ""
    choices: Mapping[str, Numbers[Any]] = {}


#: The surest first. A Send and a Receive connector share the rest.
_KINDS = (
    _Kind(
        InboundConnector,
        frozenset({"tlssendercertificatename", "restrictdomainstocertificate", "senderdomains"}),
        "Enabled RequireTls RestrictDomainsToCertificate RestrictDomainsToIPAddresses CloudServicesMailEnabled "
        "TreatMessagesAsInternal",
        "TlsSenderCertificateName",
        "SenderDomains SenderIPAddresses AssociatedAcceptedDomains TrustedOrganizations",
        {"ConnectorType": _CONNECTOR_TYPES, "ConnectorSource": _CONNECTOR_SOURCES},
    ),
    _Kind(
        OutboundConnector,
        frozenset({"tlssettings", "recipientdomains", "usemxrecord", "istransportrulescoped", "smtpdanemode",
                   "mtastsmode"}),
        "Enabled CloudServicesMailEnabled IsValidated",
        "TlsDomain",
        "RecipientDomains SmartHosts",
        {"ConnectorType": _CONNECTOR_TYPES, "ConnectorSource": _CONNECTOR_SOURCES, "TlsSettings": _TLS_LEVELS,
         "SmtpDaneMode": _MODES, "MtaStsMode": _MODES},
    ),
    _Kind(
        AcceptedDomain,
        frozenset({"domainname", "matchsubdomains"}),
        "Default MatchSubDomains",
        "DomainName",
        choices={"DomainType": _DOMAIN_TYPES},
    ),
    _Kind(
        ReceiveConnector,
        frozenset({"authmechanism", "bindings", "tlsdomaincapabilities", "permissiongroups"}),
        "Enabled RequireTLS",
        "Fqdn TlsCertificateName ProtocolLoggingLevel",
        "Bindings TlsDomainCapabilities",
    ),
    _Kind(
        SendConnector,
        frozenset({"addressspaces", "sourcetransportservers", "tlsauthlevel", "dnsroutingenabled",
                   "frontendproxyenabled", "ignorestarttls", "domainsecureenabled"}),
        "Enabled RequireTLS CloudServicesMailEnabled DNSRoutingEnabled FrontendProxyEnabled IgnoreSTARTTLS "
        "DomainSecureEnabled",
        "Fqdn TlsCertificateName TlsDomain ProtocolLoggingLevel",
        "AddressSpaces SmartHosts SourceTransportServers",
        {"TlsAuthLevel": _TLS_LEVELS},
    ),
)  # fmt: skip
_VALIDATED = "last_validation_timestamp"
_WORD = re.compile("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_configuration(names: Collection[str]) -> bool:
    """Whether these lower-case field names are those of a connector or an accepted domain."""
    return "tlscertificatename" in names or any(not kind.telling.isdisjoint(names) for kind in _KINDS)


def read_configuration(
    record: Record, problems: Problems, *, month_first: bool | None = None
) -> Configuration | None:
    """Read a connector or an accepted domain; None, without a problem, where the record is neither."""
    fields = Fields(record, problems, month_first=month_first)
    for kind in _KINDS:
        if not kind.telling.isdisjoint(record.fields.keys()):
            return _read(kind, fields)
    if "tlscertificatename" in record:
        fields.note(
            "TlsCertificateName", "may be a Send or a Receive connector's; export more of its fields."
        )
    return None


def _read(kind: _Kind, fields: Fields) -> Configuration:
    name = fields.text("Name") or fields.text("Identity") or fields.text("DomainName") or "(no name)"
    values: dict[str, Any] = {"name": name}
    values |= {_attribute(one): fields.flag(one) for one in kind.flags.split()}
    values |= {_attribute(one): fields.text(one) for one in kind.texts.split()}
    values |= {_attribute(one): fields.texts(one, _attribute(one)) for one in kind.lists.split()}
    values |= {
        _attribute(one): fields.choice(one, _attribute(one), numbers) for one, numbers in kind.choices.items()
    }
    if kind.made is SendConnector:
        values["port"] = fields.number("Port")
    elif kind.made is ReceiveConnector:
        server, slash, rest = (fields.text("Identity") or "").partition("\\")
        values["server"] = (server if slash else fields.text("Server")) or None
        values["name"] = rest if slash and name == f"{server}\\{rest}" else name
        values["auth_mechanism"] = _auth_mechanism(fields)
    elif kind.made is OutboundConnector:
        at = fields.instant("LastValidationTimestamp", _VALIDATED)
        values[_VALIDATED] = at if at and at.year > 1 else None  # .NET's DateTime that was never set
    elif kind.made is AcceptedDomain:
        values["domain_name"] = values["domain_name"] or name
    marks = {"inferred": tuple(fields.inferred), "incomplete": tuple(fields.incomplete)}
    return kind.made(source=fields.record.source, **values, **marks)


def _attribute(name: str) -> str:
    """``SmartHosts`` as ``smart_hosts``, ``MatchSubDomains`` as ``match_subdomains``."""
    return _WORD.sub("_", name.replace("SubDomains", "Subdomains")).lower()


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
