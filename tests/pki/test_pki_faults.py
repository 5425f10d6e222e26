"""What is wrong with bytes that cannot be read, word for word: each reader, each fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probe.pki import ber, der
from probe.pki.extensions import (
    read_basic_constraints,
    read_extensions,
    read_key_usage,
    read_oids,
    read_subject_alt_names,
)
from probe.pki.name_constraints import read_constraints as read_name_constraints
from probe.pki.policies import read_constraints, read_mappings, read_policies
from tests.rootlist import integer, oid, tlv

ONE = oid("1.2.3")


def extensions(data: bytes) -> object:
    return read_extensions(der.read(tlv(0xA3, data)))


def subtrees(*entries: bytes) -> bytes:
    return tlv(0x30, tlv(0xA0, *(tlv(0x30, entry) for entry in entries)))


@pytest.mark.parametrize(
    ("reader", "data", "said"),
    [
        (der.read, b"\x30", "an element is cut off at byte 0"),
        (der.read, b"\x1f\x01\x00", "a multi-byte tag at byte 0; certificates have none"),
        (der.read, b"\x30\x80\x00\x00", "an unusable length at byte 1"),
        (der.read, b"\x30\x85\x00\x00\x00\x00\x01\x00", "an unusable length at byte 1"),
        (der.read, b"\x30\x82\x01", "an unusable length at byte 1"),
        (der.read, b"\x30\x02\x00", "an element at byte 0 runs past its container"),
        (lambda data: der.read(data).children(), b"\x30\x03\x05\x00\x30", "an element is cut off at byte 4"),
        (lambda data: der.whole(data, 0x30, "it"), b"\x31\x00", "it has tag 0x31 instead of 0x30"),
        (lambda data: der.whole(data, 0x30, "it"), b"\x30\x00abc", "3 bytes follow it"),
        (lambda data: der.oid(der.read(data)), tlv(0x06), "a malformed object identifier"),
        (lambda data: der.oid(der.read(data)), tlv(0x06, b"\x2a\x80"), "a malformed object identifier"),
        (lambda data: der.oid(der.read(data)), integer(1), "an object identifier has tag 0x02 instead of 0x06"),
        (lambda data: der.integer(der.read(data)), tlv(0x02), "an integer without content"),
        (lambda data: der.integer(der.read(data)), ONE, "an integer has tag 0x06 instead of 0x02"),
        (lambda data: der.boolean(der.read(data)), tlv(0x01), "a boolean that is not one byte long"),
        (lambda data: der.boolean(der.read(data)), ONE, "a boolean has tag 0x06 instead of 0x01"),
        (lambda data: der.bits(der.read(data)), tlv(0x03), "a malformed bit string"),
        (lambda data: der.bits(der.read(data)), tlv(0x03, b"\x08"), "a malformed bit string"),
        (lambda data: der.bits(der.read(data)), ONE, "a bit string has tag 0x06 instead of 0x03"),
        (lambda data: ber.Walk().read(data), b"\x30\x80", "an element is cut off at byte 2"),
        (lambda data: ber.Walk().children(ber.Walk().read(data)[0], 2), tlv(0x30, ONE),
         "1 elements where 2 are needed"),
        (extensions, b"\x31\x00", "the extensions has tag 0x31 instead of 0x30"),
        (extensions, tlv(0x30, ONE), "an extension has tag 0x06 instead of 0x30"),
        (extensions, tlv(0x30, tlv(0x30, ONE)), "an extension that is neither two parts nor three"),
        (extensions, tlv(0x30, tlv(0x30, ONE, ONE)), "an extension's value has tag 0x06 instead of 0x04"),
        (extensions, tlv(0x30, *[tlv(0x30)] * 129), "more than 128 extensions"),
        (read_basic_constraints, ONE, "basic constraints has tag 0x06 instead of 0x30"),
        (read_key_usage, ONE, "a bit string has tag 0x06 instead of 0x03"),
        (read_oids, ONE, "a list of purposes has tag 0x06 instead of 0x30"),
        (read_oids, tlv(0x30, *[ONE] * 257), "more than 256 purposes"),
        (read_policies, ONE, "policies has tag 0x06 instead of 0x30"),
        (read_policies, tlv(0x30, tlv(0x30)), "a policy without an identifier"),
        (read_mappings, ONE, "policy mappings has tag 0x06 instead of 0x30"),
        (read_constraints, ONE, "policy constraints has tag 0x06 instead of 0x30"),
        (read_constraints, tlv(0x30, tlv(0x82, b"\x00")), "malformed policy constraints"),
        (read_constraints, tlv(0x30, tlv(0x80)), "malformed policy constraints"),
        (read_constraints, tlv(0x30), "policy constraints that say nothing, or count below zero"),
        (read_constraints, tlv(0x30, tlv(0x81, b"\xff")), "policy constraints that say nothing, or count below zero"),
        (read_name_constraints, tlv(0x30, tlv(0x82)), "neither permitted nor excluded names"),
        (read_name_constraints, subtrees(b""), "a constraint without a name"),
        (read_name_constraints, subtrees(tlv(0x82, b"\xe9")), "a name that is not ASCII"),
        (read_name_constraints, subtrees(tlv(0x87, b"\x00")), "an address constraint of an odd length"),
        (read_name_constraints, subtrees(tlv(0xA0)), "an other name that is not a type and a value"),
        (read_name_constraints, subtrees(tlv(0x89)), "a name of unknown kind 0x89"),
        (read_name_constraints, subtrees(tlv(0xA4, tlv(0x30, tlv(0x31, tlv(0x30))))),
         "an unreadable directory name, or one of too many attributes"),
    ],
)  # fmt: skip
def test_a_fault_in_words(reader: Callable[[bytes], object], data: bytes, said: str) -> None:
    with pytest.raises(der.DerError) as raised:
        reader(data)
    assert str(raised.value) == said


def test_an_unreadable_list_of_names_says_why() -> None:
    found = read_subject_alt_names(tlv(0x30, tlv(0x82, b"a.test"), b"\x82"))
    assert (found.dns, found.fault) == ((), "an element is cut off at byte 10")
    assert read_subject_alt_names(ONE).fault == "the alternative names has tag 0x06 instead of 0x30"
