"""Name constraints read from raw DER: every kind of name, the unsupported, the broken and the costly."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from probe.pki import der
from probe.pki.name_constraints import Comparisons, names_of, read_constraints, violations
from probe.pki.path import build
from probe.pki.status import Purpose
from probe.pki.truststore import AnchorStore
from tests.authority import raw_extension
from tests.pki.judging import HOST, NOW, Lab, read, shown

NAME_CONSTRAINTS = "2.5.29.30"
PERMITTED, EXCLUDED = "HasNotPermittedNameConstraint", "HasExcludedNameConstraint"
UNSUPPORTED = "HasNotSupportedNameConstraint"


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def flags(lab: Lab, names: tuple, *, subject: str = "CN=x", **constraints: object) -> str:
    issuing = lab.authority.intermediate(lab.root, **constraints)
    return lab.flags(lab.leaf(issuing, "x", subject=subject, names=names), issuing)


def mail(text: str) -> x509.RFC822Name:
    return x509.RFC822Name(text)


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def network(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_network(text))


def directory(text: str) -> x509.DirectoryName:
    return x509.DirectoryName(x509.Name.from_rfc4514_string(text))


def principal(text: str) -> x509.OtherName:
    encoded = text.encode()
    return x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), bytes([0x0C, len(encoded)]) + encoded)


def other(oid: str) -> x509.OtherName:
    return x509.OtherName(ObjectIdentifier(oid), b"\x05\x00")


@pytest.mark.parametrize(
    ("name", "constraint", "inside"),
    [
        ("contoso.test", "contoso.test", True),
        ("mail.CONTOSO.test", "Contoso.test", True),
        ("badcontoso.test", "contoso.test", False),
        ("mail.contoso.test", ".contoso.test", True),
        ("contoso.test", ".contoso.test", False),
        ("*.contoso.test", "contoso.test", True),
        ("anything.test", "", True),
        (mail("a@contoso.test"), mail("contoso.test"), True),
        (mail("a@mail.contoso.test"), mail("contoso.test"), False),
        (mail("a@mail.contoso.test"), mail(".contoso.test"), True),
        (mail("A@Contoso.test"), mail("a@contoso.test"), True),
        (mail("b@contoso.test"), mail("a@contoso.test"), False),
        (uri("https://contoso.test/x"), uri("contoso.test"), True),
        (uri("https://mail.contoso.test:8443/x"), uri(".contoso.test"), True),
        (uri("https://mail.contoso.test/"), uri("contoso.test"), False),
        (uri("https://[oops/"), uri("contoso.test"), False),
        ("192.0.2.9", network("192.0.2.0/24"), True),
        ("192.0.3.9", network("192.0.2.0/24"), False),
        ("2001:db8::9", network("2001:db8::/32"), True),
        ("2001:db8::9", network("192.0.2.0/24"), False),
        (directory("CN=x,O=Contoso,C=US"), directory("O=CONTOSO,C=US"), True),
        (directory("CN=x,O=Fabrikam,C=US"), directory("O=Contoso,C=US"), False),
        (principal("a@contoso.test"), principal("@contoso.test"), True),
        (principal("a@contoso.test"), principal("@fabrikam.test"), False),
    ],
)
def test_a_name_lies_inside_a_constraint_or_not(
    lab: Lab, name: str | x509.GeneralName, constraint: str | x509.GeneralName, *, inside: bool
) -> None:
    nobody = x509.Name([])
    permitted = flags(lab, (name,), subject=nobody, permitted=(constraint,))
    excluded = flags(lab, (name,), subject=nobody, excluded=(constraint,))
    assert (permitted, excluded) == (("NoError", EXCLUDED) if inside else (PERMITTED, "NoError"))


def test_a_kind_of_name_that_is_not_mentioned_is_free(lab: Lab) -> None:
    assert flags(lab, (HOST,), permitted=(mail("fabrikam.test"),)) == "NoError"
    assert flags(lab, (HOST, mail("a@contoso.test")), permitted=(mail("fabrikam.test"),)) == PERMITTED


def test_the_subject_counts_as_directory_name_and_its_address_as_mail(lab: Lab) -> None:
    assert flags(lab, (HOST,), subject="O=Contoso", permitted=(directory("O=Fabrikam"),)) == PERMITTED
    assert flags(lab, (HOST,), subject="O=Contoso", permitted=(directory("O=Contoso"),)) == "NoError"
    address = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@contoso.test")])
    assert flags(lab, (HOST,), subject=address, excluded=(mail("contoso.test"),)) == EXCLUDED
    assert flags(lab, (HOST,), subject=address, excluded=(mail("fabrikam.test"),)) == "NoError"


def test_a_common_name_counts_as_host_only_without_alternative_names(lab: Lab) -> None:
    fabrikam = {"subject": "CN=mail.fabrikam.test", "permitted": ("contoso.test",)}
    assert flags(lab, (), **fabrikam) == PERMITTED
    assert flags(lab, (HOST,), **fabrikam) == "NoError"
    assert flags(lab, (), subject="CN=Some Service", permitted=("contoso.test",)) == "NoError"


def test_an_intermediate_is_bound_unless_it_issued_itself(lab: Lab) -> None:
    limited = lab.authority.intermediate(
        lab.root, "CN=Limited", path_length=None, permitted=(directory("O=Contoso"),)
    )
    stray = lab.authority.intermediate(limited, "CN=Stray")
    assert lab.flags(lab.leaf(stray, subject="O=Contoso"), stray, limited) == PERMITTED
    renewed = lab.authority.intermediate(limited, "CN=Limited")
    assert lab.flags(lab.leaf(renewed, subject="O=Contoso"), renewed, limited) == "NoError"
    assert lab.flags(lab.leaf(limited, subject="CN=Limited"), limited) == PERMITTED  # an end certificate is


def test_a_constraint_stays_broken_on_every_path(lab: Lab) -> None:
    twin = lab.authority.root(lab.root.subject, key=lab.root.key, serial=9)
    issuing = lab.authority.intermediate(lab.root, permitted=("fabrikam.test",))
    leaf = lab.leaf(issuing)
    assert lab.flags(leaf, issuing, lab.root, twin, store=[]) == f"UntrustedRoot {PERMITTED}"
    assert lab.flags(leaf, issuing, lab.root, twin, store=[twin, lab.root]) == PERMITTED


@pytest.mark.parametrize(
    ("names", "constraints", "wanted"),
    [
        ((HOST, other("1.2.3.4")), {"excluded": (other("1.2.3.4"),)}, UNSUPPORTED),
        ((HOST, other("1.2.3.4")), {"permitted": (other("1.2.3.4"),)}, UNSUPPORTED),
        ((HOST, other("1.2.3.4")), {"excluded": (other("1.2.3.5"),)}, "NoError"),
        ((HOST,), {"excluded": (other("1.2.3.4"),)}, "NoError"),
        (
            (HOST, x509.RegisteredID(ObjectIdentifier("1.2.3"))),
            {"permitted": (x509.RegisteredID(ObjectIdentifier("1.2.3")),)},
            UNSUPPORTED,
        ),
    ],
)
def test_unsupported_kinds_matter_where_such_a_name_occurs(
    lab: Lab, names: tuple, constraints: dict, wanted: str
) -> None:
    assert flags(lab, names, **constraints) == wanted


CONTOSO = b"\x82\x0ccontoso.test"
SUBTREE = b"\x30" + bytes([len(CONTOSO)]) + CONTOSO


def wrapped(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag, len(content)]) + content


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (wrapped(0x30, wrapped(0xA0, SUBTREE)), "NoError"),
        (wrapped(0x30), "NoError"),
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30, CONTOSO, b"\x80\x01\x00"))), "NoError"),  # minimum 0
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30, CONTOSO, b"\x80\x01\x01"))), UNSUPPORTED),
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30, CONTOSO, b"\x81\x01\x09"))), UNSUPPORTED),
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30, b"\x82\x0e*.contoso.test"))), PERMITTED),  # no wildcard
        (wrapped(0x30, wrapped(0xA2, SUBTREE)), "broken"),
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30))), "broken"),
        (wrapped(0x30, wrapped(0xA0, CONTOSO)), "broken"),
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30, b"\x82\x01\xff"))), "broken"),
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30, b"\x87\x04\x7f\x00\x00\x01"))), "broken"),
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30, b"\x89\x00"))), "broken"),
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30, b"\xa0\x00"))), "broken"),
        (wrapped(0x30, wrapped(0xA0, wrapped(0x30, b"\xa4\x02\x30\x01"))), "broken"),
        (wrapped(0x30, wrapped(0xA1, wrapped(0x30, b"\xa4\x02\x30\x00"))), EXCLUDED),  # every subject
        (b"\x30\x80", "broken"),
    ],
)
def test_constraints_a_library_would_refuse_or_drop(lab: Lab, value: bytes, wanted: str) -> None:
    extra = raw_extension(NAME_CONSTRAINTS, value, critical=True)
    issuing = lab.authority.intermediate(lab.root, extra=(extra,))
    broken = "InvalidNameConstraints InvalidExtension"
    assert lab.flags(lab.leaf(issuing), issuing) == (broken if wanted == "broken" else wanted)


def test_nonsense_among_the_alternative_names_ends_their_reading(lab: Lab) -> None:
    names = raw_extension("2.5.29.17", wrapped(0x30, CONTOSO, b"\x89\x00", b"\x82\x01x"))
    leaf = read(lab.leaf(names=(), subject="CN=x", extra=(names,)))
    assert [each.value for each in names_of(leaf)][:-1] == ["contoso.test"]


def test_too_many_comparisons_are_refused_not_made(lab: Lab) -> None:
    hosts = tuple(f"h{number}.contoso.test" for number in range(128))
    issuing = read(lab.authority.intermediate(lab.root, excluded=tuple(f"x{each}" for each in hosts)))
    names = names_of(read(lab.leaf(names=hosts)))
    work = Comparisons(limit=129 * 128 - 1)
    assert violations(issuing, names, work) is None
    assert work.spent
    enough = Comparisons(limit=129 * 128)
    assert shown(violations(issuing, names, enough)) == "NoError"
    assert not enough.spent


def test_a_judgement_says_that_it_gave_up(lab: Lab) -> None:
    hosts = tuple(f"h{number}.contoso.test" for number in range(128))
    issuing = lab.authority.intermediate(lab.root, excluded=tuple(f"x{each}" for each in hosts))
    leaf = lab.leaf(issuing, names=hosts)
    built = build([read(leaf), read(issuing)], AnchorStore("lab", [read(lab.root)]), Purpose.SERVER_AUTH, NOW)
    # Given up is neither a flag nor trust.
    assert (shown(built.status), built.trusted, built.undecided) == ("NoError", False, True)
    assert built.limits == ("more than 16384 comparisons of names with constraints",)
    assert built.unevaluated == ("Lab Issuing CA 1: more comparisons than this program makes",)
    few = lab.judge(lab.leaf(issuing, names=hosts[:64]), issuing)
    assert (few.trusted, few.undecided, few.limits) == (True, False, ())


@given(st.binary(max_size=80))
def test_any_bytes_are_constraints_or_a_der_error(data: bytes) -> None:
    for value in (data, wrapped(0x30, wrapped(0xA0, wrapped(0x30, data)))):
        with contextlib.suppress(der.DerError):
            read_constraints(value)
