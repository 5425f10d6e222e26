"""``explain`` with texts, files, standard input, rules and entries of the catalogue."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import Cli, command, environment
from tests.exchange.diagnosing import DENIED, SAMPLES, UNTRUSTED


@pytest.mark.parametrize(
    ("text", "title", "who"),
    [
        (
            UNTRUSTED,
            "Exchange Online does not trust your client certificate",
            "your server to Exchange Online",
        ),
        (
            "454 4.7.5 Certificate validation failure, Reason:UntrustedRoot",
            "",
            "your server to Exchange Online",
        ),
        (
            "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]",
            "",
            "Exchange Online to your server",
        ),
        (DENIED, "No inbound connector matches", "your server to Exchange Online"),
    ],
)
def test_a_text(cli: Cli, text: str, title: str, who: str) -> None:
    ran = cli("explain", text)
    assert ran.code == 0
    assert ran.out.startswith(title)
    assert who in ran.out
    for heading in ("Meaning", "Causes", "What to do", "Sources"):
        assert f"\n{heading}\n" in ran.out


def test_the_three_untrusted_roots_are_three(cli: Cli) -> None:
    texts = (
        UNTRUSTED,
        "454 4.7.5 Certificate validation failure, Reason:UntrustedRoot",
        "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]",
    )
    ids = {json.loads(cli("explain", text, "--format", "json").out)["findings"][0]["id"] for text in texts}
    assert len(ids) == 3


@pytest.mark.parametrize("language", ["en", "it", "pl", "ja", "nl"])
def test_an_event_in_any_language(cli: Cli, language: str) -> None:
    path = SAMPLES / f"event-2004-{language}.txt"
    for arguments in ((f"@{path}",), ("--file", str(path))):
        found = json.loads(cli("explain", *arguments, "--format", "json").out)["findings"][0]
        assert found["id"] == "to-eop-untrusted-root"
        assert found["message_id"] == "8d1f60c2a4b34e7f9c0a5b6e7d8f9012@EX01.contoso.com"


def test_the_page_of_an_event_names_message_and_connector(cli: Cli) -> None:
    out = cli("explain", "--file", str(SAMPLES / "event-2004-en.txt")).out
    assert "event       2004" in out
    assert "connector   Outbound to Office 365" in out


def test_standard_input() -> None:
    done = subprocess.run(
        command("explain", "-"),
        input=UNTRUSTED.encode("utf-16"),
        capture_output=True,
        timeout=60,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0
    assert done.stdout.startswith(b"Exchange Online does not trust")


@pytest.mark.parametrize(
    ("given", "code", "out", "err"),
    [
        (UNTRUSTED.encode(), 0, "Exchange Online does not trust", ""),
        (b"SocketError", 0, "'SocketError' alone does not say who refuses whom: 2 known texts", ""),
        (b"NoCredentials", 0, "'NoCredentials' is known from one reply or log line:", ""),
        (b" \n", 3, "", "nothing to explain"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 3, "", "is an Outlook file that cannot be read"),
    ],
)
def test_standard_input_that_is_no_terminal_needs_no_dash(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, given: bytes, code: int, out: str, err: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
    ran = cli("explain")
    assert (ran.code, ran.out[: len(out)]) == (code, out)
    assert err in ran.err


def test_a_token_alone_as_a_document(cli: Cli) -> None:
    found = json.loads(cli("explain", "UntrustedRoot", "--format", "json").out)["findings"]
    assert {one["direction"] for one in found} == {"to-eop", "from-eop", "none"}


def test_a_last_error_record_is_taken_apart(cli: Cli) -> None:
    record = (
        f"[{{LED=451 4.4.395 Target host responded with error. -> {UNTRUSTED}}};{{MSG=}};{{FQDN=mx.contoso.com}};"
        "{IP=192.0.2.1};{LRT=11/3/2026 9:14:03 AM}]"
    )
    out = cli("explain", record).out
    assert "host        mx.contoso.com" in out
    assert "address     192.0.2.1" in out
    found = json.loads(cli("explain", record, "--format", "json").out)["findings"][0]
    assert (found["id"], found["last_error"]["fqdn"]) == ("to-eop-untrusted-root", "mx.contoso.com")
    led = "[{LED=450 4.4.317 Cannot connect [Message=UntrustedRoot] [LastAttemptedIP=192.0.2.1:25]};{MSG=}]"
    assert "in it       LastAttemptedIP: 192.0.2.1:25" in cli("explain", led).out


def test_several_findings_are_listed_and_told_on_demand(cli: Cli) -> None:
    text = f"{UNTRUSTED}\n{DENIED}"
    brief, whole = cli("explain", text).out, cli("explain", text, "--verbose").out
    assert "Also here" in brief
    assert "Also here" not in whole
    assert whole.count("\nWhat to do\n") == 2 > brief.count("\nWhat to do\n")


def test_rules_and_entries_by_their_ids(cli: Cli) -> None:
    assert cli("explain", "untrusted-root").out.startswith("untrusted-root: ")
    assert json.loads(cli("explain", "Untrusted-Root", "--format", "json").out)["rule"] == "untrusted-root"
    assert "Meaning" in cli("explain", "pin-not-found").out
    entry = json.loads(cli("explain", "pin-not-found", "--format", "json").out)["findings"][0]
    assert entry["id"] == "pin-not-found"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("no-such-rule",), "there is no rule of that name either; the rules are: "),
        (("250 2.1.5 Recipient OK",), "nothing in it is known: 250 2.1.5"),
        (("untrusted-rooot",), "did you mean untrusted-root"),
        (("event-1204",), "nothing in it is known"),
        (("@/nowhere/at-all.txt",), "cannot be read"),
    ],
)
def test_what_is_not_known(cli: Cli, arguments: tuple[str, ...], says: str) -> None:
    ran = cli("explain", *arguments)
    assert (ran.code, ran.out) == (3, "")
    assert says in ran.err


def test_a_text_that_is_too_long_is_told(cli: Cli, tmp_path: Path) -> None:
    text, file = "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]\n", tmp_path / "ndr.txt"
    for filler, told in ((1 << 20, 1), (0, 0)):
        file.write_text(text + "." * filler)
        ran = cli("explain", f"@{file}")
        assert (ran.code, ran.err.count("replies are looked for in the first 1048576 characters")) == (
            0,
            told,
        )


def test_of_many_findings_those_left_out_are_told(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "ndr.txt"
    for more in (2, 1, 0):
        lines = [f"550 5.7.64 Relay Access Denied ATTR{number}" for number in range(1000, 1200 + more)]
        file.write_text("\n\n".join(lines))
        left = f"{more} more thing{'s' if more > 1 else ''} of yet other kinds"
        found = json.loads(cli("explain", f"@{file}", "--format", "json").out)
        assert (len(found["findings"]), found["left_out"]) == (200, more)
        assert (f"{left} it says, which were left out." in cli("explain", f"@{file}").out) is (more > 0)
        problems = json.loads(cli("exchange", "diagnose", str(file), "--format", "json").out)["problems"]
        assert [one["message"] for one in problems] == [f"says {left}, which were left out."] * (more > 0)
        ran = cli("ledger", str(file))
        assert (f"says {left}," in " ".join(ran.out.split())) is (more > 0)


def test_the_page_goes_to_a_file(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    assert cli("explain", DENIED, "--output", str(path)).out == ""
    assert "5.7.64" in path.read_text("utf-8")
