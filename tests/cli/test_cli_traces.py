"""``exchange diagnose``, ``exchange show`` and ``explain`` with message traces and reports of Exchange Online."""

from __future__ import annotations

import json
import re
from pathlib import Path

from probe.exchange.traces.report import Status
from tests.cli.running import Cli
from tests.exchange.diagnosing import UNTRUSTED
from tests.exchange.test_exchange_traces import MESSAGE, SAMPLES, as_csv
from tests.exchange.test_exchange_traces_told import event

FILES = tuple(str(path) for path in sorted(SAMPLES.iterdir()) if path.suffix != ".md")
PAGE_TITLE = "Message traces and reports"


def words(page: str) -> str:
    """The page in one line, without the mark at a word that is longer than its line."""
    return re.sub(r"\s+(?:… )?", " ", page)


class TestDiagnosis:
    def test_replies_become_faults_with_their_rows_as_proof(self, cli: Cli) -> None:
        ran = cli("exchange", "diagnose", *FILES)
        assert ran.code == 2
        page = words(ran.out)
        assert "2 faults proven" in page
        assert "Defer: 1 message in 2 rows, from 2026-11-02 08:12:30 to 2026-11-02 08:27:30 UTC" in page
        assert "to onprem.contoso.com; the first: message <2@contoso.com> to carl@onprem.contoso.com" in page
        assert "eop-probe check mail.contoso.com" in page
        assert PAGE_TITLE in page
        assert "invented column (1): =cmd|' /C calc'!A0 (1)" in page

    def test_as_json(self, cli: Cli) -> None:
        document = json.loads(cli("exchange", "diagnose", *FILES, "--format", "json").out)
        assert [one["id"] for one in document["stories"]] == [
            "from-eop-untrusted-root", "from-eop-subject-mismatch-older",
        ]  # fmt: skip
        kinds = {one["kind"]: one for one in document["traces"]}
        assert set(kinds) == {"message-trace-detail", "message-trace", "historical-search"}
        (defer,) = (
            group for one in document["traces"] for group in one["groups"] if group["said"] == "Defer"
        )
        assert (defer["status"], defer["direction"], defer["reply"]) == (
            "deferred", "from-eop", "from-eop-untrusted-root",
        )  # fmt: skip
        assert (defer["rows"], defer["messages"], defer["last"]) == (2, 1, "2026-11-02T08:27:30Z")
        assert defer["example"]["recipient"] == "carl@onprem.contoso.com"
        assert kinds["historical-search"]["columns"][1]["name"] == "invented column (1)"

    def test_as_a_page(self, cli: Cli, tmp_path: Path) -> None:
        (path := tmp_path / "trace.json").write_text(
            json.dumps(event(1, Event="<script>x</script>", Detail="y"))
        )
        page = cli("exchange", "diagnose", str(path), "--format", "html").out
        assert PAGE_TITLE in page
        assert "&lt;script&gt;x" in page
        assert "<script>x" not in page

    def test_what_was_delivered_is_no_fault_and_no_confirmation(self, cli: Cli, tmp_path: Path) -> None:
        (path := tmp_path / "trace.csv").write_text(as_csv({**MESSAGE, "Status": "Delivered"}))
        ran = cli("exchange", "diagnose", str(path))
        assert ran.code == 3
        assert "Read: 1 message trace or report." in words(ran.out)

    def test_the_end_of_a_wait_is_no_fault_of_its_own(self, cli: Cli, tmp_path: Path) -> None:
        end = "550 5.4.317 Message expired, cannot connect to remote server"
        (path := tmp_path / "trace.json").write_text(
            json.dumps([event(1), event(2, Event="Fail", Detail=end)])
        )
        document = json.loads(cli("exchange", "diagnose", str(path), "--format", "json").out)
        assert [one["id"] for one in document["stories"]] == ["from-eop-untrusted-root"]
        path.write_text(json.dumps([event(2, Event="Fail", Detail=end)]))
        document = json.loads(cli("exchange", "diagnose", str(path), "--format", "json").out)
        assert [one["id"] for one in document["stories"]] == ["from-eop-message-expired"]

    def test_an_ordinary_failure_is_no_fault(self, cli: Cli, tmp_path: Path) -> None:
        detail = "Reason: [{LED=550 5.1.1 RESOLVER.ADR.RecipNotFound; not found};{MSG=};{FQDN=};{IP=};{LRT=}]"
        (path := tmp_path / "trace.json").write_text(json.dumps(event(1, Event="Fail", Detail=detail)))
        ran = cli("exchange", "diagnose", str(path))
        assert ran.code == 3
        assert "The reply is none of those known here" in words(ran.out)

    def test_a_text_beside_a_trace_is_read_as_well(self, cli: Cli) -> None:
        text = f"Look:\n{json.dumps([event(1)], indent=1)}\nAnd the server said {UNTRUSTED}"
        document = json.loads(cli("exchange", "diagnose", "--text", text, "--format", "json").out)
        assert {one["id"] for one in document["stories"]} == {
            "to-eop-untrusted-root",
            "from-eop-untrusted-root",
        }
        assert document["traces"][0]["source"] == "text"

    def test_validation_of_a_connector_has_its_date(self, cli: Cli, tmp_path: Path) -> None:
        connector = {"Name": "Out", "RecipientDomains": ["*"], "TlsSettings": "EncryptionOnly"}
        validated = {**connector, "IsValidated": True, "LastValidationTimestamp": "11/23/2026 8:00:00 AM"}
        (path := tmp_path / "a.json").write_text(json.dumps([validated, {**connector, "Name": "Other"}]))
        page = words(cli("exchange", "diagnose", str(path)).out)
        assert "connector 'Out': IsValidated True, LastValidationTimestamp 2026-11-23 08:00:00 UTC" in page
        assert "'Other'" not in page
        path.write_text(json.dumps([{**connector, "IsValidated": False}]))
        assert "IsValidated False, LastValidationTimestamp not told" in words(
            cli("exchange", "diagnose", str(path)).out
        )
        assert "validated True" in words(cli("exchange", "show", str(path)).out.replace("False", "True"))


class TestExplain:
    def test_a_trace_is_counted_and_its_reply_explained(self, cli: Cli) -> None:
        ran = cli("explain", f"@{SAMPLES / 'get-messagetracedetailv2.json'}")
        assert (ran.code, ran.err) == (0, "")
        page = words(ran.out)
        assert "Defer: 1 message in 2 rows" in page
        assert "who Exchange Online refuses the certificate that your server presents." in page
        document = json.loads(cli("explain", json.dumps(event(1)), "--format", "json").out)
        assert [one["id"] for one in document["findings"]] == ["from-eop-untrusted-root"]
        assert document["traces"][0]["groups"][0]["status"] == Status.DEFERRED.value

    def test_one_without_a_reply_is_told_too(self, cli: Cli) -> None:
        ran = cli("explain", as_csv({**MESSAGE, "Status": "Delivered"}))
        assert ran.code == 0
        assert "Delivered: 1 message" in words(ran.out)

    def test_what_is_wrong_with_it_is_told(self, cli: Cli) -> None:
        ran = cli("explain", f"@{SAMPLES / 'get-messagetracev2.csv'}")
        assert ran.code == 0
        assert "times without a time zone" in ran.err

    def test_an_ordinary_table_is_none(self, cli: Cli) -> None:
        assert cli("explain", "name,city\nAnna,Berlin\n").code == 3


def test_show_names_the_kind(cli: Cli) -> None:
    document = json.loads(cli("exchange", "show", *FILES, "--format", "json").out)
    assert sorted(one["kind"] for one in document["files"]) == [
        "historical-search", "message-trace", "message-trace-detail", "message-trace-detail",
    ]  # fmt: skip
    assert "taken as UTC" in document["problems"][0]["message"]
