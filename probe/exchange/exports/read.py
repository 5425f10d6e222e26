"""Reads one file of Exchange evidence, recognised by what is in it, never by its name."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace
from itertools import islice

from probe.exchange.connector import (
    AcceptedDomain,
    InboundConnector,
    OutboundConnector,
    ReceiveConnector,
    SendConnector,
)
from probe.exchange.exports import dates
from probe.exchange.exports.certificates import THUMBPRINT_DIGITS, is_certificate, read_certificate
from probe.exchange.exports.connectors import Configuration, is_configuration, read_configuration
from probe.exchange.exports.decoding import MAX_EXPORT_BYTES, Lines, decode
from probe.exchange.exports.format_list import plain
from probe.exchange.exports.record import Record
from probe.exchange.exports.records import records_of
from probe.exchange.inventory import ExchangeCertificate, Inventory
from probe.exchange.problem import Problem, Problems, quoted
from probe.pki import pem
from probe.pki.certificate import Certificate, Unreadable, parse
from probe.text import printable

#: Certificates of one PEM file; the largest root lists have a few hundred.
MAX_CERTIFICATES = 2_000

_DER_SEQUENCE = b"\x30"
#: Bytes that show a protocol log: its header, or a row where the header was cut off.
_HEAD_BYTES = 8_192
_LOG_HEADER = r"#\s*(?:Log-type\s*:\s*SMTP|Fields\s*:[^\n]{0,300}\bconnector-id\b)"
_LOG_ROW = r"\d{4}-\d\d-\d\dT[\d:.]{8,16}Z,[^,\n]{0,300},[0-9A-Fa-f]{16},\d+,"
_LOG = re.compile(f"^(?:{_LOG_HEADER}|{_LOG_ROW})", re.IGNORECASE | re.MULTILINE)
#: Commas of a row, also of one with fewer columns than usual.
_ROW_COMMAS = 5
#: What an article prints where a value belongs; a connector's <I>issuer<S>subject is none.
_PLACEHOLDER = re.compile(r"<(?![IS]>)[A-Za-z][\w .'-]{2,60}>")
#: Characters by which a text is told from bytes that happen to decode.
_PROSE_CHARACTERS = 4_096


class ExportKind(enum.Enum):
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

    `fragments` are certificates without a full thumbprint, to be joined (`probe.exchange.exports.joining`).
    `prose` is whether it is a text, in which other things may stand as well.
    """

    name: str
    kind: ExportKind
    certificates: tuple[ExchangeCertificate, ...] = ()
    fragments: tuple[ExchangeCertificate, ...] = ()
    send_connectors: tuple[SendConnector, ...] = ()
    receive_connectors: tuple[ReceiveConnector, ...] = ()
    inbound_connectors: tuple[InboundConnector, ...] = ()
    outbound_connectors: tuple[OutboundConnector, ...] = ()
    accepted_domains: tuple[AcceptedDomain, ...] = ()
    x509: tuple[Certificate | Unreadable, ...] = ()
    problems: tuple[Problem, ...] = ()
    prose: bool = False

    @property
    def inventory(self) -> Inventory:
        """The certificates of this file alone, with its problems."""
        return Inventory(certificates=self.certificates, fragments=self.fragments, problems=self.problems)


_DATES = ("notbefore", "notafter", "lastvalidationtimestamp")
_KINDS = {
    ExchangeCertificate: ExportKind.CERTIFICATES,
    SendConnector: ExportKind.SEND_CONNECTORS,
    ReceiveConnector: ExportKind.RECEIVE_CONNECTORS,
    InboundConnector: ExportKind.INBOUND_CONNECTORS,
    OutboundConnector: ExportKind.OUTBOUND_CONNECTORS,
    AcceptedDomain: ExportKind.ACCEPTED_DOMAINS,
}


def read(name: str, data: bytes, *, server: str | None = None) -> Export:
    """Read one evidence file; never raises for its content.

    `name` is only for messages. `server` is assumed where a record names no server. Logs and texts
    are recognised, not read.
    """
    problems = Problems(printable(name))
    if is_log_alone(data[:_HEAD_BYTES]):
        return Export(name=problems.source, kind=ExportKind.LOG)
    if len(data) > MAX_EXPORT_BYTES:
        problems.add(f"is larger than {MAX_EXPORT_BYTES} bytes and was not read.")
        return Export(name=problems.source, kind=ExportKind.UNKNOWN, problems=problems.found)
    x509 = _read_x509(data, problems)
    rest = _without_blocks(data) if x509 else data
    if x509 and (data[:1] == _DER_SEQUENCE or not rest.strip()):
        return Export(name=problems.source, kind=ExportKind.X509, x509=x509, problems=problems.found)
    text = decode(rest, problems)
    records, prose = records_of(text, problems, _wanted)
    if records or not prose:
        found = _from_records(records, problems, server)
    else:
        kind = _prose(text)
        found = Export(name=problems.source, kind=kind)
        prose = kind is ExportKind.TEXT
    return replace(
        found,
        kind=ExportKind.X509 if x509 else found.kind,
        x509=x509,
        prose=prose,
        problems=problems.found,
    )


def is_log(head: bytes) -> bool:
    """Whether a file that begins with `head` (a few KiB are enough) is an SMTP protocol log."""
    return _LOG.search(decode(head, Problems(""))) is not None


def is_log_alone(head: bytes) -> bool:
    """Whether such a file is nothing but a protocol log, but for one odd line where it has the header."""
    text = decode(head, Problems("")).removeprefix("\ufeff").lstrip()
    return is_log(head) and odd_lines(head) <= text.startswith("#")


def odd_lines(piece: bytes) -> int:
    """The lines in a piece of a file, but for the last one, that are no rows of a protocol log."""
    lines = decode(piece, Problems("")).splitlines()
    whole = lines[:-1] if len(piece) >= _HEAD_BYTES else lines
    return sum(
        1 for one in whole if one.strip(" \ufeff")[:1] not in {"", "#"} and one.count(",") < _ROW_COMMAS
    )


def _wanted(record: Record) -> bool:
    return is_certificate(record) or is_configuration(record.fields)


def _read_x509(data: bytes, problems: Problems) -> tuple[Certificate | Unreadable, ...]:
    """The certificates of PEM blocks, else of DER; nothing where the file holds neither."""
    found = []
    lines = Lines(data, b"\n")
    blocks = (one for one in pem.blocks(data) if one.label in pem.CERTIFICATE_LABELS)
    for block in islice(blocks, MAX_CERTIFICATES):
        if body := pem.decoded(block.body):
            found.append(pem.certificate(body))
        else:
            sentence = "holds a PEM block that is not base64; it is skipped."
            problems.add(sentence, line=lines.at(block.start))
    if not found and data[:1] == _DER_SEQUENCE:
        whole = parse(data)
        return (whole,) if isinstance(whole, Certificate) else ()
    return tuple(found)


def _without_blocks(data: bytes) -> bytes:
    """What stands beside PEM blocks, in the lines where it stands."""
    pieces: list[bytes] = []
    at = 0
    for block in pem.blocks(data):
        pieces += data[at : block.start], b"\n" * data.count(b"\n", block.start, block.end)
        at = block.end
    return b"".join((*pieces, data[at:]))


def _prose(text: str) -> ExportKind:
    """A text that a person could have pasted, or bytes that only look like one."""
    sample = plain(text[:_PROSE_CHARACTERS])
    odd = sum(1 for c in sample if not (c.isprintable() or c.isspace()))
    return ExportKind.TEXT if sample.strip() and odd * 20 < len(sample) else ExportKind.UNKNOWN


def _from_records(records: list[Record], problems: Problems, server: str | None) -> Export:
    dated = [record.fields.get(name) for record in records for name in _DATES]
    month_first = dates.month_comes_first(
        field.value for field in dated if field is not None and isinstance(field.value, str)
    )
    read = (_value(record, problems, server, month_first=month_first) for record in records)
    values = [value for value in read if value is not None]
    if not values:
        problems.add("holds no certificate, connector or accepted domain.")
    certificates = [value for value in values if isinstance(value, ExchangeCertificate)]
    return Export(
        name=problems.source,
        kind=_KINDS[type(values[0])] if values else ExportKind.UNKNOWN,
        certificates=tuple(c for c in certificates if len(c.thumbprint) == THUMBPRINT_DIGITS),
        fragments=tuple(c for c in certificates if len(c.thumbprint) < THUMBPRINT_DIGITS),
        send_connectors=tuple(value for value in values if isinstance(value, SendConnector)),
        receive_connectors=tuple(value for value in values if isinstance(value, ReceiveConnector)),
        inbound_connectors=tuple(value for value in values if isinstance(value, InboundConnector)),
        outbound_connectors=tuple(value for value in values if isinstance(value, OutboundConnector)),
        accepted_domains=tuple(value for value in values if isinstance(value, AcceptedDomain)),
        problems=problems.found,
    )


def _value(
    record: Record, problems: Problems, server: str | None, *, month_first: bool | None
) -> ExchangeCertificate | Configuration | None:
    for name, field in record.fields.items():
        if isinstance(field.value, str) and _PLACEHOLDER.fullmatch(field.value.strip()):
            sentence = f"is {quoted(field.value)}, the placeholder of an example; the record was left out."
            problems.add(sentence, line=field.line, field=name)
            return None
    if is_certificate(record):
        return read_certificate(record, problems, server=server, month_first=month_first)
    found = read_configuration(record, problems, month_first=month_first)
    if found is None:
        names = quoted(", ".join(record.fields))
        problems.add(f"holds a record of no known kind, with the fields {names}.", line=record.source.line)
    return found
