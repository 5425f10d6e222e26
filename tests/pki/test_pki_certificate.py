"""Certificates read from their DER: the same facts as cryptography finds, and none lost where it gives up."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from probe.pki import algorithms, der, extensions
from probe.pki.certificate import Certificate, Unreadable, parse
from probe.pki.extensions import BasicConstraints, KeyUsage
from tests.authority import ANY_PURPOSE, CLIENT_AUTH, SERVER_AUTH, Authority, Issued, raw_extension
from tests.pki.judging import DAY, NOW, Lab, read

AUTHORITY = Authority(now=NOW)
ROOT = AUTHORITY.root("CN=Root,O=Contoso,C=US")
ISSUING = AUTHORITY.intermediate(ROOT, "CN=Issuing,O=Contoso", path_length=3)
MANY = {
    "leaf": AUTHORITY.leaf(ISSUING, "mail.contoso.test", "*.contoso.test", "192.0.2.1", "2001:db8::1"),
    "root": ROOT,
    "issuing": ISSUING,
    "rsa": AUTHORITY.leaf(ISSUING, key="rsa-2048", not_after=datetime.fromisoformat("2051-01-01T00:00:00Z")),
    "ed25519": AUTHORITY.leaf(AUTHORITY.root(key="ed25519"), key="ed25519"),
    "p384": AUTHORITY.leaf(ISSUING, key="ec-p384", signature="sha384"),
    "p521": AUTHORITY.leaf(ISSUING, key="ec-p521", signature="sha512"),
    "bare": AUTHORITY.leaf(
        ISSUING,
        "x",
        names=(),
        ca=None,
        key_usage=None,
        eku=None,
        authority_key_id=False,
        subject_key_id=False,
    ),
    "usages": AUTHORITY.leaf(
        ISSUING,
        key_usage=("digital_signature", "key_agreement", "encipher_only", "decipher_only", "crl_sign"),
        eku=(SERVER_AUTH, CLIENT_AUTH, ANY_PURPOSE),
        serial=2**63,
    ),
}


def value(certificate: x509.Certificate, kind: type) -> object:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


@pytest.mark.parametrize("issued", MANY.values(), ids=MANY)
def test_the_plain_facts_are_those_cryptography_finds(issued: Issued) -> None:
    ours, theirs = read(issued), issued.certificate
    assert ours.serial == theirs.serial_number
    assert ours.version == 3
    assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)
    assert ours.subject.der == theirs.subject.public_bytes()
    assert ours.issuer.der == theirs.issuer.public_bytes()
    assert ours.tbs == theirs.tbs_certificate_bytes
    assert ours.signature == theirs.signature
    assert ours.signature_algorithm.oid == theirs.signature_algorithm_oid.dotted_string
    assert ours.spki == theirs.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert ours.pem == theirs.public_bytes(Encoding.PEM).decode()
    assert ours.sha1 == hashlib.sha1(issued.der, usedforsecurity=False).hexdigest()
    assert ours.sha256 == hashlib.sha256(issued.der).hexdigest()
    assert ours.self_signed is (issued.issuer is None)


@pytest.mark.parametrize("issued", MANY.values(), ids=MANY)
def test_the_extensions_are_those_cryptography_finds(issued: Issued) -> None:
    ours, theirs = read(issued), issued.certificate
    assert list(ours.extensions) == [each.oid.dotted_string for each in theirs.extensions]
    assert [each.critical for each in ours.extensions.values()] == [
        each.critical for each in theirs.extensions
    ]
    basic = value(theirs, x509.BasicConstraints)
    assert ours.basic_constraints == (basic and BasicConstraints(basic.ca, basic.path_length))
    purposes = value(theirs, x509.ExtendedKeyUsage)
    assert ours.extended_key_usage == (purposes and tuple(each.dotted_string for each in purposes))
    subject_key = value(theirs, x509.SubjectKeyIdentifier)
    assert ours.subject_key_id == (subject_key and subject_key.digest)
    authority_key = value(theirs, x509.AuthorityKeyIdentifier)
    assert ours.authority_key_id == (authority_key and authority_key.key_identifier)
    names = value(theirs, x509.SubjectAlternativeName)
    assert ours.dns_names == (tuple(names.get_values_for_type(x509.DNSName)) if names else ())
    addresses = tuple(map(str, names.get_values_for_type(x509.IPAddress))) if names else ()
    assert ours.subject_alt_names.addresses == addresses
    assert ours.extensions_fault is None


def test_key_usage_bits() -> None:
    assert read(MANY["usages"]).key_usage == (
        KeyUsage.DIGITAL_SIGNATURE
        | KeyUsage.KEY_AGREEMENT
        | KeyUsage.CRL_SIGN
        | KeyUsage.ENCIPHER_ONLY
        | KeyUsage.DECIPHER_ONLY
    )
    assert read(ISSUING).key_usage == KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN
    assert read(MANY["bare"]).key_usage is None
    assert extensions.read_key_usage(bytes.fromhex("030100")) == KeyUsage(0)


@pytest.mark.parametrize(
    ("name", "key", "signature"),
    [
        ("leaf", "ec-p256", "sha256-ecdsa"),
        ("rsa", "rsa-2048", "sha256-ecdsa"),
        ("ed25519", "ed25519", "ed25519"),
        ("p384", "ec-p384", "sha384-ecdsa"),
        ("p521", "ec-p521", "sha512-ecdsa"),
    ],
)
def test_keys_and_signatures_have_short_names(name: str, key: str, signature: str) -> None:
    assert (read(MANY[name]).key, read(MANY[name]).signature_name) == (key, signature)


@pytest.mark.parametrize(
    ("spki", "name"),
    [
        ("300b300506032b656e0302000a", "x25519"),
        ("300c300706052b813a0101030100", "1.3.186.1.1"),
        ("3017301306072a8648ce3d020106082a8648ce3d03010a030100", "unreadable"),
        ("3018301306072a8648ce3d020106082a8648ce3d03010a030100", "ec-1.2.840.10045.3.1.10"),
        ("3000", "unreadable"),
        ("30053000030100", "unreadable"),
        ("300f300906072a8648ce3d0201030200", "unreadable"),
    ],
)
def test_odd_keys_are_named_by_their_oid_or_not_at_all(spki: str, name: str) -> None:
    assert algorithms.key_name(bytes.fromhex(spki)) == name


@pytest.mark.parametrize(
    ("serial", "text"),
    [(1, "01"), (0x7F, "7F"), (0x80, "80"), (0x1234, "1234"), (2**64, "010000000000000000")],
)
def test_serial_numbers_as_windows_shows_them(serial: int, text: str) -> None:
    assert read(AUTHORITY.leaf(ROOT, serial=serial)).serial_hex == text


def test_names_a_certificate_could_stand_for() -> None:
    assert read(MANY["leaf"]).names() == ("mail.contoso.test", "*.contoso.test")
    assert read(MANY["bare"]).names() == ("x",)
    other = AUTHORITY.leaf(ISSUING, "b.contoso.test", "a.contoso.test", subject="CN=c.contoso.test")
    assert read(other).names() == ("b.contoso.test", "a.contoso.test", "c.contoso.test")


def test_issuer_urls() -> None:
    place = x509.UniformResourceIdentifier("http://ca.contoso.test/i.crt")
    methods = ("1.3.6.1.5.5.7.48.2", "1.3.6.1.5.5.7.48.1")
    access = [x509.AccessDescription(x509.ObjectIdentifier(each), place) for each in methods]
    oid = "1.3.6.1.5.5.7.1.1"
    good = raw_extension(oid, x509.AuthorityInformationAccess(access).public_bytes())
    assert read(AUTHORITY.leaf(ROOT, extra=(good,))).issuer_urls == ("http://ca.contoso.test/i.crt",)
    broken = raw_extension(oid, b"\x30\x02\x30\x05")
    assert read(AUTHORITY.leaf(ROOT, extra=(broken,))).issuer_urls == ()
    assert read(MANY["leaf"]).issuer_urls == ()


def test_unusual_alternative_names_are_kept() -> None:
    names = raw_extension("2.5.29.17", bytes.fromhex("301282037a1b7a8702010281016186017588012a"))
    found = read(AUTHORITY.leaf(ROOT, names=(), extra=(names,))).subject_alt_names
    assert found.dns == ("z\\x1bz",)
    assert (found.addresses, found.emails, found.uris, found.others) == (("#0102",), ("a",), ("u",), 1)


def test_key_identifiers_that_cannot_be_read_are_none() -> None:
    values = {"2.5.29.14": b"\x05\x00", "2.5.29.35": b"\x30\x05"}
    broken = tuple(raw_extension(oid, value) for oid, value in values.items())
    found = read(AUTHORITY.leaf(ROOT, subject_key_id=False, authority_key_id=False, extra=broken))
    assert (found.subject_key_id, found.authority_key_id) == (None, None)


def test_certificates_are_equal_by_their_bytes() -> None:
    assert read(ROOT) == read(ROOT)
    assert len({read(ROOT), read(ROOT), read(ISSUING)}) == 2
    assert read(ROOT) != ROOT.der
    assert repr(read(ROOT)).startswith("Certificate('CN=Root, O=Contoso, C=US', sha1=")


# ---- what cannot be read ----------------------------------------------------------------------------------


def edited(old: bytes, new: bytes, issued: Issued = ROOT) -> Certificate | Unreadable:
    assert len(old) == len(new)
    assert old in issued.der
    return parse(issued.der.replace(old, new))


def test_what_is_no_certificate_is_kept_with_the_reason() -> None:
    noise = parse(b"\x30\x03\x02\x01\x01")
    assert isinstance(noise, Unreadable)
    assert noise.reason == "a certificate that is not three parts"
    assert noise.sha256 == hashlib.sha256(noise.der).hexdigest()
    assert noise.sha1 == hashlib.sha1(noise.der, usedforsecurity=False).hexdigest()
    assert noise.pem == "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"
    behind = parse(ROOT.der + b"\x00")
    assert isinstance(behind, Unreadable)
    assert behind.reason == "1 bytes follow a certificate"


def test_certificates_that_lack_fields_are_unreadable() -> None:
    algorithm, bits = bytes.fromhex("300506032b6570"), b"\x03\x01\x00"

    def certificate(*fields: bytes) -> Certificate | Unreadable:
        body = b"".join(fields)
        rest = b"\x30" + bytes([len(body)]) + body + algorithm + bits
        return parse(b"\x30" + bytes([len(rest)]) + rest)

    fields = [b"\x02\x01\x07", algorithm, b"\x30\x00", b"\x30\x00", b"\x30\x00", b"\x30\x00"]
    no_times = certificate(*fields)
    assert isinstance(no_times, Unreadable)
    assert no_times.reason == "a validity that is not two times"
    too_few = certificate(*fields[:-1])
    assert isinstance(too_few, Unreadable)
    assert too_few.reason == "a certificate that lacks fields"
    time = b"\x17\x0d260101000000Z"
    fields[3] = b"\x30\x1e" + time + time
    assert isinstance(certificate(*fields), Certificate)


def test_extensions_of_the_wrong_shape_are_der_errors() -> None:
    good = bytes.fromhex("a30b3009300706032a03040400")
    assert list(extensions.read_extensions(der.read(good))) == ["1.2.3.4"]
    one_part = bytes.fromhex("a3093007300506032a0304")
    with pytest.raises(der.DerError, match="neither two parts nor three"):
        extensions.read_extensions(der.read(one_part))
    purpose = bytes.fromhex("06022a03")
    assert len(extensions.read_oids(b"\x30\x82\x04\x00" + purpose * 256)) == 256
    with pytest.raises(der.DerError, match="more than 256"):
        extensions.read_oids(b"\x30\x82\x04\x04" + purpose * 257)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"\x17\x0d2", b"\x17\x0dz", "an unreadable time"),
        (b"\x17\x0d2", b"\x16\x0d2", "a time of an unknown type"),
    ],
)
def test_a_broken_time_makes_a_certificate_unreadable(old: bytes, new: bytes, reason: str) -> None:
    found = edited(old, new)
    assert isinstance(found, Unreadable)
    assert found.reason.startswith(reason)


def test_a_name_cryptography_refuses_is_read() -> None:
    # An asterisk in a PrintableString: cryptography does not even load the certificate.
    issued = AUTHORITY.leaf(ROOT, subject="CN=xcontoso")
    broken = issued.der.replace(b"\x0c\x08xcontoso", b"\x13\x08*contoso")
    with pytest.raises(ValueError, match=r"(?i)printable"):
        x509.load_der_x509_certificate(broken).subject  # noqa: B018 - the access is what raises
    assert Certificate(broken).subject.windows == "CN=*contoso"


def test_extensions_that_cannot_be_walked_are_a_fault_not_an_error() -> None:
    lab = Lab()
    leaf = lab.leaf()
    # The extensions follow the key: an 0xa3 before it is one of a random serial number or key.
    key = Certificate(leaf.der).spki
    start = leaf.der.index(b"\x30", leaf.der.index(b"\xa3", leaf.der.index(key) + len(key)))
    broken = Certificate(leaf.der[:start] + b"\x31" + leaf.der[start + 1 :])
    assert (broken.extensions, broken.dns_names) == ({}, ())
    assert broken.extensions_fault == "the extensions has tag 0x31 instead of 0x30"
    assert lab.flags(broken, lab.issuing) == "NotSignatureValid InvalidExtension"


def test_too_many_extensions_are_a_fault() -> None:
    many = tuple(raw_extension(f"1.3.6.1.4.1.55555.{number}", b"\x05\x00") for number in range(129))
    found = read(AUTHORITY.leaf(ROOT, extra=many))
    assert found.extensions_fault == "more than 128 extensions"
    assert read(AUTHORITY.leaf(ROOT, extra=many[:100])).extensions_fault is None


# ---- any bytes at all -------------------------------------------------------------------------------------

READERS = (
    extensions.read_basic_constraints,
    extensions.read_key_usage,
    extensions.read_oids,
    lambda data: extensions.read_extensions(der.read(data)),
    lambda data: der.oid(der.read(data)),
    lambda data: der.integer(der.read(data)),
    lambda data: der.boolean(der.read(data)),
    lambda data: der.bits(der.read(data)),
)


@given(st.binary(max_size=60), st.sampled_from([b"", b"\x30", b"\x03", b"\x06", b"\x01", b"\x02"]))
def test_any_bytes_are_read_or_a_der_error(data: bytes, tag: bytes) -> None:
    framed = tag + bytes([len(data)]) + data if tag else data
    for reader in READERS:
        with contextlib.suppress(der.DerError):
            reader(framed)
    assert extensions.read_subject_alt_names(framed) is not None
    assert algorithms.key_name(framed)


@given(st.data())
def test_a_damaged_certificate_is_read_or_unreadable_and_can_be_shown(data: st.DataObject) -> None:
    damaged = bytearray(MANY["leaf"].der)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = parse(bytes(damaged))
    if isinstance(found, Unreadable):
        assert found.reason.isprintable()
        return
    assert repr(found).isprintable()
    assert found.key.isprintable()
    assert all(name.isprintable() for name in found.names())
    assert all(url.isprintable() for url in found.issuer_urls)
    assert found.not_after - found.not_before > -3000 * 366 * DAY
