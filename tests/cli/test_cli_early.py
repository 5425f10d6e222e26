"""What begins a check before the command line's library is loaded, what does not, and that it stays one connection."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from probe.cli import early
from probe.cli.output import Format
from probe.eop.vocabulary import Direction
from probe.net import resolver, stream
from probe.net.stream import Deadline
from probe.stores import MICROSOFT, MOZILLA
from tests.cli.running import HEALTHY, Cli, environment
from tests.net.scripted import Peer, ScriptedServer

_PROGRAM = """
import sys
from probe.cli import early
early.begin(sys.argv[1:], {})
print(*sorted({"typer", "OpenSSL", "cryptography.hazmat", "dns"} & set(sys.modules)), flush=True)
sys.stdin.readline()
from probe.cli.exit_codes import run_to_exit
run_to_exit()
"""

PLAIN = [
    "192.0.2.1",
    "192.0.2.1:2525",
    "[2001:db8::1]:25",
    "mail.contoso.test",
    "-v mail.contoso.test --verbose",
    "--format json mail.contoso.test --store microsoft --store tests/samples/sample-ca-certificates.pem",
    "192.0.2.1 --sni mail.contoso.test --direction from-eop",
]

DOUBTFUL = [
    "",
    "-",
    "@targets.txt",
    "mx:contoso.test",
    "user@contoso.test",
    "https://mail.contoso.test",
    "192.0.2.1 192.0.2.2",
    "192.0.2.1:0",
    "--help",
    "192.0.2.1 -h",
    "-- 192.0.2.1",
    "192.0.2.1 --store there-is-none.pem",
    "192.0.2.1 --port 465",
    "192.0.2.1 --implicit-tls",
    "192.0.2.1 --resolver 192.0.2.53",
    "192.0.2.1 --resolve 192.0.2.1=192.0.2.2",
    "192.0.2.1 --force-ip 6",
    "192.0.2.1 --output report.html",
    "192.0.2.1 --timeout 5",
    "192.0.2.1 --unknown",
    "192.0.2.1 --format",
    "192.0.2.1 --format --verbose",
    "192.0.2.1 --format=json",
    "192.0.2.1 --format yaml",
    "192.0.2.1 --direction both",
    "192.0.2.1 --sni 192.0.2.1",
    "192.0.2.1 --sni a..b",
    "192.0.2.1 --sni mail.contoso.test:25",
    "192.0.2.1 --store",
]


@pytest.mark.parametrize("words", PLAIN)
def test_plain_arguments(words: str) -> None:
    assert early.plain_target(["check", *words.split()], {"PATH": "/bin"}) is not None


@pytest.mark.parametrize("words", DOUBTFUL)
def test_any_doubt_is_enough(words: str) -> None:
    assert early.plain_target(["check", *words.split()], {}) is None


def test_of_a_check_only_and_without_variables() -> None:
    for arguments in ([], ["192.0.2.1"], ["certificate", "192.0.2.1"], ["demo"]):
        assert early.plain_target(arguments, {}) is None
    assert early.plain_target(["check", "192.0.2.1"], {"EOP_PROBE_PORT": "2525"}) is None


def test_the_values_taken_for_right_are_right() -> None:
    assert set(early.STORES) == {MICROSOFT, MOZILLA}
    assert set(early.FORMATS) <= {one.value for one in Format}
    for one in Direction:
        assert early.plain_target(["check", "192.0.2.1", "--direction", one.value], {}) is not None


def test_the_connection_is_begun_before_anything_is_loaded_and_stays_the_only_one() -> None:
    begun = threading.Event()

    def script(peer: Peer) -> None:
        begun.set()
        HEALTHY(peer)

    with ScriptedServer(script) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "check", f"127.0.0.1:{server.port}", "--format", "json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        assert begun.wait(60)
        said, _ = process.communicate("\n", timeout=60)
    assert process.returncode == 2
    assert '"rule": "missing-intermediate"' in said or '"rule": "untrusted-root"' in said
    assert [peer.heard.split()[0] for peer in server.peers] == [b"EHLO"]


@pytest.mark.parametrize("more", [(), ("--timeout", "20"), ("--port", "1"), ("--samples", "1")])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_one_connection_with_and_without_doubt(cli: Cli, host: str, more: tuple[str, ...]) -> None:
    with ScriptedServer(HEALTHY) as server:
        ran = cli.begun("check", f"{host}:{server.port}", *more)
    assert ran.code == 2
    assert len(server.peers) == 1


def test_no_connection_for_what_ends_in_a_usage_error(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(HEALTHY) as server:
        assert cli.begun("check", f"127.0.0.1:{server.port}", "--format", "yaml").code == 3
        assert cli.begun("check", f"127.0.0.1:{server.port}", "--no-such-option").code == 3
        monkeypatch.setenv("EOP_PROBE_TIMEOUT", "soon")
        assert cli.begun("check", f"127.0.0.1:{server.port}").code == 3
    assert server.peers == []


def test_a_name_with_one_address_is_connected_to_at_once_and_handed_over_once() -> None:
    with ScriptedServer(Peer.hold) as server:
        resolver.begin_early("127.0.0.1", lambda only: stream.begin_early(only, server.port))
        assert resolver._EARLY.pop("127.0.0.1").answer(10) == ("127.0.0.1",)
        first, second = (stream.begin_connect("127.0.0.1", server.port) for _ in range(2))
        assert first.began < second.began
        for pending in (first, second):
            pending.finish(Deadline(pending.began + 10)).close()


@pytest.mark.parametrize("target", ["127.0.0.1:{port}", "localhost:{port}"])
def test_a_store_that_does_not_exist_makes_no_connection(cli: Cli, target: str) -> None:
    with ScriptedServer(HEALTHY) as server:
        text = target.format(port=server.port)
        ran = cli.begun("check", text, "--store", "there-is-none.pem", "--resolve", "localhost=127.0.0.1")
        plain = cli.begun("check", f"127.0.0.1:{server.port}", "--store", "there-is-none.pem")
    assert ran.code == plain.code == 3
    assert "there is neither a store nor a file called" in ran.err
    assert server.peers == []
