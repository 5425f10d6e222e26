"""Senders for the listener's tests: certificates of all sorts, a client on a thread, and the command beside it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probe.cli.exit_codes import run_to_exit
from tests.authority import DAY, SERVER_AUTH, Authority, Issued, chain_pem

PATIENCE_S = 60.0
NOW = datetime.now(UTC).replace(microsecond=0)  # the command asks the clock, so the certificates fit it
CA = Authority(now=NOW, name="listen")
ROOT = CA.root("Fabrikam Public Root")
ISSUING = CA.intermediate(ROOT, "Fabrikam Public TLS CA 1")
HEALTHY = CA.leaf(ISSUING, "hybrid.contoso.com")
HEALTHY_RSA = CA.leaf(ISSUING, "hybrid.contoso.com", key="rsa-2048")
SERVER_ONLY = CA.leaf(ISSUING, "hybrid.contoso.com", eku=(SERVER_AUTH,))
EXPIRED = CA.leaf(ISSUING, "hybrid.contoso.com", not_before=NOW - 200 * DAY, not_after=NOW - DAY)
DIRECT = CA.leaf(ROOT, "hybrid.contoso.com")
INTERNAL_ROOT = CA.root("Contoso Root CA")
INTERNAL = CA.leaf(INTERNAL_ROOT, "hybrid.contoso.com")
SELF_SIGNED = CA.self_signed("hybrid.contoso.com")
OWN = CA.leaf(ISSUING, "listener.contoso.test")

SENDER, RECIPIENT = "a@contoso.com", "b@fabrikam.com"
UNTRUSTED = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
RELAY_DENIED = "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
NO_MAIL = "451 4.7.0 eop-probe listener: no mail is accepted here"


class Client:
    """A blocking SMTP client of the standard library's TLS; it keeps every reply."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = connect(port, host)
        self._file = self._socket.makefile("rb")
        self.replies: list[str] = []
        self.hear()

    def hear(self) -> str:
        """One reply with its lines joined; "" at the end."""
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            line = self._file.readline()
            if not line:
                return ""
            lines.append(line.decode().rstrip())
        self.replies.append(" ".join(lines))
        return self.replies[-1]

    def say(self, *commands: str) -> str:
        """Say the commands one by one; the last reply."""
        for command in commands:
            self._socket.sendall(command.encode() + b"\r\n")
            self.hear()
        return self.replies[-1]

    def start_tls(self, *chain: Issued, version: ssl.TLSVersion | None = None) -> None:
        """EHLO, STARTTLS, the handshake, EHLO."""
        self.say("EHLO sender.contoso.com", "STARTTLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        if version:
            context.minimum_version = context.maximum_version = version
        if chain:
            with _key_file(*chain) as file:
                context.load_cert_chain(file)
        self._socket = context.wrap_socket(self._socket, server_hostname="listener.contoso.test")
        self._file = self._socket.makefile("rb")
        self.say("EHLO sender.contoso.com")

    def offer(self, sender: str = SENDER, recipient: str = RECIPIENT) -> str:
        """MAIL and RCPT, and if they are allowed a message; then QUIT. The reply that ended it."""
        replies = [self.say(f"MAIL FROM:<{sender}>")]
        if replies[-1].startswith("250"):
            replies.append(self.say(f"RCPT TO:<{recipient}>"))
        if replies[-1].startswith("250"):
            replies.append(self.say("DATA"))
        if replies[-1].startswith("354"):
            replies.append(self.say("Subject: x\r\n\r\nx\r\n."))
        self.say("QUIT")
        self.close()
        return replies[-1]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
            self._socket.close()


def connect(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A connection to a listener that may still be starting."""
    deadline = threading.Event()
    timer = threading.Timer(PATIENCE_S, deadline.set)
    timer.start()
    try:
        while True:
            try:
                return socket.create_connection((host, port), PATIENCE_S)
            except ConnectionRefusedError:
                assert not deadline.wait(0.02), "the listener did not start"
    finally:
        timer.cancel()


@contextlib.contextmanager
def _key_file(*chain: Issued) -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "client.pem"
        file.write_text(chain[0].key_pem + chain_pem(*chain))
        yield file


def deliver(port: int, *chain: Issued, **options: object) -> str:
    """One session with this chain; the reply that ended it."""
    client = Client(port)
    client.start_tls(*chain, **options)  # type: ignore[arg-type]
    return client.offer()


@contextlib.contextmanager
def free_port() -> Iterator[int]:
    """A port that is given to nobody meanwhile; by its number it can be listened on, and until then it refuses."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


class Ended:
    """How a run of the command ended, and what the sender beside it returned."""

    def __init__(self, code: int, out: str, err: str, told: object) -> None:
        self.code = code
        self.out = out
        self.err = err
        self.told = told


class Listening:
    """Runs ``eop-probe listen`` in this process while a sender talks to it from a thread."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder
        self.own = folder / "own.pem"
        self.own.write_text(OWN.key_pem + chain_pem(OWN, ISSUING))
        self.root = folder / "root.pem"
        self.root.write_text(ROOT.pem)

    def __call__(self, sender: Callable[[int], object], *options: str) -> Ended:
        told: list[object] = []
        with free_port() as port:
            thread = threading.Thread(target=lambda: told.append(sender(port)))
            thread.start()
            code = self.run(
                "--port", str(port), "--certificate", str(self.own), "--timeout", str(PATIENCE_S), *options
            )
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the sender did not end"
        said = self._capsys.readouterr()
        return Ended(code, said.out, said.err, told[0] if told else None)

    def run(self, *options: str) -> int:
        with pytest.raises(SystemExit) as ended:
            run_to_exit(["listen", "--store", "microsoft", "--stand-in", str(self.root), *options])
        assert isinstance(ended.value.code, int)
        return ended.value.code

    def said(self) -> tuple[str, str]:
        return self._capsys.readouterr()
