"""Demands for a certificate policy, met and not met (RFC 5280 6.1)."""

from __future__ import annotations

import contextlib

import pytest
from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from probe.pki import der, policies
from tests.authority import raw_extension
from tests.pki.judging import Lab, shown

GOLD, SILVER, ANY = (ObjectIdentifier(each) for each in ("1.2.3.1", "1.2.3.2", "2.5.29.32.0"))
POLICIES, MAPPINGS, CONSTRAINTS, INHIBIT_ANY = "2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def has(*oids: ObjectIdentifier) -> x509.Extension:
    value = x509.CertificatePolicies([x509.PolicyInformation(each, None) for each in oids])
    return raw_extension(POLICIES, value.public_bytes())


def demands(explicit: int | None = 0, mapping: int | None = None) -> x509.Extension:
    return raw_extension(CONSTRAINTS, x509.PolicyConstraints(explicit, mapping).public_bytes())


def inhibits_any(skip: int) -> x509.Extension:
    return raw_extension(INHIBIT_ANY, x509.InhibitAnyPolicy(skip).public_bytes())


def maps(upper: str, lower: str) -> x509.Extension:
    oids = b"".join(b"\x06\x03" + bytes.fromhex(each) for each in (upper, lower))
    return raw_extension(MAPPINGS, b"\x30\x0c\x30\x0a" + oids)


GOLD_TO_SILVER = maps("2a0301", "2a0302")


def flags(lab: Lab, *levels: tuple[x509.Extension, ...]) -> str:
    """Flags of a chain whose certificates below the root carry `levels`, from the top."""
    issuer, chain = lab.root, []
    for number, extra in enumerate(levels[:-1]):
        issuer = lab.authority.intermediate(issuer, f"CA {number}", path_length=None, extra=extra)
        chain.append(issuer)
    return lab.flags(lab.leaf(issuer, extra=levels[-1]), *chain)


@pytest.mark.parametrize(
    ("levels", "wanted"),
    [
        (((has(GOLD), demands()), (has(GOLD),)), "NoError"),
        (((has(GOLD), demands()), (has(SILVER),)), "NoIssuanceChainPolicy"),
        (((has(GOLD), demands()), ()), "NoIssuanceChainPolicy"),
        (((has(GOLD),), ()), "NoError"),
        (((has(GOLD),), (demands(),)), "NoIssuanceChainPolicy"),
        (((has(GOLD),), (has(GOLD), demands())), "NoError"),
        (((has(GOLD), demands(9)), ()), "NoError"),
        (((has(GOLD), demands(2)), ()), "NoError"),
        (((has(GOLD), demands(1)), ()), "NoIssuanceChainPolicy"),  # the leaf itself uses up the one
        (((has(ANY), demands()), (has(GOLD),)), "NoError"),
        (((has(ANY), demands(), inhibits_any(0)), (has(ANY),)), "NoIssuanceChainPolicy"),
        (((has(ANY), demands(), inhibits_any(5)), (has(ANY),)), "NoError"),
        (((has(GOLD), demands(), GOLD_TO_SILVER), (has(SILVER),)), "NoError"),
        (((has(GOLD), demands(), GOLD_TO_SILVER), (has(GOLD),)), "NoIssuanceChainPolicy"),
        (((has(ANY), demands(), GOLD_TO_SILVER), (has(SILVER),)), "NoError"),
        (
            ((has(GOLD), demands(0, 0)), (has(GOLD), GOLD_TO_SILVER), (has(SILVER),)),
            "NoIssuanceChainPolicy",
        ),
        (((has(ANY), demands(0, 0)), (has(ANY), GOLD_TO_SILVER), (has(GOLD),)), "NoError"),
        (((has(GOLD), demands(1)), (has(GOLD),), ()), "NoIssuanceChainPolicy"),
    ],
)
def test_a_demand_for_a_policy_is_met_or_not(lab: Lab, levels: tuple, wanted: str) -> None:
    assert flags(lab, *levels) == wanted


def test_any_policy_is_inhibited_for_a_self_issued_end_certificate_only(lab: Lab) -> None:
    strict = (has(ANY), demands(), inhibits_any(0))
    issuer = lab.authority.intermediate(lab.root, "Any", path_length=None, extra=strict)
    leaf = lab.leaf(issuer, subject="CN=Any", extra=(has(ANY),))
    assert lab.flags(leaf, issuer) == "NoIssuanceChainPolicy"
    renewed = lab.authority.intermediate(issuer, "Any", extra=(has(ANY),))
    assert lab.flags(lab.leaf(renewed, extra=(has(GOLD),)), renewed, issuer) == "NoError"


@pytest.mark.parametrize(
    "value", [b"\x30\x00", b"\x30\x03\x80\x01\xff", b"\x30\x02\x80\x00", b"\x30\x02\x05\x00", b"\x05"]
)
def test_malformed_demands_are_invalid(lab: Lab, value: bytes) -> None:
    assert flags(lab, (has(GOLD), raw_extension(CONSTRAINTS, value)), (has(GOLD),)) == (
        "InvalidPolicyConstraints"
    )
    built = lab.judge(lab.leaf(extra=(raw_extension(CONSTRAINTS, value),)), lab.issuing)
    assert shown(built.status) == "InvalidPolicyConstraints"
    assert built.ssl_policy_error == "CERT_E_INVALID_POLICY"


@pytest.mark.parametrize(
    "extra",
    [
        raw_extension(POLICIES, b"\x30\x02\x30\x00"),
        raw_extension(MAPPINGS, b"\x30\x02\x30\x00"),
        raw_extension(INHIBIT_ANY, b"\x05\x00"),
    ],
)
def test_malformed_policies_under_a_demand_are_invalid(lab: Lab, extra: x509.Extension) -> None:
    # What cannot be decoded is a fault of its own, but for inhibitAnyPolicy, of which nothing is recorded.
    own = "" if extra.oid.dotted_string == INHIBIT_ANY else " InvalidExtension"
    assert flags(lab, (demands(5), extra), ()) == f"InvalidPolicyConstraints{own}"
    assert flags(lab, (demands(5),), ()) == "NoError"


def test_too_many_policies_are_not_read() -> None:
    one = bytes.fromhex("300406022a03")
    assert len(policies.read_policies(b"\x30\x82\x06\x00" + one * 256)) == 256
    with pytest.raises(der.DerError, match="more than 256"):
        policies.read_policies(b"\x30\x82\x06\x06" + one * 257)


@given(st.binary(max_size=40))
def test_any_bytes_are_policies_or_a_der_error(data: bytes) -> None:
    for read in (policies.read_policies, policies.read_constraints):
        for value in (data, b"\x30" + bytes([len(data)]) + data):
            with contextlib.suppress(der.DerError):
                read(value)
