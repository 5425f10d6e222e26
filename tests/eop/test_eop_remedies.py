"""Commands that are pasted into a shell with administrator's rights: filled in with the truth, and never more."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe.eop import remedies
from probe.eop.evidence import Evidence
from probe.eop.verdict import judge
from probe.eop.vocabulary import Direction
from probe.powershell import Command, Steps
from probe.smtp.software import Software, looks_like
from tests.authority import DAY, Issued
from tests.eop.cases import leaf
from tests.eop.weighing import (
    CA,
    FROM_EOP,
    HOST,
    ISSUING,
    LEAF,
    NOW,
    PRIVATE_ISSUING,
    PRIVATE_LEAF,
    PRIVATE_ROOT,
    SELF_SIGNED,
    TO_EOP,
    capture,
    evidence,
    finding,
    raw_name,
    read,
    smtp,
    verdict,
)
from tests.examples import examples
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
@settings(max_examples=examples(60))
def test_a_hostile_subject_stays_inside_its_quotes(text: str) -> None:
    certificate = read(hostile(text))
    tame = read(hostile("tame"))
    met = evidence(LEAF, expected_name=text)
    for make in (
        lambda each: remedies.renew(each, met),
        lambda each: remedies.replace_untrusted(each, met),
        lambda each: remedies.import_intermediate(each, each, met),
    ):
        assert [skeleton(step) for step in commands(make(certificate))] == [
            skeleton(step.replace(tame.sha1.upper(), certificate.sha1.upper()))
            for step in commands(make(tame))
        ]


@given(st.text(alphabet=HOSTILE, min_size=1, max_size=60))
@settings(max_examples=examples(30))
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
    pinned = [step for step in commands(steps) if "TlsCertificateName)" in step]
    assert [singles(step) for step in pinned] == [[remedies.pin(read(soon))]] * 2
    assert [step.split()[0] for step in pinned] == ["Get-SendConnector", "Get-ReceiveConnector"]
    assert f"Then remove the old certificate {soon.sha1.upper()} once nothing uses it." in steps
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
    first = commands(remedies.replace_untrusted(read(SELF_SIGNED), evidence(SELF_SIGNED)))[0]
    assert singles(first) == ["<FQDN of the connector>"]


@pytest.mark.parametrize("direction", [TO_EOP, FROM_EOP])
def test_every_command_is_one_that_exists(direction: Direction) -> None:
    known = {
        "Get-ExchangeCertificate", "Enable-ExchangeCertificate", "$cert", "Set-SendConnector", "Set-ReceiveConnector",
        "Get-SendConnector", "Get-ReceiveConnector", "Import-Certificate", "Set-InboundConnector", "eop-probe",
        "Import-ExchangeCertificate", "$connector", "Retry-Queue",
    }  # fmt: skip
    old = leaf(not_before=NOW - 90 * DAY, not_after=NOW - DAY)
    for chain in ((SELF_SIGNED,), (LEAF,), (old, ISSUING), (PRIVATE_LEAF,)):
        for found in verdict(
            *chain, direction=direction, tls_sender_certificate_name="relay.contoso.test"
        ).findings:
            for step in commands(found.remedy):
                assert step.split()[0] in known


def met(
    banner: str, *ehlo: str, direction: Direction = TO_EOP, chain: tuple[Issued, ...] = (LEAF,)
) -> Evidence:
    """A chain that a server with this banner and this EHLO reply presented."""
    said = dataclasses.replace(smtp(), banner=banner, ehlo=ehlo or (HOST, "STARTTLS"))
    return evidence(seen=capture(*chain, smtp=said), direction=direction)


BANNERS = {
    Software.EXCHANGE: "220 mail.contoso.test Microsoft ESMTP MAIL Service ready at Fri, 20 Nov 2026 12:00:00 +0000",
    Software.POSTFIX: "220 mail.contoso.test ESMTP Postfix (Debian)",
    Software.EXIM: "220 mail.contoso.test ESMTP Exim 4.98.2 Fri, 20 Nov 2026 12:00:00 +0000",
    Software.SENDMAIL: "220 mail.contoso.test ESMTP Sendmail 8.18.1/8.18.1; Fri, 20 Nov 2026 12:00:00 GMT",
    Software.OPENSMTPD: "220 mail.contoso.test ESMTP OpenSMTPD",
}
WHERE = {
    Software.POSTFIX: "smtp_tls_chain_files or smtp_tls_cert_file (as a server: smtpd_tls_chain_files",
    Software.EXIM: "tls_certificate",
    Software.SENDMAIL: "into the file of confCACERT, never into that of the certificate",
    Software.OPENSMTPD: "pki ... cert",
}


def missing(found: Evidence) -> str:
    verdict = judge(found)
    return "\n".join(map(str, next(f for f in verdict.findings if f.rule == "missing-intermediate").remedy))


@pytest.mark.parametrize("software", WHERE)
def test_the_missing_intermediate_goes_where_the_server_that_was_met_has_it(software: Software) -> None:
    steps = missing(met(BANNERS[software]))
    assert f"The server looks like {software.value}: " in steps
    assert WHERE[software] in steps
    assert "Import-Certificate" not in steps
    others = {each.value for each in Software} - {software.value}
    assert not [each for each in others if f"{each}: " in steps]
    as_server = missing(met(BANNERS[software], direction=FROM_EOP))
    assert "(as a server" not in as_server


def test_exchange_gets_exchanges_steps_alone() -> None:
    steps = missing(met(BANNERS[Software.EXCHANGE]))
    assert "Import-Certificate" in steps
    assert "Postfix" not in steps


def test_a_server_that_hides_itself_gets_a_line_for_each() -> None:
    steps = missing(met("220 mail.contoso.test ESMTP"))
    assert "Import-Certificate" in steps
    assert all(f"{software.value}: " in steps for software in Software if software is not Software.EXCHANGE)
    assert "looks like" not in steps


@pytest.mark.parametrize(
    ("ehlo", "software"),
    [
        (("mail.contoso.test Hello [192.0.2.99]", "SIZE 37748736", "X-ANONYMOUSTLS", "STARTTLS"), Software.EXCHANGE),
        (("mail.contoso.test Hello probe [192.0.2.99]", "SIZE 52428800", "PIPECONNECT", "PRDR"), Software.EXIM),
        (("mail.contoso.test Hello probe [192.0.2.99], pleased to meet you", "ETRN", "ENHANCEDSTATUSCODES",
          "DELIVERBY"), Software.SENDMAIL),
        (("mail.contoso.test", "PIPELINING", "SIZE 10240000", "ETRN", "STARTTLS", "ENHANCEDSTATUSCODES"),
         Software.POSTFIX),
        (("mail.contoso.test Hello probe", "ETRN", "ENHANCEDSTATUSCODES"), None),
        (("mail.contoso.test", "STARTTLS"), None),
        ((), None),
    ],
)  # fmt: skip
def test_without_a_telling_banner_the_keywords_tell(ehlo: tuple[str, ...], software: Software | None) -> None:
    assert looks_like("220 mail.contoso.test ESMTP ready", ehlo) is software
    assert looks_like(BANNERS[Software.OPENSMTPD], ehlo) is Software.OPENSMTPD


@pytest.mark.parametrize(
    ("rule", "chain"),
    [("self-signed", (SELF_SIGNED,)), ("untrusted-root", (PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT))],
)
def test_a_postfix_is_not_told_of_cmdlets(rule: str, chain: tuple[Issued, ...]) -> None:
    for banner, cmdlets in ((BANNERS[Software.POSTFIX], False), (BANNERS[Software.EXCHANGE], True)):
        steps = next(f for f in judge(met(banner, chain=chain)).findings if f.rule == rule).remedy
        assert bool(commands(steps)) is cmdlets
        assert ("smtp_tls_chain_files" in "".join(map(str, steps))) is not cmdlets


def test_the_question_about_the_default_certificate_is_answered_before_each_command() -> None:
    for chain in (
        (SELF_SIGNED,),
        (PRIVATE_LEAF, PRIVATE_ISSUING, PRIVATE_ROOT),
        (leaf(not_after=NOW - DAY), ISSUING),
    ):
        for found in verdict(*chain).findings:
            for before, step in pairwise(found.remedy):
                if "-Services SMTP" in str(step):
                    assert "Answer No when asked to replace the default certificate:" in str(before)


def test_a_new_certificate_is_imported_and_the_queue_goes_last() -> None:
    late = leaf(not_after=NOW - DAY)
    steps = commands(finding(verdict(late, ISSUING), "expired").remedy)
    names = [step.split()[0] for step in steps]
    order = ("Import-ExchangeCertificate", "Enable-ExchangeCertificate", "Set-SendConnector", "Retry-Queue")
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)
    assert "NextHopConnector -eq '$($connector.Guid)'" in steps[names.index("Retry-Queue")]
    soon = commands(finding(verdict(leaf(not_after=NOW + 5 * DAY), ISSUING), "expires-soon").remedy)
    assert not [step for step in soon if "Retry-Queue" in step]
