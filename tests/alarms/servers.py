"""Receivers of alarms on loopback: real HTTP and SMTP, as well behaved or as bad as a test wants."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

from tests.authority import Authority, Issued
from tests.net.scripted import Peer

AUTHORITY = Authority(now=datetime.now(UTC), name="alarms")  # whoever sends verifies by the clock
ROOT = AUTHORITY.root()
ISSUING = AUTHORITY.intermediate(ROOT)
LOCALHOST = AUTHORITY.leaf(ISSUING, "localhost", "127.0.0.1")


def trusted(folder: Path) -> str:
    """A file with the root of the servers below."""
    path = folder / "root.pem"
    path.write_text(ROOT.pem)
    return str(path)


def server_tls(folder: Path, leaf: Issued = LOCALHOST) -> ssl.SSLContext:
    """The TLS of a server called localhost, or as `leaf` says."""
    path = folder / "server.pem"
    path.write_text(leaf.pem + ISSUING.pem + leaf.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class Posted(NamedTuple):
    """A request: its headers by lower-case names, and its body."""

    line: str
    headers: dict[str, str]
    body: bytes


class Http:
    """A webhook's receiver; `posted` is what it got. It answers with each status in turn, the last for good."""

    def __init__(self, *statuses: str, tls: ssl.SSLContext | None = None) -> None:
        self.posted: list[Posted] = []
        self._statuses = statuses or ("200 OK",)
        self._tls = tls

    def request(self, peer: Peer) -> Posted:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += peer.hear()
            if not peer.heard:
                raise ConnectionError
        line, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        size, body = int(headers.get("content-length", 0)), b""
        while len(body) < size:
            body += peer.socket.recv(size - len(body))
        self.posted.append(Posted(line, headers, body))
        return self.posted[-1]

    def __call__(self, peer: Peer) -> None:
        if self._tls:
            peer.socket = self._tls.wrap_socket(peer.socket, server_side=True)
        with peer.socket:
            self._answer(peer)

    def _answer(self, peer: Peer) -> None:
        self.request(peer)
        status = self._statuses[min(len(self.posted), len(self._statuses)) - 1]
        peer.say(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".encode())


class Smtp:
    """A mail server; `mails` is what it took, `heard` every line in clear, `inside` every line under TLS."""

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        *,
        offers: bool = True,
        starttls: bytes = b"220 go ahead",
        implicit: bool = False,
        after_data: Callable[[Peer], None] | None = None,
        refuses: str = "@never",
        refusals: Sequence[bytes] = (),
        echoes: bool = False,
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.tried: list[EmailMessage] = []
        self.clear: list[bytes] = []
        self.inside: list[bytes] = []
        self._tls, self._offers, self._starttls, self._implicit = tls, offers, starttls, implicit
        self._after_data, self._refuses, self._echoes = after_data, refuses, echoes
        self._refusals = chain(refusals, repeat(b"550 5.1.1 no such user"))

    def __call__(self, peer: Peer) -> None:
        if self._implicit:
            self._secure(peer)
        try:
            self._talk(peer)
        finally:
            peer.socket.close()

    def _talk(self, peer: Peer) -> None:
        peer.say(b"220 mail.contoso.test ESMTP\r\n")
        while line := peer.hear():
            (self.inside if isinstance(peer.socket, ssl.SSLSocket) else self.clear).append(line)
            verb = line.split()[0].upper()
            if verb == b"DATA":
                self._data(peer)
            else:
                peer.say(self._reply(verb, line, peer) + b"\r\n")
            if verb == b"STARTTLS" and self._starttls.startswith(b"220"):
                self._secure(peer)

    def _secure(self, peer: Peer) -> None:
        assert self._tls
        peer.socket = self._tls.wrap_socket(peer.socket, server_side=True)

    def _reply(self, verb: bytes, line: bytes, peer: Peer) -> bytes:
        refused = self._refuses.encode() in line
        replies = {
            b"EHLO": b"250-mail\r\n"
            + (b"250-STARTTLS\r\n" if self._offers and not isinstance(peer.socket, ssl.SSLSocket) else b"")
            + b"250 AUTH PLAIN",
            b"STARTTLS": self._starttls,
            b"AUTH": b"535 wrong: " + line.strip() if self._echoes else b"235 2.7.0 welcome",
            b"RCPT": next(self._refusals) if refused else b"250 2.1.5 fine",
            b"QUIT": b"221 bye",
        }
        return replies.get(verb, b"250 2.0.0 fine")

    def _data(self, peer: Peer) -> None:
        peer.say(b"354 go on\r\n")
        lines = []
        while (line := peer.hear()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.tried.append(mail)
        if self._after_data and len(self.tried) == 1:
            self._after_data(peer)
            return
        self.mails.append(mail)
        peer.say(b"250 2.0.0 queued as 4711\r\n")


def die(peer: Peer) -> None:
    """End the connection before the answer."""
    peer.reset()
