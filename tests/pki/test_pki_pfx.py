"""PFX files: every key and certificate, in BER too, and no derivation that costs more than the bounds."""

from __future__ import annotations

import base64
import resource
import subprocess
import time
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12 as library

from probe.errors import InputError
from probe.pki import ber, pbe
from probe.pki.containers import PasswordNeededError, read, read_with_keys
from probe.pki.rc2 import decrypt_cbc
from tests.pki.pfx import (
    CHEAP,
    ENDLESS,
    PASSWORD,
    PBES2,
    Cost,
    bag,
    certificate_bag,
    in_ber,
    key_der,
    octets,
    pbes2,
    pfx,
    pieces,
    plain,
    scrypt,
    sealed,
    shrouded,
    shrouded_by,
)
from tests.pki.test_pki_containers import ISSUING, LEAF, STRANGER
from tests.rootlist import integer, oid, tlv

BOTH = (certificate_bag(ISSUING), certificate_bag(LEAF), certificate_bag(STRANGER))


def owned(data: bytes, password: bytes | None = PASSWORD) -> list[bytes]:
    return [certificate.der for certificate in read(data, password=password).owned]


def public(data: bytes) -> object:
    """The key that the library finds."""
    key = library.load_pkcs12(data, PASSWORD).key
    return key.public_key() if key else None


@pytest.mark.parametrize(
    "data",
    [
        pfx(plain(shrouded(STRANGER), shrouded(LEAF)), plain(*BOTH)),
        pfx(plain(shrouded(STRANGER), shrouded(LEAF)), sealed(*BOTH), mac=CHEAP),
        pfx(sealed(*BOTH, bag(1, key_der(STRANGER)), shrouded(LEAF))),
        pfx(sealed(*BOTH, bag(6, tlv(0x30, shrouded(STRANGER))), bag(6, tlv(0x30, shrouded(LEAF))))),
    ],
    ids=["shrouded", "sealed certificates", "everything sealed", "bags in bags"],
)
def test_every_key_has_its_certificate(data: bytes) -> None:
    found, pairs = read_with_keys(data, PASSWORD)
    assert (found.keys, [c.der for c in found.owned]) == (2, [STRANGER.der, LEAF.der])
    assert [key.public_key() for _, key in pairs] == [STRANGER.key.public_key(), LEAF.key.public_key()]
    # Each is sent with the issuer, and without the other.
    assert [e.der for e in found.as_sent(found.owned[1]).entries] == [LEAF.der, ISSUING.der]
    assert [e.der for e in found.as_sent().entries] == [STRANGER.der, ISSUING.der]


def test_a_key_that_belongs_to_none() -> None:
    data = pfx(plain(shrouded(STRANGER), certificate_bag(LEAF)))
    assert read(data, password=PASSWORD).key_matches is False


def test_the_library_reads_what_these_tests_put_together() -> None:
    """The oracle: OpenSSL takes the same files, PBMAC1 among them, and finds the wrong password wrong."""
    data = pfx(plain(shrouded(LEAF)), sealed(certificate_bag(LEAF)), mac=CHEAP)
    assert public(data) == LEAF.key.public_key()
    for reader in (lambda: library.load_pkcs12(data, b"wrong"), lambda: read(data, password=b"wrong")):
        with pytest.raises((ValueError, PasswordNeededError)):
            reader()


@pytest.mark.parametrize("name", ["rsa", "pss", "compressed", "explicit"])
def test_a_key_is_compared_by_what_it_is_not_by_how_it_is_written(name: str) -> None:
    kind = {
        "rsa": ["-newkey", "rsa:2048"],
        "pss": ["-newkey", "rsa-pss"],
        "compressed": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt",
                       "point-format:compressed"],
        "explicit": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt",
                     "ec_param_enc:explicit"],
    }[name]  # fmt: skip
    made = subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=mail.contoso.test", *kind, "-keyout", "-"],
        capture_output=True,
        check=True,
    ).stdout
    assert read(made).key_matches is True
    assert read(made.replace(made[made.index(b"-----BEGIN C") :], LEAF.pem.encode())).key_matches is False


# ---- how it is encrypted -------------------------------------------------------------------------

RC2 = base64.b64decode(
    """
    MIIDggIBAzCCA0gGCSqGSIb3DQEHAaCCAzkEggM1MIIDMTCCAicGCSqGSIb3DQEHBqCCAhgwggIUAgEAMIICDQYJKoZIhvcNAQcB
    MBwGCiqGSIb3DQEMAQYwDgQIvanslujvWWoCAggAgIIB4JBy8O+QC4EHd5+Pi4XuANX+rypST2HC/PxjCrFuhOIJfrc8w44uzsn8
    +K7HEBLNjApvdkOBX7B1S/ni7s16rXjru9+n6EDNqOxbveHRpVtHRm1DtBETsg3TSKq3/01FOJy2rlDKnxELumECLcEHinC8ed3h
    usYAo61La4//2il4M+uJ7wSpn5n7YA/wxSMyE5R9aXrunsWMKpK2lQ3u9latJ0aICi9FzjTh9qUKgLFGgqfGWjT4/vRiBa9SG/qO
    Beu3DVn5XnCOgThyrOr5T9bKt3d/h3tdWM1ty7C0wpFIFn5CWkV+GWLVgg/+ooWqv6u4Wv3j9EI83QPSwMJY83pX1iC+ZytWS9Nm
    IgjjT/0tRX7UYPzyzjy6WfT9VLOVSdnq+WovmfPMy0HOTiOKOEfSMJ04IY9u3ZWgKeSL+5CfzZWkrVzmEtZ6BNo5ImQo73ZxG24a
    QUHVx+/ifeOML+ACMTGqVc986EOfKaVzbiIAYfpnW+dyE1Ps71yV6yHuZLi5POdUhWGksDnkk2MSavHw+DNUPVC+Qmi82GCRfGo3
    nMqZwW9lDkd3dlwPFHRSp63uk0uWeCQlmJWrkX3BSwMWJJ1g4j+gFz2O4m+JKMNbuWEpllZYXC0SXiF4KybshTCCAQIGCSqGSIb3
    DQEHAaCB9ASB8TCB7jCB6wYLKoZIhvcNAQwKAQKggbQwgbEwHAYKKoZIhvcNAQwBBTAOBAhn+OEshjl5wAICCAAEgZAmbjZRizlA
    qnpF1rWyr0u25VPQiovwfpPMZCUwubLmEkqd/LeikXrLnXZDMAUnF/HJZTK0WJ3LIWW+yszUX1Yk2iLd8UMI0c6V8SMbwt130Gfr
    jHF+woLQP1KbJYUAw+5D529yQpjd6eep3VJt/ZMDaAdG2eSXk+Opunum5nC9TnxXvq5ZlR68/heHQIslrW4xJTAjBgkqhkiG9w0B
    CRUxFgQUYrw10zU1iS1zAze9p5zXroCn+dEwMTAhMAkGBSsOAwIaBQAEFMNqnB99l5L5AkkD3E200KncvJ+QBAjOU8U5IxwMTAIC
    CAA=
    """
)


def test_what_openssl_before_3_wrote() -> None:
    """pbeWithSHA1And40BitRC2-CBC for the certificate, 128 bits for the key, 3DES nowhere."""
    found = read(RC2, password=b"x")
    assert (found.key_matches, found.leaf and found.leaf.sha1) == (
        True,
        "62bc35d33535892d730337bda79cd7ae80a7f9d1",
    )
    with pytest.raises(PasswordNeededError, match="has another password"):
        read(RC2, password=b"y")


@pytest.mark.parametrize(
    ("key", "encrypted_", "expected"),
    [
        ("ffffffffffffffff", "278b27e42e2f0d49", "ffffffffffffffff"),
        ("88bca90e90875a7f0f79c384627bafb2", "2269552ab0f85ca6", "0000000000000000"),
    ],
)
def test_rc2_as_rfc_2268_has_it(key: str, encrypted_: str, expected: str) -> None:
    assert decrypt_cbc(bytes.fromhex(key), bytes(8), bytes.fromhex(encrypted_)).hex() == expected


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize(
    "cipher", ["PBE-SHA1-3DES", "PBE-SHA1-2DES", "aes-128-cbc", "aes-256-cbc", "des-ede3-cbc"]
)
def test_what_openssl_writes(digest: str, cipher: str) -> None:
    arguments = ["-keypbe", cipher, "-certpbe", cipher, "-macalg", digest, "-passout", "pass:pässword"]
    made = subprocess.run(
        ["openssl", "pkcs12", "-export", *arguments],
        input=(LEAF.key_pem + LEAF.pem).encode(),
        capture_output=True,
        check=True,
    ).stdout
    assert owned(made, "pässword".encode()) == [LEAF.der]
    with pytest.raises(PasswordNeededError):
        read(made, password=b"password")


def test_an_empty_password_is_tried_by_itself() -> None:
    made = subprocess.run(
        ["openssl", "pkcs12", "-export", "-passout", "pass:"],
        input=(LEAF.key_pem + LEAF.pem).encode(),
        capture_output=True,
        check=True,
    ).stdout
    for password in (None, b"", b"another file's"):
        assert owned(made, password) == [LEAF.der]


def test_an_algorithm_that_is_not_known_is_named() -> None:
    rc4 = tlv(0x30, oid("1.2.840.113549.1.12.1.2"), tlv(0x30, octets(bytes(8)), integer(1)))
    with pytest.raises(InputError, match=r"not known here \(1\.2\.840\.113549\.1\.12\.1\.2\)"):
        read(pfx(plain(certificate_bag(LEAF), shrouded_by(rc4, LEAF, bytes(32)))), password=PASSWORD)


UNKNOWN = oid("1.2.3.4")
KDF, AES = oid("1.2.840.113549.1.5.12"), tlv(0x30, oid("2.16.840.1.101.3.4.1.42"), octets(bytes(16)))
PARAMETERS = (octets(bytes(8)), integer(1))


@pytest.mark.parametrize(
    "algorithm",
    [
        tlv(0x30, UNKNOWN, tlv(0x30, *PARAMETERS)),
        pbes2(tlv(0x30, UNKNOWN, tlv(0x30, *PARAMETERS))),
        pbes2(tlv(0x30, KDF, tlv(0x30, *PARAMETERS, tlv(0x30, UNKNOWN)))),
        tlv(
            0x30,
            oid(PBES2),
            tlv(0x30, tlv(0x30, KDF, tlv(0x30, *PARAMETERS)), tlv(0x30, UNKNOWN, octets(bytes(16)))),
        ),
    ],
    ids=["scheme", "derivation", "pseudo-random function", "cipher"],
)
def test_each_algorithm_that_is_not_known_is_named(algorithm: bytes) -> None:
    with pytest.raises(
        InputError, match=r"is encrypted by an algorithm that is not known here \(1\.2\.3\.4\)"
    ):
        read(pfx(plain(certificate_bag(LEAF), shrouded_by(algorithm, LEAF, bytes(32)))), password=PASSWORD)


def test_a_checksum_by_an_unknown_algorithm_is_named() -> None:
    mac = tlv(0x30, tlv(0x30, tlv(0x30, UNKNOWN), octets(bytes(20))), octets(bytes(8)), integer(1))
    file = tlv(0x30, integer(3), tlv(0x30, oid("1.2.840.113549.1.7.1"), tlv(0xA0, octets(tlv(0x30)))), mac)
    with pytest.raises(InputError, match=r"is secured by an algorithm that is not known here \(1\.2\.3\.4\)"):
        read(file, password=PASSWORD)


def test_every_length_of_padding_is_taken_off() -> None:
    for filler in range(16):
        data = pfx(plain(shrouded(LEAF)), sealed(certificate_bag(LEAF), bag(5, octets(bytes(filler)))))
        assert owned(data) == [LEAF.der]


@pytest.mark.parametrize(("depth", "opened"), [(1, True), (8, True), (9, False)])
def test_bags_are_opened_eight_deep(depth: int, opened: bool) -> None:
    inner = bag(1, key_der(LEAF))
    for _ in range(depth):
        inner = bag(6, tlv(0x30, inner))
    data = pfx(plain(certificate_bag(LEAF), inner))
    if opened:
        assert owned(data) == [LEAF.der]
    else:
        with pytest.raises(InputError, match="damaged"):
            read(data, password=PASSWORD)


# ---- BER -----------------------------------------------------------------------------------------


def test_ber_is_read_with_a_word_and_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    data = in_ber(plain(shrouded(LEAF)), sealed(certificate_bag(LEAF), certificate_bag(ISSUING)))
    found = read(data, password=PASSWORD)
    assert (found.key_matches, found.unusual) == (True, ("encoded in BER where DER is usual",))
    assert recwarn.list == []
    # Negative controls: the same in DER is nothing unusual, and the library does warn of the first.
    usual = pfx(plain(shrouded(LEAF)), sealed(certificate_bag(LEAF)))
    assert read(usual, password=PASSWORD).unusual == ()
    with pytest.warns(UserWarning, match="parsed as DER"):
        assert public(data) == LEAF.key.public_key()


# ---- bounds --------------------------------------------------------------------------------------


def long_length(data: bytes) -> bytes:
    """The outermost length in five bytes."""
    content = data[2 + (data[1] & 0x7F) :]
    return data[:1] + b"\x85" + len(content).to_bytes(5) + content


SLIPPING: dict[str, Callable[[Cost], bytes]] = {
    "usual": lambda cost: pfx(plain(shrouded(LEAF, cost), certificate_bag(LEAF))),
    "MAC": lambda cost: pfx(plain(certificate_bag(LEAF), shrouded(LEAF)), mac=cost),
    "indefinite lengths": lambda cost: in_ber(plain(shrouded(LEAF, cost), certificate_bag(LEAF))),
    "salt in pieces": lambda cost: pfx(
        plain(certificate_bag(LEAF), shrouded(LEAF, cost, pieces(bytes(range(8)))))
    ),
    "inside what is encrypted": lambda cost: pfx(sealed(certificate_bag(LEAF), shrouded(LEAF, cost))),
    "bags in bags": lambda cost: pfx(plain(certificate_bag(LEAF), bag(6, tlv(0x30, shrouded(LEAF, cost))))),
}


@pytest.mark.parametrize("form", SLIPPING)
def test_a_derivation_without_end_is_refused_however_it_is_written(form: str) -> None:
    begun = time.process_time()
    with pytest.raises(InputError, match="rounds of key derivation") as refused:
        read(SLIPPING[form](ENDLESS), password=PASSWORD)
    assert not isinstance(refused.value, PasswordNeededError)
    assert time.process_time() - begun < 2
    # Negative control: written alike, but affordable.
    assert owned(SLIPPING[form](CHEAP)) == [LEAF.der]


@pytest.mark.parametrize(
    "data",
    [
        pfx(*[plain()] * ber.MAX_ELEMENTS, plain(shrouded(LEAF, ENDLESS))),
        long_length(pfx(plain(shrouded(LEAF, ENDLESS), certificate_bag(LEAF)))),
        pfx(plain(certificate_bag(LEAF), bag(2, tlv(0x3F, shrouded(LEAF, ENDLESS))))),
        pfx(plain(certificate_bag(LEAF), shrouded(LEAF, ENDLESS, b"\x24\x80" * 2_000 + b"\0\0" * 2_000))),
        pfx(plain(certificate_bag(LEAF), shrouded(LEAF, ENDLESS)), b"\x30\x80"),
    ],
    ids=["too many elements", "a length of five bytes", "a tag of several bytes", "too deep", "no end"],
)
def test_what_cannot_be_walked_to_its_end_is_not_opened(data: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(InputError, match=r"damaged|is neither"):
        read(data, password=PASSWORD)
    assert time.process_time() - begun < 2


def test_rounds_are_bounded_for_the_file_not_for_each_key() -> None:
    affordable = Cost(pbe.MAX_ROUNDS - 1_000, real=False)  # by itself, not after the MAC's 2,048
    with pytest.raises(InputError, match="rounds of key derivation"):
        read(pfx(plain(certificate_bag(LEAF), shrouded(LEAF, affordable)), mac=CHEAP), password=PASSWORD)


@pytest.mark.parametrize(
    ("n", "r", "p"),
    [
        (2**40, 8, 1),
        (2**14, 8, 2**20),
        (2**14, 2**20, 1),
        (2**17, 8, 3),
        (2, 1, 2**31),
        (0, 8, 1),
        (2**14, 8, 0),
        (2**16000, 8, 1),
    ],
    ids=["N", "p", "r", "all", "a little each", "no N", "no p", "a number of 4,000 digits"],
)
def test_scrypts_costs_are_bounded_together(n: int, r: int, p: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="256 MiB of key derivation by scrypt"):
        read(pfx(plain(certificate_bag(LEAF), shrouded_by(pbes2(scrypt(n, r, p)), LEAF, bytes(32)))))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def test_scrypt_within_its_bounds() -> None:
    import hashlib

    key = hashlib.scrypt(PASSWORD, salt=bytes(range(8)), n=2**14, r=8, p=1, maxmem=2**26, dklen=32)
    data = pfx(plain(certificate_bag(LEAF), shrouded_by(pbes2(scrypt(2**14, 8, 1)), LEAF, key)))
    assert owned(data) == [LEAF.der]
    with pytest.raises(InputError, match="costs that it does not take"):
        read(pfx(plain(certificate_bag(LEAF), shrouded_by(pbes2(scrypt(3, 8, 1)), LEAF, key))))
