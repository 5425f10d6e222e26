"""Files from the field on the command line: one file with everything, and what is asked for where nothing is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Cli
from tests.exchange.diagnosing import OLD, SAMPLES, UNTRUSTED, Desk, listed, mail, send_connector, session

REPLY = "the reply word for word"
LOGS = "the SmtpSend protocol logs"
CONNECTORS = "Get-SendConnector, to see which certificate is chosen"
CERTIFICATES = "Get-ExchangeCertificate of each sending server"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "read", "needed"),
    [
        ("note.txt", "Mail does not go out since Monday.", "1 text.", {LOGS, CONNECTORS, CERTIFICATES}),
        ("list.json", listed(OLD), "1 certificate.", {REPLY, LOGS, CONNECTORS}),
        ("out.json", json.dumps([send_connector(Enabled=False)]), "1 Send connector.", {REPLY, LOGS, CERTIFICATES}),
        ("root.pem", OLD.pem, "1 certificate file entry.", {REPLY, LOGS, CONNECTORS, CERTIFICATES}),
        ("empty.txt", " ", "nothing that is known.", {REPLY, LOGS, CONNECTORS, CERTIFICATES}),
    ],
)  # fmt: skip
def test_nothing_found_says_what_was_read_and_what_is_needed(
    cli: Cli, desk: Desk, name: str, content: str, read: str, needed: set[str]
) -> None:
    ran = cli("exchange", "diagnose", desk.put(name, content), "--format", "json")
    notes = [one["text"] for one in json.loads(ran.out)["notes"]]
    assert notes[0] == f"Read: {read}"
    wanted = {one.removeprefix("Still needed for an answer: ") for one in notes[1:]}
    for what in (REPLY, LOGS, CONNECTORS, CERTIFICATES):
        assert any(one.startswith(what) for one in wanted) == (what in needed)


def test_sessions_without_a_fault_are_counted_and_a_fault_asks_for_nothing(cli: Cli, desk: Desk) -> None:
    fine = desk.log(session(OLD, *mail("250 2.1.5 Recipient OK")), name="fine.log")
    out = cli("exchange", "diagnose", fine).out
    assert "Read: 1 logged session." in out
    wrong = desk.log(session(OLD, *mail(UNTRUSTED)), name="wrong.log")
    assert "Still needed" not in cli("exchange", "diagnose", wrong).out


@pytest.mark.parametrize("language", ["it", "pl", "ja", "nl"])
def test_an_article_with_event_and_listing_yields_the_refusal_and_the_certificates(
    cli: Cli, desk: Desk, language: str
) -> None:
    event = (SAMPLES / f"event-2004-{language}.txt").read_text("utf-8")
    listing = (SAMPLES / "get-exchangecertificate-fl.txt").read_text("utf-8")
    path = desk.put("article.txt", f"{event}\n\n[PS] C:\\>Get-ExchangeCertificate | fl\n\n{listing}")
    found = json.loads(cli("exchange", "diagnose", path, "--format", "json").out)
    assert [fault["id"] for fault in found["stories"]] == ["to-eop-untrusted-root"]
    assert found["stories"][0]["reply"].startswith("454 4.7.0")
    shown = json.loads(cli("exchange", "show", path, "--format", "json").out)
    assert len(shown["certificates"]) >= 2


def test_a_log_inside_a_ticket_is_quoted_with_its_line(cli: Cli, desk: Desk) -> None:
    rows = session(OLD, *mail(UNTRUSTED))
    path = desk.put("ticket.txt", f"Hello,\nthis is the log:\n{rows}")
    found = json.loads(cli("exchange", "diagnose", path, "--format", "json").out)
    quotes = [quote for proof in found["stories"][0]["proof"] for quote in proof["quotes"]]
    number = next(n for n, line in enumerate(f"a\nb\n{rows}".splitlines(), 1) if UNTRUSTED in line)
    assert f"{path}, line {number}" in [quote["place"] for quote in quotes]


def test_a_message_that_expired_is_one_fault_with_its_cause(cli: Cli) -> None:
    text = "550 5.4.317 Message expired, cannot connect to remote server(UntrustedRoot)"
    found = json.loads(cli("exchange", "diagnose", "--text", text, "--format", "json").out)
    assert [fault["id"] for fault in found["stories"]] == ["from-eop-untrusted-root"]
    alone = "550 5.4.317 Message expired, cannot connect to remote server"
    found = json.loads(cli("exchange", "diagnose", "--text", alone, "--format", "json").out)
    assert [fault["id"] for fault in found["stories"]] == ["from-eop-message-expired"]


def test_a_reply_inside_that_nobody_knows_is_a_fault_too(cli: Cli) -> None:
    text = '451 4.4.0 Primary target IP address responded with: "452 4.2.2 Mailbox full"'
    found = json.loads(cli("exchange", "diagnose", "--text", text, "--format", "json").out)
    assert [(fault["id"], fault["reply"]) for fault in found["stories"]] == [
        ("wrapper-primary-target", "452 4.2.2 Mailbox full")
    ]
