"""What the evidence files hold, as a page and as a document."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from probe.exchange.connector import (
    AcceptedDomain,
    InboundConnector,
    OutboundConnector,
    ReceiveConnector,
    SendConnector,
)
from probe.exchange.exports.joining import Gathered
from probe.exchange.exports.read import Export, ExportKind
from probe.exchange.inventory import ExchangeCertificate
from probe.exchange.problem import Problem
from probe.pki.certificate import Certificate
from probe.render.exchange.documents import picked, plain
from probe.render.exchange.parts import fact, problems, title
from probe.render.page.options import RenderOptions
from probe.render.page.text import Page, Style
from probe.render.report.facts import day
from probe.render.report.wording import validity_words
from probe.text import counted

SCHEMA = "eop-probe/exchange-show/1"

#: The kinds of connectors as `Gathered` holds them, and their headings.
_CONNECTORS = {
    "send_connectors": "Send connectors",
    "receive_connectors": "Receive connectors",
    "inbound_connectors": "Inbound connectors of Exchange Online",
    "outbound_connectors": "Outbound connectors of Exchange Online",
}

Connector = SendConnector | ReceiveConnector | InboundConnector | OutboundConnector

#: What the page shows of a connector, as `picked` reads it.
_SHOWN: dict[type[Connector], str] = {
    SendConnector: "to=smart_hosts from=source_transport_servers Fqdn=fqdn pinned=tls_certificate_name "
    "TLS=tls_auth_level TlsDomain=tls_domain",
    ReceiveConnector: "server Fqdn=fqdn pinned=tls_certificate_name AuthMech.=auth_mechanism",
    InboundConnector: "type=connector_type certificate=tls_sender_certificate_name addresses=sender_ip_addresses "
    "senders=sender_domains",
    OutboundConnector: "to=smart_hosts TLS=tls_settings TlsDomain=tls_domain DANE=smtp_dane_mode "
    "MTA-STS=mta_sts_mode validated=is_validated at=last_validation_timestamp",
}
#: Microsoft: connectors have the two modes since then.
_NO_MODE = (
    "not told: the export is older than 10 March 2026, was made without it, or has a word that is not known"
)


class Held(NamedTuple):
    """What the files given hold: `kinds` pairs each file with what it is."""

    kinds: tuple[tuple[str, str], ...]
    gathered: Gathered
    x509: tuple[Certificate, ...]
    problems: tuple[Problem, ...]
    at: datetime


def x509_of(exports: tuple[Export, ...]) -> tuple[Certificate, ...]:
    """The certificates themselves among the exports, each once."""
    found = (one for export in exports if export.kind is ExportKind.X509 for one in export.x509)
    return tuple(dict.fromkeys(one for one in found if isinstance(one, Certificate)))


def render(held: Held, options: RenderOptions) -> str:
    page = Page(options)
    title(page, "Files")
    for name, kind in held.kinds:
        page.add(name, first=f"  {kind:<20}  ")
    _add_certificates(page, held)
    gathered = held.gathered
    for kind, heading in _CONNECTORS.items():
        _add_connectors(page, heading, getattr(gathered, kind))
    if gathered.accepted_domains:
        title(page, "Accepted domains")
        for domain in gathered.accepted_domains:
            page.add(_domain_words(domain), first="  ")
    problems(page, held.problems)
    return page.text


def _add_certificates(page: Page, held: Held) -> None:
    inventory = held.gathered.inventory
    if inventory.certificates:
        servers = ", ".join(inventory.servers) or "a server that the export does not name"
        title(page, "Certificates", f"{len(inventory.certificates)} on {servers}")
        for one in inventory.certificates:
            lead = f"  {one.thumbprint.upper()}  "
            page.add(one.subject or "(subject not known)", first=lead, mark=Style.STRONG, rest="    ")
            for label, text in _certificate_facts(one, held.at):
                fact(page, label, text)
    if held.x509:
        title(page, "Certificates by themselves", f"{len(held.x509)}, to build chains with")
        for issuer in held.x509:
            until = f"{issuer.subject.windows}, until {day(issuer.not_after)}"
            page.add(until, first=f"  {issuer.sha1.upper()}  ")


def _certificate_facts(one: ExchangeCertificate, at: datetime) -> list[tuple[str, str]]:
    unknown = "not known"
    valid = unknown
    if one.not_before and one.not_after:
        left = validity_words(one.not_before, one.not_after, at)
        valid = f"{day(one.not_before)} to {day(one.not_after)}, {left}"
    names = ", ".join(one.names) or unknown
    root = one.root_ca_type.value if one.root_ca_type else unknown
    status = one.status.value if one.status else unknown
    key = "" if one.has_private_key is not False else "; no private key"
    return [
        ("issuer", one.issuer or unknown),
        ("valid", valid),
        ("names", names + ("" if one.names_complete else " (the list is incomplete)")),
        ("services", one.services.text if one.services is not None else unknown),
        ("root", f"{root}, as the server sees it; status {status}{key}"),
        ("server", one.server or unknown),
        *([("inferred", ", ".join(one.inferred))] if one.inferred else []),
    ]


def _add_connectors(page: Page, heading: str, connectors: tuple[Connector, ...]) -> None:
    if not connectors:
        return
    title(page, heading, counted(len(connectors), "connector"))
    for one in connectors:
        state = {True: "enabled", False: "disabled", None: "not known whether enabled"}[one.enabled]
        page.add(f"({state})", first=f"  {one.name} ", mark=Style.STRONG)
        for label, value in _connector_facts(one).items():
            fact(page, label, _words(value))


def _connector_facts(one: Connector) -> dict[str, Any]:
    facts = picked(one, _SHOWN[type(one)])
    if isinstance(one, SendConnector):
        facts["to"] = facts["to"] or one.address_spaces
    elif isinstance(one, OutboundConnector):
        facts["to"] = facts["to"] or one.recipient_domains
        for mode in ("DANE", "MTA-STS"):
            facts[mode] = facts[mode] or _NO_MODE
    return facts


def _words(value: object) -> str:
    if value is None:
        return "not in the export"
    return (", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)) or "not set"


def _domain_words(domain: AcceptedDomain) -> str:
    kind = domain.domain_type.value if domain.domain_type else "type not known"
    default = ", default" if domain.default else ""
    below = ", with subdomains" if domain.match_subdomains else ""
    return f"{domain.domain_name}  ({kind}{default}{below})"


def document(held: Held) -> dict[str, Any]:
    """The JSON document: fields of connectors under their Python names, unknown ones null."""
    gathered = held.gathered
    return {
        "schema": SCHEMA,
        "files": [{"file": name, "kind": kind} for name, kind in held.kinds],
        "certificates": [certificate_json(one) for one in gathered.inventory.certificates],
        **{
            kind: [_fields(one) for one in getattr(gathered, kind)]
            for kind in (*_CONNECTORS, "accepted_domains")
        },
        "issuers": [picked(one, "sha1 subject=subject.windows") for one in held.x509],
        "problems": plain(held.problems),
    }


def certificate_json(one: ExchangeCertificate) -> dict[str, Any]:
    return {
        **picked(one, "thumbprint server friendly_name subject issuer serial not_before not_after"),
        **picked(one, "names names_complete"),
        "services": one.services.text.split(", ") if one.services is not None else None,
        **picked(one, "status root_ca_type has_private_key self_signed=is_self_signed inferred"),
        "source": str(one.source),
    }


def _fields(value: Connector | AcceptedDomain) -> dict[str, Any]:
    import dataclasses

    names = (field.name for field in dataclasses.fields(value))
    return {name: str(value.source) if name == "source" else plain(getattr(value, name)) for name in names}
