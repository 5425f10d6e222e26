"""``exchange diagnose``: the two stories of the samples, and each kind of evidence on its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import HEALTHY, LEAF, SELF, SELF_SIGNED, Cli, serving
from tests.exchange.diagnosing import (
    DENIED,
    INT,
    ISSUING,
    NEW_PRIVATE,
    OLD,
    PRIVATE,
    PRIVATE_ROOT,
    PUB,
    ROOT,
    SAMPLES,
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

EVERYTHING = [str(path) for path in sorted(SAMPLES.glob("*")) if not path.name.startswith(".")]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def stories(cli: Cli, *arguments: str) -> dict[tuple[str, str | None], dict[str, Any]]:
    document = json.loads(cli("exchange", "diagnose", *arguments, "--format", "json").out)
    return {(story["id"], story["connector"]): story for story in document["stories"]}


@pytest.fixture
def public(desk: Desk) -> str:
    """The public root alone, out of the samples' issuers."""
    end = "-----END CERTIFICATE-----\n"
    return desk.put(
        "public.pem", (SAMPLES / "sample-ca-certificates.pem").read_text("ascii").split(end)[1] + end
    )


@pytest.mark.parametrize("with_store", [True, False])
def test_the_samples_tell_the_kb_story(cli: Cli, public: str, *, with_store: bool) -> None:
    """Also with Microsoft's list, which knows neither of the invented roots: the log proves which one is taken."""
    found = stories(cli, *EVERYTHING, *(("--store", "microsoft", "--stand-in", public) if with_store else ()))
    story = found["to-eop-untrusted-root", "Outbound to Office 365"]
    assert story["seen"]
    assert story["thumbprint"].upper() == INT
    assert story["reply"] == UNTRUSTED
    places = {quote["place"].rpartition("/")[2] for one in story["proof"] for quote in one["quotes"]}
    assert places == {"send-log-multiline.log, line 27", "send-log-multiline.log, line 50"}
    proof = " ".join(one["text"] for one in story["proof"])
    assert "event 2004 says the same" in proof
    assert f"the connector presented {PUB}" in proof
    cause = " ".join(one["text"] for one in story["cause"])
    assert f"{INT} wins by being newer: valid from 2026-11-02, the other from 2026-06-10" in cause
    assert "Enterprise" in cause
    remedy = "\n".join(story["remedy"])
    # The KB's own step is told, and is no command: on another thumbprint it would bind that to IIS.
    assert "services are additive" in remedy
    assert f"Get-ExchangeCertificate -Thumbprint {INT} | fl FriendlyName,Services" in remedy
    assert not any("Services IMAP" in command["text"] for command in story["remedy_commands"])
    assert f"Get-ExchangeCertificate -Thumbprint {PUB}" in remedy
    assert f"{PUB} is chosen on EX01.contoso.com" in story["verify"][0]


def test_the_samples_tell_the_story_of_5_7_64(cli: Cli, public: str) -> None:
    story = stories(cli, *EVERYTHING, "--store", "microsoft", "--stand-in", public)[
        "to-eop-tenant-attribution", "Relay via EOP"
    ]
    assert story["thumbprint"].upper() == PUB
    assert story["reply"].startswith("550 5.7.64 TenantAttribution; Relay Access Denied")
    assert "from address 203.0.113.25" in story["happens"][0]["text"]
    cause = " ".join(one["text"] for one in story["cause"])
    assert "TlsSenderCertificateName hybrid.contoso.com of connector 'Inbound from contoso hybrid'" in cause
    assert "'Inbound from contoso hybrid (previous)' is disabled; enabled, it would match" in cause
    remedy = "\n".join(story["remedy"])
    asked = "Set-InboundConnector 'Inbound from contoso hybrid' -TlsSenderCertificateName"
    order = (
        f"{asked} 'mail.contoso.com'",
        "a wildcard stands for all subdomains",
        f"{asked} '*.contoso.com'",
    )
    assert [remedy.index(each) for each in order] == sorted(remedy.index(each) for each in order)
    assert "Set-InboundConnector 'Inbound from contoso hybrid (previous)' -Enabled $true" in remedy
    assert any("the mail is attributed" in line for line in story["verify"])
    assert any(
        f"--thumbprint {PUB} --sender anna@contoso.com --ip '203.0.113.25'" in line
        for line in story["verify"]
    )


def test_the_page_of_the_samples(cli: Cli, public: str) -> None:
    ran = cli("exchange", "diagnose", *EVERYTHING, "--store", "microsoft", "--stand-in", public)
    assert ran.code == 2
    assert ran.out.startswith("REJECTED  3 faults proven, 2 predicted from the exports")
    for heading in ("What happens", "The proof", "The cause", "The remedy, in order", "How to verify it"):
        assert ran.out.count(f"   {heading}\n") == 5
    # What is not about Exchange Online comes after what is, what is only predicted last.
    order = [
        ran.out.index(f"Send connector '{name}")
        for name in ("Outbound to Office 365'", "Relay via EOP", "Partner")
    ]
    assert order == sorted(order)
    assert "predicted, not seen, Send connector 'Outbound to Office 365 (stale" in ran.out


def test_nothing_wrong(cli: Cli, desk: Desk) -> None:
    files = (
        desk.put("c.json", listed(OLD)),
        desk.put("s.json", [send_connector()]),
        desk.put("issuing.pem", ISSUING.pem),
        desk.log(session(OLD, *mail("250 2.1.5 OK"))),
    )
    ran = cli(
        "exchange", "diagnose", *files, "--store", "microsoft", "--stand-in", desk.put("root.pem", ROOT.pem)
    )
    assert ran.code == 0
    assert ran.out.startswith("ACCEPTED  no fault found in the evidence given")
    assert f"presented {OLD.sha1.upper()}" in " ".join(ran.out.split())


def test_exports_alone_predict(cli: Cli, desk: Desk) -> None:
    files = (
        desk.put("c.json", listed(OLD, NEW_PRIVATE)),
        desk.put("s.json", [send_connector(SourceTransportServers="EX01;EX02")]),
        desk.put("issuers.pem", ISSUING.pem + PRIVATE.pem + PRIVATE_ROOT.pem),
    )
    store = desk.put("root.pem", ROOT.pem)
    arguments = (*files, "--store", "microsoft", "--stand-in", store, "--at", "2026-11-03T09:14:00")
    story = stories(cli, *arguments)["to-eop-untrusted-root", "To EOP"]
    assert not story["seen"]
    assert story["thumbprint"] == NEW_PRIVATE.sha1
    assert f"$cert = Get-ExchangeCertificate -Thumbprint {OLD.sha1.upper()}" in story["remedy"]
    assert any("every source server: EX01, EX02" in line for line in story["remedy"])
    assert cli("exchange", "diagnose", *arguments).code == 2


def test_an_ambiguous_choice_is_a_risk(cli: Cli, desk: Desk) -> None:
    files = (
        desk.put("c.json", listed(OLD, leaf(ISSUING, begins=-0.5, days=100))),
        desk.put("s.json", [send_connector()]),
        desk.put("issuing.pem", ISSUING.pem),
    )
    ran = cli(
        "exchange",
        "diagnose",
        *files,
        "--store",
        "microsoft",
        "--stand-in",
        desk.put("root.pem", ROOT.pem),
        "--at",
        "2026-11-03T09:14:00",
    )
    assert ran.code == 1
    assert "the published readings disagree" in " ".join(ran.out.split())


def test_a_tenant_that_expects_another_name_is_predicted_too(cli: Cli, desk: Desk) -> None:
    files = (
        desk.put("c.json", listed(OLD)),
        desk.put("s.json", [send_connector()]),
        desk.put("i.json", [inbound_connector(TlsSenderCertificateName="hybrid.contoso.com")]),
        desk.put("d.json", [domain()]),
        desk.put("issuing.pem", ISSUING.pem),
    )
    arguments = (
        *files,
        "--store",
        "microsoft",
        "--stand-in",
        desk.put("root.pem", ROOT.pem),
        "--at",
        "2026-11-03T09:14:00",
    )
    story = stories(cli, *arguments)["to-eop-tenant-attribution", "To EOP"]
    assert (
        "Set-InboundConnector 'From on-premises' -TlsSenderCertificateName '*.contoso.com'" in story["remedy"]
    )


def test_texts_alone(cli: Cli) -> None:
    given = stories(cli, "--text", UNTRUSTED)["to-eop-untrusted-root", None]
    assert given["remedy"]
    assert "a Send protocol log tells" in given["happens"][0]["text"]
    event = stories(cli, str(SAMPLES / "event-2004-en.txt"))
    assert ("to-eop-untrusted-root", "Outbound to Office 365") in event
    denied = stories(cli, "--text", DENIED)["to-eop-tenant-attribution", None]
    assert "No export of the inbound connectors was given." in {one["text"] for one in denied["cause"]}
    stale = stories(
        cli,
        "--text",
        "454 4.7.5 The certificate specified in TlsCertificateName of the SendConnector could not be found.",
    )
    assert ("pin-not-found", None) in stale
    nothing = cli("exchange", "diagnose", "--text", "250 2.1.5 OK")
    assert nothing.code == 3


def test_a_text_on_standard_input(cli: Cli) -> None:
    ran = cli.fed(UNTRUSTED.encode(), "exchange", "diagnose", "--text", "-")
    assert ran.code == 2
    assert "standard input" in ran.out


def test_logs_alone(cli: Cli, desk: Desk) -> None:
    path = desk.log(
        session(OLD, *mail("250 2.1.5 OK"), number=1),
        session(NEW_PRIVATE, *mail(UNTRUSTED), number=2),
        session(
            OLD, *mail("550 5.1.1 who is that"), number=3, connector="Other", banner="220 mail.example.com"
        ),
        session(OLD, *mail(DENIED), number=4, connector="Relay"),
    )
    found = stories(cli, path)
    trust = found["to-eop-untrusted-root", "To EOP"]
    assert trust["thumbprint"] == NEW_PRIVATE.sha1
    assert "Get a certificate of a public CA" in trust["remedy"][0]
    assert found["to-eop-tenant-attribution", "Relay"]["seen"]
    other = found["other", "Other"]
    assert (other["outcome"], other["remedy"]) == ("at-risk", [])


def test_what_a_listener_captured_counts_most(cli: Cli, desk: Desk) -> None:
    captured = {
        "target": "EX01.contoso.com",
        "address": "192.0.2.10",
        "started_at": "2026-11-03T09:14:00Z",
        "outcome": "rejected",
        "predictions": [
            {"basis": "listener", "outcome": "rejected", "reply": UNTRUSTED, "rule": "untrusted-root"}
        ],
        "presented_chain": [
            {"sha1": NEW_PRIVATE.sha1, "subject": "CN=mail.contoso.com"},
            {"sha1": PRIVATE.sha1},
        ],
    }
    lines = desk.put(
        "listen.jsonl", json.dumps(captured) + "\n" + json.dumps({**captured, "outcome": "accepted"}) + "\n"
    )
    story = stories(cli, lines)["untrusted-root", None]
    assert story["seen"]
    assert "A listener captured the chain the sender itself presents" in story["proof"][0]["text"]
    assert "2 certificates" in story["proof"][0]["text"]
    log = desk.log(session(NEW_PRIVATE, *mail(UNTRUSTED)))
    merged = stories(cli, lines, log)
    assert list(merged) == [("to-eop-untrusted-root", "To EOP")]
    proof = " ".join(one["text"] for one in merged["to-eop-untrusted-root", "To EOP"]["proof"])
    assert "A listener captured" in proof


def test_a_sender_without_a_certificate_is_told_of_once_however_often_it_came(cli: Cli, desk: Desk) -> None:
    bare = {
        "target": "printer.contoso.com",
        "outcome": "rejected",
        "predictions": [{"basis": "listener", "outcome": "rejected", "rule": "no-client-certificate"}],
        "presented_chain": [],
    }
    times = ("2026-11-03T09:14:00Z", "2026-11-03T09:15:00Z", "2026-11-03T09:16:00Z")
    rows = [{**bare, "started_at": at} for at in times]
    rows.append({**bare, "target": "scanner.contoso.com", "started_at": times[0]})
    lines = desk.put("listen.jsonl", "\n".join(map(json.dumps, rows)))
    document = json.loads(cli("exchange", "diagnose", lines, "--format", "json").out)
    assert [story["id"] for story in document["stories"]] == ["no-client-certificate"] * 2
    assert document["stories"][0]["cause"][0]["source"] == "rule no-client-certificate"
    # Captured for certain; what Exchange Online makes of it is not.
    assert [one["confidence"] for one in document["stories"][0]["happens"]] == ["documented", "inferred"]
    said = cli("exchange", "diagnose", lines).out
    assert said.count("The sender presented no certificate: rejected") == 1


def test_a_live_endpoint_as_well(cli: Cli) -> None:
    with serving(SELF) as port:
        ran = cli(
            "exchange", "diagnose", "--target", f"mail.contoso.test:{port}", "--resolve", "mail.contoso.test=127.0.0.1",
            "--store", "microsoft", "--stand-in", cli.store,
        )  # fmt: skip
    assert ran.code == 2
    assert SELF_SIGNED.sha1.upper() in ran.out
    assert "predicted, not seen" in ran.out
    with serving(HEALTHY) as port:
        ran = cli(
            "exchange", "diagnose", "--target", f"mail.contoso.test:{port}", "--resolve", "mail.contoso.test=127.0.0.1",
            "--store", "microsoft", "--stand-in", cli.store,
        )  # fmt: skip
    assert (ran.code, LEAF.sha1.upper() in ran.out) == (0, True)


def test_nothing_given_and_nothing_in_it(cli: Cli, desk: Desk) -> None:
    none = cli("exchange", "diagnose")
    assert (none.code, "nothing to diagnose" in none.err) == (3, True)
    empty = cli("exchange", "diagnose", desk.log())
    assert (empty.code, "hold no session" in empty.out) == (3, True)


def test_names_that_would_break_out_of_powershell(cli: Cli, desk: Desk) -> None:
    name = "it's \N{RIGHT SINGLE QUOTATION MARK}; Remove-Mailbox x"
    story = stories(cli, desk.log(session(NEW_PRIVATE, *mail(UNTRUSTED), connector=name)))[
        "to-eop-untrusted-root", name
    ]
    command_line = next(line for line in story["remedy"] if "Set-SendConnector" in line)
    assert f"'it''s {chr(0x2019) * 2}; Remove-Mailbox x'" in command_line


def test_what_is_to_be_typed_first_is_whole(cli: Cli) -> None:
    """A variable that is set and not used mends nothing: both lines of the pair stand at the end."""
    _, _, end = cli("exchange", "diagnose", *EVERYTHING).out.partition("\nType first\n")
    assert [line.split()[0] for line in end.splitlines()[-2:]] == ["$cert", "Set-SendConnector"]


def test_a_text_in_which_nothing_is_known_is_told(cli: Cli, tmp_path: Path) -> None:
    for name, text, told in (
        ("a.txt", "Mail does not arrive since Monday.\n", True),
        ("b.csv", "when,what\nMonday,nothing\n", True),
        ("c.txt", "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]\n", False),
    ):
        (tmp_path / name).write_text(text)
        problems = json.loads(cli("exchange", "diagnose", str(tmp_path / name), "--format", "json").out)[
            "problems"
        ]
        assert [one["message"] for one in problems] == [
            "says nothing that is known: no reply, no event."
        ] * told
