"""Outputs that fail, in a process of its own: full disks, closed descriptors, readers that have gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import Cli, Ran, command, environment, spawn, unmeasured

SAMPLES = Path("tests/samples")
DENIED = "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
FULL = "eop-probe: cannot write to standard output: No space left on device\n"
UNREACHABLE = ("check", "127.0.0.1:1", "--timeout", "5")
ACCEPTED_CODE = 2
COMMANDS = (
    UNREACHABLE,
    ("certificate", str(SAMPLES / "sample-ca-certificates.pem")),
    ("explain", DENIED),
    ("exchange", "show", str(SAMPLES)),
    ("exchange", "log", str(SAMPLES), "--format", "csv"),
    ("exchange", "select", str(SAMPLES)),
    ("exchange", "diagnose", str(SAMPLES)),
    ("stores", "list"),
    ("completion", "bash"),
    ("--version",),
    ("--help",),
    ("check", "--help"),
)
USAGE = ("check", "--no-such-option")


def shell(redirections: str, *arguments: str, prelude: str = "") -> Ran:
    """The command under a shell's redirections and limits."""
    done = subprocess.run(
        ["bash", "-c", f'{prelude}"$@" {redirections}', "bash", *command(*arguments)],
        capture_output=True, text=True, check=False, timeout=60, env=unmeasured() if prelude else environment(),
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
class TestEveryCommand:
    def test_a_full_disk(self, arguments: tuple[str, ...]) -> None:
        ran = shell(">/dev/full", *arguments)
        assert (ran.code, ran.err.splitlines(keepends=True)[-1:], "Traceback" in ran.err) == (
            3,
            [FULL],
            False,
        )

    def test_a_reader_that_has_gone(self, arguments: tuple[str, ...]) -> None:
        """The control is the run that is read."""
        reader, writer = os.pipe()
        os.close(reader)
        gone = subprocess.run(
            command(*arguments), stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
            env=environment(),
        )  # fmt: skip
        os.close(writer)
        read = spawn(*arguments)
        assert (gone.returncode, gone.stderr) == (read.code, read.err)


@pytest.mark.slow
class TestStandardError:
    @pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
    @pytest.mark.parametrize("arguments", [USAGE, ("exchange", "nonsense"), ()], ids=" ".join)
    def test_what_cannot_be_said_is_unknown(self, redirection: str, arguments: tuple[str, ...]) -> None:
        ran = shell(redirection, *arguments)
        assert (ran.code, ran.out, ran.err) == (3, "", "")

    @pytest.mark.parametrize(("redirection", "code"), [("2>/dev/full", 3), ("2>&-", 3), ("2>/dev/null", 0)])
    def test_a_warning(self, tmp_path: Path, redirection: str, code: int) -> None:
        """The report comes all the same."""
        (tmp_path / "eop-probe").mkdir()
        (tmp_path / "eop-probe" / "authroot.stl").write_bytes(b"0\x03abc")
        ran = shell(redirection, "stores", "list", prelude=f"export XDG_CACHE_HOME={tmp_path}; ")
        assert (ran.code, ran.err) == (code, "")
        assert ran.out.startswith("microsoft (decides)")

    @pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
    def test_nothing_to_say_is_no_fault(self, redirection: str) -> None:
        assert shell(redirection, "explain", DENIED).code == spawn("explain", DENIED).code

    def test_its_reader_has_gone(self) -> None:
        assert shell("2> >(true)", *USAGE).code == 3

    def test_nothing_open_at_all(self) -> None:
        assert shell("<&- >&- 2>&-", "explain", DENIED).code == 3

    def test_no_standard_input(self) -> None:
        ran = shell("<&-", "explain", "-")
        assert (ran.code, ran.err) == (3, "eop-probe: there is no standard input to read from\n")


class TestOutputFile:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("certificate", "FILE"),
            ("check", "@FILE"),
            ("check", "127.0.0.1:1", "--stand-in", "FILE"),
            ("check", "127.0.0.1:1", "--store", "mozilla", "--store", "FILE"),
            ("explain", "@FILE"),
            ("exchange", "show", "FILE"),
            ("exchange", "log", "FILE", "--format", "csv"),
        ],
        ids=" ".join,
    )
    def test_what_is_read_is_not_written_over(
        self, cli: Cli, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        """By whatever name; the control is a file beside it."""
        file, other = tmp_path / "file.pem", tmp_path / "link.pem"
        before = (SAMPLES / "sample-ca-certificates.pem").read_bytes()
        file.write_bytes(before)
        other.symlink_to(file)
        given = [word.replace("FILE", str(file)) for word in arguments]
        for output in (file, other):
            assert cli(*given, "--output", str(output)) == (
                3,
                "",
                f"eop-probe: --output would write over {file}, which is read; name another file\n",
            )
        assert (file.read_bytes(), other.is_symlink()) == (before, True)
        assert "would write over" not in cli(*given, "--output", str(tmp_path / "report")).err

    def test_a_full_disk_leaves_the_old_report(self, cli: Cli, tmp_path: Path) -> None:
        folder = tmp_path / "out"
        folder.mkdir()
        report = folder / "report.json"
        report.write_text("old")
        arguments = ("exchange", "show", str(SAMPLES), "--format", "json", "--output", str(report))
        ran = shell("", *arguments, prelude="ulimit -f 1; ")
        assert (ran.code, ran.err) == (3, f"eop-probe: cannot write the report to {report}: File too large\n")
        assert (report.read_text(), list(folder.iterdir())) == ("old", [report])
        assert cli(*arguments).code == 0
        json.loads(report.read_text("utf-8"))
        assert list(folder.iterdir()) == [report]

    @pytest.mark.slow
    @pytest.mark.parametrize("where", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
    def test_standard_output_by_its_name(self, tmp_path: Path, where: str) -> None:
        """Also where that is a file, after what it holds already."""
        plain = spawn("explain", DENIED, "--format", "json").out
        assert spawn("explain", DENIED, "--format", "json", "--output", where).out == plain
        file = tmp_path / "file"
        file.write_text("before\n")
        shell(f">>{file}", "explain", DENIED, "--format", "json", "--output", where)
        assert file.read_text("utf-8") == f"before\n{plain}"

    def test_a_termination_leaves_nothing_behind(self, tmp_path: Path) -> None:
        """In the middle of a stream of rows; the control is the file beside the old one, which was there."""
        log, report = tmp_path / "log" / "a.log", tmp_path / "out" / "rows.csv"
        log.parent.mkdir()
        report.parent.mkdir()
        head, _, rows = (SAMPLES / "send-log-multiline.log").read_text("utf-8").partition("\n2")
        with log.open("w", encoding="utf-8") as file:
            file.write(head + "\n")
            file.writelines(f"2{rows.rstrip()}\n" for _ in range(3000))
        report.write_text("old")
        with subprocess.Popen(
            command("exchange", "log", str(log), "--format", "csv", "--output", str(report)),
            stderr=subprocess.PIPE, env=environment(),
        ) as process:  # fmt: skip
            while len(list(report.parent.iterdir())) == 1:
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        assert process.returncode == 128 + signal.SIGTERM
        assert (report.read_text(), list(report.parent.iterdir())) == ("old", [report])


def test_a_fault_of_ours_that_cannot_be_told() -> None:
    program = "from probe.cli.exit_codes import run_to_exit; run_to_exit(['check', object()])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    with Path("/dev/full").open("w", encoding="ascii") as full:
        untold = subprocess.run([sys.executable, "-c", program], stderr=full, check=False)
    assert (told.returncode, untold.returncode, "Traceback" in told.stderr) == (3, 3, True)
