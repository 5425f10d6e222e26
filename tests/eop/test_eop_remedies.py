"""Commands that are pasted into a shell with administrator's rights: filled in with the truth, and never more."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.eop import remedies
from probe.eop.vocabulary import Direction
from probe.powershell import Command, Steps
from tests.authority import DAY, Issued
from tests.eop.cases import leaf
from tests.eop.weighing import (
    CA,
    FROM_EOP,
    HOST,
    ISSUING,
    LEAF,
    NOW,
    PRIVATE_LEAF,
    SELF_SIGNED,
    TO_EOP,
    finding,
    raw_name,
    read,
    verdict,
)
from tests.powershell_lexer import Kind, skeleton, tokens

HOSTILE = "'\"`$(){};|&<>\n\r\t #,=+\\\u2018\u2019\u201a\u201b\u201c\u201d\u202e\x1b\x07ab"


def singles(command: str) -> list[str]:
    return [token.text for token in tokens(command) if token.kind is Kind.SINGLE]


def commands(steps: Steps) -> list[str]:
    return [step.text for step in steps if isinstance(step, Command)]


def hostile(text: str) -> Issued:
    """An end certificate whose CN, organisation and issuer hold the text."""
    name = raw_name(
        (NameOID.ORGANIZATION_NAME.dotted_string, text), (NameOID.COMMON_NAME.dotted_string, text)
    )
    return CA.leaf(ISSUING, HOST, subject=name, issuer_name=name, names=(), not_after=NOW + 5 * DAY)


# 21 characters of three bytes at most: a common name has 64 bytes (RFC 5280 A.1, as cryptography counts).
@given(st.text(alphabet=HOSTILE, min_size=1, max_size=21))
@example("'; Remove-Mailbox -Identity * #")
@example("\u2019; calc; \u2018")
@example('$(calc)`n"')
@settings(max_examples=60, deadline=None)
def test_a_hostile_subject_stays_inside_its_quotes(text: str) -> None:
    certificate = read(hostile(text))
    tame = read(hostile("tame"))
    for make in (
        remedies.renew,
        lambda each: remedies.replace_untrusted(each, TO_EOP, text),
        lambda each: remedies.import_intermediate(each, each),
    ):
        assert [skeleton(step) for step in commands(make(certificate))] == [
            skeleton(step.replace(tame.sha1.upper(), certificate.sha1.upper()))
            for step in commands(make(tame))
        ]


@given(st.text(alphabet=HOSTILE, min_size=1, max_size=60))
@settings(max_examples=30, deadline=None)
def test_no_step_holds_a_control_character(text: str) -> None:
    for found in verdict(hostile(text), tls_sender_certificate_name="relay.contoso.test").findings:
        for step in (found.summary, *found.remedy, *found.detail.split("\n")):
            assert str(step).isprintable()


def test_the_pin_is_in_windows_form() -> None:
    assert remedies.pin(read(LEAF)) == (
        '<I>CN=Fabrikam Public TLS CA 1, O="Fabrikam, Inc.", C=US<S>CN=mail.contoso.test'
    )


@pytest.mark.parametrize(
    ("pairs", "written"),
    [
        ([("2.5.4.6", "DE"), ("2.5.4.8", "Bayern"), ("2.5.4.7", "Hof"), ("2.5.4.3", "a.test")],
         "CN=a.test, L=Hof, S=Bayern, C=DE"),
        ([("2.5.4.10", 'The "Inn"'), ("2.5.4.3", "a.test")], 'CN=a.test, O="The ""Inn"""'),
        ([("1.2.840.113549.1.9.1", "x@contoso.test"), ("2.5.4.3", " padded ")],
         'CN=" padded ", E=x@contoso.test'),
        ([("0.9.2342.19200300.100.1.25", "local"), ("0.9.2342.19200300.100.1.25", "contoso")],
         "DC=contoso, DC=local"),
        ([("2.5.4.3", "Müller + Söhne; GmbH")], 'CN="Müller + Söhne; GmbH"'),
    ],
)  # fmt: skip
def test_names_are_written_as_windows_does(pairs: list[tuple[str, str]], written: str) -> None:
    named = read(leaf(subject=raw_name(*pairs)))
    assert remedies.pin(named).endswith(f"<S>{written}")


def test_renewal_names_the_connectors_that_pin_the_old_one() -> None:
    soon = leaf(not_after=NOW + 5 * DAY)
    steps = finding(verdict(soon, ISSUING), "expires-soon").remedy
    pinned = [step for step in commands(steps) if "-eq" in step]
    assert [singles(step) for step in pinned] == [[remedies.pin(read(soon))]] * 2
    assert [step.split()[0] for step in pinned] == ["Get-SendConnector", "Get-ReceiveConnector"]
    assert steps[-1] == f"Then remove the old certificate {soon.sha1.upper()} once nothing uses it."
    assert f"Get a renewed certificate for {HOST} " in str(steps[0])


def test_a_certificate_without_names_is_renewed_all_the_same() -> None:
    nameless = leaf(subject=x509.Name([]), names=(), not_after=NOW + DAY)
    assert "for the same names from" in str(finding(verdict(nameless, ISSUING), "expires-soon").remedy[0])


def test_an_expiring_authority_is_no_reason_to_list_the_leaf() -> None:
    soon = CA.intermediate(ISSUING.issuer, "Soon CA", not_after=NOW + 20 * DAY)
    found = finding(verdict(leaf(issuer=soon), soon), "expires-soon")
    assert not commands(found.remedy)
    assert "Soon CA" in found.summary


@pytest.mark.parametrize(
    ("direction", "cmdlet"), [(TO_EOP, "Set-SendConnector"), (FROM_EOP, "Set-ReceiveConnector")]
)
def test_the_connector_is_the_one_of_the_direction(direction: Direction, cmdlet: str) -> None:
    steps = finding(verdict(SELF_SIGNED, direction=direction), "self-signed").remedy
    named = [step for step in commands(steps) if "-TlsCertificateName" in step]
    assert len(named) == 1
    assert named[0].startswith(f"{cmdlet} '<")
    assert named[0].endswith('-TlsCertificateName "<I>$($cert.Issuer)<S>$($cert.Subject)"')


def test_without_a_name_the_command_says_what_to_fill_in() -> None:
    first = commands(remedies.replace_untrusted(read(SELF_SIGNED), TO_EOP, None))[0]
    assert singles(first) == ["<FQDN of the connector>"]


@pytest.mark.parametrize("direction", [TO_EOP, FROM_EOP])
def test_every_command_is_one_that_exists(direction: Direction) -> None:
    known = {
        "Get-ExchangeCertificate", "Enable-ExchangeCertificate", "$cert", "Set-SendConnector", "Set-ReceiveConnector",
        "Get-SendConnector", "Get-ReceiveConnector", "Import-Certificate", "Set-InboundConnector", "eop-probe",
    }  # fmt: skip
    old = leaf(not_before=NOW - 90 * DAY, not_after=NOW - DAY)
    for chain in ((SELF_SIGNED,), (LEAF,), (old, ISSUING), (PRIVATE_LEAF,)):
        for found in verdict(
            *chain, direction=direction, tls_sender_certificate_name="relay.contoso.test"
        ).findings:
            for step in commands(found.remedy):
                assert step.split()[0] in known
