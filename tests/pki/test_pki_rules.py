"""What a certificate may say and do in its place: one fault at a time, each beside its mended twin."""

from __future__ import annotations

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from probe.pki.certificate import Certificate
from probe.pki.path import build
from probe.pki.status import Purpose
from probe.pki.truststore import AnchorStore
from tests.authority import ANY_PURPOSE, CLIENT_AUTH, SERVER_AUTH, raw_extension
from tests.pki.judging import HOST, NOW, Lab, read, shown

EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION
UNKNOWN = "1.3.6.1.4.1.55555.1"
APPLICATION_POLICIES = "1.3.6.1.4.1.311.21.10"


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


# ---- authorities --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "flags"),
    [
        ({"ca": False}, "InvalidBasicConstraints"),
        ({"ca": None, "key_usage": None}, "InvalidBasicConstraints"),
        ({"ca": False, "key_usage": ("digital_signature",)}, "NotValidForUsage InvalidBasicConstraints"),
        ({"key_usage": ("crl_sign",)}, "NotValidForUsage"),
        ({"key_usage": None}, "NoError"),
        ({"ca_critical": False}, "NoError"),
        ({"version": 1}, "InvalidBasicConstraints"),
        ({"eku": (CLIENT_AUTH,)}, "NotValidForUsage"),
        ({"eku": (EMAIL,)}, "NotValidForUsage"),
        ({"eku": (EMAIL, SERVER_AUTH)}, "NoError"),
        ({"eku": (ANY_PURPOSE,)}, "NoError"),
        ({"signature": "sha384"}, "NoError"),
    ],
)
def test_what_an_issuer_may_not_do(lab: Lab, overrides: dict, flags: str) -> None:
    overrides = {"path_length": None} | overrides
    issuing = lab.authority.intermediate(lab.root, **overrides)
    built = lab.judge(lab.leaf(issuing), issuing)
    assert shown(built.status) == flags
    # A purpose the CA lacks is flagged below it, too.
    leaf = flags if "eku" in overrides and flags == "NotValidForUsage" else "NoError"
    assert [shown(each.status) for each in built.elements] == [leaf, flags, "NoError"]


def test_a_path_length_counts_the_intermediates_below(lab: Lab) -> None:
    short = lab.authority.intermediate(lab.root, "Short", path_length=0)
    below = lab.authority.intermediate(short, "Below", path_length=None)
    built = lab.judge(lab.leaf(below), below, short)
    assert shown(built.status) == "InvalidBasicConstraints"
    assert built.ssl_policy_error == "TRUST_E_BASIC_CONSTRAINTS"
    assert lab.flags(lab.leaf(short), short) == "NoError"
    root = lab.authority.root(path_length=0)
    issuing = lab.authority.intermediate(root)
    assert lab.flags(lab.leaf(issuing), issuing, store=[root]) == "InvalidBasicConstraints"


def test_a_self_issued_intermediate_does_not_count(lab: Lab) -> None:
    short = lab.authority.intermediate(lab.root, "Short", path_length=0)
    renewed = lab.authority.intermediate(short, "Short", path_length=0)
    assert lab.flags(lab.leaf(renewed), renewed, short) == "NoError"


def test_a_version_1_root_may_lack_basic_constraints_if_it_is_listed(lab: Lab) -> None:
    root = lab.authority.root("Old Root", version=1)
    leaf = lab.leaf(root)
    assert lab.flags(leaf, store=[root]) == "NoError"
    assert lab.flags(leaf, root, store=[]) == "UntrustedRoot InvalidBasicConstraints"
    newer = lab.authority.root("Newer Root", ca=None)
    assert lab.flags(lab.leaf(newer), store=[newer]) == "InvalidBasicConstraints"


# ---- the end certificate ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "flags"),
    [
        ({"eku": (SERVER_AUTH,)}, "NoError"),
        ({"eku": (CLIENT_AUTH,)}, "NotValidForUsage"),
        ({"eku": (ANY_PURPOSE,)}, "NoError"),
        ({"eku": None}, "NoError"),
        ({"ca": True, "key_usage": ("key_cert_sign",)}, "NoError"),
        ({"ca": False, "key_usage": ("key_cert_sign",)}, "NotValidForUsage"),
        ({"ca": None, "key_usage": ("key_cert_sign",)}, "NoError"),
        ({"extra": (raw_extension(UNKNOWN, b"\x05\x00"),)}, "NoError"),
        (
            {"extra": (raw_extension(UNKNOWN, b"\x05\x00", critical=True),)},
            "InvalidExtension HasNotSupportedCriticalExtension",
        ),
        ({"key": "ec-p521"}, "NoError"),
        ({"serial": 2**150}, "NoError"),
        ({"version": 1}, "NoError"),
    ],
)
def test_what_an_end_certificate_may_say(lab: Lab, overrides: dict, flags: str) -> None:
    assert lab.flags(lab.leaf(**overrides), lab.issuing) == flags


def test_a_purpose_the_leaf_lacks_is_flagged_on_the_leaf_alone(lab: Lab) -> None:
    leaf = lab.leaf(eku=(CLIENT_AUTH,))
    built = lab.judge(leaf, lab.issuing)
    assert [shown(each.status) for each in built.elements] == ["NotValidForUsage", "NoError", "NoError"]
    assert built.ssl_policy_error == "CERT_E_WRONG_USAGE"
    assert lab.flags(leaf, lab.issuing, purpose=Purpose.CLIENT_AUTH) == "NoError"


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        ("300c300a06082b06010505070301", "NoError"),
        ("300c300a06082b06010505070302", "NotValidForUsage"),
        ("300e300c060a2b0601040182370a0c01", "NoError"),  # any application policy
        ("3000", "NotValidForUsage"),
        ("3003300100", "InvalidPolicyConstraints InvalidExtension"),
        ("30023000", "InvalidPolicyConstraints InvalidExtension"),
    ],
)
def test_application_policies_replace_the_extended_key_usage(lab: Lab, value: str, flags: str) -> None:
    policies = raw_extension(APPLICATION_POLICIES, bytes.fromhex(value))
    assert lab.flags(lab.leaf(eku=(SERVER_AUTH,), extra=(policies,)), lab.issuing) == flags
    if flags == "NoError":
        assert lab.flags(lab.leaf(eku=(CLIENT_AUTH,), extra=(policies,)), lab.issuing) == flags


@pytest.mark.parametrize(
    ("oid", "without"),
    [
        ("2.5.29.19", {"ca": None}),
        ("2.5.29.15", {"key_usage": None}),
        ("2.5.29.37", {"eku": None}),
    ],
)
def test_an_undecodable_extension_is_invalid(lab: Lab, oid: str, without: dict) -> None:
    broken = raw_extension(oid, b"\x01")
    assert "InvalidExtension" in lab.flags(lab.leaf(extra=(broken,), **without), lab.issuing)
    issuing = lab.authority.intermediate(lab.root, extra=(broken,), path_length=None, **without)
    assert "InvalidExtension" in lab.flags(lab.leaf(issuing), issuing)
    assert lab.flags(lab.leaf(**without), lab.issuing) == "NoError"


def test_undecodable_alternative_names_are_invalid(lab: Lab) -> None:
    broken = raw_extension("2.5.29.17", b"\x30\x05\x82\x10ab")
    assert lab.flags(lab.leaf(names=(), extra=(broken,)), lab.issuing) == "InvalidExtension"


# ---- signatures ---------------------------------------------------------------------------------------------


def test_a_bad_signature_is_flagged_and_the_path_goes_on(lab: Lab) -> None:
    built = lab.judge(lab.leaf(broken_signature=True), lab.issuing)
    assert [shown(each.status) for each in built.elements] == ["NotSignatureValid", "NoError", "NoError"]
    assert built.ssl_policy_error == "TRUST_E_CERT_SIGNATURE"
    issuing = lab.authority.intermediate(lab.root, broken_signature=True)
    assert lab.flags(lab.leaf(issuing), issuing) == "NotSignatureValid"


def test_the_own_signature_of_a_root_counts_only_if_it_is_not_listed(lab: Lab) -> None:
    root = lab.authority.root(broken_signature=True)
    leaf = lab.leaf(root)
    assert lab.flags(leaf, store=[root]) == "NoError"
    assert lab.flags(leaf, root, store=[]) == "NotSignatureValid UntrustedRoot"
    alone = lab.authority.self_signed(HOST, broken_signature=True)
    assert lab.flags(alone) == "NotSignatureValid"
    namesake = lab.authority.self_signed(HOST)
    assert lab.flags(alone, namesake) == "NotSignatureValid"


def test_md5_is_weak_and_so_not_valid_except_on_a_trusted_root(lab: Lab) -> None:
    root = lab.authority.root(key="rsa-2048", signature="md5")
    leaf = lab.leaf(root, signature="md5")
    assert lab.flags(leaf, store=[root]) == "NotSignatureValid HasWeakSignature"
    assert lab.flags(lab.leaf(root), store=[root]) == "NoError"
    assert lab.flags(lab.leaf(root), root, store=[]) == "NotSignatureValid UntrustedRoot HasWeakSignature"


@pytest.mark.parametrize("key", ["rsa-2048", "ec-p256"])
def test_sha1_is_refused_only_for_callers_that_ask_for_it(lab: Lab, key: str) -> None:
    root = lab.authority.root(key=key, signature="sha1")
    issuing = lab.authority.intermediate(root, signature="sha1")
    leaf = lab.leaf(issuing)
    assert lab.flags(leaf, issuing, store=[root]) == "NoError"
    store = AnchorStore("lab", [read(root)])
    strict = build([read(leaf), read(issuing)], store, Purpose.SERVER_AUTH, NOW, refuse_sha1=True)
    assert [shown(each.status) for each in strict.elements] == [
        "NoError",
        "NotSignatureValid HasWeakSignature",
        "NoError",  # a listed root's own signature does not count
    ]


def test_an_unknown_signature_algorithm_is_said_not_guessed(lab: Lab) -> None:
    known = bytes.fromhex("06082a8648ce3d040302")  # ecdsa-with-SHA256
    other = bytes.fromhex("06082a8648ce3d04037f")
    leaf = lab.leaf()
    assert leaf.der.count(known) == 2
    built = lab.judge(Certificate(leaf.der.replace(known, other)), lab.issuing)
    assert shown(built.status) == "NotSignatureValid"
    assert built.unevaluated == ("the signature of mail.contoso.test (1.2.840.10045.4.3.127)",)


# ---- names --------------------------------------------------------------------------------------------------


def test_name_constraints_bind_the_end_certificate(lab: Lab) -> None:
    def flags(*names: str, **constraints: object) -> str:
        issuing = lab.authority.intermediate(lab.root, **constraints)
        return lab.flags(lab.leaf(issuing, *names), issuing)

    assert flags(HOST, permitted=("contoso.test",)) == "NoError"
    assert flags(HOST, permitted=("fabrikam.test",)) == "HasNotPermittedNameConstraint"
    assert flags(HOST, excluded=("contoso.test",)) == "HasExcludedNameConstraint"
    assert flags(HOST, excluded=("fabrikam.test",)) == "NoError"
    assert flags("MAIL.Contoso.test", permitted=(".CONTOSO.test",)) == "NoError"


def test_the_constraining_authority_bears_the_flag(lab: Lab) -> None:
    issuing = lab.authority.intermediate(lab.root, permitted=("fabrikam.test",))
    built = lab.judge(lab.leaf(issuing), issuing)
    flags = ["NoError", "HasNotPermittedNameConstraint", "NoError"]
    assert [shown(each.status) for each in built.elements] == flags
    assert built.ssl_policy_error == "CERT_E_INVALID_NAME"
