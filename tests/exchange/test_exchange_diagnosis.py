"""Stories out of evidence: what proves what, which cause follows, and that each repair was simulated."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from probe.diagnosis.refusals import MAX_GROUPS, Refusals, with_texts
from probe.diagnosis.run import Question, diagnose
from probe.eop.vocabulary import Outcome
from probe.evidence_files import read_evidence
from probe.exchange.exports.joining import gather
from probe.exchange.logs.reader import LogReader
from probe.pki.certificate import Certificate, parse
from probe.pki.truststore import AnchorStore, ListRole
from probe.powershell import Steps, expect_name
from probe.report.diagnosis import DiagnosedFault, Diagnosis
from tests.authority import Issued
from tests.exchange.diagnosing import (
    CA,
    DAY,
    DENIED,
    HEADER,
    HOST,
    ISSUING,
    NEW_PRIVATE,
    NOW,
    OLD,
    PRIVATE,
    PRIVATE_ROOT,
    RENEWED,
    ROOT,
    UNTRUSTED,
    Desk,
    domain,
    inbound_connector,
    leaf,
    listed,
    mail,
    send_connector,
    session,
)

FINE = "250 2.1.5 Recipient OK"


def read(issued: Issued) -> Certificate:
    certificate = parse(issued.der)
    assert isinstance(certificate, Certificate)
    return certificate


STORES = (AnchorStore("microsoft", [read(ROOT)], role=ListRole.MICROSOFT),)
ISSUERS = tuple(map(read, (ISSUING, PRIVATE, PRIVATE_ROOT)))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def ask(*paths: str, texts: tuple[str, ...] = (), issuers: tuple[Certificate, ...] = ISSUERS) -> Diagnosis:
    files = read_evidence([Path(path) for path in paths])
    return diagnose(
        Question(
            files=files,
            gathered=gather(files.exports),
            issuers=issuers,
            stores=lambda: STORES,
            now=NOW + 400 * DAY,
            texts=tuple(("--text", text) for text in texts),
        )
    )


def one(diagnosis: Diagnosis, connector: str = "To EOP") -> DiagnosedFault:
    return next(fault for fault in diagnosis.faults if fault.connector == connector)


def joined(steps: Steps) -> str:
    return "\n".join(map(str, steps))


def said(statements: object) -> str:
    assert isinstance(statements, tuple)
    return "\n".join(map(str, statements))


def test_a_public_certificate_that_is_refused_lacks_its_intermediates(desk: Desk) -> None:
    fault = one(
        ask(
            desk.put("c.json", listed(OLD)),
            desk.put("s.json", [send_connector()]),
            desk.log(session(OLD, *mail(UNTRUSTED))),
        )
    )
    assert fault.title.startswith("The certificate is a public one")
    assert "most likely not sent along" in said(fault.cause)
    assert "Import-Certificate" in joined(fault.remedy)
    assert "Remove-ExchangeCertificate" not in joined(fault.remedy)


def test_a_self_signed_certificate_is_never_advised_to_be_removed(desk: Desk) -> None:
    mine = CA.self_signed(HOST)
    fault = one(
        ask(
            desk.put("c.json", listed(mine, services="SMTP, IIS")),
            desk.put("s.json", [send_connector()]),
            desk.log(session(mine, *mail(UNTRUSTED))),
        )
    )
    assert fault.title == "A self-signed certificate is presented to Exchange Online"
    assert "Remove-ExchangeCertificate" not in joined(fault.remedy)
    assert "additive" in joined(fault.remedy)


def test_the_public_certificate_is_enabled_for_smtp_where_it_is_not(desk: Desk) -> None:
    files = (
        desk.put("c.json", listed(NEW_PRIVATE)),
        desk.put("d.json", listed(OLD, services="IIS")),
        desk.put("s.json", [send_connector(SourceTransportServers="EX01;EX02")]),
        desk.log(session(NEW_PRIVATE, *mail(UNTRUSTED))),
    )
    fault = one(ask(*files))
    assert f"Enable-ExchangeCertificate -Thumbprint {OLD.sha1.upper()} -Services SMTP" in joined(fault.remedy)
    assert "is on every source server: EX01, EX02" in joined(fault.remedy)
    assert "is not surely chosen on EX02" in str(fault.verify[0])
    # An internal certificate for SMTP alone: the KB's step would be empty, and is not shown.
    assert "additive" not in joined(fault.remedy)


def test_what_the_exports_do_not_hold_is_said(desk: Desk) -> None:
    fault = one(
        ask(
            desk.put("c.json", listed(OLD)),
            desk.put("s.json", [send_connector()]),
            desk.log(session(NEW_PRIVATE, *mail(UNTRUSTED))),
        )
    )
    assert "is in no export given" in said(fault.cause)
    assert "the log proves another one, and counts" in said(fault.cause)
    assert f"Get-ExchangeCertificate -Thumbprint {OLD.sha1.upper()}" in joined(fault.remedy)


def test_a_simulation_that_finds_nothing_is_said(desk: Desk) -> None:
    fault = one(
        ask(
            desk.put("c.json", listed(leaf(ISSUING, "www.contoso.com"))),
            desk.put("s.json", [send_connector()]),
            desk.log(session(NEW_PRIVATE, *mail(UNTRUSTED))),
        )
    )
    assert "the simulation ends: nothing" in said(fault.cause)
    assert str(fault.remedy[0]).startswith("Get a certificate of a public CA")


def test_a_delivery_proves_which_certificate_is_taken_whatever_the_stores_say(desk: Desk) -> None:
    other_root = CA.root("CN=Elsewhere")
    taken = leaf(CA.intermediate(other_root, "CN=Elsewhere CA"))
    log = desk.log(
        session(taken, *mail(FINE), number=1, at=NOW - 2 * DAY),
        session(taken, *mail(FINE), number=2, at=NOW - 3 * DAY),
        session(NEW_PRIVATE, *mail(UNTRUSTED), number=3),
    )
    files = (desk.put("c.json", listed(taken, NEW_PRIVATE)), desk.put("s.json", [send_connector()]), log)
    diagnosis = ask(*files)
    assert f"Get-ExchangeCertificate -Thumbprint {taken.sha1.upper()}" in joined(one(diagnosis).remedy)
    notes = said(diagnosis.notes)
    assert f"took mail on {NOW - 2 * DAY:%Y-%m-%d %H:%M} UTC" in notes
    assert f"{taken.sha1.upper()} has expired since" in notes
    assert "wins by being newer" in said(one(diagnosis).cause)


def test_mail_taken_by_another_server_proves_nothing_about_exchange_online(desk: Desk) -> None:
    diagnosis = ask(desk.log(session(OLD, *mail(FINE), banner="220 mail.fabrikam.com ESMTP")))
    assert diagnosis.outcome is Outcome.UNKNOWN
    assert ask(desk.log(session(OLD, *mail(FINE)), name="b.log")).outcome is Outcome.ACCEPTED


def test_the_instant_is_that_of_the_last_session(desk: Desk) -> None:
    log = desk.log(session(OLD, *mail(DENIED), at=NOW + DAY, number=2), session(OLD, *mail(FINE)))
    assert ask(log).at == NOW + DAY
    assert ask(desk.put("c.json", listed(OLD))).at == NOW + 400 * DAY


def test_names_that_match_leave_the_chain_as_the_cause(desk: Desk) -> None:
    fault = one(
        ask(
            desk.put("c.json", listed(OLD)),
            desk.put("i.json", [inbound_connector()]),
            desk.put("d.json", [domain()]),
            desk.log(session(OLD, *mail(DENIED))),
        )
    )
    assert "the intermediate certificates were most likely not sent" in said(fault.cause)
    assert "Import" in joined(fault.remedy)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [("hybrid.contoso.com", "*.contoso.com"), ("*.fabrikam.com", "*.contoso.com")],
)
def test_a_name_that_would_match_is_found_from_the_log_alone(desk: Desk, wanted: str, value: str) -> None:
    fault = one(
        ask(
            desk.put("i.json", [inbound_connector(TlsSenderCertificateName=wanted)]),
            desk.put("d.json", [domain()]),
            desk.log(session(OLD, *mail(DENIED))),
        )
    )
    assert expect_name(value, "From on-premises")[-1] in fault.remedy
    assert fault.remedy[-1] == f"Or present a certificate of a public CA that bears {wanted}."


def test_without_accepted_domains_no_repair_is_promised(desk: Desk) -> None:
    fault = one(
        ask(
            desk.put("i.json", [inbound_connector(TlsSenderCertificateName="hybrid.contoso.com")]),
            desk.put("d.json", [domain("fabrikam.com")]),
            desk.log(session(OLD, *mail(DENIED))),
        )
    )
    assert "Simulated" not in joined(fault.verify)
    assert "<name in the certificate>" in joined(fault.remedy)


def test_no_certificate_was_sent(desk: Desk) -> None:
    fault = one(
        ask(
            desk.put("i.json", [inbound_connector()]),
            desk.put("d.json", [domain()]),
            desk.log(session(None, *mail(DENIED))),
        )
    )
    assert "no client certificate is presented" in said(fault.cause)
    assert fault.thumbprint is None


def test_a_stale_pin_seen_in_a_text_is_not_predicted_again(desk: Desk) -> None:
    pin = "<I>CN=Gone CA<S>CN=mail.contoso.com"
    text = (
        "Source: MSExchangeTransport\nEvent ID: 2005\nSend connector To EOP: Errors occurred with the connection to x. "
        "The connection was acknowledged with SMTP response 454 4.7.5 The certificate specified in TlsCertificateName "
        "of the SendConnector could not be found."
    )
    files = (desk.put("c.json", listed(OLD)), desk.put("s.json", [send_connector(TlsCertificateName=pin)]))
    assert [fault.seen for fault in ask(*files).faults] == [False]
    told = ask(*files, texts=(text,)).faults
    assert [(fault.id, fault.seen) for fault in told] == [("pin-not-found", True)]
    assert "Set-SendConnector 'To EOP'" in joined(told[0].remedy)


def test_a_text_of_another_message_is_a_case_of_its_own(desk: Desk) -> None:
    event = "Event ID: 2004 Source: MSExchangeTransport Send connector Other: <{}@EX01> {}"
    log = desk.log(session(NEW_PRIVATE, *mail(UNTRUSTED)))
    diagnosis = ask(log, texts=(event.format("m2", UNTRUSTED), UNTRUSTED))
    assert len(diagnosis.faults) == 2
    proofs = " ".join(proof.text for proof in one(diagnosis).proof)
    assert "The same reply stands in --text." in proofs


def test_the_number_of_cases_is_bounded() -> None:
    text = HEADER + "".join(
        session(NEW_PRIVATE, *mail(UNTRUSTED), connector=f"Connector {number}", number=number)
        for number in range(MAX_GROUPS + 3)
    )
    book, reader = Refusals(), LogReader()
    for found in (*reader.read("x", [text.encode()]), *reader.finish()):
        book.add(found)
    assert (len(book.groups), book.left_out) == (MAX_GROUPS, 3)
    assert len(with_texts(book.groups, [("y", DENIED)], [])) == MAX_GROUPS


def test_sessions_of_one_reason_are_one_case(desk: Desk) -> None:
    log = desk.log(
        *(session(NEW_PRIVATE, *mail(UNTRUSTED), number=n, at=NOW + n * timedelta(hours=1)) for n in range(4))
    )
    diagnosis = ask(log)
    assert len(diagnosis.faults) == 1
    assert "4 sessions, the first at 2026-11-03 09:14:00 UTC" in diagnosis.faults[0].proof[0].text


def test_a_renewal_that_is_as_good_is_no_fault(desk: Desk) -> None:
    later = leaf(ISSUING, begins=-0.5, days=400)
    pinned = send_connector(TlsCertificateName="<I>CN=Fabrikam TLS CA, O=Fabrikam<S>CN=mail.contoso.com")
    files = (desk.put("c.json", listed(OLD, later)), desk.put("s.json", [pinned]))
    log = desk.log(session(OLD, *mail(FINE)))
    assert ask(*files, log).faults == ()
    short = leaf(ISSUING, begins=-0.5, days=100)
    # Equals under one reading are told apart by the others: the renewal of the same length decides.
    assert ask(desk.put("c.json", listed(OLD, short, RENEWED)), files[1], log).faults == ()
    files = (desk.put("c.json", listed(OLD, short)), desk.put("s.json", [pinned]))
    assert [fault.id for fault in ask(*files, log).faults] == ["ambiguous-choice"]


def test_the_host_that_a_last_error_record_names_is_the_one_to_check() -> None:
    record = (
        "[{LED=450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]};{MSG=};{FQDN=mail.contoso.com};"
        "{IP=192.0.2.7};{LRT=11/25/2026 3:04:05 PM}]"
    )
    for text, host in ((record, "mail.contoso.com"), (record.replace("mail.contoso.com", ""), None)):
        [group] = with_texts((), [("ndr.txt", text)], [])
        assert group.host == host
