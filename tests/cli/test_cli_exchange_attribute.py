"""``exchange attribute``: which connector takes a connection, from every kind of certificate evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.authority import pkcs12
from tests.cli.running import HEALTHY, LEAF, Cli, Ran, serving
from tests.exchange.diagnosing import (
    ISSUING,
    OLD,
    PUB,
    SAMPLES,
    Desk,
    domain,
    inbound_connector,
    listed,
    mail,
    session,
)

AT = ("--at", "2026-11-03T09:14:00")
SENDER = ("--sender", "anna@contoso.com")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


class Attribute:
    """Runs ``exchange attribute`` with one inbound connector and one accepted domain."""

    def __init__(self, cli: Cli, desk: Desk) -> None:
        self.cli, self.desk = cli, desk

    def __call__(self, *arguments: str, **connector: object) -> Ran:
        files = (
            self.desk.put("inbound.json", [inbound_connector(**connector)]),
            self.desk.put("domains.json", [domain()]),
        )
        return self.cli("exchange", "attribute", *files, *arguments, *AT)


@pytest.fixture
def attribute(cli: Cli, desk: Desk) -> Attribute:
    return Attribute(cli, desk)


def test_a_certificate_in_a_file(attribute: Attribute, desk: Desk) -> None:
    ran = attribute("--certificate", desk.put("new.pfx", pkcs12(OLD, ISSUING)), *SENDER)
    assert ran.code == 0
    assert ran.out.startswith("ATTRIBUTED")
    assert OLD.sha1.upper() in ran.out
    assert "matches by certificate" in ran.out
    refused = attribute(
        "--certificate", desk.put("new.pem", OLD.pem), *SENDER, TlsSenderCertificateName="hybrid.contoso.com"
    )
    assert (refused.code, refused.out.startswith("REFUSED")) == (2, True)
    assert "550 5.7.64 TenantAttribution; Relay Access Denied SMTP" in refused.out


def test_a_thumbprint_in_exports_certificates_or_logs(attribute: Attribute, desk: Desk) -> None:
    inventory = desk.put("c.json", listed(OLD))
    bare = desk.put("old.pem", OLD.pem)
    log = desk.log(session(OLD, *mail("250 2.1.5 OK")))
    for path, where in ((inventory, "fromtheinventory"), (bare, "old.pem"), (log, ".LOG")):
        ran = attribute(path, "--thumbprint", OLD.sha1, *SENDER)
        assert (ran.code, where in "".join(ran.out.split())) == (0, True)
    ran = attribute(log, "--thumbprint", "00" * 20)
    assert (ran.code, "is in no export and no log given" in ran.err) == (3, True)


def test_a_live_endpoint(attribute: Attribute) -> None:
    with serving(HEALTHY) as port:
        ran = attribute(
            "--target",
            f"mail.contoso.test:{port}",
            "--resolve",
            "mail.contoso.test=127.0.0.1",
            "--sender",
            "anna@contoso.com",
            TlsSenderCertificateName="mail.contoso.test",
        )
    assert ran.code == 1  # no certificate name is an accepted domain, so the null sender is refused
    assert LEAF.sha1.upper() in ran.out
    dead = attribute("--target", "127.0.0.1:1")
    assert (dead.code, "shows no certificate" in dead.err) == (3, True)


def test_without_a_certificate_and_by_address(attribute: Attribute) -> None:
    none = attribute(*SENDER)
    assert (none.code, "certificate none" in none.out) == (2, True)
    by_address = attribute(
        *SENDER, "--ip", "203.0.113.25", TlsSenderCertificateName=None, SenderIPAddresses=["203.0.113.25"]
    )
    assert by_address.code == 1  # mail flows, out-of-office replies do not
    assert "matches by address" in by_address.out


def test_the_null_sender_and_a_recipient_of_ones_own(attribute: Attribute) -> None:
    null = attribute("--sender", "<>")
    assert (null.code, "<> (the null sender)" in null.out) == (2, True)
    own = attribute(*SENDER, "--recipient", "ben@contoso.com")
    assert (own.code, own.out.startswith("INTERNET")) == (1, True)
    unknown = attribute(TlsSenderCertificateName=None, SenderIPAddresses=["203.0.113.25"])
    assert (unknown.code, "sender      not given" in unknown.out) == (3, True)


def test_the_document(attribute: Attribute, desk: Desk) -> None:
    path = desk.put("old.pem", OLD.pem)
    document = json.loads(attribute("--certificate", path, *SENDER, "--format", "json").out)
    assert document["outcome"] == "attributed"
    assert document["connectors"][0] == {
        "name": "From on-premises",
        "enabled": True,
        "type": "OnPremises",
        "matches": True,
        "active": True,
        "by_certificate": True,
        "grade": "subject and alternative name",
        "by_address": False,
    }


def test_the_sample_is_refused_and_the_disabled_connector_is_named(cli: Cli) -> None:
    files = [
        str(SAMPLES / f"get-{name}.json")
        for name in ("inboundconnector", "accepteddomain", "exchangecertificate")
    ]
    ran = cli(
        "exchange",
        "attribute",
        *files,
        "--thumbprint",
        PUB,
        *SENDER,
        "--ip",
        "203.0.113.25",
        "--at",
        "2026-11-17",
    )
    assert ran.code == 2
    assert "'Inbound from contoso hybrid (previous)' is disabled; enabled, it would match" in " ".join(
        ran.out.split()
    )


def test_questions_that_cannot_be_asked(attribute: Attribute, cli: Cli, desk: Desk) -> None:
    two = attribute("--thumbprint", OLD.sha1, "--target", "127.0.0.1")
    assert (two.code, "give one of" in two.err) == (3, True)
    nothing = cli("exchange", "attribute", desk.put("c.json", listed(OLD)))
    assert (nothing.code, "hold no inbound connector" in nothing.err) == (3, True)
