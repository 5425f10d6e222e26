"""Export-Clixml output, hostile XML, and the scan of SerializationData."""

from __future__ import annotations

import base64
import struct
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.connector import Pin, TlsAuthLevel
from probe.exchange.exports.read import Export, ExportKind, read
from probe.exchange.exports.serialization import scan
from probe.exchange.inventory import RootCAType, Status
from probe.exchange.problem import Place

SAMPLES = Path(__file__).parents[1] / "samples"
PUB = "f5770c7f9a5eb836ee4670b72c25b24001e522d3"
OPEN = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'


def sample(name: str) -> Export:
    return read(name, (SAMPLES / name).read_bytes())


def of(body: str, start: str = OPEN, end: str = "</Objs>") -> Export:
    return read("x.clixml", (start + body + end).encode())


def test_the_sample_in_both_encodings() -> None:
    found = sample("get-exchangecertificate.clixml")
    wide = sample("get-exchangecertificate-utf16le.clixml")
    assert (found.kind, found.problems) == (ExportKind.CERTIFICATES, ())
    assert [replace(c, source=Place("")) for c in found.certificates] == [
        replace(c, source=Place("")) for c in wide.certificates
    ]
    assert [
        (c.server, c.services.text, c.status, c.root_ca_type, c.inferred)
        for c in found.certificates
        if c.services
    ] == [
        ("EX01.contoso.com", "IIS, SMTP", Status.VALID, RootCAType.THIRD_PARTY, ("root_ca_type",)),
        ("EX01.contoso.com", "IMAP, POP, IIS, SMTP", Status.VALID, RootCAType.ENTERPRISE, ("root_ca_type",)),
        ("EX01.contoso.com", "IMAP, POP, IIS, SMTP", Status.VALID, RootCAType.REGISTRY, ()),
    ]
    json = sample("get-exchangecertificate.json")
    for one, other in zip(found.certificates, json.certificates, strict=True):
        assert (one.certificate, one.names, one.subject) == (other.certificate, other.names, other.subject)


def test_without_raw_data_the_printed_form_is_used() -> None:
    body = """<Obj RefId="0"><ToString>[Subject]_x000D__x000A_  CN=mail.contoso.com_x000D__x000A__x000D__x000A_[Issuer]
  CN=CA

[Serial Number]
  0A

[Not Before]
  06/10/2026 01:02:03

[Not After]
  whenever

[Thumbprint]
  F5770C7F9A5EB836EE4670B72C25B24001E522D3
</ToString><MS><S N="PSComputerName">ex01.contoso.com</S></MS></Obj>"""
    found = of(body).certificates[0]
    assert (found.thumbprint, found.subject, found.issuer) == (PUB, "CN=mail.contoso.com", "CN=CA")
    assert found.not_before == datetime(2026, 6, 10, 1, 2, 3, tzinfo=UTC)
    assert (found.server, found.serial, found.services) == ("ex01.contoso.com", "0a", None)
    assert found.inferred == ("not_before",)


CONNECTOR = """<Obj RefId="0"><TN RefId="0"><T>Deserialized.Connector</T></TN><ToString>Out</ToString><Props>
<S N="Name">Out_x0020_1</S><B N="Enabled">true</B><I32 N="Port">25</I32>
<Obj N="Fqdn" RefId="1"><ToString>mail.contoso.com</ToString><Props><S N="Domain">mail.contoso.com</S></Props></Obj>
<Obj N="AddressSpaces" RefId="2"><LST><Obj RefId="3"><ToString>smtp:*;1</ToString></Obj><Ref RefId="1" /></LST></Obj>
<Obj N="SourceTransportServers" RefId="9"><LST><S>EX01</S><Obj RefId="10"><I32>7</I32></Obj></LST></Obj>
<Obj N="TlsCertificateName" RefId="4"><ToString>&lt;I&gt;CN=a&lt;S&gt;CN=b</ToString>
<Props><S N="CertificateSubject">CN=b</S></Props></Obj>
<Obj N="TlsAuthLevel" RefId="5"><ToString>CertificateValidation</ToString><I32>2</I32></Obj>
<Ref N="TlsDomain" RefId="1" /><Nil N="SmartHosts" /><S N="Ignored">x</S><S>nameless</S>
</Props><MS><S N="Name">not this one</S></MS></Obj>"""


def test_a_connector() -> None:
    found = of(CONNECTOR)
    assert (found.kind, found.problems) == (ExportKind.SEND_CONNECTORS, ())
    connector = found.send_connectors[0]
    assert (connector.name, connector.enabled, connector.port) == ("Out 1", True, 25)
    assert (connector.fqdn, connector.tls_domain) == ("mail.contoso.com", "mail.contoso.com")
    assert connector.address_spaces == ("smtp:*;1", "mail.contoso.com")
    assert connector.source_transport_servers == ("EX01", "7")
    assert connector.pin == Pin("CN=a", "CN=b")
    assert connector.tls_auth_level is TlsAuthLevel.CERTIFICATE_VALIDATION
    assert connector.smart_hosts == ()


def test_an_unset_pin_and_an_enumeration_by_number() -> None:
    body = CONNECTOR.replace("<ToString>CertificateValidation</ToString>", "").replace(
        "<ToString>&lt;I&gt;CN=a&lt;S&gt;CN=b</ToString>", "<ToString></ToString>"
    )
    connector = of(body).send_connectors[0]
    assert (connector.tls_auth_level, connector.pin, connector.inferred) == (
        TlsAuthLevel.CERTIFICATE_VALIDATION,
        None,
        (),
    )


def test_one_exported_list_is_its_objects() -> None:
    inner = CONNECTOR.replace("Out_x0020_1", "Second").replace('RefId="', 'RefId="1')
    found = of(f'<S>noise</S><Obj RefId="99"><LST>{CONNECTOR}<S>noise</S>{inner}</LST></Obj>')
    assert [c.name for c in found.send_connectors] == ["Out 1", "Second"]


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ('<Obj N="Fqdn" RefId="7"><Props /></Obj>', "an object"),
        ('<Ref N="Fqdn" RefId="404" />', "unknown type"),
        ('<BA N="Fqdn">AAAA</BA>', "bytes"),
        ('<BA N="Fqdn">!</BA>', "not base64"),
        ('<SS N="Fqdn">0100</SS>', "unknown type"),
        ('<I32 N="Fqdn">many</I32>', "unknown type"),
    ],
)
def test_values_that_cannot_be_read_are_problems(element: str, words: str) -> None:
    found = of(f'<Obj RefId="0"><Props><Nil N="AddressSpaces" />{element}</Props></Obj>')
    assert found.send_connectors[0].fqdn is None
    assert words in found.problems[0].sentence
    assert "0100" not in str(found.problems[0])


# --- hostile XML -------------------------------------------------------------------------------------------

ENTITIES = """<!DOCTYPE Objs [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>"""
EXTERNAL = """<!DOCTYPE Objs SYSTEM "file:///etc/hostname">"""


@pytest.mark.parametrize("doctype", [ENTITIES, EXTERNAL, '<?xml version="1.0"?>' + EXTERNAL])
def test_a_doctype_is_refused_before_anything_is_expanded(doctype: str) -> None:
    found = of(CONNECTOR, start=doctype + OPEN)
    assert (found.kind, found.send_connectors) == (ExportKind.UNKNOWN, ())
    assert "DOCTYPE" in found.problems[0].sentence


def test_the_same_document_without_a_doctype_is_read() -> None:
    assert (
        of(CONNECTOR, start='<?xml version="1.0" encoding="utf-16"?>' + OPEN).kind
        is ExportKind.SEND_CONNECTORS
    )


def test_an_entity_nobody_declared_is_no_xml() -> None:
    assert "well-formed" in of("<S>&xxe;</S>").problems[0].sentence


def test_elements_inside_each_other_are_limited() -> None:
    found = of(CONNECTOR + "<Obj>" * 100)
    assert [c.name for c in found.send_connectors] == ["Out 1"]
    assert "64 elements inside each other" in found.problems[0].sentence


def test_the_number_of_elements_is_limited() -> None:
    found = of(CONNECTOR + "<S />" * 200_100)
    assert [c.name for c in found.send_connectors] == ["Out 1"]
    assert "more than 200000 elements" in found.problems[0].sentence


def test_the_number_of_records_is_limited() -> None:
    found = of('<Obj><MS><S N="Services">SMTP</S></MS></Obj>' * 5_010)
    assert len(found.fragments) == 5_000
    assert "more than 5000 records" in found.problems[0].sentence


def test_a_document_cut_in_the_middle_gives_what_was_complete() -> None:
    data = (SAMPLES / "get-exchangecertificate.clixml").read_bytes()
    found = read("x", data[: len(data) // 2])
    assert [c.thumbprint for c in found.certificates] == [PUB]
    assert "no well-formed XML" in found.problems[0].sentence
    assert (found.problems[0].line or 0) > 20


def test_objects_that_refer_to_themselves_end() -> None:
    loop = '<Obj N="AddressSpaces" RefId="1"><LST>' + '<Ref RefId="1" />' * 50 + "</LST></Obj>"
    many = "".join(f'<Ref N="x{n}" RefId="1" />' for n in range(50))
    found = of(f'<Obj RefId="0"><Props>{loop}{many}</Props></Obj>')
    assert found.send_connectors[0].address_spaces is None
    assert len(found.problems) == 1


def test_other_xml_is_no_export() -> None:
    assert read("x", b"<Event xmlns='x'><EventID>2004</EventID></Event>").kind is ExportKind.TEXT
    assert read("x", b"<!-- Objs --><html></html>").kind is ExportKind.TEXT


# --- SerializationData -------------------------------------------------------------------------------------


def enumeration(name: str, value: int) -> bytes:
    return (
        f"Management.SystemConfigurationTasks.{name}".encode()
        + b"\x01\x00\x00\x00\x07value__\x00\x08"
        + struct.pack("<ii", 2, value)
    )


def text(value: str) -> bytes:
    """A string record of [MS-NRBF]: its length in seven-bit groups, then UTF-8."""
    length = len(value)
    return (bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])) + value.encode()


def test_the_documented_patterns_are_found() -> None:
    stream = (
        b"\x00\x01"
        + enumeration("CertificateStatus", 1)
        + enumeration("AllowedServices", 27)
        + b"\xff\n"
        + enumeration("CertificateAuthorityType", 3)
        + enumeration("AllowedServices", 0)
        + b"\x06\x09\x00\x00\x00"
        + text(f"EX01.contoso.com\\{PUB.upper()}")
    )
    assert scan(stream) == {
        "services": 27,
        "status": 1,
        "rootcatype": 3,
        "identity": f"EX01.contoso.com\\{PUB.upper()}",
    }


@pytest.mark.parametrize("server", ["E", "EX01.contoso.com", "a" * 60 + "." + "b" * 60 + "." + "c" * 60])
def test_the_identity_is_as_long_as_its_prefix_says(server: str) -> None:
    # 57 characters: the prefix is the digit 9, which could be part of a name
    assert scan(b"xyz" + text(f"{server}\\{PUB}") + b"tail")["identity"] == f"{server}\\{PUB}"


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\\" + PUB.encode(),
        b"EX01\\" + PUB.encode(),  # no length before it
        text(f"EX 01\\{PUB}"),
        enumeration("CertificateStatus", 1)[:-1],
        enumeration("CertificateStatus", 1).replace(b"value__", b"valueX_"),
        enumeration("OtherThing", 1),
    ],
)
def test_what_is_not_the_pattern_is_not_read(stream: bytes) -> None:
    assert scan(stream) == {}


def test_an_unknown_number_is_a_problem_not_a_guess() -> None:
    data = base64.b64encode(
        enumeration("CertificateStatus", 3) + enumeration("AllowedServices", 1 << 20)
    ).decode()
    found = of(f'<Obj RefId="0"><MS><BA N="SerializationData">{data}</BA></MS></Obj>')
    assert (found.fragments[0].status, found.fragments[0].services) == (None, None)
    assert [p.field for p in found.problems] == ["Services", "Status"]


@given(st.binary(max_size=300), st.integers(-(2**31), 2**31 - 1), st.binary(max_size=300))
def test_a_number_is_found_wherever_it_stands(before: bytes, value: int, after: bytes) -> None:
    assert scan(before + enumeration("AllowedServices", value) + after)["services"] == value
