"""`eop-probe stores` and `eop-probe demo`, in process: the lists that are installed, and the built-in servers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from probe.cli.demo import _program
from tests.authority import chain_pem
from tests.cli.running import LEAF, ROOT, Cli, spawn

AT = "2026-11-21"


class TestList:
    def test_the_default_stores(self, cli: Cli) -> None:
        ran = cli("stores", "list", "--at", AT)
        assert ran.code == 0
        assert "microsoft (decides)" in ran.out
        assert "mozilla (second opinion)" in ran.out
        assert "unexpired roots for servers" in ran.out

    def test_alone_it_lists(self, cli: Cli) -> None:
        assert cli("stores").out == cli("stores", "list").out

    def test_json(self, cli: Cli) -> None:
        ran = cli("stores", "list", "--format", "json", "--at", AT)
        document = json.loads(ran.out)
        assert document["schema"] == "eop-probe/stores/1"
        microsoft, mozilla = document["stores"]
        assert (microsoft["name"], mozilla["name"]) == ("microsoft", "mozilla")
        assert microsoft["roots"] > microsoft["trusted_server_auth"] > 100
        assert mozilla["trusted_server_auth"] is None

    def test_an_old_list_is_told(self, cli: Cli) -> None:
        late = cli("stores", "list", "--at", "2099-01-01")
        assert late.code == 0
        assert late.err.count("\n") == 1
        assert "stores update" in late.err
        dated = json.loads(cli("stores", "list", "--format", "json").out)["stores"][0]["dated"]
        assert cli("stores", "list", "--at", dated).err == ""

    def test_an_old_list_of_ones_own_is_not_replaced_by_fetching(self, cli: Cli) -> None:
        own = json.loads(cli("stores", "list", "--format", "json").out)["stores"][0]["source"]
        late = cli("stores", "list", "--at", "2099-01-01", "--authroot-stl", own)
        assert late.err.endswith("; name a newer one with --authroot-stl\n")

    def test_a_file(self, cli: Cli) -> None:
        ran = cli("stores", "list", "--store", cli.store, "--at", AT)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("root.pem (decides)\n  list     not dated; 1 roots\n")


class TestShow:
    @pytest.mark.parametrize(
        ("root", "words"),
        [
            # Facts of the list of October 2026; the sentences change only if Microsoft changes its mind.
            ("Entrust Root Certification Authority - G2", "not for server certificates issued on or after"),
            ("DigiCert Global Root G2", "trusted for server certificates"),
            ("DF3C24F9BFD666761B268073FE06D1CC8D4F82A4", "DigiCert Global Root G2"),
            ("no such root anywhere", "holds no root"),
        ],
    )
    def test_a_root_s_state_in_a_sentence(self, cli: Cli, root: str, words: str) -> None:
        ran = cli("stores", "show", root, "--at", AT)
        assert (ran.code, ran.err) == (0, "")
        assert words in ran.out

    def test_too_many(self, cli: Cli) -> None:
        ran = cli("stores", "show", "CA", "--at", AT)
        assert ran.code == 0
        assert "more of the name or a thumbprint" in ran.out
        assert ran.out.count("  sha1 ") == 25

    def test_a_file(self, cli: Cli, tmp_path: Path) -> None:
        both = tmp_path / "both.pem"
        both.write_text(chain_pem(LEAF, ROOT), encoding="ascii")
        ran = cli("stores", "show", str(both))
        assert ran.code == 0
        assert "Fabrikam Public Root is not in Microsoft's list." in ran.out
        assert ran.out.count("Mozilla does not hold it") == 2

    def test_a_file_without_a_certificate(self, cli: Cli, tmp_path: Path) -> None:
        empty = tmp_path / "empty.pem"
        empty.touch()
        ran = cli("stores", "show", str(empty))
        assert (ran.code, ran.out) == (3, "")
        assert ran.err == f"eop-probe: {empty} holds no PEM certificate\n"


class TestDiff:
    def test_microsoft_and_mozilla(self, cli: Cli) -> None:
        ran = cli("stores", "diff", "--at", AT)
        assert ran.code == 0
        assert ran.out.startswith("common ")
        assert "\nonly mozilla\n" in ran.out

    def test_json(self, cli: Cli) -> None:
        ran = cli("stores", "diff", cli.store, "mozilla", "--format", "json")
        document = json.loads(ran.out)
        assert document["common"] == []
        [alone] = document[f"only {cli.store}"]
        assert (alone["subject"], alone["sha256"]) == ("CN=Fabrikam Public Root", ROOT.sha256)

    def test_a_list_and_itself(self, cli: Cli) -> None:
        ran = cli("stores", "diff", cli.store, cli.store)
        assert ran.out.startswith("common 1, only")


@pytest.mark.parametrize(
    "arguments",
    [
        ["stores", "bogus"],
        ["stores", "show"],
        ["stores", "list", "--store", "/nonexistent.pem"],
        ["stores", "list", "--at", "never"],
        ["stores", "diff", "microsoft", "/nonexistent.pem"],
        ["stores", "show", "x", "--authroot-stl", "/nonexistent.stl"],
        ["demo", "--bogus"],
    ],
)
def test_errors_are_one_line(cli: Cli, arguments: list[str]) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert ran.err.startswith("eop-probe: ")


class TestDemo:
    def test_the_five_verdicts(self, cli: Cli) -> None:
        ran = cli("demo")
        assert (ran.code, ran.err) == (0, "")
        _, _, summary = ran.out.partition("The five verdicts:\n")
        assert [line.split() for line in summary.splitlines()[:5]] == [
            ["accepted", "healthy"],
            ["rejected", "self-signed", "self-signed"],
            ["rejected", "internal-ca", "untrusted-root"],
            ["rejected", "missing-intermediate", "missing-intermediate"],
            ["rejected", "two-certificates", "untrusted-root"],
        ]
        assert "2 connections, 2 different results" in ran.out

    def test_verbose_shows_the_conversation(self, cli: Cli) -> None:
        assert "STARTTLS" in cli("demo", "-v").out

    def test_in_a_process_of_its_own(self) -> None:
        ran = spawn("demo", PYTHONIOENCODING="ascii")
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.isascii()
        assert ran.out.rstrip().endswith(f"\n  {sys.executable} -m probe check mail.example.com")

    @pytest.mark.parametrize(("path", "said"), [("", "../bin/eop-probe"), ("/there", "eop-probe")])
    def test_its_last_command_works_where_the_user_is(
        self, path: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "there" / "eop-probe"
        program.parent.mkdir()
        program.touch(0o755)
        monkeypatch.setattr(sys, "argv", ["../bin/eop-probe", "demo"])
        monkeypatch.setenv("PATH", f"{tmp_path}{path}")
        assert _program() == said
