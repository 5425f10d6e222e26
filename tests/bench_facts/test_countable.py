"""What makes a check fast and can be counted: connections, handshakes, bytes, round trips and modules.

The times themselves are measured by `bench/`; nothing here looks at a clock.
"""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe import CheckOptions, assess
from probe.report.assessment import Assessment
from probe.stores import load_judges
from tests.net.scripted import GREETING, ISSUING, LEAF, NOW, ROOT, Peer, ScriptedServer, tls_context

HOST = "mail.contoso.test"
HELLO_BYTES = 512
"""A ClientHello below this fits the smallest buffer that middleboxes are known to have."""
HUSH_SECONDS = 0.2
"""How long the server listens for a client that speaks too early."""
RECORD_HEADER = 5

_PROGRAM = """
import sys
before = set(sys.modules)
from probe.__main__ import main
try:
    main()
finally:
    sys.stderr.write("\\nLOADED " + " ".join(sorted(set(sys.modules) - before)) + "\\n")
"""


class Counting:
    """A script for the server that notes what the client does."""

    def __init__(self) -> None:
        self.handshakes = 0
        self.hello = b""
        self.early = b""
        self.context = tls_context(LEAF, ISSUING)

    def __call__(self, peer: Peer) -> None:
        peer.say(b"220-" + HOST.encode() + b" wait for it\r\n")
        if select.select([peer.socket], [], [], HUSH_SECONDS)[0]:
            self.early = peer.socket.recv(100)
        with contextlib.suppress(OSError):
            peer.to_starttls()
            self.hello = self._peek(peer)
            self.handshakes += 1
            # Whatever the client says inside is heard, and never answered.
            peer.serve_tls(self.context)

    @staticmethod
    def _peek(peer: Peer) -> bytes:
        """The first TLS record, left in place for the handshake."""
        header = peer.socket.recv(RECORD_HEADER, socket.MSG_PEEK | socket.MSG_WAITALL)
        length = RECORD_HEADER + int.from_bytes(header[3:])
        return peer.socket.recv(length, socket.MSG_PEEK | socket.MSG_WAITALL)


@pytest.fixture
def root_file(tmp_path: Path) -> Path:
    path = tmp_path / "root.pem"
    path.write_text(ROOT.pem)
    return path


@pytest.fixture
def counted(root_file: Path) -> tuple[Assessment, Counting, list[Peer]]:
    """A plain check of one address, and what the server saw of it."""
    script = Counting()
    with ScriptedServer(script) as server:
        options = CheckOptions(
            stores=lambda: load_judges(["microsoft"], stand_in=root_file),
            at=NOW,
            overrides={HOST: ("127.0.0.1",)},
        )
        (assessment,) = assess(f"{HOST}:{server.port}", options)
    return assessment, script, server.peers


def test_one_connection_and_one_handshake_for_each_address(
    counted: tuple[Assessment, Counting, list[Peer]],
) -> None:
    assessment, script, peers = counted
    assert assessment.outcome.value == "accepted"
    assert (len(peers), script.handshakes) == (1, 1)


def test_more_is_asked_of_the_server_only_when_the_user_asks_for_it(root_file: Path) -> None:
    script = Counting()
    with ScriptedServer(script) as server:
        options = CheckOptions(
            stores=lambda: load_judges(["microsoft"], stand_in=root_file), at=NOW, samples=2
        )
        assess(f"127.0.0.1:{server.port}", options)
    assert (len(server.peers), script.handshakes) == (2, 2)


def test_five_round_trips(counted: tuple[Assessment, Counting, list[Peer]]) -> None:
    # The connection, the greeting, EHLO, STARTTLS, and TLS 1.3. QUIT is said and its answer, which never comes,
    # not waited for; there is no second EHLO.
    assessment, _, (peer,) = counted
    assert assessment.error is None
    assert assessment.capture.tls is not None
    assert assessment.capture.tls.version == "TLSv1.3"
    assert [line.split()[0] for line in peer.heard.splitlines()] == [b"EHLO", b"STARTTLS"]
    assert peer.inside == b"QUIT\r\n"


def test_not_a_byte_before_the_greeting_is_complete(
    counted: tuple[Assessment, Counting, list[Peer]],
) -> None:
    assert counted[1].early == b""


def test_a_client_that_speaks_before_the_greeting_is_noticed() -> None:
    script = Counting()
    with ScriptedServer(script) as server, socket.create_connection(("127.0.0.1", server.port)) as hasty:
        hasty.sendall(b"EHLO hasty.test\r\n")
        with hasty.makefile("rb") as replies:
            assert replies.readline().startswith(b"220-")
            assert replies.readline() == GREETING
    assert script.early == b"EHLO hasty.test\r\n"


def test_the_client_hello_is_small(counted: tuple[Assessment, Counting, list[Peer]]) -> None:
    # The library's own list of groups makes three times as much, more than one TCP segment holds.
    hello = counted[1].hello
    assert hello[:1] == b"\x16"
    assert RECORD_HEADER < len(hello) < HELLO_BYTES


@contextlib.contextmanager
def _serving() -> Iterator[int]:
    with ScriptedServer(Counting()) as server:
        yield server.port


def _loaded(*arguments: str) -> set[str]:
    """The modules that a command has loaded in the end, below the package's own ones by their first name."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    _, mark, names = done.stderr.rpartition("\nLOADED ")
    assert mark, done.stderr
    return set(names.split())


def _packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


SLOW_PACKAGES = {
    "msgspec",
    "asn1crypto",
    "asyncio",
    "certifi",
    "dns",
    "jinja2",
    "logging",
    "markupsafe",
    "pydantic",
    "rich",
}
TLS_PACKAGES = {"OpenSSL", "cryptography"}


MOST_MODULES = 110
"""Of ours in a plain check; each costs a third of a millisecond before it says anything."""


def test_a_plain_check_loads_only_what_it_needs(root_file: Path) -> None:
    with _serving() as port:
        modules = _loaded(
            "check",
            f"127.0.0.1:{port}",
            "--store",
            "microsoft",
            "--stand-in",
            str(root_file),
            "--format",
            "json",
        )
    assert _packages(modules) >= TLS_PACKAGES
    assert not _packages(modules) & SLOW_PACKAGES
    renderers = {module for module in modules if module.startswith("probe.render.report.")}
    assert not renderers & {f"probe.render.report.{name}" for name in ("html", "junit", "nagios", "terminal")}
    assert not {module for module in modules if module.startswith("probe.fleet")}
    assert len({module for module in modules if module.startswith("probe.")}) <= MOST_MODULES


def test_a_plain_check_leaves_out_what_its_libraries_ask_for_and_it_does_not_use() -> None:
    with _serving() as port:
        plain = _loaded("check", f"127.0.0.1:{port}", "--format", "json")
        other = _loaded("check", f"127.0.0.1:{port}", "--format", "json", "--timeout", "20")
    assert "cryptography.x509.name" in other - plain
    assert "OpenSSL.crypto" in plain


def test_what_is_loaded_is_seen(root_file: Path) -> None:
    with _serving() as port:
        modules = _loaded(
            "check",
            f"127.0.0.1:{port}",
            "--store",
            "microsoft",
            "--stand-in",
            str(root_file),
            "--store",
            "mozilla",
        )
    assert {"probe.render.report.terminal", "probe.stores.local"} <= modules


@pytest.mark.parametrize("arguments", [("--help",), ("check", "--help")])
def test_help_loads_neither_tls_nor_anything_slow(arguments: tuple[str, ...]) -> None:
    packages = _packages(_loaded(*arguments))
    assert "typer" in packages
    assert not packages & (TLS_PACKAGES | SLOW_PACKAGES)


def test_the_list_of_commands_is_printed_without_loading_them() -> None:
    loaded = _loaded("--help")
    assert "probe.cli.app" in loaded
    assert "probe.cli.check" not in loaded
    assert "probe.cli.check" in _loaded("check", "--help")
