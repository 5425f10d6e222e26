"""Microsoft's list format: what is read, what is refused, and whose signature counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from probe.pki.certificate import Certificate
from probe.pki.microsoft_list import Ctl, CtlError, read_filetime
from tests import rootlist
from tests.authority import raw_extension
from tests.rootlist import CLEARED, Listed, Publisher, content, sign, tlv, wrap

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DATE = datetime(2025, 4, 16, tzinfo=UTC)
SERVER, CLIENT = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
PUBLISHER = Publisher(NOW)
GOOD = PUBLISHER.root_list(Listed(der=b"one", name="One"), Listed(der=b"two"))


def verified(data: bytes, publisher: Publisher = PUBLISHER, **options: object) -> str:
    signer = Ctl(data).verify(publisher.bundle.named, pin=publisher.pin, **options)
    return signer.subject.short


def refusal(data: bytes, **options: object) -> str:
    with pytest.raises(CtlError) as caught:
        verified(data, **options)
    return str(caught.value)


# ---- what is read --------------------------------------------------------------------------------


def test_the_head_of_a_list() -> None:
    found = Ctl(GOOD)
    assert found.this_update == NOW
    assert found.usages == (rootlist.ROOT_LIST,)
    assert found.subject_algorithm == rootlist.SHA1
    assert len(found) == 2


def test_every_optional_field_of_the_head() -> None:
    inner = content(dated=NOW, identifier="DisallowedCert_AutoUpdate_1", next_update=NOW + timedelta(days=9))
    found = Ctl(PUBLISHER.publish(tlv(0x30, rootlist.integer(1), rootlist.body(inner))))
    assert (found.this_update, found.usages, len(found)) == (NOW, (rootlist.ROOT_LIST,), 0)


def test_a_list_without_sequence_and_subjects() -> None:
    found = Ctl(PUBLISHER.publish(content(dated=NOW, sequence=None, without_subjects=True)))
    assert (found.this_update, list(found)) == (NOW, [])


def test_the_properties_of_an_entry() -> None:
    listed = Listed(
        der=b"one", name="Contoso \x1b[31m Root", purposes=(SERVER,), disallowed_at=DATE,
        disallowed_purposes=(CLIENT,), not_before=DATE, not_before_purposes=(SERVER, CLIENT),
    )  # fmt: skip
    (entry,) = Ctl(PUBLISHER.root_list(listed))
    assert entry.friendly_name == r"Contoso \x1b[31m Root"
    assert entry.purposes == (SERVER,)
    assert (entry.disallowed_at, entry.disallowed_purposes) == (DATE, (CLIENT,))
    assert (entry.not_before, entry.not_before_purposes) == (DATE, (SERVER, CLIENT))
    assert entry.sha1 == "fe05bcdcdc4928012781a5f1a2a77cbb5398e106"
    assert entry.sha256.startswith("7692c3ad3540bb80")
    assert entry.unread == ()


def test_an_entry_that_says_nothing() -> None:
    (entry,) = Ctl(PUBLISHER.root_list(Listed(der=b"one")))
    assert entry.purposes is None
    assert entry.disallowed_at is None
    assert not entry.carries(104)
    assert entry.friendly_name == ""


def test_a_cleared_date_is_carried_but_is_no_date() -> None:
    (entry,) = Ctl(PUBLISHER.root_list(Listed(der=b"one", disallowed_at=CLEARED)))
    assert entry.carries(104)
    assert entry.disallowed_at is None
    assert entry.unread == ()


def test_unknown_properties_are_kept_raw() -> None:
    raw = (("1.3.6.1.4.1.311.10.11.129", b"\x01\x02"), ("1.2.3.4", b"?"))
    (entry,) = Ctl(PUBLISHER.root_list(Listed(der=b"one", raw=raw)))
    assert entry.properties["1.3.6.1.4.1.311.10.11.129"] == b"\x01\x02"
    assert entry.properties["1.2.3.4"] == b"?"
    assert entry.unread == ()


def test_a_property_that_cannot_be_read_is_named() -> None:
    raw = (("1.3.6.1.4.1.311.10.11.104", b"four"), ("1.3.6.1.4.1.311.10.11.122", b"no DER"))
    (entry,) = Ctl(PUBLISHER.root_list(Listed(der=b"one", raw=raw)))
    assert entry.unread == (104, 122)


def test_identifiers_of_any_length_are_found() -> None:
    found = Ctl(PUBLISHER.root_list(Listed(identifier=b"x" * 32), Listed(identifier=b"y")))
    assert b"x" * 32 in found
    assert found.entry(b"y") is not None
    assert b"z" not in found
    assert found.entry(b"z") is None


def test_an_attribute_of_another_shape_is_kept_as_it_is() -> None:
    odd = tlv(0x30, rootlist.oid("1.2.3"), tlv(0x31, tlv(0x02, b"\x05"), tlv(0x02, b"\x06")))
    entry = tlv(0x30, tlv(0x04, b"one"), tlv(0x31, odd))
    inner = content(dated=NOW).replace(tlv(0x30), tlv(0x30, entry))
    inner = tlv(0x30, inner[2:])
    found = Ctl(PUBLISHER.publish(inner)).entry(b"one")
    assert found is not None
    assert found.properties["1.2.3"] == b"\x02\x01\x05\x02\x01\x06"


def test_an_entry_that_cannot_be_walked_is_an_error_when_asked_for() -> None:
    inner = content(dated=NOW).replace(tlv(0x30), tlv(0x30, tlv(0x30, tlv(0x04, b"one"))))
    found = Ctl(PUBLISHER.publish(tlv(0x30, inner[2:])))
    with pytest.raises(CtlError, match="an entry of the list cannot be read"):
        found.entry(b"one")


def test_dates() -> None:
    assert read_filetime(b"") is None
    assert read_filetime((116_444_736_000_000_000).to_bytes(8, "little")) == datetime(1970, 1, 1, tzinfo=UTC)
    assert read_filetime(b"\xff" * 8) == datetime.max.replace(tzinfo=UTC)
    with pytest.raises(CtlError, match="a FILETIME of 4 bytes"):
        read_filetime(b"1234")


# ---- what is no list -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        b"hello",
        GOOD[:-1],
        GOOD + b"\x00",
        wrap(content_type="1.2.3"),
        wrap(),
        wrap(rootlist.integer(1), tlv(0x31), tlv(0x30, rootlist.oid("1.2.840.113549.1.7.1"), tlv(0xA0))),
        sign(content(dated=NOW), PUBLISHER.signer, (), content_type="1.2.840.113549.1.7.1"),
        PUBLISHER.publish(tlv(0x30)),
        PUBLISHER.publish(tlv(0x30, rootlist.integer(1))),
        PUBLISHER.publish(content(dated=NOW).replace(b"261121120000Z", b"269921120000Z")),
        PUBLISHER.publish(tlv(0x30, content(dated=NOW)[2:].replace(tlv(0x30), b"\x30\x02\x30\x00"))),
        PUBLISHER.publish(tlv(0x30, content(dated=NOW)[2:-2], tlv(0x30, b"\x30\x82\xff\xff\x04\x14"))),
    ],
)
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(CtlError):
        Ctl(data)


def test_more_entries_than_are_read_are_refused() -> None:
    entries = (Listed(der=str(number).encode()) for number in range(50_002))
    with pytest.raises(CtlError, match="it has more than 50000 entries"):
        Ctl(PUBLISHER.root_list(*entries))
    with pytest.raises(CtlError, match="more than 20000 elements in one"):
        Ctl(tlv(0x30, b"\x05\0" * 20_001))


def test_a_list_beyond_the_bound_is_refused() -> None:
    with pytest.raises(CtlError, match="larger than"):
        Ctl(bytes(8 * 1024 * 1024 + 1))


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_one_changed_byte_is_refused_or_changes_nothing_that_counts(at: int, by: int) -> None:
    """The signature covers all but the certificates' order and a few lengths nobody reads."""
    changed = bytearray(GOOD)
    changed[at] ^= by
    try:
        found = Ctl(bytes(changed))
        found.verify(PUBLISHER.bundle.named, pin=PUBLISHER.pin)
        entries = [(entry.identifier, entry.properties) for entry in found]
    except CtlError:
        return
    assert entries == [(entry.identifier, entry.properties) for entry in Ctl(GOOD)]
    assert found.this_update == NOW


# ---- whose signature counts ----------------------------------------------------------------------


def test_a_signed_list_is_accepted() -> None:
    assert verified(GOOD) == "Lab List Publisher"


def test_a_signer_with_an_rsa_key_that_names_only_its_kind_of_key() -> None:
    publisher = Publisher(NOW, key="rsa-2048")
    assert verified(publisher.root_list(Listed(der=b"one")), publisher) == "Lab List Publisher"


def test_the_root_may_be_sent_along() -> None:
    data = sign(content(dated=NOW), PUBLISHER.signer, (PUBLISHER.root, PUBLISHER.ca, PUBLISHER.signer))
    assert Ctl(data).verify(lambda _: (), pin=PUBLISHER.pin).subject.short == "Lab List Publisher"


def test_another_root_is_refused() -> None:
    other = Publisher(NOW, name="another publisher")
    assert "does not lead to Microsoft's root" in refusal(other.root_list(Listed(der=b"one")))


def test_a_root_of_the_same_name_sent_along_is_refused() -> None:
    other = Publisher(NOW, name="another publisher")
    data = sign(content(dated=NOW), other.signer, (other.root, other.ca, other.signer))
    assert "does not lead to Microsoft's root" in refusal(data)


def test_changed_content_is_refused() -> None:
    assert refusal(GOOD.replace(b"O\0n\0e", b"O\0n\0o")) == "the content was changed after it was signed"


def test_a_changed_signature_is_refused() -> None:
    assert refusal(GOOD[:-1] + bytes([GOOD[-1] ^ 1])).startswith("its signature is wrong")


def test_a_signature_of_an_unknown_kind_is_refused() -> None:
    data = GOOD.replace(rootlist.algorithm("1.2.840.10045.4.3.2"), rootlist.algorithm("1.2.840.10045.4.3.7"))
    assert refusal(data) == "its signature is wrong (unknown algorithm)"


def test_an_unsigned_list_is_refused() -> None:
    inner = tlv(0x30, rootlist.oid("1.3.6.1.4.1.311.10.1"), tlv(0xA0, content(dated=NOW)))
    assert refusal(wrap(rootlist.integer(1), tlv(0x31), inner)) == "signed by nobody instead of one signer"
    empty = wrap(rootlist.integer(1), tlv(0x31), inner, tlv(0x31))
    assert refusal(empty) == "signed by nobody instead of one signer"


def test_two_signers_are_refused() -> None:
    data = sign(content(dated=NOW), PUBLISHER.signer, (PUBLISHER.ca, PUBLISHER.signer), signers=2)
    assert refusal(data) == "signed by 2 instead of one signer"


def test_a_missing_signer_is_refused() -> None:
    assert "is missing" in refusal(sign(content(dated=NOW), PUBLISHER.signer, ()))
    assert "is missing" in refusal(sign(content(dated=NOW), PUBLISHER.signer, (PUBLISHER.ca,)))


def test_too_many_certificates_are_refused() -> None:
    assert "more than 16" in refusal(sign(content(dated=NOW), PUBLISHER.signer, [PUBLISHER.ca] * 17))


@pytest.mark.parametrize(
    "attributes", [(), rootlist.signed_attributes(b"")[:1], rootlist.signed_attributes(b"")[1:]]
)
def test_a_signature_that_names_no_content_is_refused(attributes: tuple[bytes, ...]) -> None:
    data = sign(content(dated=NOW), PUBLISHER.signer, (PUBLISHER.ca, PUBLISHER.signer), attributes=attributes)
    assert "sign" in refusal(data)


def test_an_outdated_hash_is_refused() -> None:
    data = sign(
        content(dated=NOW),
        PUBLISHER.signer,
        (PUBLISHER.ca, PUBLISHER.signer),
        digest_algorithm="1.3.14.3.2.26",
    )
    assert "outdated hash" in refusal(data)


def test_a_signature_that_cannot_be_walked_is_refused() -> None:
    data = sign(
        content(dated=NOW), PUBLISHER.signer, (PUBLISHER.ca, PUBLISHER.signer), attributes=(tlv(0x30),)
    )
    assert "its signature cannot be read" in refusal(data)


@pytest.mark.parametrize(
    "overrides",
    [
        {"eku": None},
        {"eku": (ObjectIdentifier("1.3.6.1.5.5.7.3.3"),)},
    ],
)
def test_a_signer_without_the_usage_is_refused(overrides: dict[str, object]) -> None:
    signer = PUBLISHER.another_signer(**overrides)
    data = sign(content(dated=NOW), signer, (PUBLISHER.ca, signer))
    assert "may not sign such lists" in refusal(data)


def test_the_usage_wanted_can_be_another() -> None:
    assert "may not sign" in refusal(GOOD, usages=frozenset({rootlist.DISALLOWED_LIST}))


def test_validity_counts_when_the_list_was_issued_not_today() -> None:
    signer = PUBLISHER.another_signer(not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=5))
    in_time = sign(content(dated=NOW - timedelta(days=7)), signer, (PUBLISHER.ca, signer))
    assert verified(in_time) == "Lab List Publisher"
    for days in (10, 4):
        outside = sign(content(dated=NOW - timedelta(days=days)), signer, (PUBLISHER.ca, signer))
        assert "was not valid when the list was issued" in refusal(outside)


def test_an_issuer_that_is_no_ca_is_refused() -> None:
    authority = PUBLISHER.authority
    for overrides in ({"ca": False}, {"ca": None}):
        no_ca = authority.intermediate(PUBLISHER.root, "Lab Pretender", path_length=None, **overrides)
        signer = authority.leaf(no_ca, "x", eku=(ObjectIdentifier(rootlist.ROOT_LIST),))
        data = sign(content(dated=NOW), signer, (no_ca, signer))
        assert "does not lead to Microsoft's root" in refusal(data)


def test_a_path_that_is_too_long_is_refused() -> None:
    issuer, path = PUBLISHER.root, []
    for number in range(6):
        issuer = PUBLISHER.authority.intermediate(issuer, f"Lab Step {number}", path_length=None)
        path.append(issuer)
    signer = PUBLISHER.authority.leaf(issuer, "x", eku=(ObjectIdentifier(rootlist.ROOT_LIST),))
    assert "too long" in refusal(sign(content(dated=NOW), signer, (*path, signer)))


def test_extensions_that_cannot_be_read_make_no_ca_and_no_signer() -> None:
    broken = raw_extension("2.5.29.19", b"\x30\x05\x01")
    no_ca = PUBLISHER.authority.intermediate(
        PUBLISHER.root, "Lab Broken", ca=None, path_length=None, extra=(broken,)
    )
    signer = PUBLISHER.authority.leaf(no_ca, "x", eku=(ObjectIdentifier(rootlist.ROOT_LIST),))
    assert "does not lead" in refusal(sign(content(dated=NOW), signer, (no_ca, signer)))
    unreadable = PUBLISHER.another_signer(eku=None, extra=(raw_extension("2.5.29.37", b"\x30\x05\x01"),))
    assert "cannot be read" in refusal(sign(content(dated=NOW), unreadable, (PUBLISHER.ca, unreadable)))


def test_the_signer_is_a_certificate_value() -> None:
    assert isinstance(Ctl(GOOD).verify(PUBLISHER.bundle.named, pin=PUBLISHER.pin), Certificate)
