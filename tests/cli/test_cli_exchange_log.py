"""``exchange log``: what protocol logs prove, as a summary and as rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.running import Cli
from tests.exchange.diagnosing import (
    DENIED,
    HEADER,
    INT,
    NEW_PRIVATE,
    NOW,
    OLD,
    PUB,
    SAMPLES,
    SELF,
    UNTRUSTED,
    Desk,
    listed,
    mail,
    session,
)

INVENTORY = ("--inventory", str(SAMPLES / "get-exchangecertificate.json"))


def test_the_samples_tell_their_stories(cli: Cli) -> None:
    ran = cli("exchange", "log", str(SAMPLES / "*.log"), *INVENTORY)
    assert ran.code == 2
    for text in (
        "4 sessions in 3 files",
        f"{INT}  1 session, 0 messages delivered",
        f"{PUB}  1 session, 1 message delivered",
        "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied",
        "550 5.7.64 TenantAttribution; Relay Access Denied",
        f"{PUB} gave way to",
        "TLS negotiation failed with error NoCredentials",
        "inventory   holds it",
    ):
        assert text in ran.out
    assert ran.err == ""


def test_the_document_holds_the_groups_and_the_change(cli: Cli) -> None:
    document = json.loads(cli("exchange", "log", str(SAMPLES), *INVENTORY, "--format", "json").out)
    groups = {(g["connector"], g["certificate"]["thumbprint"].upper()): g for g in document["groups"]}
    refused = groups["Outbound to Office 365", INT]["refused"]
    assert refused[0]["reason"] == "to-eop-untrusted-root"
    assert refused[0]["session"] == "08DE1A94C37B5E01"
    assert groups["Partner fabrikam", SELF]["tls_failed"] == 1
    assert document["changes"][0]["before"].upper() == PUB
    assert any("is no SMTP protocol log" in one["message"] for one in document["problems"])


@pytest.mark.parametrize("output_format", ["csv", "jsonl"])
def test_a_row_for_each_session(cli: Cli, output_format: str, tmp_path: Path) -> None:
    ran = cli("exchange", "log", str(SAMPLES / "*.log"), "--format", output_format)
    rows = (
        list(csv.DictReader(io.StringIO(ran.out)))
        if output_format == "csv"
        else [json.loads(line) for line in ran.out.splitlines()]
    )
    assert len(rows) == 4
    assert {row["outcome"] for row in rows} == {"delivered", "refused", "tls-failed"}
    assert {row["thumbprint"].upper() for row in rows} == {PUB, INT, SELF}
    path = tmp_path / "rows"
    cli("exchange", "log", str(SAMPLES / "*.log"), "--format", output_format, "--output", str(path))
    assert (
        path.read_bytes().decode().replace("\r\n", "\n").splitlines()
        == ran.out.replace("\r\n", "\n").splitlines()
    )


def test_no_cell_is_a_formula(cli: Cli, tmp_path: Path) -> None:
    path = Desk(tmp_path).log(session(OLD, *mail("250 2.1.5 OK"), connector="=cmd|' /C calc'!A0"))
    row = next(csv.DictReader(io.StringIO(cli("exchange", "log", path, "--format", "csv").out)))
    assert row["connector"].startswith("'=")


def test_filters(cli: Cli, tmp_path: Path) -> None:
    path = Desk(tmp_path).log(
        session(OLD, *mail("250 2.1.5 OK"), number=1, at=NOW - timedelta(days=3)),
        session(NEW_PRIVATE, *mail(UNTRUSTED), number=2),
        session(OLD, *mail(DENIED), number=3, connector="Relay"),
    )
    assert json.loads(cli("exchange", "log", path, "--format", "json").out)["sessions"] == 3
    since = cli("exchange", "log", path, "--since", "2026-11-02", "--format", "json")
    assert json.loads(since.out)["sessions"] == 2
    assert json.loads(since.out)["changes"] == []
    one = json.loads(cli("exchange", "log", path, "--connector", "RELAY", "--format", "json").out)
    assert [group["connector"] for group in one["groups"]] == ["Relay"]


def test_the_exit_code_is_the_worst_that_happened(cli: Cli, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    fine = session(OLD, *mail("250 2.1.5 OK"))
    dropped = session(OLD, number=2).replace(',-,"",Local', ',-,"",Remote')
    assert cli("exchange", "log", desk.log(fine, name="1")).code == 0
    assert cli("exchange", "log", desk.log(fine, dropped, name="2")).code == 1
    assert cli("exchange", "log", desk.log(fine, session(OLD, *mail(DENIED), number=3), name="3")).code == 2
    assert cli("exchange", "log", desk.log(name="4")).code == 3


def test_failed_tls_alone_is_no_refusal(cli: Cli) -> None:
    path = str(SAMPLES / "send-log-singleline-2016.log")
    assert cli("exchange", "log", path).code == 1
    assert cli("exchange", "log", path, "--connector", "Outbound to Office 365").code == 0


def test_compressed_damaged_and_missing_logs(cli: Cli, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    text = HEADER + session(OLD, *mail("250 2.1.5 OK"))
    packed = gzip.compress(text.encode())
    assert cli("exchange", "log", desk.put("a.log.gz", packed)).code == 0
    damaged = cli("exchange", "log", desk.put("b.log.gz", packed[:-8] + b"\0" * 8), "--format", "jsonl")
    assert "is damaged where it is compressed" in damaged.err
    missing = cli("exchange", "log", str(tmp_path / "none"))
    assert (missing.code, "does not exist" in missing.err) == (3, True)


def test_what_is_not_known_of_a_certificate_is_said(cli: Cli, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    path = desk.log(session(None, *mail("250 2.1.5 OK")))
    assert "no certificate logged" in cli("exchange", "log", path).out
    other = desk.put("inventory.json", listed(NEW_PRIVATE))
    logged = desk.log(session(OLD, *mail("250 2.1.5 OK")), name="other.log")
    assert "inventory   does not hold it" in cli("exchange", "log", logged, "--inventory", other).out


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("--since", "yesterday", "--since: "), ("--ansi", "klingon", "--ansi: klingon is no encoding")],
)
def test_options_that_make_no_sense(cli: Cli, option: str, value: str, says: str) -> None:
    ran = cli("exchange", "log", str(SAMPLES), option, value)
    assert (ran.code, says in ran.err) == (3, True)


def test_a_connector_named_in_an_older_code_page(cli: Cli, tmp_path: Path) -> None:
    text = HEADER + session(OLD, *mail("250 2.1.5 OK"), connector="Почта")
    path = Desk(tmp_path).put("ansi.log", text.encode("cp1251"))
    assert "'Почта'" in cli("exchange", "log", path, "--ansi", "cp1251").out
    assert "'Почта'" not in cli("exchange", "log", path).out


def test_rows_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    ran = cli("exchange", "log", str(SAMPLES), "--format", "csv", "--output", str(tmp_path / "no" / "x.csv"))
    assert (ran.code, "cannot write" in ran.err) == (3, True)
