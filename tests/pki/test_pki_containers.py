"""Certificate files of every form: what is found in them, and that nothing but InputError comes of bad ones."""

from __future__ import annotations

import binascii
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12 as library_pkcs12
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import InputError
from probe.pki import ber, containers
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.containers import Container, PasswordNeededError, read
from tests.authority import Authority, Issued, chain_pem, pkcs7, pkcs12
from tests.rootlist import integer, oid, tlv

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CA = Authority(now=NOW, name="containers")
ROOT = CA.root("Files Root")
ISSUING = CA.intermediate(ROOT, "Files CA")
LEAF = CA.leaf(ISSUING, "mail.contoso.test")
STRANGER = CA.leaf(ISSUING, "other.contoso.test")
PASSWORD = b"correct horse"


def encrypted(key_of: Issued, form: serialization.PrivateFormat, password: bytes = PASSWORD) -> bytes:
    return key_of.key.private_bytes(
        serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(password)
    )


def der(*issued: Issued) -> list[bytes]:
    return [each.der for each in issued]


def sent(container: Container) -> list[bytes]:
    return [entry.der for entry in container.as_sent().entries]


CHAIN = (LEAF, ISSUING, ROOT)
PEM = chain_pem(*CHAIN).encode()
FORMS: dict[str, tuple[bytes, str]] = {
    "PEM": (PEM, "PEM"),
    "PEM in another order": (chain_pem(ROOT, ISSUING, LEAF).encode(), "PEM"),
    "PEM with CRLF": (PEM.replace(b"\n", b"\r\n"), "PEM"),
    "PEM in UTF-16, as PowerShell writes": (PEM.decode().encode("utf-16"), "PEM"),
    "PEM with a mark of UTF-8": (b"\xef\xbb\xbf" + PEM, "PEM"),
    "PEM with junk": (
        b"Bag Attributes\n  localKeyID: 01\n"
        + PEM.replace(b"-----END CERTIFICATE-----", b"-----END CERTIFICATE-----\n\x00junk -----BEGIN"),
        "PEM",
    ),
    "PEM with headers inside": (PEM.replace(b"CERTIFICATE-----\nM", b"CERTIFICATE-----\nA: b\n\nM"), "PEM"),
    "PEM and parameters of a curve": (
        b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + PEM,
        "PEM",
    ),
    "old label": (PEM.replace(b" CERTIFICATE", b" X509 CERTIFICATE"), "PEM"),
    "PKCS#7": (pkcs7(*CHAIN), "PKCS#7"),
    "PKCS#7 in PEM": (pkcs7(*CHAIN, pem=True), "PEM"),
    "CMS label": (pkcs7(*CHAIN, pem=True).replace(b"PKCS7", b"CMS"), "PEM"),
    "PFX": (pkcs12(*CHAIN), "PKCS#12"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_chain_and_the_end_certificate_goes_first(form: str) -> None:
    data, kind = FORMS[form]
    found = read(data)
    assert found.kind == kind
    assert sent(found)[0] == LEAF.der
    assert sorted(sent(found)) == sorted(der(*CHAIN))


@pytest.mark.parametrize("form", [form for form in FORMS if "PKCS#7" in form or "CMS" in form])
def test_a_set_is_put_in_order(form: str) -> None:
    """PKCS#7 sorts its certificates as DER wants (RFC 5652 5.1): that is nobody's wrong order of sending."""
    assert sent(read(FORMS[form][0])) == der(*CHAIN)


def test_a_set_of_certificates_in_a_circle() -> None:
    one = CA.intermediate(ROOT, "One", issuer_name="Two")
    two = CA.intermediate(ROOT, "Two", issuer_name="One")
    assert sorted(sent(read(pkcs7(one, two, ROOT)))) == sorted(der(one, two, ROOT))


def test_one_certificate_in_der() -> None:
    found = read(LEAF.der)
    assert (found.kind, sent(found), found.key_matches) == ("DER", [LEAF.der], None)


def test_openssls_trusted_certificate_has_settings_behind_it() -> None:
    done = subprocess.run(
        ["openssl", "x509", "-addtrust", "serverAuth", "-trustout"],
        input=LEAF.pem.encode(),
        capture_output=True,
        check=True,
    )
    assert b"TRUSTED CERTIFICATE" in done.stdout
    assert sent(read(done.stdout)) == [LEAF.der]


def test_twice_the_same_is_sent_once() -> None:
    assert sent(read(PEM + LEAF.pem.encode())) == der(*CHAIN)


def test_a_certificate_that_cannot_be_read_is_kept_beside_the_others() -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    found = read(broken + PEM)
    assert isinstance(found.entries[0], Unreadable)
    assert sent(found)[0] == LEAF.der
    with pytest.raises(InputError, match="no certificate that can be read: a certificate that is not three"):
        read(broken)


# ---- keys ----------------------------------------------------------------------------------------

KEY = LEAF.key_pem.encode()


@pytest.mark.parametrize("data", [KEY + PEM, PEM + KEY, pkcs12(LEAF), pkcs12(*CHAIN)])
def test_the_key_of_the_certificate(data: bytes) -> None:
    assert read(data).key_matches is True


def test_a_key_makes_its_certificate_the_one_to_judge() -> None:
    both = chain_pem(STRANGER, LEAF).encode()
    assert sent(read(both))[0] == STRANGER.der
    assert sent(read(both + KEY))[0] == LEAF.der


def test_the_key_of_another_certificate() -> None:
    found = read(STRANGER.key_pem.encode() + PEM)
    assert found.key_matches is False
    assert sent(found)[0] == LEAF.der
    assert read(PEM).key_matches is None


def test_of_several_keys_the_one_that_fits_counts() -> None:
    keys = KEY + STRANGER.key_pem.encode()
    assert read(keys + PEM).key_matches is True
    assert read(STRANGER.key_pem.encode() + KEY + PEM).key_matches is True


def test_a_key_alone_is_no_certificate() -> None:
    with pytest.raises(InputError, match="holds a private key but no certificate"):
        read(KEY)


def test_of_the_key_nothing_is_kept_but_whose_it_is() -> None:
    found = read(KEY + PEM)
    assert (found.keys, found.owned) == (1, (found.leaf,))
    assert str(LEAF.key.private_numbers().private_value) not in repr(found)


# ---- passwords -----------------------------------------------------------------------------------

ENCRYPTED = {
    "PFX": pkcs12(*CHAIN, password=PASSWORD),
    "PKCS#8": encrypted(LEAF, serialization.PrivateFormat.PKCS8) + PEM,
    "old PEM key": encrypted(LEAF, serialization.PrivateFormat.TraditionalOpenSSL) + PEM,
}


@pytest.mark.parametrize("form", ENCRYPTED)
def test_an_encrypted_file_needs_its_password(form: str) -> None:
    assert read(ENCRYPTED[form], password=PASSWORD).key_matches is True
    for wrong in (None, b"", b"wrong"):
        with pytest.raises(PasswordNeededError):
            read(ENCRYPTED[form], password=wrong)


@pytest.mark.parametrize("data", [KEY + PEM, pkcs12(*CHAIN), LEAF.der, pkcs7(*CHAIN)])
def test_a_password_meant_for_another_file_does_no_harm(data: bytes) -> None:
    assert sent(read(data, password=PASSWORD))[0] == LEAF.der


def test_a_pfx_without_a_key_and_one_of_certificates_only() -> None:
    plain = library_pkcs12.serialize_key_and_certificates(
        None, None, LEAF.certificate, [ISSUING.certificate], serialization.NoEncryption()
    )
    found = read(plain)
    assert sorted(sent(found)) == sorted(der(LEAF, ISSUING))
    assert (sent(found)[0], found.key_matches) == (LEAF.der, None)


def test_the_old_encryption_of_windows() -> None:
    made = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2000)
        .key_cert_algorithm(library_pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .build(PASSWORD)
    )
    data = library_pkcs12.serialize_key_and_certificates(b"x", LEAF.key, LEAF.certificate, None, made)
    assert read(data, password=PASSWORD).key_matches is True


def test_an_encrypted_key_derived_for_minutes_is_refused_too() -> None:
    pbkdf2 = tlv(0x30, oid("1.2.840.113549.1.5.12"), tlv(0x30, tlv(0x04, bytes(8)), integer(2**31)))
    cipher = tlv(0x30, oid("2.16.840.1.101.3.4.1.42"), tlv(0x04, bytes(16)))
    pbes2 = tlv(0x30, oid("1.2.840.113549.1.5.13"), tlv(0x30, pbkdf2, cipher))
    body = binascii.b2a_base64(tlv(0x30, pbes2, tlv(0x04, bytes(48))))
    block = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + body + b"-----END ENCRYPTED PRIVATE KEY-----\n"
    with pytest.raises(InputError, match="rounds of key derivation"):
        read(block + PEM, password=PASSWORD)


# ---- files that are none -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \r\n", "is empty"),
        (b"hello", "is neither PEM, DER, PKCS#7 nor PKCS#12"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n", "holds no certificate"),
        (b"-----BEGIN \xff-----\n-----END \xff-----", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "no certificate that can be read"),
        (b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n", "no certificate that can be read"),
        (b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n" + PEM, "private key that cannot"),
        (b"-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n", "is neither"),
        (LEAF.der[:-1], "is neither"),
        (b"\x30\x03\x02\x01\x03", "is neither"),
        (b"\x30\x05\x02\x01\x03\x30\x00", "is a PFX that is damaged"),
        (bytes(containers.MAX_FILE_BYTES + 1), "is larger than"),
    ],
)
def test_what_is_no_certificate_file(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(data)


def test_a_file_of_beginnings_takes_no_time() -> None:
    for data in (b"-----BEGIN A-----" * 200_000, b"-----BEGIN " * 300_000 + b"-----END -----" * 10):
        with pytest.raises(InputError):
            read(data)


def test_no_more_blocks_than_the_bound_are_looked_at() -> None:
    junk = b"-----BEGIN JUNK-----\n-----END JUNK-----\n"
    assert read(junk * (containers.MAX_BLOCKS - 1) + LEAF.pem.encode()).leaf is not None
    with pytest.raises(InputError, match="holds no certificate"):
        read(junk * containers.MAX_BLOCKS + LEAF.pem.encode())


def test_elements_without_end_are_looked_at_up_to_a_bound() -> None:
    with pytest.raises(InputError):
        read(tlv(0x30, integer(3), tlv(0x30, *[tlv(0x30)] * (ber.MAX_ELEMENTS + 9))))


SEEDS: list[Callable[[], bytes]] = [
    lambda: PEM + KEY,
    lambda: pkcs12(LEAF, ISSUING, password=PASSWORD),
    lambda: pkcs12(LEAF),
    lambda: pkcs7(LEAF, ISSUING),
    lambda: ENCRYPTED["PKCS#8"],
    lambda: LEAF.der,
]


@given(
    seed=st.sampled_from(range(len(SEEDS))),
    edits=st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=6)), max_size=4),
    cut=st.integers(0, 5000),
    password=st.sampled_from([None, PASSWORD]),
)
def test_a_damaged_file_gives_certificates_or_an_input_error(
    seed: int, edits: list[tuple[int, bytes]], cut: int, password: bytes | None
) -> None:
    data = SEEDS[seed]()
    for at, new in edits:
        data = data[: at % len(data)] + new + data[at % len(data) + len(new) :]
    found = _opened(data[: max(cut, 1) if cut < 4000 else None], password)
    assert found is not None
    assert PASSWORD.decode() not in str(found)


def _opened(data: bytes, password: bytes | None) -> Certificate | InputError | None:
    try:
        return read(data, password=password).leaf
    except InputError as error:
        return error
