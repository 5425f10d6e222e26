"""Distinguished names as Windows writes them, and which hosts a certificate stands for."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from probe.pki.certificate import Certificate
from probe.pki.host_names import certificate_matches, dns_id_matches
from probe.pki.names import Name
from tests.authority import Authority
from tests.pki.judging import NOW


def name(*rdns: tuple[tuple[ObjectIdentifier, str], ...]) -> Name:
    parts = [x509.RelativeDistinguishedName([x509.NameAttribute(*pair) for pair in rdn]) for rdn in rdns]
    return Name(x509.Name(parts).public_bytes())


COUNTRY = ((NameOID.COUNTRY_NAME, "US"),)


@pytest.mark.parametrize(
    ("rdns", "windows"),
    [
        ((), ""),
        ((COUNTRY, ((NameOID.COMMON_NAME, "x"),)), "CN=x, C=US"),
        ((((NameOID.STATE_OR_PROVINCE_NAME, "Washington"),),), "S=Washington"),
        ((((NameOID.EMAIL_ADDRESS, "a@contoso.test"),),), "E=a@contoso.test"),
        (
            (((NameOID.DOMAIN_COMPONENT, "test"),), ((NameOID.DOMAIN_COMPONENT, "contoso"),)),
            "DC=contoso, DC=test",
        ),
        ((((NameOID.ORGANIZATION_NAME, "Fabrikam, Inc."),),), 'O="Fabrikam, Inc."'),
        ((((NameOID.ORGANIZATION_NAME, 'The "Best"'),),), 'O="The ""Best"""'),
        ((((NameOID.ORGANIZATION_NAME, "a+b"),),), 'O="a+b"'),
        ((((NameOID.ORGANIZATION_NAME, " x"),),), 'O=" x"'),
        ((((ObjectIdentifier("1.2.3.4"), "y"),),), "OID.1.2.3.4=y"),
        ((((NameOID.COMMON_NAME, "evil\x1b[2J"),),), "CN=evil\\x1b[2J"),
    ],
)
def test_a_name_as_windows_writes_it(rdns: tuple, windows: str) -> None:
    assert name(*rdns).windows == windows


def test_a_multi_valued_part_is_joined_by_plus() -> None:
    multi = name(((NameOID.COMMON_NAME, "x"), (NameOID.SERIAL_NUMBER, "7")))
    assert sorted(multi.windows.split(" + ")) == ["CN=x", "SERIALNUMBER=7"]


@pytest.mark.parametrize(
    ("encoded", "windows", "short"),
    [
        ("300e310c300a06035504030c03c3a478", "CN=\u00e4x", "\u00e4x"),  # UTF8String
        ("300f310d300b06035504031e0400e40078", "CN=\u00e4x", "\u00e4x"),  # BMPString
        ("300d310b300906035504031302ff78", "CN=\u00ffx", "\u00ffx"),  # PrintableString out of its alphabet
        ("300d310b300906035504030c02ff78", "CN=\\xffx", "\\xffx"),  # no UTF-8
        ("300d310b300906035504030402ff78", 'CN="#0402ff78"', "#0402ff78"),  # an octet string
        ("3000", "", "(empty name)"),
        ("3001", "#3001", "#3001"),
        ("30053103300106", "#30053103300106", "#30053103300106"),
        ("30093107300506032a0304", "#30093107300506032a0304", "#30093107300506032a0304"),  # no value
        ("30073105300306", "#30073105300306", "#30073105300306"),
    ],
)
def test_odd_encodings_are_shown_not_refused(encoded: str, windows: str, short: str) -> None:
    odd = Name(bytes.fromhex(encoded))
    assert (odd.windows, odd.short) == (windows, short)
    assert repr(odd) == f"Name({windows!r})"


def test_a_name_of_too_many_attributes_is_not_read() -> None:
    many = name(*([COUNTRY] * 65))
    assert many.rdns == ()
    assert many.windows.startswith("#30")
    assert len(name(*([COUNTRY] * 64)).rdns) == 64


def test_common_names_and_what_a_person_calls_it() -> None:
    two = name(((NameOID.COMMON_NAME, "first"),), ((NameOID.COMMON_NAME, "second"),))
    assert two.common_names == ("second", "first")
    assert name(COUNTRY, ((NameOID.ORGANIZATION_NAME, "Contoso"),)).short == "Contoso"
    assert name(COUNTRY).short == "C=US"
    assert two == Name(two.der)
    assert two != name(COUNTRY)
    assert two != two.der
    assert len({two, Name(two.der)}) == 1


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("mail.contoso.test", "MAIL.contoso.TEST.", True),
        ("mail.contoso.test", "contoso.test", False),
        ("*.contoso.test", "mail.contoso.test", True),
        ("*.contoso.test", "contoso.test", False),
        ("*.contoso.test", "a.mail.contoso.test", False),
        ("*.contoso.test", ".contoso.test", False),
        ("*.contoso.test", "my_host.contoso.test", True),
        ("m*.contoso.test", "mail.contoso.test", False),
        ("mail.*.test", "mail.contoso.test", False),
        ("*", "mail", False),
        ("", "", False),
        ("*.*.test", "a.*.test", False),
    ],
)
def test_a_wildcard_stands_for_one_whole_label(pattern: str, host: str, *, matches: bool) -> None:
    assert dns_id_matches(pattern, host) is matches


def certificate(*names: str | x509.GeneralName, subject: str = "CN=cn.contoso.test") -> Certificate:
    authority = Authority(now=NOW)
    return Certificate(authority.leaf(authority.root(), "x", subject=subject, names=names).der)


MAILBOX = x509.RFC822Name("a@contoso.test")


@pytest.mark.parametrize(
    ("found", "host", "matches"),
    [
        (certificate("mail.contoso.test"), "mail.contoso.test", True),
        (certificate("mail.contoso.test"), "cn.contoso.test", False),
        (certificate(), "cn.contoso.test", True),
        (certificate(), "other.contoso.test", False),
        (certificate(subject="CN=b.contoso.test,CN=a.contoso.test"), "b.contoso.test", True),
        (certificate(subject="CN=b.contoso.test,CN=a.contoso.test"), "a.contoso.test", True),
        (certificate(subject="CN=*.contoso.test"), "a.contoso.test", True),
        (certificate(MAILBOX), "cn.contoso.test", None),
        (certificate(MAILBOX), "other.contoso.test", False),
        (certificate("192.0.2.1", "2001:db8::1"), "192.0.2.1", True),
        (certificate("192.0.2.1", "2001:db8::1"), "192.0.2.2", False),
        (certificate("192.0.2.1", "2001:db8::1"), "[2001:DB8:0::1]", True),
        (certificate(subject="CN=192.0.2.1"), "192.0.2.1", False),
        (certificate("x1"), "x1", True),
        (certificate("x1"), "", False),
    ],
)
def test_which_hosts_a_certificate_stands_for(found: Certificate, host: str, *, matches: bool | None) -> None:
    assert certificate_matches(found, host) is matches


@given(st.binary(max_size=60))
def test_any_bytes_make_a_name_that_can_be_shown(data: bytes) -> None:
    assert Name(data).windows.isprintable()
    assert Name(data).short
