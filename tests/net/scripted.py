"""A small real server on loopback that does to each connection what a script says, however wrong it is.

    with ScriptedServer(greet, then(tls)) as server:
        connect to server.port

One script a connection; the last one serves all that follow. A script gets a `Peer` and says, hears, shakes
hands, resets or just `hold`s: keeps silent until the client has gone.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Self

from OpenSSL import SSL

from tests.authority import Authority, Issued

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""When the test certificates were made: nothing in the network floor looks at their validity."""

AUTHORITY = Authority(now=NOW, name="net")
ROOT = AUTHORITY.root("Net Root CA")
ISSUING = AUTHORITY.intermediate(ROOT, "Net Issuing CA")
LEAF = AUTHORITY.leaf(ISSUING, "mail.contoso.test")
RSA_LEAF = AUTHORITY.leaf(ISSUING, "mail.contoso.test", key="rsa-2048")
CLIENT = AUTHORITY.leaf(ISSUING, "sender.contoso.test")

GREETING = b"220 mail.contoso.test ESMTP\r\n"
CAPABILITIES = b"250-mail.contoso.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
GO_AHEAD = b"220 2.0.0 go ahead\r\n"

Script = Callable[["Peer"], None]


class Peer:
    """The server's end of one connection; `heard` is all that the client said in plaintext."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.heard = b""
        self.inside = b""

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say_in_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send until the client has had enough."""
        with contextlib.suppress(OSError):
            for piece in pieces:
                self.socket.sendall(piece)

    def hear(self) -> bytes:
        """One line of the client, b"" if it has gone."""
        line = b""
        while not line.endswith(b"\n"):
            octet = self.socket.recv(1)
            if not octet:
                break
            line += octet
        self.heard += line
        return line

    def hold(self) -> None:
        """Keep silent until the client has gone."""
        with contextlib.suppress(OSError):
            while data := self.socket.recv(65_536):
                self.heard += data

    def trickle(self, piece: bytes = b"x", every_s: float = 0.02) -> None:
        """Send a piece again and again, each soon enough to be no silence, until the client has gone."""
        self.socket.settimeout(every_s)
        with contextlib.suppress(ConnectionError):
            while True:
                try:
                    if not self.socket.recv(65_536):
                        return
                except TimeoutError:
                    self.say(piece)

    def reset(self) -> None:
        """End the connection with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def to_starttls(self) -> None:
        """Greet, answer EHLO and agree to STARTTLS."""
        self.say(GREETING)
        self.hear()
        self.say(CAPABILITIES)
        self.hear()
        self.say(GO_AHEAD)

    def shake_hands(self, context: SSL.Context) -> SSL.Connection:
        tls = SSL.Connection(context, self.socket)
        tls.set_accept_state()
        tls.do_handshake()
        return tls

    def serve_tls(self, context: SSL.Context) -> None:
        """Shake hands and hear what the client says inside; a handshake that fails ends it."""
        with contextlib.suppress(SSL.Error, OSError):
            tls = self.shake_hands(context)
            while data := tls.recv(65_536):
                self.inside += data


@contextlib.contextmanager
def closed_port(kind: int = socket.SOCK_STREAM) -> Iterator[int]:
    """A port of 127.0.0.1 at which nobody answers, and which nobody else is given meanwhile."""
    with socket.socket(type=kind) as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        if kind == socket.SOCK_DGRAM:
            held.connect(held.getsockname())  # it hears itself alone
        yield port


class ScriptedServer:
    """Listens on 127.0.0.1 (or another address) at a free `port`; `peers` are the connections it had."""

    def __init__(self, *scripts: Script, host: str = "127.0.0.1") -> None:
        self._scripts = scripts
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._last = socket.socket(family)
        self._last.bind(("::1" if ":" in host else "127.0.0.1", 0))
        self.peers: list[Peer] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A connection of our own ends it: those that came before are served, however late this thread is.
        with self._last:
            self._last.connect(self._listener.getsockname())
            self._acceptor.join(30)
        self._listener.close()
        self.join()

    def close(self) -> None:
        """Of one that was never begun."""
        self._listener.close()
        self._last.close()

    def join(self) -> None:
        """Wait until every script has ended."""
        for thread in [*self._threads]:
            thread.join(30)
            assert not thread.is_alive(), "a script did not end"

    def _accept(self) -> None:
        for number in self._numbers():
            sock, client = self._listener.accept()
            if client == self._last.getsockname():
                sock.close()
                return
            peer = Peer(sock)
            self.peers.append(peer)
            script = self._scripts[min(number, len(self._scripts) - 1)]
            thread = threading.Thread(target=_run, args=(script, peer), daemon=True)
            self._threads.append(thread)
            thread.start()

    @staticmethod
    def _numbers() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1


def _run(script: Script, peer: Peer) -> None:
    # A client that leaves early is what many of the tests are about.
    with contextlib.suppress(OSError), peer.socket:
        script(peer)


def starttls(context: SSL.Context) -> Script:
    """A healthy server."""

    def script(peer: Peer) -> None:
        peer.to_starttls()
        peer.serve_tls(context)

    return script


def tls_context(
    leaf: Issued = LEAF,
    *chain: Issued,
    version: int | None = None,
    demand: bool = False,
    ask: bool = False,
    ciphers: bytes = b"ALL:!aNULL:!eNULL:@SECLEVEL=0",
) -> SSL.Context:
    """A server's context made by hand: one version of TLS only, a client certificate asked for or demanded."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(ciphers)
    context.use_certificate(leaf.certificate)
    context.use_privatekey(leaf.key)
    for certificate in chain:
        context.add_extra_chain_cert(certificate.certificate)
    if version is not None:
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
    if ask or demand:
        flags = SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if demand else 0)
        context.set_verify(flags, lambda *_: True)
    return context


# TLS 1.2 by hand, for what no library would send.


def record(kind: int, body: bytes, version: bytes = b"\x03\x03") -> bytes:
    """TLS records that carry `body`, 16 KiB each at most (RFC 5246 6.2.1)."""
    pieces = [body[start : start + 16_384] for start in range(0, len(body), 16_384)] or [b""]
    return b"".join(bytes([kind]) + version + len(piece).to_bytes(2) + piece for piece in pieces)


def handshake(kind: int, body: bytes) -> bytes:
    """A handshake message (RFC 5246 7.4)."""
    return bytes([kind]) + len(body).to_bytes(3) + body


def server_hello(version: bytes = b"\x03\x03", cipher: bytes = b"\xc0\x2b") -> bytes:
    """A ServerHello without session and extensions: TLS 1.2, ECDHE-ECDSA-AES128-GCM-SHA256 by default."""
    body = version + bytes(32) + b"\x00" + cipher + b"\x00"
    return record(22, handshake(2, body), version)


def certificate_message(*certificates: bytes) -> bytes:
    """A Certificate message with any bytes as certificates (RFC 5246 7.4.2)."""
    entries = b"".join(len(each).to_bytes(3) + each for each in certificates)
    return record(22, handshake(11, len(entries).to_bytes(3) + entries))
