"""``eop-probe tlsrpt``: the verdict and its code, each format, and keys from files and from a DNS server."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from probe.exchange.messages.dkim import DkimError
from probe.tlsrpt import keys
from tests.cli.running import Cli
from tests.net.test_net_resolver import ZONE, NameServer
from tests.tlsrpt.mailing import GOOGLE, MICROSOFT, SAMPLES, Key, attachment, edwards, key, mail, signed

KEY_NAME = "lab._domainkey.microsoft.com"
AT = ("--at", "2026-11-22")


def told(cli: Cli, *words: str | Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(cli("tlsrpt", *map(str, words), *AT, "--format", "json").out)
    return document


@pytest.fixture
def eml(tmp_path: Path) -> Path:
    path = tmp_path / "report.eml"
    path.write_bytes(signed())
    return path


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "lab.pem"
    path.write_bytes(key().pem)
    return path


def changed(**counts: int) -> bytes:
    """Microsoft's report with other counts of its MTA-STS policy."""
    text = json.loads(MICROSOFT)
    good, bad = "total-successful-session-count", "total-failure-session-count"
    text["policies"][0]["summary"] = {good: counts["good"], bad: counts["bad"]}
    text["policies"][0]["failure-details"] = []
    return json.dumps(text).encode()


#: A policy on a day without any session.
IDLE = b'{"policies": [{"policy": {"policy-type": "sts"}, "summary": {"total-successful-session-count": 0}}]}'

NEXT_DAY = (SAMPLES / "microsoft-next-day.json").read_bytes()
#: By the report's bytes: the exit code, and how the page begins.
VERDICTS: dict[str, tuple[bytes, int, str]] = {
    "none failed": (changed(good=9, bad=0), 0, "ACCEPTED  on the newest day of every policy no session failed\n"),
    "some did": (MICROSOFT, 1, "AT-RISK  contoso.com, MTA-STS: 2 of 60 sessions from Microsoft Corporation failed on"),
    "all did": (changed(good=0, bad=4), 2, "REJECTED  contoso.com, MTA-STS: all 4 sessions from Microsoft Corporation"),
    "the only one did": (changed(good=0, bad=1), 2, "REJECTED  contoso.com, MTA-STS: the only session from Microsoft"),
    "all did, in testing": (changed(good=0, bad=4).replace(b"enforce", b"testing"), 1, "AT-RISK  contoso.com, MTA-STS"),
    "there was no policy": (NEXT_DAY, 1, "AT-RISK  contoso.com, MTA-STS: all 31"),
    "only failures are told": (changed(good=-1, bad=1), 1, "AT-RISK  contoso.com, MTA-STS: 1 session, of how many"),
    "none were": (IDLE, 3, "UNKNOWN  no sessions are told of\n"),
    "no report": (b"hello", 3, "UNKNOWN  1 report could not be read\n"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "code", "begins"), VERDICTS.values(), ids=VERDICTS)
def test_the_verdict(cli: Cli, tmp_path: Path, data: bytes, code: int, begins: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    ran = cli("tlsrpt", str(path))
    assert (ran.code, ran.err) == (code, "")
    assert " ".join(ran.out.split()).startswith(" ".join(begins.split()))
    assert cli.fed(data, "tlsrpt", "-").code == code


def test_what_is_over_is_told_and_counts_no_more(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "1.json").write_bytes(changed(good=0, bad=4))
    later = changed(good=8, bad=0).replace(b"2026-11-19", b"2026-11-20").replace(b"13408000", b"13408086")
    (tmp_path / "2.json").write_bytes(later)
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("no report")
    ran = cli("tlsrpt", str(tmp_path))
    assert ran.code == 0
    assert " others held no report" in ran.out
    assert "2026-11-19 to 2026-11-20, 2 days: 12 sessions, 4 failed" in ran.out
    assert "2026-11-19  all 4 sessions failed: not-told 4" in ran.out
    assert "On 2026-11-20 none failed" in ran.out


def of_day(data: bytes, day: str, number: bytes) -> bytes:
    return data.replace(b"2026-11-19", day.encode()).replace(b"13408000", number)


#: By the sums of a report that has a kind of failure: how its day is told.
SUMS = [
    ({"good": -1, "bad": 1}, "1 session, of how many is not told, failed: validation-failure 2"),
    ({"good": 3, "bad": -1}, "3 sessions succeeded, how many failed is not told: validation-failure 2"),
    ({"good": -1, "bad": -1}, "sessions not told: validation-failure 2"),
    ({"good": 3, "bad": 0}, "3 sessions, none failed, by the report's own sum: validation-failure 2"),
]


@pytest.mark.parametrize(("sums", "said"), SUMS)
def test_what_is_not_told_is_not_taken_for_none(
    cli: Cli, tmp_path: Path, sums: dict[str, int], said: str
) -> None:
    kind = json.loads(MICROSOFT)["policies"][0]["failure-details"]
    text = json.loads(changed(**sums))
    text["policies"][0]["failure-details"] = kind
    (tmp_path / "1.json").write_text(json.dumps(text))
    ran = cli("tlsrpt", str(tmp_path))
    assert (ran.code, f" 2026-11-19 {said} " in " ".join(ran.out.split())) == (1, True)
    (tmp_path / "2.json").write_bytes(of_day(changed(good=8, bad=0), "2026-11-20", b"13408086"))
    told = "as far as is told" in " ".join(cli("tlsrpt", str(tmp_path)).out.split())
    assert told is (-1 in sums.values())


@pytest.mark.parametrize(("day", "outcome"), [("2999-01-01", "rejected"), ("2026-11-23", "accepted")])
def test_a_day_that_has_not_come_hides_none_that_has(
    cli: Cli, tmp_path: Path, day: str, outcome: str
) -> None:
    """A day ahead is one: senders count from their own midnight."""
    (tmp_path / "1.json").write_bytes(changed(good=0, bad=4))
    (tmp_path / "2.json").write_bytes(of_day(changed(good=8, bad=0), day, b"13408086"))
    found = told(cli, tmp_path, *AT)
    assert found["outcome"] == outcome
    early = [one["message"] for one in found["problems"] if "has not come yet" in one["message"]]
    assert early == (
        ["is of 2999-01-01, which has not come yet; its day does not count."] if outcome == "rejected" else []
    )


def test_a_period_that_ends_before_it_begins(cli: Cli, tmp_path: Path) -> None:
    turned = json.loads(changed(good=8, bad=0))
    period = turned["date-range"]
    period["start-datetime"], period["end-datetime"] = period["end-datetime"], period["start-datetime"]
    (tmp_path / "1.json").write_text(json.dumps(turned))
    found = told(cli, tmp_path, *AT)
    assert [one["message"] for one in found["problems"]] == ["ends before it begins; its day is not told."]
    assert {day["day"] for one in found["summary"] for day in one["days"]} == {None}


def test_what_is_not_told_is_no_sample(cli: Cli, tmp_path: Path) -> None:
    text = json.loads(MICROSOFT)
    text["policies"][0]["failure-details"][0]["failed-session-count"] = "many"
    (tmp_path / "1.json").write_text(json.dumps(text))
    metrics = cli("tlsrpt", str(tmp_path), "--format", "prometheus", *AT).out
    kind = text["policies"][0]["failure-details"][0]["result-type"]
    assert f'result="{kind}"' not in metrics
    assert re.search(r'policy="sts".*result="success".* 58$', metrics, re.MULTILINE)


def test_a_later_report_that_anybody_can_have_written_hides_no_proven_one(
    cli: Cli, tmp_path: Path, pem: Path
) -> None:
    (tmp_path / "1.eml").write_bytes(signed(mail(attachment(changed(good=0, bad=4)))))
    later = changed(good=8, bad=0).replace(b"2026-11-19", b"2026-11-20").replace(b"13408000", b"13408086")
    (tmp_path / "2.json").write_bytes(later)
    found = told(cli, tmp_path / "1.eml", tmp_path / "2.json", "--dkim-key", pem)
    assert found["outcome"] == "rejected"
    states = {(one["policy"], one["proof"]): one["outcome"] for one in found["summary"]}
    assert states == {
        ("sts", "proven"): "rejected", ("sts", "supplied"): "accepted",
        ("tlsa", "proven"): "accepted", ("tlsa", "supplied"): "accepted",
    }  # fmt: skip


def test_every_sender_on_one_page(cli: Cli) -> None:
    ran = cli("tlsrpt", str(SAMPLES))
    assert (ran.code, ran.err) == (1, "")
    assert (
        "Sessions can be counted under DANE and under MTA-STS, both: their numbers are\n  not to be added."
        in ran.out
    )
    for line in (
        "  Microsoft Corporation, MTA-STS (enforce)  at-risk, supplied\n",
        "    2026-11-19 to 2026-11-20, 2 days: 91 sessions, 33 failed\n",
        "    2026-11-20  all 31 sessions failed: sts-policy-fetch-error 31\n",
        "    2026-11-19 to 2026-11-20, 2 days: 124 sessions, none failed\n",
        "      mail.contoso.net: certificate-host-mismatch:\n",
        "    1. Fetch https://mta-sts.contoso.com/.well-known/mta-sts.txt from outside:\n",
        "      eop-probe check mx:contoso.com --direction from-eop\n",
        "Reports  9 reports: 0 proven by Microsoft's signature, 9 supplied\n",
    ):
        assert line in ran.out
    assert "215 sessions" not in ran.out  # 91 and 124: never added


def test_long_lists_are_cut_unless_all_is_wanted(cli: Cli, tmp_path: Path) -> None:
    text = json.loads(GOOGLE)
    text["policies"][0]["failure-details"] *= 5
    for number in range(5):
        (tmp_path / f"{number}.json").write_text(json.dumps(text))
        (tmp_path / f"m{number}.json").write_bytes(MICROSOFT.replace(b"1340800000", b"134080000%d" % number))
    brief, whole = cli("tlsrpt", str(tmp_path)), cli("tlsrpt", str(tmp_path), "--verbose")
    assert "2 more; --verbose shows them" in brief.out
    assert "2 more like this; --verbose shows them" in brief.out
    assert "--verbose" not in whole.out
    assert whole.out.count("mx2.contoso.com (192.0.2.12)") == 5
    assert "60 sessions, none failed" in whole.out


def test_reports_that_tell_no_day(cli: Cli, tmp_path: Path) -> None:
    text = json.loads(MICROSOFT)
    del text["date-range"], text["policies"][1]
    text["policies"] *= 2
    (tmp_path / "a.json").write_text(json.dumps(text))
    (tmp_path / "b.json").write_bytes(b"[]")
    ran = cli("tlsrpt", str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    assert ran.code == 3
    said = " ".join(ran.out.split())
    assert (
        "1 report could not be read; contoso.com, MTA-STS: 4 of 120 sessions from Microsoft Corporation failed on a day"
        in said
    )
    assert "on a day not told: 120 sessions, 4 failed day not told 2 of 60 sessions failed" in said
    metrics = cli("tlsrpt", str(tmp_path / "a.json"), "--format", "prometheus").out
    assert "eop_probe_tlsrpt_day_timestamp_seconds" not in metrics
    assert 'result="validation-failure"} 4\n' in metrics


def test_csv_has_a_row_for_each_result(cli: Cli) -> None:
    ran = cli(
        "tlsrpt", str(SAMPLES / "older-names.json"), str(SAMPLES / "wrong-counts.json"), "--format", "csv"
    )
    rows = [*csv.DictReader(io.StringIO(ran.out))]
    assert [(one["sender"], one["policy"], one["result"], one["sessions"]) for one in rows] == [
        ("Tailspin Toys", "sts", "success", "0"), ("Tailspin Toys", "sts", "certificate-host-mismatch", "5"),
        ("Tailspin Toys", "sts", "not-told", "1"), ("Zava Post", "sts", "success", ""),
        ("Zava Post", "sts", "validation-failure", ""), ("Zava Post", "tlsa", "success", "7"),
    ]  # fmt: skip
    assert rows[1]["mx_hosts"] == "*.contoso.com"
    assert {one["proof"] for one in rows} == {"supplied"}


def test_metrics_are_of_the_newest_day(cli: Cli, tmp_path: Path) -> None:
    ran = cli("tlsrpt", str(SAMPLES), "--format", "prometheus")
    own = 'domain="contoso.com",sender="Microsoft Corporation",policy="sts",proof="supplied"'
    assert f'eop_probe_tlsrpt_sessions{{{own},result="success"}} 0\n' in ran.out
    assert f'eop_probe_tlsrpt_sessions{{{own},result="sts-policy-fetch-error"}} 31\n' in ran.out
    assert f"eop_probe_tlsrpt_outcome{{{own}}} 1\n" in ran.out
    assert f"eop_probe_tlsrpt_day_timestamp_seconds{{{own}}} 1795132800\n" in ran.out
    assert 'eop_probe_tlsrpt_reports{proof="proven"} 0\n' in ran.out
    assert "eop_probe_tlsrpt_unread 0\n" in ran.out
    series = [line.rpartition(" ")[0] for line in ran.out.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))
    path = tmp_path / "tlsrpt.prom"
    cli("tlsrpt", str(SAMPLES), "--format", "prometheus", "--output", str(path))
    assert path.read_text().count('file="tlsrpt.prom"') == len(series)


def test_nothing_of_a_hostile_sender_reaches_the_terminal_raw(cli: Cli, tmp_path: Path) -> None:
    text = GOOGLE.replace(b"Google Inc.", b"\\u001b[2J=cmd|x").replace(
        b"certificate-expired", b'a\\"b\\n\\u202e'
    )
    (tmp_path / "a.json").write_bytes(text)
    for name in ("terminal", "csv", "prometheus"):
        out = cli("tlsrpt", str(tmp_path / "a.json"), "--format", name).out
        assert not {"\x1b", "\u202e"} & set(out)
    assert 'result="a\\"b\\\\x0a\\\\u202e"' in out


class TestKeys:
    def files(self) -> dict[str, bytes]:
        record = key().record
        digits = record.decode()
        half = f'"{digits[:200]}" "{digits[200:]}"'
        return {
            "pem": key().pem, "a record": record, "a zone's line": f"{KEY_NAME}. 3600 IN TXT {half}\n".encode(),
            "folded": f"; of the lab\n{KEY_NAME} IN TXT (\n {half} )\n".encode(),
            "as dig prints it": f"{half}\n".encode(),
            "escaped": f'{KEY_NAME}. TXT "{digits.replace(";", chr(92) + ";")}"'.encode(),
        }  # fmt: skip

    def test_every_form_of_a_file(self, cli: Cli, tmp_path: Path, eml: Path) -> None:
        path = tmp_path / "key"
        for name, data in self.files().items():
            path.write_bytes(data)
            (report,) = told(cli, eml, "--dkim-key", path)["reports"]
            assert (report["proof"]["state"], report["proof"]["key"]) == ("proven", "file"), name
            path.write_bytes(data.replace(b"lab._domainkey", b"selector2._domainkey"))
            (report,) = told(cli, eml, "--dkim-key", path)["reports"]
            assert (report["proof"]["state"] == "proven") == (b"lab._domain" not in data), name

    @pytest.mark.parametrize("by", [key(), edwards()], ids=["rsa", "ed25519"])
    def test_pem_of_both_kinds(self, cli: Cli, tmp_path: Path, eml: Path, by: Key) -> None:
        (path := tmp_path / "key").write_bytes(by.pem)
        eml.write_bytes(signed(by=by))
        assert told(cli, eml, "--dkim-key", path)["reports"][0]["proof"]["state"] == "proven"
        path.write_bytes(key("other").pem)
        reason = told(cli, eml, "--dkim-key", path)["reports"][0]["proof"]["reason"]
        assert reason.startswith("The signature of microsoft.com (lab) ")

    def test_files_that_are_none(self, cli: Cli, tmp_path: Path, eml: Path) -> None:
        (path := tmp_path / "key").write_bytes(b"-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----\n")
        assert "has a key that cannot be read" in cli(
            "tlsrpt", str(eml), "--dkim-key", str(path)
        ).out.replace("\n    ", " ")
        for data in (b"", b"hello"):
            path.write_bytes(data)
            ran = cli("tlsrpt", str(eml), "--dkim-key", str(path))
            assert (ran.code, ran.out) == (3, "")
            assert ran.err.startswith(f"eop-probe: {path} holds no DKIM key: ")
        path.write_bytes(key().pem.ljust(keys.MAX_KEY_BYTES))
        assert cli("tlsrpt", str(eml), "--dkim-key", str(path)).code != 3
        path.write_bytes(key().pem.ljust(keys.MAX_KEY_BYTES + 1))
        ran = cli("tlsrpt", str(eml), "--dkim-key", str(path))
        assert (ran.code, ran.err) == (
            3, f"eop-probe: {path}: a file with DKIM keys has at most {keys.MAX_KEY_BYTES:,} bytes\n",
        )  # fmt: skip
        ran = cli("tlsrpt", str(eml), "--dkim-key", str(tmp_path / "none"))
        assert (ran.code, ran.err) == (
            3,
            f"eop-probe: {tmp_path}/none cannot be read: No such file or directory\n",
        )

    @pytest.mark.usefixtures("eml")
    def test_dns(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        record = key().record.decode()
        monkeypatch.setitem(ZONE, (f"{KEY_NAME}.", "TXT"), [f'"{record[:200]}" "{record[200:]}"'])
        (tmp_path / "again.eml").write_bytes(signed(mail(attachment(GOOGLE))))
        (tmp_path / "others.eml").write_bytes(signed(domain=b"fabrikam.com"))
        with NameServer() as server:
            found = told(cli, tmp_path, "--resolver", f"127.0.0.1:{server.port}")
        proofs = [(one["proof"]["state"], one["proof"]["key"]) for one in found["reports"]]
        assert proofs == [("proven", "dns"), ("proven", "dns")]
        assert server.asked == [f"{KEY_NAME}. TXT"]  # once, and no one else's

    def test_without_an_answer_it_is_supplied(self, cli: Cli, eml: Path) -> None:
        with NameServer() as server:
            ran = cli("tlsrpt", str(eml), "--resolver", f"127.0.0.1:{server.port}")
        assert ran.code == 1
        said = " ".join(ran.out.split())
        assert (
            f"supplied. The signature of microsoft.com (lab) could not be verified: the name {KEY_NAME} does"
            in said
        )

    def test_a_server_that_is_silent_is_waited_for_once(
        self, cli: Cli, tmp_path: Path, eml: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from tests.net.test_net_resolver import SILENT

        monkeypatch.setattr(keys, "TIMEOUT_S", 0.3)
        SILENT.add((f"{KEY_NAME}.", "TXT"))
        (tmp_path / "again.eml").write_bytes(signed(mail(attachment(GOOGLE))))
        with NameServer() as server:
            found = told(cli, tmp_path, eml, "--resolver", f"127.0.0.1:{server.port}")
        SILENT.remove((f"{KEY_NAME}.", "TXT"))
        assert [one["proof"]["state"] for one in found["reports"]] == ["supplied", "supplied"]
        assert (
            "did not answer for lab._domainkey.microsoft.com within 0.3 s"
            in found["reports"][0]["proof"]["reason"]
        )

    def test_names_that_are_asked_for_are_bounded(self, cli: Cli, tmp_path: Path) -> None:
        for number in range(keys.MAX_NAMES + 2):
            named = signed().replace(b"s=lab;", b"s=lab%d;" % number)
            (tmp_path / f"{number:02}.eml").write_bytes(named.replace(b"aggregate", b"report %d" % number))
        with NameServer() as server:
            found = told(cli, tmp_path, "--resolver", f"127.0.0.1:{server.port}", "--verbose")
        assert len(server.asked) == keys.MAX_NAMES
        assert len(found["reports"]) == 1

    def test_names_past_the_bound_are_not_remembered(self) -> None:
        with NameServer() as server:
            asked = keys.Keys((), f"127.0.0.1:{server.port}")
            told = []
            for number in range(3 * keys.MAX_NAMES):
                with pytest.raises(DkimError) as caught:
                    asked.records(f"n{number}._domainkey.microsoft.com")
                told.append(str(caught.value))
        assert len(server.asked) == keys.MAX_NAMES
        assert told[-1].endswith(f"more than {keys.MAX_NAMES} keys would have to be looked up")
        assert len(asked._asked) == keys.MAX_NAMES

    def test_as_of_a_day(self, cli: Cli, eml: Path, pem: Path) -> None:
        """What is read years later is judged as of its own day: a signature may have run out since."""
        assert cli("tlsrpt", str(eml), "--dkim-key", str(pem), "--at", "2026-11-20").code == 1


def test_a_path_that_means_nothing(cli: Cli) -> None:
    ran = cli("tlsrpt", "nowhere.json")
    assert (ran.code, ran.out, ran.err) == (3, "", "eop-probe: nowhere.json does not exist\n")
