"""One detector for every kind of file, by content alone; and no input that breaks a reader."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.exchange.exports.decoding import MAX_EXPORT_BYTES
from probe.exchange.exports.joining import gather
from probe.exchange.exports.read import ExportKind, is_log, read
from probe.pki.certificate import Certificate, Unreadable
from tests.examples import examples

SAMPLES = Path(__file__).parents[1] / "samples"
KINDS = {
    "event-2004-en.txt": ExportKind.TEXT,
    "event-2004-it.txt": ExportKind.TEXT,
    "event-2004-ja.txt": ExportKind.TEXT,
    "event-2004-nl.txt": ExportKind.TEXT,
    "event-2004-pl.txt": ExportKind.TEXT,
    "get-accepteddomain.json": ExportKind.ACCEPTED_DOMAINS,
    "get-exchangecertificate-fl.txt": ExportKind.CERTIFICATES,
    "get-exchangecertificate-table.txt": ExportKind.CERTIFICATES,
    "get-exchangecertificate-utf16le.clixml": ExportKind.CERTIFICATES,
    "get-exchangecertificate.clixml": ExportKind.CERTIFICATES,
    "get-exchangecertificate.json": ExportKind.CERTIFICATES,
    "get-inboundconnector.json": ExportKind.INBOUND_CONNECTORS,
    "get-sendconnector.json": ExportKind.SEND_CONNECTORS,
    "sample-ca-certificates.pem": ExportKind.X509,
    "send-log-multiline.log": ExportKind.LOG,
    "send-log-singleline-2016.log": ExportKind.LOG,
    "send-log-singleline-2019.log": ExportKind.LOG,
    "README.md": ExportKind.TEXT,
}


@pytest.mark.parametrize("name", KINDS)
def test_every_sample_is_recognised_without_its_name(name: str) -> None:
    assert read("evidence", (SAMPLES / name).read_bytes()).kind is KINDS[name]


def test_every_sample_is_in_the_table() -> None:
    assert {path.name for path in SAMPLES.iterdir()} - {".gitattributes"} == set(KINDS)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", ExportKind.UNKNOWN),
        (b" \r\n ", ExportKind.UNKNOWN),
        (b"550 5.7.64 TenantAttribution; Relay Access Denied SMTP", ExportKind.TEXT),
        (b"[{LED=450 4.4.317 Cannot connect to remote server};{MSG=};{FQDN=a.test}]", ExportKind.TEXT),
        ("[{LED=454 4.7.0 適切な}]".encode("utf-16"), ExportKind.TEXT),
        (b"\x00\x01\x02\x03\x80\x81" * 50, ExportKind.UNKNOWN),
        (b"\x30\x03\x02\x01\x01", ExportKind.UNKNOWN),
        (b"{}", ExportKind.UNKNOWN),
        (b"[PS] C:\\> hello", ExportKind.TEXT),
        (b"#Software: Microsoft Exchange Server\r\n#Log-type: Message Tracking Log\r\n", ExportKind.TEXT),
        (b"#log-type: smtp receive Protocol Log\r\n", ExportKind.LOG),
        (b"#Fields: date-time,connector-id,session-id\n", ExportKind.LOG),
        (b"2026-11-03T09:14:02.255Z,Out,08DE1A94C37B5E01,17,1,2,*,,x\n", ExportKind.LOG),
        (b"half a line\n2026-11-03T09:14:02.255Z,Out,08DE1A94C37B5E01,17,1,2,*,,x\n", ExportKind.TEXT),
        (b"Date/Time,Outbound to Microsoft 365,SessionID,1,2,3,*,,Sending certificate", ExportKind.TEXT),
    ],
)
def test_kinds(data: bytes, kind: ExportKind) -> None:
    assert read("evidence", data).kind is kind


def test_logs_of_any_size_are_recognised_by_their_head() -> None:
    head = (SAMPLES / "send-log-multiline.log").read_bytes()
    assert is_log(head[:300])
    assert is_log(head.decode("utf-8-sig").encode("utf-16"))
    assert not is_log((SAMPLES / "get-exchangecertificate.json").read_bytes()[:8192])
    assert read("x", head + b"\n" * MAX_EXPORT_BYTES).kind is ExportKind.LOG


def test_anything_else_that_large_is_refused() -> None:
    found = read("x", b" " * (MAX_EXPORT_BYTES + 1))
    assert found.kind is ExportKind.UNKNOWN
    assert "larger than" in found.problems[0].sentence


def test_certificates_in_pem_and_der() -> None:
    pem = (SAMPLES / "sample-ca-certificates.pem").read_bytes()
    found = read("x", pem)
    assert [c.subject.short for c in found.x509 if isinstance(c, Certificate)] == [
        "Fabrikam Public TLS RSA CA 1",
        "Fabrikam Public Root G1",
        "Contoso Issuing CA 01",
        "Contoso Root CA",
    ]
    assert read("x", found.x509[0].der).x509 == found.x509[:1]


def test_a_broken_pem_block_costs_no_other() -> None:
    pem = (SAMPLES / "sample-ca-certificates.pem").read_bytes()
    empty = base64.b64encode(b"nothing")
    broken = b"\n-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"
    noise = b"-----BEGIN CERTIFICATE-----\n" + empty + b"\n-----END CERTIFICATE-----\n"
    found = read("x", broken + noise + pem)
    assert [isinstance(c, Unreadable) for c in found.x509] == [True, False, False, False, False]
    assert [(p.line, "base64" in p.sentence) for p in found.problems] == [(2, True)]


def test_a_name_cannot_smuggle_control_characters() -> None:
    found = read("a\x1b[2J.json", b"[]")
    assert "\x1b" not in found.name + str(found.problems[0])


# --- no input breaks a reader ------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "[", "]", "{", "}", ",", ":", '"', "\\", "\n", "\r\n", " ", "    ", " : ", " :", "...", "{a, b...}", "-" * 10,
        "Thumbprint", "Services", "Subject", "RawData", "NotAfter", "TlsCertificateName", "AddressSpaces", "Name",
        "f5770c7f9a5eb836ee4670b72c25b24001e522d3", "IP.WS..", "IMAP, SMTP", "CN=mail.test, O=x", "MIIB", "null",
        "true", "1e999", "-1", "/Date(1)/", "12/31/2026 1:00:00 PM", "#TYPE x\n", "Thumbprint,Services\n",
        "<Objs>", "<Obj RefId='0'>", "</Obj>", "<MS>", "</MS>", "<S N='Services'>", "</S>", "<LST>",
        "<Ref N='a' RefId='0'/>",
        "<BA N='SerializationData'>", "</BA>", "_x0000_", "_xD800_", "&lt;", "&#0;", "\x00",
        "\ufeff", "\ud800", "é", "\u2026",
        "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "Get-ExchangeCertificate -Thumbprint ",
        "Identity", "EX01\\",
        '{"Thumbprint": "', '"Services": ', '"CertificateDomains": ["a", null, {"value": []}], ',
        '{"value": [', "Infinity",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=60).map("".join)


@settings(max_examples=examples(300))
@given(TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-16-be", "cp1252"]))
@example('<Objs><Obj RefId="0"><MS><S N="Services">_xD800_</S></MS></Obj></Objs>', "utf-8")
@example('{"Thumbprint": "x", "CertificateDomains": NaN, "NotAfter": 1e999}', "utf-8")
def test_no_text_breaks_a_reader(text: str, encoding: str) -> None:
    found = gather([read("x", text.encode(encoding, "replace"))])
    assert all(problem.sentence.isprintable() for problem in found.problems)


@settings(max_examples=examples(200))
@given(st.binary(max_size=400))
def test_no_bytes_break_a_reader(data: bytes) -> None:
    assert read("x", data).kind in ExportKind


@settings(max_examples=examples(150))
@given(
    st.sampled_from(sorted(name for name in KINDS if name.startswith("get-"))),
    st.floats(0, 1),
    st.floats(0, 1),
    st.binary(max_size=8),
)
def test_no_damage_to_a_sample_breaks_a_reader(name: str, at: float, until: float, patch: bytes) -> None:
    data = (SAMPLES / name).read_bytes()
    first, last = sorted((int(at * len(data)), int(until * len(data))))
    found = read("x", data[:first] + patch + data[last:])
    assert all(len(c.thumbprint) == 40 for c in found.certificates)


SIZE = 200_000
LARGE = {
    "spaces": " " * SIZE,
    "braces": "{" * SIZE,
    "brackets": "[" * SIZE,
    "closing": "[{" + "}" * SIZE,
    "gaps": '[{"a"' + "} " * (SIZE // 2),
    "wide gap": '[{"a"}' + " " * SIZE + "x",
    "quotes": '{"a' * (SIZE // 3),
    "escaped names": "{" + '"\\u0041%d": 1,' * 1 + '"\\u0041":1,' * (SIZE // 12) + "}",
    "colons": "Thumbprint : " * (SIZE // 13),
    "bare colons": " : " * (SIZE // 3),
    "pads": "Thumbprint" + " " * SIZE + ": x",
    "dashes": ("-- --\n" * (SIZE // 6)),
    "columns": "-- " * (SIZE // 3) + "\n" + "a\n" * 1000,
    "long dashes": "a\n" + "-" * SIZE,
    "semicolons": '{"Name":"a","AddressSpaces":"' + "; 1 " * (SIZE // 4) + '"}',
    "ellipses": '{"Thumbprint":"' + "a" * 10 + "." * SIZE + '"}',
    "objects": "<Objs>" + "<Obj RefId='1'>" * 60 + "<S>x</S>" * (SIZE // 8),
    "references": "<Objs><Obj RefId='1'><LST>" + "<Ref RefId='1'/>" * (SIZE // 16) + "</LST></Obj></Objs>",
    "declaration": "<?xml " + " " * SIZE,
    "pem": "-----BEGIN CERTIFICATE-----" + "A" * SIZE,
    "pems": "-----BEGIN CERTIFICATE-----\n" * (SIZE // 28),
    "commas": "Thumbprint,Services" + "," * SIZE + "\n" + "a," * (SIZE // 2),
    "log": "2026-11-03T" + "0" * SIZE,
}


@pytest.mark.parametrize("name", LARGE)
def test_large_hostile_inputs_are_read_in_time(name: str) -> None:
    # Linear work on 200 kB takes well below a second; a quadratic reader would take half a minute. The bound
    # is processor time, so that a busy machine does not matter.
    started = time.process_time()
    read("x", LARGE[name].encode())
    assert time.process_time() - started < 2.5
