"""A synthetic SMTP server with STARTTLS for benches: one process, one loop, no disk, no fork, no stall.

    python bench/server.py --pem SERVER.pem [--address 127.1.0.1] [--count 1] [--port 2525]
                           [--tls12] [--implicit] [--delay SECONDS]

It listens on `count` addresses from `address` on, prints "ready" and serves until it is terminated. SIGUSR1
prints its counters: connections, handshakes, seconds of its own processor time. Written in Python it does some
hundred handshakes a second: enough for single checks, not for rates, for which a client's processor time counts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
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
BACKLOG = 128
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

    context: ssl.SSLContext
    delay: float
    implicit: bool
    connections: int = 0
    handshakes: int = 0


class Session(asyncio.Protocol):
    """One connection: (wait), banner, lines, handshake, lines."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting = b""
        self._tls: ssl.SSLObject | None = None
        self._shaken = False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, now or later."""
        self._transport = transport
        self._settings.connections += 1
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._settings.implicit:
            self._begin_tls()
        elif self._settings.delay:
            asyncio.get_running_loop().call_later(self._settings.delay, self._say, BANNER)
        else:
            self._say(BANNER)

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
        self._tls = self._settings.context.wrap_bio(self._incoming, self._outgoing, server_side=True)

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
    print(
        f"{settings.connections} {settings.handshakes} {time.process_time():.3f}", file=sys.stderr, flush=True
    )


async def _serve(arguments: argparse.Namespace) -> None:
    settings = Settings(
        context=_context(arguments.pem, tls12=arguments.tls12),
        delay=arguments.delay,
        implicit=arguments.implicit,
    )
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, _count, settings)
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    first = ipaddress.ip_address(arguments.address)
    hosts = [str(first + number) for number in range(arguments.count)]
    async with contextlib.AsyncExitStack() as stack:
        for host in hosts:
            server = await loop.create_server(
                lambda: Session(settings), host, arguments.port, backlog=BACKLOG
            )
            await stack.enter_async_context(server)
        print("ready", flush=True)
        await stopped.wait()


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(description="A synthetic SMTP server with STARTTLS.")
    parser.add_argument("--pem", required=True, help="key and chain")
    parser.add_argument("--address", default="127.1.0.1", help="first address")
    parser.add_argument("--count", type=int, default=1, help="addresses to listen on")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--tls12", action="store_true", help="TLS 1.2 at most")
    parser.add_argument("--implicit", action="store_true", help="TLS from the first byte")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before the banner")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
