"""Reads one file of Exchange evidence, recognised by what is in it, never by its name."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from probe.exchange import dates
from probe.exchange.certificate_record import THUMBPRINT_DIGITS, is_certificate, read_certificate
from probe.exchange.connector import (
    AcceptedDomain,
    InboundConnector,
    OutboundConnector,
    ReceiveConnector,
    SendConnector,
)
from probe.exchange.connector_record import Configuration, read_configuration
from probe.exchange.decoding import MAX_EXPORT_BYTES, decode
from probe.exchange.export_json import looks_like_json, read_json
from probe.exchange.inventory import ExchangeCertificate, Inventory
from probe.exchange.problem import Problem, Problems, quoted
from probe.exchange.record import Record
from probe.pki.certificate import Certificate, Unreadable


class Kind(enum.Enum):
    """What a file is, by its content."""

    CERTIFICATES = "certificates"
    SEND_CONNECTORS = "send-connectors"
    RECEIVE_CONNECTORS = "receive-connectors"
    INBOUND_CONNECTORS = "inbound-connectors"
    OUTBOUND_CONNECTORS = "outbound-connectors"
    ACCEPTED_DOMAINS = "accepted-domains"
    X509 = "x509"
    """Certificates themselves, PEM or DER."""
    LOG = "log"
    """An SMTP protocol log: for the log reader."""
    TEXT = "text"
    """An event, an NDR, a reply or any other text: for the reply catalogue."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What one file holds, in its order; a file may hold several kinds, `kind` is the first one's.

    `fragments` are certificates without a full thumbprint, to be joined (`probe.exchange.joining`).
    """

    name: str
    kind: Kind
    certificates: tuple[ExchangeCertificate, ...] = ()
    fragments: tuple[ExchangeCertificate, ...] = ()
    send_connectors: tuple[SendConnector, ...] = ()
    receive_connectors: tuple[ReceiveConnector, ...] = ()
    inbound_connectors: tuple[InboundConnector, ...] = ()
    outbound_connectors: tuple[OutboundConnector, ...] = ()
    accepted_domains: tuple[AcceptedDomain, ...] = ()
    x509: tuple[Certificate | Unreadable, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def inventory(self) -> Inventory:
        """The certificates of this file alone, with its problems."""
        return Inventory(certificates=self.certificates, fragments=self.fragments, problems=self.problems)


_KINDS = {
    ExchangeCertificate: Kind.CERTIFICATES,
    SendConnector: Kind.SEND_CONNECTORS,
    ReceiveConnector: Kind.RECEIVE_CONNECTORS,
    InboundConnector: Kind.INBOUND_CONNECTORS,
    OutboundConnector: Kind.OUTBOUND_CONNECTORS,
    AcceptedDomain: Kind.ACCEPTED_DOMAINS,
}


def read(name: str, data: bytes, *, server: str | None = None) -> Export:
    """Read one evidence file; never raises for its content.

    `name` is only for messages. `server` is assumed where a record names no server. Logs and texts
    are recognised, not read.
    """
    problems = Problems(name)
    if len(data) > MAX_EXPORT_BYTES:
        problems.add(f"is larger than {MAX_EXPORT_BYTES} bytes and was not read.")
        return Export(name=name, kind=Kind.UNKNOWN, problems=problems.found)
    text = decode(data, problems)
    records = read_json(text, problems) if looks_like_json(text) else []
    return _from_records(name, records, problems, server)


def _from_records(name: str, records: list[Record], problems: Problems, server: str | None) -> Export:
    values = [value for value in _values(records, problems, server) if value is not None]
    certificates = [value for value in values if isinstance(value, ExchangeCertificate)]
    return Export(
        name=name,
        kind=_KINDS[type(values[0])] if values else Kind.UNKNOWN,
        certificates=tuple(c for c in certificates if len(c.thumbprint) == THUMBPRINT_DIGITS),
        fragments=tuple(c for c in certificates if len(c.thumbprint) < THUMBPRINT_DIGITS),
        send_connectors=tuple(value for value in values if isinstance(value, SendConnector)),
        receive_connectors=tuple(value for value in values if isinstance(value, ReceiveConnector)),
        inbound_connectors=tuple(value for value in values if isinstance(value, InboundConnector)),
        outbound_connectors=tuple(value for value in values if isinstance(value, OutboundConnector)),
        accepted_domains=tuple(value for value in values if isinstance(value, AcceptedDomain)),
        problems=problems.found,
    )


def _values(
    records: list[Record], problems: Problems, server: str | None
) -> list[ExchangeCertificate | Configuration | None]:
    month_first = dates.month_comes_first(_date_texts(records))
    return [_value(record, problems, server, month_first=month_first) for record in records]


def _date_texts(records: list[Record]) -> list[str]:
    fields = (record.fields.get(name) for record in records for name in ("notbefore", "notafter"))
    return [field.value for field in fields if field is not None and isinstance(field.value, str)]


def _value(
    record: Record, problems: Problems, server: str | None, *, month_first: bool | None
) -> ExchangeCertificate | Configuration | None:
    if is_certificate(record):
        return read_certificate(record, problems, server=server, month_first=month_first)
    found = read_configuration(record, problems)
    if found is None:
        names = quoted(", ".join(record.fields))
        problems.add(f"holds a record of no known kind, with the fields {names}.", line=record.source.line)
    return found
