"""Whatever a certificate or a server says, no text of it is shown at more than MAX_TEXT characters."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.eop.verdict import judge
from probe.pki.certificate import MAX_SERIAL_BYTES, Certificate, Unreadable, parse
from probe.pki.extensions import SUBJECT_ALT_NAMES
from probe.render.report import json_v1
from probe.report.assessment import Assessment, Report
from probe.text import MAX_TEXT
from tests.eop.weighing import FROM_EOP, LEAF, NOW, TO_EOP, evidence
from tests.examples import examples

#: What says how much was cut, and a label before it.
SLACK = 40
#: Texts of peers in one sentence of ours, at most: names and issuer.
TEXTS = 8
UTC_TIMES = b"\x30\x1e\x17\x0d260101000000Z\x17\x0d271231000000Z"
SHA256_ECDSA = bytes.fromhex("300a06082a8648ce3d040302")
COMMON_NAME, ORGANISATION = bytes.fromhex("0603550403"), bytes.fromhex("060355040a")


def tlv(tag: int, *parts: bytes) -> bytes:
    """One DER element."""
    content = b"".join(parts)
    size = len(content)
    length = bytes((size,)) if size < 0x80 else b"\x83" + size.to_bytes(3)
    return bytes((tag,)) + length + content


def name(*values: bytes) -> bytes:
    """A name of these values, each an element of whatever type."""
    types = (ORGANISATION, COMMON_NAME)
    return tlv(0x30, *(tlv(0x31, tlv(0x30, types[at % 2], each)) for at, each in enumerate(values)))


def extension(oid: str, value: bytes) -> bytes:
    arcs = [int(arc) for arc in oid.split(".")]
    return tlv(0x30, tlv(6, bytes((arcs[0] * 40 + arcs[1], *arcs[2:]))), tlv(4, value))


def certificate(subject: bytes, issuer: bytes, serial: bytes, names: bytes, purposes: bytes) -> bytes:
    """A certificate of these parts with the key of another one, and a signature of nobody."""
    extensions = tlv(
        0xA3,
        tlv(
            0x30, extension(SUBJECT_ALT_NAMES, tlv(0x30, names)), extension("2.5.29.37", tlv(0x30, purposes))
        ),
    )
    key = LEAF.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    version = bytes.fromhex("a003020102")
    body = tlv(0x30, version, tlv(2, serial), SHA256_ECDSA, issuer, UTC_TIMES, subject, key, extensions)
    return tlv(0x30, body, SHA256_ECDSA, tlv(3, b"\0", b"\x30\x06\x02\x01\x01\x02\x01\x01"))


VALUES = st.builds(
    lambda tag, piece, times: tlv(tag, piece * times),
    st.integers(0, 0xFF).filter(lambda tag: tag & 0x1F != 0x1F),
    st.binary(min_size=1, max_size=8)
    | st.sampled_from([b"\x1b", b"\xff", "\U000e0041".encode(), b"'", b'"']),
    st.sampled_from([1, 300, 3000, 15_000]),
)
IDENTIFIERS = st.integers(1, 256).map(lambda size: tlv(6, b"\xff" * (size - 1) + b"\x7f"))
CERTIFICATES = st.builds(
    certificate,
    st.lists(VALUES, max_size=3).map(lambda values: name(*values)) | VALUES,
    st.lists(VALUES, max_size=3).map(lambda values: name(*values)),
    st.binary(min_size=1, max_size=24) | st.just(b"\x7f" * MAX_SERIAL_BYTES),
    st.lists(
        VALUES
        | st.builds(
            lambda tag, value: bytes((tag,)) + value[1:], st.sampled_from([0x82, 0x87, 0xA0]), VALUES
        ),
        max_size=8,
    ).map(b"".join),
    st.lists(IDENTIFIERS, max_size=4).map(b"".join),
)


def document(*chain: bytes) -> Iterator[tuple[str, str]]:
    """Every text of the JSON reports on a chain, both directions, with where it stands."""
    for direction in (TO_EOP, FROM_EOP):
        weighed = evidence(*chain, direction=direction)
        verdict = judge(weighed)
        told = Assessment(
            target="mail.contoso.test", started_at=NOW, elapsed_ms=1, outcome=verdict.prediction.outcome,
            predictions=(verdict.prediction,), findings=verdict.findings, evidence=weighed,
        )  # fmt: skip
        report = Report(generated_at=NOW, version="1", assessments=(told,))
        yield from texts("", json.loads(json_v1.dumps(report)))


def texts(where: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(f"{where}.{key}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(where, inner)
    elif isinstance(value, str) and not where.endswith(".pem"):
        yield where, value


@given(CERTIFICATES, CERTIFICATES)
@settings(max_examples=examples(60))
def test_no_field_is_longer(leaf: bytes, issuer: bytes) -> None:
    for where, text in document(leaf, issuer):
        single = ".presented_chain" in where or ".elements" in where
        assert len(text) <= (MAX_TEXT + SLACK if single else TEXTS * MAX_TEXT), where


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        (name(tlv(0x09, b"x" * 60_000)), b""),  # of no string type
        (name(*[tlv(0x0C, b"x" * 1000)] * 64), b""),
        (name(tlv(0x0C, b"\x1b" * 60_000)), b""),
        (name(tlv(0x0C, b"x")), tlv(0x87, b"\x7f" * 60_001)),
        (name(tlv(0x0C, b"x")), tlv(0x82, "\U000e0041".encode() * 9000)),
        (b"\x30\x83\x00\xea\x60" + b"\xff" * 60_000, b""),  # no name at all
    ],
    ids=["type", "attributes", "escapes", "address", "dns", "unreadable"],
)
def test_names_are_cut_and_say_so(subject: bytes, names: bytes) -> None:
    found = parse(certificate(subject, subject, b"\x01", names, b""))
    assert isinstance(found, Certificate)
    shown = [found.subject.windows, *found.dns_names, *found.subject_alt_names.addresses]
    [cut] = [text for text in shown if len(text) > 1000]
    assert len(cut) <= MAX_TEXT + SLACK
    assert cut.endswith(" more)")


def test_a_serial_number_is_bounded() -> None:
    simple = name(tlv(0x0C, b"x"))
    longest = parse(certificate(simple, simple, b"\x7f" * MAX_SERIAL_BYTES, b"", b""))
    assert isinstance(longest, Certificate)
    assert len(longest.serial_hex) <= MAX_TEXT
    longer = parse(certificate(simple, simple, b"\x7f" * (MAX_SERIAL_BYTES + 1), b"", b""))
    assert isinstance(longer, Unreadable)
    assert longer.reason == "a serial number of more than 1000 bytes"
