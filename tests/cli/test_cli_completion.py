"""Completion scripts: bash runs its own; the others hold the same words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from probe.cli.completion import word_table
from tests.cli.running import Cli

ASK = """
source "$1"; shift
complete -p eop-probe >&2
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _eop_probe; printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["c"], ["check", "certificate", "completion"]),
        (["check", "mail.contoso.com", "--form"], ["--format"]),
        (["check", "--format", "j"], ["json", "jsonl", "junit"]),
        (["exchange", "log", "--format", "j"], ["json", "jsonl"]),
        (["exchange", "s"], ["show", "select"]),
        (["check", "--direction", ""], ["to-eop", "from-eop"]),
        (["check", "--implicit-tls", "--start"], ["--starttls"]),
        (["completion", "p"], ["powershell"]),
        (["--v"], ["--version"]),
        (["check", "--store", ""], [""]),  # left to file names
        (["nonsense", "x"], [""]),
    ],
)
def test_bash_offers(cli: Cli, tmp_path: Path, typed: list[str], offered: list[str]) -> None:
    script = tmp_path / "eop-probe.bash"
    script.write_text(cli("completion", "bash").out, "utf-8")
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", str(script), "eop-probe", *typed],
        capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.stderr == "complete -o bashdefault -o default -F _eop_probe eop-probe\n"
    assert done.stdout.splitlines() == offered


def test_the_table_holds_every_command_and_option() -> None:
    table = word_table()
    assert {"check", "exchange", "completion"} <= set(table[""])
    assert table["exchange log --format"] == ["terminal", "json", "jsonl", "csv"]
    assert table["check --store"] == []
    assert "check --thorough" not in table


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_script_is_static_and_whole(cli: Cli, shell: str) -> None:
    """No script calls the program: Tab must not start Python."""
    ran = cli("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    words = {word for held in word_table().values() for word in held}
    assert not [word for word in words if word.removeprefix("--") not in ran.out]
    assert not [
        line for line in ran.out.splitlines() if line.strip().startswith(("eop-probe ", "$(eop-probe"))
    ]


def test_another_shell(cli: Cli) -> None:
    ran = cli("completion", "csh")
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert "csh" in ran.err
