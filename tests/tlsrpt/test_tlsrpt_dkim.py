"""DKIM signatures of reports: what dkimpy signs and holds for good, and what proves nothing all the same."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.messages.dkim import (
    MAX_RECORDS,
    MAX_SIGNATURE_BYTES,
    MAX_SIGNATURES,
    DkimError,
    signatures,
)
from probe.exchange.messages.parts import split_mail
from tests.tlsrpt.mailing import SIGNED, Key, edwards, key, mail, signed, verified_by_dkimpy

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NEEDED = (b"from", b"content-type", b"tls-report-domain", b"tls-report-submitter")
FORMS = [(head, body) for head in (b"simple", b"relaxed") for body in (b"simple", b"relaxed")]
PAIRS = {"rsa": key, "short": lambda name="lab": key(name, 1024), "ed25519": edwards}


def reason(message: bytes, *records: bytes, at: datetime = NOW, needed: tuple[bytes, ...] = NEEDED) -> str:
    """Why the topmost signature proves nothing; "" where it does."""
    raw = split_mail(message)
    found = next(signatures(raw))
    if isinstance(found, DkimError):
        return str(found)
    try:
        found.check(raw, records or (key().record,), at, needed)
    except DkimError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_what_dkimpy_signed(pair: Callable[..., Key], form: tuple[bytes, bytes]) -> None:
    message = signed(form=form, by=pair())
    assert verified_by_dkimpy(message, pair().record)
    assert reason(message, pair().record) == ""
    assert "not made with this key" in reason(message, pair("other").record)


@pytest.mark.parametrize("form", FORMS)
def test_line_ends_of_the_place_where_it_was_saved(form: tuple[bytes, bytes]) -> None:
    message = signed(form=form)
    assert reason(message.replace(b"\r\n", b"\n")) == ""
    assert reason(message.replace(b"\r\n", b"\n", 9)) == ""
    assert reason(message + b"\r\n\r\n") == ""
    assert reason(b"\xef\xbb\xbf\r\n" + message) == ""


BODIES = st.lists(
    st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r\n\r\n", b"  b ", b"\n", b"=20"]), max_size=30
)


@given(body=BODIES.map(b"".join), form=st.sampled_from(FORMS))
def test_any_body_is_what_it_is_to_dkimpy(body: bytes, form: tuple[bytes, bytes]) -> None:
    message = signed(
        b"From: a@microsoft.com\r\nSubject:  x \r\n\ty\r\n\r\n" + body + b"\r\n",
        form=form,
        fields=[b"from", b"subject"],
        by=edwards(),
    )
    assert verified_by_dkimpy(message, edwards().record)
    assert reason(message, edwards().record, needed=(b"from",)) == ""


CHANGES: dict[str, tuple[bytes, bytes, str]] = {
    "the body": (b"aggregate", b"forged", "does not fit the body"),
    "a boundary": (b"--b1--", b"--b2--", "does not fit the body"),
    "the subject": (b"Subject: Report", b"Subject: report", "what it signs was changed"),
    "whose it is": (b"TLS-Report-Domain: contoso.com", b"TLS-Report-Domain: fabrikam.com", "was changed"),
    "the signed fields": (b"h=from", b"h=subject", "needs one field from|does not cover|was changed"),
    "a second From": (b"From: ", b"From: eve@microsoft.com\r\nFrom: ", "needs one field from, and the mail has 2"),
    "a second Subject": (b"Subject: ", b"Subject: eve\r\nSubject: ", "does not cover every field subject"),
    "a second type": (b"Content-Type: mul", b"Content-Type: text/plain\r\nContent-Type: mul", "needs one field"),
    "no type": (b"Content-Type: multipart/report", b"X-Type: multipart/report", "and the mail has 0"),
    "the version": (b"v=1;", b"v=2;", "another version"),
    "no selector": (b" s=lab;", b"", "lacks s="),
    "a selector that is none": (b" s=lab;", b" s=l b;", "names no domain"),
    "a tag twice": (b" s=lab;", b" s=lab; s=lab;", "no list of tags"),
    "no tags": (b" s=lab;", b" s;", "no list of tags"),
    "SHA-1": (b"a=rsa-sha256", b"a=rsa-sha1", "rsa-sha1, which counts no more"),
    "the form": (b"c=relaxed/relaxed", b"c=relaxed/other", "nobody knows"),
    "the header's form": (b"c=relaxed/relaxed", b"c=other/relaxed", "nobody knows"),
    "another's": (b" i=@microsoft.com;", b" i=@fabrikam.com;", "for another domain"),
    "damage": (b"bh=", b"bh=*", r"damaged \(bh="),
    "damage to itself": (b"\r\n b=", b"\r\n b=*", r"damaged \(b="),
    "a name without end": (b" s=lab;", b" s=" + b"a." * 130 + b"b;", "names no domain"),
    "a time that is none": (b" s=lab;", b" s=lab; x=soon;", r"damaged \(x="),
    "its end": (b" s=lab;", b" s=lab; x=1795219200;", "ran out on 2026-11-21"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "why"), CHANGES.values(), ids=CHANGES)
def test_a_change(old: bytes, new: bytes, why: str) -> None:
    message = signed()
    assert reason(message) == ""
    assert old in message
    assert re.search(why, reason(message.replace(old, new, 1)))


def test_a_signature_that_will_run_out() -> None:
    """An end in the future, or beyond all calendars, is none: only what is signed decides then."""
    for end in (b"1795305600", b"999999999999"):
        assert "was changed" in reason(signed().replace(b" s=lab;", b" s=lab; x=" + end + b";"))


def test_a_field_can_be_signed_as_not_there() -> None:
    """RFC 6376 5.4.2: what is named once more than it stands cannot be added."""
    message = signed(fields=[*SIGNED, b"from", b"cc"])
    assert verified_by_dkimpy(message, key().record)
    assert reason(message) == ""
    assert "was changed" in reason(b"Cc: eve@fabrikam.com\r\n" + message)


def test_a_part_of_the_body_is_not_enough() -> None:
    """RFC 6376 8.2: anything can stand behind what l= counts."""
    message = signed(length=True)
    assert reason(message) == ""
    longer = message + b"--b1\r\nContent-Type: application/tlsrpt+json\r\n\r\n{}\r\n--b1--\r\n"
    assert verified_by_dkimpy(message, key().record)
    assert reason(longer) == "does not sign the whole body (l=)"


def test_fields_that_say_whose_it_is_have_to_be_signed() -> None:
    message = signed(fields=[b"from", b"content-type", b"tls-report-domain"])
    assert verified_by_dkimpy(message, key().record)
    assert reason(message, needed=(b"from", b"content-type")) == ""
    assert reason(message) == "does not cover every field tls-report-submitter"


RECORDS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "as it is": (lambda digits: b"v=DKIM1; k=rsa; p=" + digits, ""),
    "of PKCS#1's kind alone": (lambda digits: b"p=" + digits, ""),
    "for reports": (lambda digits: b"s=tlsrpt; p=" + digits, ""),
    "for mail and reports": (lambda digits: b"s=email:tlsrpt; h=sha1:sha256; p=" + digits, ""),
    "for something else": (lambda digits: b"s=other; p=" + digits, "not for this"),
    "for SHA-1": (lambda digits: b"h=sha1; p=" + digits, "not for this"),
    "for tests": (lambda digits: b"t=y; p=" + digits, "for tests"),
    "of its own domain": (lambda digits: b"t=s; p=" + digits, ""),
    "revoked": (lambda _: b"v=DKIM1; k=rsa; p=", "was revoked"),
    "of another kind": (lambda digits: b"k=ed25519; p=" + digits, "no key of its kind"),
    "of another version": (lambda digits: b"v=DKIM2; p=" + digits, "no key of its kind"),
    "without a key": (lambda _: b"v=spf1 -all", "no key of its kind"),
    "that is no list": (lambda _: b"hello", "cannot be read"),
    "that is no DER": (lambda _: b"p=AAAA", "cannot be read"),
    "that is no base64": (lambda _: b"p=A", "cannot be read"),
    "of an elliptic curve": (lambda _: b"p=" + edwards().digits, "cannot be read"),
    "that never ends": (lambda digits: b"n=" + b"x" * MAX_SIGNATURE_BYTES + b"; p=" + digits, "longer than any"),
}  # fmt: skip


@pytest.mark.parametrize(("record", "why"), RECORDS.values(), ids=RECORDS)
def test_a_record(record: Callable[[bytes], bytes], why: str) -> None:
    told = reason(signed(), record(key().digits))
    assert re.search(why, told) if why else told == ""


def test_a_key_that_is_too_short() -> None:
    """RFC 8301 3.2; cryptography makes none any more."""
    short = bytes.fromhex("305c300d06092a864886f70d0101010500034b00") + _rsa_key(512)
    assert "too short" in reason(signed(), b"p=" + base64.b64encode(short))


def _rsa_key(bits: int) -> bytes:
    """RSAPublicKey (RFC 8017 A.1.1) with a modulus of so many bits."""
    modulus = b"\0" + ((1 << bits - 1) + 111).to_bytes(bits // 8)
    inner = b"\x02" + bytes([len(modulus)]) + modulus + bytes.fromhex("0203010001")
    return b"\x30" + bytes([len(inner)]) + inner


def test_a_key_of_a_domain_alone_signs_for_no_name_below() -> None:
    message = signed().replace(b" i=@microsoft.com;", b" i=@mail.microsoft.com;")
    assert "its own domain alone" in reason(message, b"t=s; p=" + key().digits)
    assert "was changed" in reason(message)


def test_of_several_records_one_may_be_right_and_only_so_many_are_tried() -> None:
    wrong = key("other").record
    assert reason(signed(), wrong, key().record) == ""
    assert "not made with this key" in reason(signed(), *[wrong] * MAX_RECORDS, key().record)
    assert reason(signed(), *[wrong] * (MAX_RECORDS - 1), key().record) == ""


def test_of_a_mail_so_many_signatures_are_looked_at() -> None:
    line = b"DKIM-Signature: v=1; a=rsa-sha256; b=AA; bh=AA; d=a.test; h=from; s=x\r\n"
    found = [*signatures(split_mail(line * (MAX_SIGNATURES + 5) + mail()))]
    assert len(found) == MAX_SIGNATURES + 1
    assert str(found[-1]) == "is among 13, of which 8 are looked at"
    assert len([*signatures(split_mail(line * MAX_SIGNATURES + mail()))]) == MAX_SIGNATURES


def test_a_signature_without_end() -> None:
    message = b"DKIM-Signature: v=1; b=" + b"A" * MAX_SIGNATURE_BYTES + b"\r\n" + mail()
    assert reason(message) == "is longer than any signature"


def test_no_key_at_all() -> None:
    raw = split_mail(signed())
    (found,) = signatures(raw)
    assert not isinstance(found, DkimError)
    assert found.key_name == "lab._domainkey.microsoft.com"
    with pytest.raises(DkimError, match="has no key at its name"):
        found.check(raw, (), NOW, NEEDED)


@pytest.mark.parametrize(
    "body", [b" " * 3_000_000, b"\r\n" * 1_500_000, b" \r\n" * 1_000_000, b"\r" * 3_000_000]
)
def test_a_hostile_body_takes_no_longer_than_any_other(body: bytes) -> None:
    """Twenty such would take the test's whole time, were it the square of the length that counts."""
    message = signed().replace(b"--b1--\r\n", body + b"x")
    assert "does not fit the body" in reason(message)
