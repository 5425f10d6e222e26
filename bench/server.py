"""A synthetic SMTP server with STARTTLS for benches: one process, one loop, no disk, no fork, no stall.

    python bench/server.py --pem SERVER.pem... [--address 127.1.0.1] [--port 2525]
                           [--tls12] [--implicit] [--delay SECONDS]

It listens on `address` (0.0.0.0 is for a network namespace of its own), prints "ready" and serves until it is
terminated. Of several PEM files the address that was called decides which is shown (`leaf_of`). SIGUSR1 prints its
counters: connections, handshakes, the most that were open at once, connections ended without QUIT, seconds of its own
processor time. Written in Python it does some
hundred handshakes a second: enough for single checks, not for rates, for which a client's processor time counts.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import resource
import signal
import socket
import ssl
import sys
import time
from dataclasses import dataclass

BANNER = b"220 mx.bench.test ESMTP Postfix\r\n"
_BEFORE = ("PIPELINING", "SIZE 10240000", "VRFY", "ETRN", "STARTTLS")
_AFTER = ("ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "CHUNKING")
BACKLOG = 4096
LINE_BYTES = 4096
"""Bytes of a line, twice what SMTP allows (RFC 5321 4.5.3.1.4): a bench's client that sends more is broken."""


def _ehlo(*extensions: str) -> bytes:
    lines = ("mx.bench.test", *extensions)
    return "".join(
        f"250{'-' if n < len(lines) else ' '}{each}\r\n" for n, each in enumerate(lines, 1)
    ).encode()


EHLO = _ehlo(*_BEFORE, *_AFTER)
EHLO_AFTER_TLS = _ehlo(*_BEFORE[:-1], *_AFTER)


@dataclass(slots=True, kw_only=True)
class Settings:
    """What every connection shares, and what is counted."""

    contexts: list[ssl.SSLContext]
    delay: float
    implicit: bool
    connections: int = 0
    handshakes: int = 0
    open: int = 0
    most: int = 0
    without_quit: int = 0


def leaf_of(address: str, count: int) -> int:
    """Which of `count` certificates an address shows: neighbours show different ones, in /24s beside each other too."""
    return (int(ipaddress.ip_address(address)) * 65521 >> 8) % count


class Session(asyncio.Protocol):
    """One connection: (wait), banner, lines, handshake, lines."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting = b""
        self._tls: ssl.SSLObject | None = None
        self._shaken = self._quit = False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, now or later."""
        self._transport = transport
        self._settings.connections += 1
        self._settings.open += 1
        self._settings.most = max(self._settings.most, self._settings.open)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._settings.implicit:
            self._begin_tls()
        elif self._settings.delay:
            asyncio.get_running_loop().call_later(self._settings.delay, self._say, BANNER)
        else:
            self._say(BANNER)

    def connection_lost(self, _: Exception | None) -> None:
        """Count what was left without a word."""
        self._settings.open -= 1
        self._settings.without_quit += not self._quit

    def data_received(self, data: bytes) -> None:
        """Take bytes, plain or not."""
        if self._tls is None:
            self._lines(data)
            return
        self._incoming.write(data)
        try:
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
                self._settings.handshakes += 1
                if self._settings.implicit:
                    self._say(BANNER)
            while plain := self._tls.read(65536):
                self._lines(plain)
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError:
            self._flush()
            self._transport.close()

    def _begin_tls(self) -> None:
        self._waiting = b""
        contexts = self._settings.contexts
        own = contexts[leaf_of(self._transport.get_extra_info("sockname")[0], len(contexts))]
        self._tls = own.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _say(self, reply: bytes) -> None:
        if self._tls is None:
            self._transport.write(reply)
        else:
            self._tls.write(reply)
            self._flush()

    def _lines(self, data: bytes) -> None:
        self._waiting += data
        while b"\n" in self._waiting:
            line, _, self._waiting = self._waiting.partition(b"\n")
            self._answer(line[:8].strip().upper())
        if len(self._waiting) > LINE_BYTES:
            self._transport.close()

    def _answer(self, verb: bytes) -> None:
        if verb.startswith(b"EHLO"):
            self._say(EHLO if self._tls is None else EHLO_AFTER_TLS)
        elif verb.startswith(b"STARTTLS") and self._tls is None:
            self._say(b"220 2.0.0 Ready to start TLS\r\n")
            self._begin_tls()
        elif verb.startswith(b"QUIT"):
            self._quit = True
            self._say(b"221 2.0.0 Bye\r\n")
            self._transport.close()
        else:
            self._say(b"250 2.0.0 Ok\r\n")


def _context(pem: str, *, tls12: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_SINGLE_ECDH_USE
    if tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _count(settings: Settings) -> None:
    counted = (settings.connections, settings.handshakes, settings.most, settings.without_quit)
    print(*counted, f"{time.process_time():.3f}", file=sys.stderr, flush=True)


async def _serve(arguments: argparse.Namespace) -> None:
    settings = Settings(
        contexts=[_context(pem, tls12=arguments.tls12) for pem in arguments.pem],
        delay=arguments.delay,
        implicit=arguments.implicit,
    )
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, _count, settings)
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    where = (arguments.address, arguments.port)
    async with await loop.create_server(lambda: Session(settings), *where, backlog=BACKLOG):
        print("ready", flush=True)
        await stopped.wait()


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(description="A synthetic SMTP server with STARTTLS.")
    parser.add_argument("--pem", required=True, nargs="+", help="key and chain")
    parser.add_argument("--address", default="127.1.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--tls12", action="store_true", help="TLS 1.2 at most")
    parser.add_argument("--implicit", action="store_true", help="TLS from the first byte")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before the banner")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
