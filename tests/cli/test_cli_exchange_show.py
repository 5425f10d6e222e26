"""``exchange export`` prints lines to paste, ``exchange show`` says what files hold and what is wrong with them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.running import Cli
from tests.exchange.diagnosing import (
    INT,
    ISSUING,
    OLD,
    PUB,
    SAMPLES,
    SELF,
    Desk,
    domain,
    inbound_connector,
    listed,
    receive_connector,
    send_connector,
)

AT = ("--at", "2026-11-03T09:14:00")


def test_the_export_lines_are_read_only_and_whole(cli: Cli) -> None:
    ran = cli("exchange", "export")
    *lines, last = [line for line in ran.out.splitlines() if line and not line.startswith("#")]
    assert last == "eop-probe exchange show '*.json'"
    assert ran.code == 0
    assert {line.split(" ")[0] for line in lines} == {
        "Get-ExchangeCertificate",
        "Get-SendConnector",
        "Get-ReceiveConnector",
        "Get-InboundConnector",
        "Get-OutboundConnector",
        "Get-AcceptedDomain",
        "Get-MessageTraceV2",
        "Get-OnPremServerReportInfo",
    }
    assert not any(
        verb in ran.out for verb in ("Set-Send", "Remove-", "Export-PfxCertificate", "PrivateKey ")
    )
    assert [
        row["line"] for row in json.loads(cli("exchange", "export", "--format", "json").out)["commands"]
    ] == lines


@pytest.mark.parametrize(
    ("name", "kind", "holds"),
    [
        ("get-exchangecertificate.json", "certificates", (PUB, INT, SELF)),
        ("get-exchangecertificate.clixml", "certificates", (PUB, INT, SELF)),
        ("get-exchangecertificate-utf16le.clixml", "certificates", (PUB, INT, SELF)),
        ("get-exchangecertificate-fl.txt", "certificates", (PUB, INT, SELF)),
        ("get-exchangecertificate-table.txt", "certificates", (PUB, INT, SELF)),
        ("get-sendconnector.json", "send-connectors", ("Outbound to Office 365 (stale pin)",)),
        (
            "get-inboundconnector.json",
            "inbound-connectors",
            ("Inbound from contoso hybrid", "hybrid.contoso.com"),
        ),
        ("get-accepteddomain.json", "accepted-domains", ("contoso.mail.onmicrosoft.com",)),
        ("sample-ca-certificates.pem", "x509", ("Fabrikam Public Root G1", "Contoso Root CA")),
        ("send-log-multiline.log", "log", ()),
        ("event-2004-ja.txt", "text", ()),
    ],
)
def test_each_sample_is_recognised_by_what_it_holds(
    cli: Cli, name: str, kind: str, holds: tuple[str, ...]
) -> None:
    ran = cli("exchange", "show", str(SAMPLES / name), *AT)
    assert ran.code == 0
    assert kind in ran.out.splitlines()[1]
    for text in holds:
        assert text in ran.out


def test_facts_of_a_certificate_and_of_what_is_unknown(cli: Cli) -> None:
    whole = cli("exchange", "show", str(SAMPLES / "get-exchangecertificate.json"), *AT).out
    assert "2026-06-10 to 2026-12-26, 53 days left" in whole
    assert "Enterprise, as the server sees it; status Valid" in whole
    table = cli("exchange", "show", str(SAMPLES / "get-exchangecertificate-table.txt"), *AT).out
    assert "valid       not known" in table
    assert "(the list is incomplete)" in table


def test_every_kind_of_connector(cli: Cli, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    outbound = {
        "Name": "To on-premises",
        "Enabled": None,
        "TlsSettings": "DomainValidation",
        "TlsDomain": "x.test",
        "SmtpDaneMode": "Opportunistic",
    }
    paths = [
        desk.put("send.json", [send_connector()]),
        desk.put("receive.json", [receive_connector()]),
        desk.put("inbound.json", [inbound_connector(Enabled=False)]),
        desk.put("outbound.json", [outbound]),
        desk.put("domains.json", [domain(), {"DomainName": "fabrikam.com", "MatchSubDomains": True}]),
    ]
    out = cli("exchange", "show", *paths).out
    assert "Default Frontend EX01 (enabled)" in out
    assert "From on-premises (disabled)" in out
    assert "To on-premises (not known whether enabled)" in out
    assert "pinned      not set" in out
    assert "addresses   not set" in out
    assert "contoso.com  (Authoritative, default)" in out
    assert "fabrikam.com  (type not known, with subdomains)" in out
    assert "DANE        Opportunistic" in out
    assert "MTA-STS     not told: the export is older than 10 March 2026" in out
    document = json.loads(cli("exchange", "show", *paths, "--format", "json").out)
    assert document["outbound_connectors"][0]["mta_sts_mode"] is None
    assert document["send_connectors"][0]["smart_hosts"] == ["contoso-com.mail.protection.outlook.com"]
    assert document["outbound_connectors"][0]["tls_settings"] == "DomainValidation"
    assert document["receive_connectors"][0]["server"] == "EX01"


def test_what_is_malformed_is_named_and_the_rest_is_used(cli: Cli, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    records = json.loads(listed(OLD))
    records[0]["Services"] = "SMTP, Teleport"
    broken = desk.put("broken.json", records)
    odd = desk.put("odd.bin", b"\x00\x01\x02" * 50)
    ran = cli("exchange", "show", broken, odd)
    assert ran.code == 0
    assert OLD.sha1.upper() in ran.out
    problems = json.loads(cli("exchange", "show", broken, odd, "--format", "json").out)["problems"]
    assert ("Services", broken) in {(one["field"], one["file"]) for one in problems}
    assert any("no evidence of a kind that is known" in one["message"] for one in problems)


def test_nothing_usable_is_no_success(cli: Cli, tmp_path: Path) -> None:
    odd = Desk(tmp_path).put("odd.bin", b"\x00\x01\x02" * 50)
    assert cli("exchange", "show", odd).code == 3
    missing = cli("exchange", "show", str(tmp_path / "missing.json"))
    assert missing.code == 3
    assert missing.err.endswith("missing.json does not exist\n")
    pattern = cli("exchange", "show", str(tmp_path / "*.clixml"))
    assert "matches no file" in pattern.err


def test_folders_patterns_compressed_files_and_an_output_file(cli: Cli, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (tmp_path / "sub").mkdir()
    desk.put("sub/certificates.json.gz", gzip.compress(listed(OLD).encode()))
    desk.put("sub/issuing.pem", ISSUING.pem)
    report = tmp_path / "report.txt"
    assert cli("exchange", "show", str(tmp_path / "sub"), "--output", str(report)).code == 0
    assert OLD.sha1.upper() in report.read_text("utf-8")
    assert ISSUING.sha1.upper() in cli("exchange", "show", str(tmp_path / "*" / "*.pem")).out


def test_the_list_of_commands(cli: Cli) -> None:
    out = cli("exchange", "--help").out
    for command in ("export", "show", "select", "attribute", "log", "diagnose"):
        assert f"  {command} " in out
    assert "exchange" in cli("--help").out
