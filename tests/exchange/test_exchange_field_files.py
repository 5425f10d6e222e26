"""Files as people paste and save them: several kinds of evidence in one, shells around exports, logs in tickets."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from probe.eop.outlook import sends_to_exchange_online
from probe.evidence_files import EvidenceFiles, read_evidence, read_sessions
from probe.exchange.connector import SendConnector
from probe.exchange.exports.joining import Gathered, gather
from probe.exchange.exports.read import ExportKind, read
from probe.exchange.logs.reader import LogReader
from probe.exchange.logs.session import LogSession
from probe.exchange.online import CLOUDS, cloud_of
from probe.exchange.problem import Place, Problem
from probe.exchange.replies.recognise import explain_text
from tests.exchange.diagnosing import HEADER, OLD, SAMPLES, UNTRUSTED, Desk, listed, mail, session

LIST = (
    "Thumbprint         : 3333333333333333333333333333333333333333\n"
    "Subject            : CN=mx.northwind.com\n"
    "Services           : IIS, SMTP\n"
    "NotAfter           : 2027-01-18T07:59:59Z\n"
)
CONNECTOR = (
    "Name                   : Northwind to the cloud\n"
    "Enabled                : True\n"
    "SmartHosts             : {northwind-com.mail.protection.outlook.com}\n"
    "Fqdn                   : mx.northwind.com\n"
    "SourceTransportServers : {EX07}\n"
)
ROWS = HEADER.partition("\n")[0] + "\n" + session(OLD, *mail(UNTRUSTED))


def evidence(folder: Path, content: str | bytes, name: str = "ticket.txt") -> EvidenceFiles:
    return read_evidence([Path(Desk(folder).put(name, content))])


def gathered(found: EvidenceFiles) -> Gathered:
    return gather(found.exports)


def sessions(found: EvidenceFiles) -> list[LogSession]:
    problems: list[Problem] = []
    reader = LogReader()
    held = list(read_sessions(reader, found.logs, problems))
    assert (*problems, *reader.problems) == ()
    return held


def reasons(found: EvidenceFiles) -> list[str]:
    return [one.entry.id for text in found.texts for one in explain_text(text.text)]


@pytest.mark.parametrize("language", ["en", "it", "pl", "ja", "nl"])
def test_an_event_in_any_language_beside_a_listing_gives_both(tmp_path: Path, language: str) -> None:
    event = (SAMPLES / f"event-2004-{language}.txt").read_text("utf-8")
    found = evidence(tmp_path, f"{event}\n\n[PS] C:\\>Get-ExchangeCertificate | fl\n\n{LIST}")
    assert reasons(found) == ["to-eop-untrusted-root"]
    assert [one.thumbprint for one in gathered(found).inventory.certificates] == ["3" * 40]


def whole(rows: str) -> str:
    shell = f"[PS] C:\\>Get-SendConnector | fl\n\n{CONNECTOR}"
    return f"Hello,\n\nwe see this: {UNTRUSTED}\n\n{shell}\n\nThe log:\n{rows}\nThanks"


def as_mail(text: str, encoding: str) -> bytes:
    body = base64.encodebytes(text.encode()) if encoding == "base64" else text.encode()
    return (
        b"From: anna@northwind.com\r\nTo: help@contoso.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
        b"charset=utf-8\r\nContent-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n" + body
    )


MIXED = {
    "a ticket": whole(ROWS).encode(),
    "a mail": as_mail(whole(ROWS), "8bit"),
    "a mail in base64": as_mail(whole(ROWS), "base64"),
    "a page": ("<html><body><pre>" + whole(ROWS).replace("<", "&lt;") + "</pre></body></html>").encode(),
    "a quoted mail": as_mail("\n".join(f"> {line}" for line in whole(ROWS).splitlines()), "8bit"),
    "the log first": (ROWS + "\n\n" + whole("")).encode(),
    "Windows line ends": whole(ROWS).replace("\n", "\r\n").encode(),
    "UTF-16": whole(ROWS).encode("utf-16"),
}


@pytest.mark.parametrize("content", MIXED.values(), ids=MIXED)
def test_reply_listing_and_log_rows_of_one_file_are_all_used(tmp_path: Path, content: bytes) -> None:
    found = evidence(tmp_path, content)
    assert [one.name for one in gathered(found).send_connectors] == ["Northwind to the cloud"]
    assert reasons(found) == ["to-eop-untrusted-root"]
    (one,) = sessions(found)
    assert [refused.reason for refused in one.refused] == ["to-eop-untrusted-root"]
    assert one.sent is not None
    assert one.sent.thumbprint == OLD.sha1


def test_rows_that_a_mail_program_wrapped_are_put_together(tmp_path: Path) -> None:
    rows = session(OLD, *mail(UNTRUSTED))
    wrapped = "\n".join(line[:70] + ("\n" + line[70:] if line[70:] else "") for line in rows.splitlines())
    (one,) = sessions(evidence(tmp_path, f"What the log has:\n{wrapped}\n"))
    assert [refused.reason for refused in one.refused] == ["to-eop-untrusted-root"]


def test_a_certificate_and_a_json_export_in_a_text_are_read_as_well(tmp_path: Path) -> None:
    text = f"our root:\n{OLD.pem}\nand the list:\n\n{listed(OLD)}\n\nError: {UNTRUSTED}\n"
    found = evidence(tmp_path, text)
    assert len(found.exports[0].x509) == 1
    assert [one.thumbprint for one in gathered(found).inventory.certificates] == [OLD.sha1]
    assert reasons(found) == ["to-eop-untrusted-root"]


def test_a_log_alone_is_still_streamed_and_an_export_alone_is_no_text(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    log, export = Path(desk.log(session(OLD))), Path(desk.put("list.json", listed(OLD)))
    found = read_evidence([log, export])
    assert (found.logs, found.texts) == ((log,), ())
    assert [one.kind for one in found.exports] == [ExportKind.CERTIFICATES]


def test_what_an_article_prints_is_told_as_an_example(tmp_path: Path) -> None:
    article = (
        "Look here:\n\nDate/Time,Outbound to Microsoft 365,SessionID,12,IP:port,IP:port,*,,Sending certificate\n\n"
        "Thumbprint : <thumbprint>\nSubject    : CN=mail.contoso.com\nServices   : SMTP\n"
    )
    found = evidence(tmp_path, article)
    problems: list[Problem] = []
    reader = LogReader()
    assert list(read_sessions(reader, found.logs, problems)) == []
    told = [str(one) for one in (*reader.problems, *gathered(found).problems)]
    assert any("an example with placeholders (Date/Time, SessionID)" in one for one in told)
    assert any("'<thumbprint>', the placeholder of an example" in one for one in told)
    assert gathered(found).inventory.certificates == ()


SHELLS = {
    "Exchange's shell": "[PS] C:\\>Get-SendConnector | fl Name,Enabled,SmartHosts,Fqdn,SourceTransportServers\n\n",
    "another folder": "[PS] C:\\Windows\\system32>Get-SendConnector | Select-Object Name,Enabled,Fqdn | fl\n\n",
    "PowerShell 7": "PS /home/anna> Get-SendConnector | Format-List Name,Enabled,Fqdn,SmartHosts\n\n",
    "two commands": "PS C:\\> $a = 'Name','Enabled','Fqdn'\nPS C:\\> Get-SendConnector | fl Name,Enabled,Fqdn\n\n",
    "no prompt": "Get-SendConnector | fl Name,Enabled,Fqdn,Identity,Port\n\n",
    "semicolons": "[PS] C:\\>Get-SendConnector|fl Name;Get-ReceiveConnector|fl Name;Enabled;Fqdn;Port\n\n",
    "a sentence": "Name, Enabled, Fqdn and Identity of our connector, as asked:\n\n",
}


@pytest.mark.parametrize("before", SHELLS.values(), ids=SHELLS)
def test_a_shell_window_is_no_csv(before: str) -> None:
    found = read("window.txt", (before + CONNECTOR).encode())
    assert [one.name for one in found.send_connectors] == ["Northwind to the cloud"]
    assert found.problems == ()


def test_a_csv_under_the_command_that_made_it_is_one() -> None:
    command = "[PS] C:\\>Get-SendConnector | ConvertTo-Csv -NoTypeInformation\n\n"
    found = read(
        "window.txt",
        f'{command}"Name","AddressSpaces","Fqdn"\n"Out","SMTP:*;1","mx.northwind.com"\n'.encode(),
    )
    assert [(one.name, one.fqdn) for one in found.send_connectors] == [("Out", "mx.northwind.com")]
    torn = read("torn.csv", b"Name,AddressSpaces,Fqdn\nA,SMTP:*;1,mx.northwind.com\nB,SMTP:*;1\n")
    assert [one.name for one in torn.send_connectors] == ["A", "B"]
    assert "has 2 cells where the header has 3" in str(torn.problems[0])


EHLO = "220 XX1EUR00FT001.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready"
NO_TLS = "451 5.7.3 Must issue a STARTTLS command first"


def plain(*lines: str, banner: str = EHLO, more: tuple[tuple[str, str, str], ...] = ()) -> str:
    rows = [("+", "", ""), ("<", banner, ""), (">", "EHLO mx.northwind.com", "")]
    rows += [("<", line, "") for line in lines]
    rows += [*more, (">", "MAIL FROM:<a@northwind.com>", ""), ("<", NO_TLS, ""), ("-", "", "Remote")]
    return HEADER + "".join(
        f'2026-11-03T09:14:00.000Z,Out,08DE1A94C37B0001,{place},192.0.2.1:4,198.51.100.3:25,{event},"{data}",{said}\n'
        for place, (event, data, said) in enumerate(rows)
    )


HIDDEN = {
    "lines without it": (plain("250-XX1 Hello [192.0.2.1]", "250-SIZE 1", "250 CHUNKING"), "starttls-not-offered"),
    "one flat line": (plain("250  XX1 Hello [192.0.2.1] SIZE 1 PIPELINING DSN"), "starttls-not-offered"),
    "masked": (plain("250-XX1 Hello [192.0.2.1]", "250-XXXXXXXA", "250 8BITMIME"), "starttls-masked"),
    "masked at the end": (plain("250-XX1 Hello [192.0.2.1]", "250 XXXXXXXB"), "starttls-masked"),
    "asterisks": (plain("250-XX1 Hello [192.0.2.1]", "250 SIZE", banner="220 ***********2****"), "starttls-masked"),
    "no refusal but its own word": (
        plain("250 SIZE", more=(("*", "", "STARTTLS is not offered by remote"),)).replace(NO_TLS, "250 ok"),
        "starttls-not-offered",
    ),
    "offered": (plain("250-XX1 Hello [192.0.2.1]", "250-STARTTLS", "250 SIZE"), "to-eop-starttls-required"),
    "offered at the end": (plain("250-XX1 Hello [192.0.2.1]", "250 STARTTLS"), "to-eop-starttls-required"),
    "offered in a flat line": (plain("250  XX1 Hello [192.0.2.1] SIZE STARTTLS DSN"), "to-eop-starttls-required"),
    "after TLS": (
        plain(
            "250-XX1 Hello", "250 STARTTLS",
            more=((">", "STARTTLS", ""), ("<", "220 2.0.0 ready", ""), (">", "EHLO x", ""), ("<", "250 SIZE", "")),
        ),
        "to-eop-starttls-required",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("log", "reason"), HIDDEN.values(), ids=HIDDEN)
def test_an_ehlo_reply_without_starttls_is_the_cause(log: str, reason: str) -> None:
    (one,) = [*(reader := LogReader()).read("SEND.LOG", [log.encode()]), *reader.finish()]
    assert {refused.reason for refused in one.refused} == {reason}
    entry = one.refused[0].entry
    assert entry is not None
    assert any("RequireTLS" in str(step) for step in entry.remedy) == (reason == "to-eop-starttls-required")


@pytest.mark.parametrize("domain", CLOUDS)
def test_every_cloud_is_exchange_online(domain: str) -> None:
    def one(**more: object) -> SendConnector:
        return SendConnector(source=Place("x"), name="Out", **more)  # type: ignore[arg-type]

    assert sends_to_exchange_online(one(smart_hosts=(f"northwind.{domain.upper()}.",))) is True
    assert sends_to_exchange_online(one(tls_domain=domain)) is True
    assert sends_to_exchange_online(one(smart_hosts=(f"{domain}.example.test",))) is False
    assert sends_to_exchange_online(one(smart_hosts=(f"not{domain}",))) is False
    assert sends_to_exchange_online(one()) is None


def told(text: str) -> tuple[Gathered, str]:
    found = gather([read("paste.txt", text.encode())])
    return found, " ".join(map(str, found.problems))


def test_listings_before_and_after_a_change_are_not_merged_on_a_guess() -> None:
    after = LIST.replace("IIS, SMTP", "IIS")
    found, problems = told(f"{LIST}\n[PS] C:\\>Enable-ExchangeCertificate ...\n\n{after}")
    assert [one.services for one in found.inventory.certificates] == [None]
    assert "as before and after a change" in problems
    found, problems = told(f"{CONNECTOR}\n{CONNECTOR.replace('mx.northwind.com', 'mx2.northwind.com')}")
    assert [one.fqdn for one in found.send_connectors] == [None]
    assert "neither is used" in problems


def test_a_record_without_its_thumbprint_is_not_merged_on_a_guess() -> None:
    both = f"{LIST}FriendlyName : Public\n"
    nameless = "FriendlyName : Public\nSubject : CN=mx2.northwind.com\nServices : SMTP\n"
    found, problems = told(f"{both}\n{nameless}")
    assert len(found.inventory.fragments) == 1
    assert "was joined with nothing" in problems
    assert "Get-ExchangeCertificate | fl Thumbprint,Services,Subject" in problems


def test_a_table_that_was_cut_says_which_column_to_add() -> None:
    table = (
        "Thumbprint                Services     Subject\n----------                --------     -------\n"
        "33333333333333333333...   ...WS..      CN=mx.no...\n44444444444444444444...   ....S..      CN=mx.no...\n"
    )
    found, problems = told(table)
    assert found.inventory.certificates == ()
    assert problems.count("its Thumbprint is cut off") == 2
    joined, _ = told(f"{LIST}\n{table}")
    assert [one.thumbprint for one in joined.inventory.certificates] == ["3" * 40]
    assert len(joined.inventory.fragments) == 1


def test_a_cloud_of_its_own_is_named() -> None:
    assert cloud_of(("mx.example.test", "a.mail.protection.office365.us")) == "GCC High or DoD"
    assert cloud_of(("a.mail.protection.partner.outlook.cn.",)) == "21Vianet"
    assert cloud_of(("a.mail.protection.outlook.com", "a.mx.microsoft")) == ""
