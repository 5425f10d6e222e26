"""Does a certificate's name satisfy an inbound connector, and is it the tenant's (KB 4019940, KB 3169958)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.attribution.names import Grade, Presented, base, connector_matches, grade, presented_by
from probe.exchange.attribution.ownership import certificate_owned
from probe.exchange.connector import AcceptedDomain
from probe.exchange.problem import Place
from tests.eop.weighing import CA, ISSUING, read

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=2, max_size=5).map(".".join)


@pytest.mark.parametrize(
    ("connector", "name", "expected"),
    [
        ("mail.contoso.com", "mail.contoso.com", True),
        ("mail.contoso.com", "MAIL.Contoso.com.", True),
        ("Mail.Contoso.Com.", "mail.contoso.com", True),
        ("mail.contoso.com", "mail2.contoso.com", False),
        ("contoso.com", "mail.contoso.com", False),
        # "a domain and all subdomains", unlike a certificate's wildcard
        ("*.contoso.com", "contoso.com", True),
        ("*.contoso.com", "mail.contoso.com", True),
        ("*.contoso.com", "a.b.c.contoso.com", True),
        ("*.contoso.com", "*.contoso.com", True),
        ("*.contoso.com", "*.eu.contoso.com", True),
        ("*.contoso.com", "notcontoso.com", False),
        ("*.contoso.com", "contoso.com.evil.test", False),
        ("*.eu.contoso.com", "*.contoso.com", False),
        # the base of a wildcard entry is what counts of it
        ("contoso.com", "*.contoso.com", True),
        ("mail.contoso.com", "*.contoso.com", False),
    ],
)
def test_connector(connector: str, name: str, *, expected: bool) -> None:
    assert connector_matches(connector, name) is expected


@given(NAME, LABEL)
def test_a_wildcard_connector_takes_every_depth_and_no_neighbour(domain: str, label: str) -> None:
    assert connector_matches(f"*.{domain}", domain)
    assert connector_matches(f"*.{domain}", f"{label}.{domain}")
    assert connector_matches(f"*.{domain}", f"{label}.{label}.{domain}")
    assert not connector_matches(f"*.{domain}", label + domain)
    assert not connector_matches(f"*.{label}.{domain}", domain)


@pytest.mark.parametrize(
    ("common_name", "names", "connector", "expected"),
    [
        ("mail.contoso.com", ("mail.contoso.com",), "mail.contoso.com", Grade.BOTH),
        ("mail.contoso.com", ("other.contoso.com",), "mail.contoso.com", Grade.SUBJECT),
        ("mail.contoso.com", ("other.contoso.com",), "other.contoso.com", Grade.ALTERNATIVE),
        ("mail.contoso.com", ("mail.contoso.com",), "*.contoso.com", Grade.BOTH),
        ("mail.fabrikam.com", ("mail.contoso.com",), "*.contoso.com", Grade.ALTERNATIVE),
        ("mail.contoso.com", ("mail.contoso.com",), "mail.fabrikam.com", Grade.NONE),
        ("*.contoso.com", ("*.contoso.com",), "*.contoso.com", Grade.BOTH),
        ("*.contoso.com", ("*.contoso.com",), "mail.contoso.com", Grade.WILDCARD),
        ("x.fabrikam.com", ("*.contoso.com",), "mail.contoso.com", Grade.WILDCARD),
        ("*.contoso.com", ("*.contoso.com",), "a.mail.contoso.com", Grade.NONE),
        ("*.contoso.com", ("*.contoso.com",), "contoso.com", Grade.BASE),
        ("a.*.contoso.com", ("a.*.contoso.com",), "a.*.contoso.com", Grade.INVALID),
        ("mail.contoso.com", ("mail.contoso.com",), "*", Grade.INVALID),
    ],
)
def test_certificate(common_name: str, names: tuple[str, ...], connector: str, expected: Grade) -> None:
    certificate = read(CA.leaf(ISSUING, subject=common_name, names=names))
    assert grade(presented_by(certificate), connector)[0] is expected


def test_a_certificate_without_names_matches_nothing() -> None:
    certificate = read(CA.leaf(ISSUING, subject="O=Contoso", names=()))
    assert grade(presented_by(certificate), "*.contoso.com") == (Grade.NONE, ())


@pytest.mark.parametrize(
    ("name", "domains", "expected"),
    [
        ("mail.contoso.com", ("contoso.com",), True),  # immediately below
        ("contoso.com", ("contoso.com",), True),
        ("hostname.subdomain.contoso.com", ("contoso.com",), False),  # KB 4019940's own example
        ("hostname.subdomain.contoso.com", ("contoso.com", "subdomain.contoso.com"), True),
        ("*.contoso.com", ("contoso.com",), True),
        ("*.mail.contoso.com", ("contoso.com",), True),
        ("MAIL.CONTOSO.COM.", ("Contoso.com.",), True),
        ("mail.contoso.com", ("*.contoso.com",), True),
        ("mail.contoso.com", (), False),
        ("contoso.com", ("mail.contoso.com",), False),
        ("com", ("contoso.com",), False),
        ("localhost", ("",), False),
        ("", ("",), False),
    ],
)
def test_owned(name: str, domains: tuple[str, ...], *, expected: bool) -> None:
    accepted = tuple(AcceptedDomain(source=Place("a test"), domain_name=domain) for domain in domains)
    assert certificate_owned(Presented((name,), (name,), (name,)), (), accepted).owned is expected


def test_base() -> None:
    assert [base(each) for each in ("*.Contoso.com.", "contoso.com", "a.*.com")] == [
        "contoso.com",
        "contoso.com",
        "a.*.com",
    ]
