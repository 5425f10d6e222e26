"""Two network namespaces joined by a link on which every packet takes its time.

    python bench/latency.py CLIENT-NAMESPACE SERVER-NAMESPACE FILE [--delay 0.025]

The namespaces are given by path (/proc/PID/ns/net). In each of them appears a TUN device, 10.77.0.1 and
10.77.0.2; this process carries the packets between them and keeps each for `delay` seconds. So connections,
acknowledgements and segments are as slow as over a real line, which a delaying proxy would hide, and no kernel
module (netem) is needed. For every TCP connection a line goes to FILE: seconds from the client's first packet to
its last word (FIN or RST), and round trips. Needs root.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

CLIENT, SERVER = "10.77.0.1", "10.77.0.2"
DEVICE = "bench0"
PACKET_BYTES = 2048  # above the device's 1,500
_CLONE_NEWNET = 0x40000000
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_TCP, _FIN, _SYN, _RST, _ACK = 6, 0x01, 0x02, 0x04, 0x10


@contextlib.contextmanager
def inside(namespace: Path | None) -> Iterator[None]:
    """Be, with every process started meanwhile, in that network namespace; None: stay."""
    if namespace is None:
        yield
        return
    with Path("/proc/self/ns/net").open("rb") as home, namespace.open("rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(descriptor: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def open_device(namespace: Path, own: str, peer: str) -> int:
    """Make the TUN device in the namespace; returns the descriptor its packets come from."""
    with inside(namespace):
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
        subprocess.run(["ip", "address", "add", own, "peer", peer, "dev", DEVICE], check=True)
        subprocess.run(["ip", "link", "set", DEVICE, "up", "mtu", "1500"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return device


class Connections:
    """The client's connections: how long each was on the wire, and how many round trips it made.

    A round trip is the server's first word after something of the client's: the SYN that answers, the greeting
    that follows the acknowledgement, each reply. What comes after the client's last word is not waited for.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="ascii", buffering=1)
        self._began: dict[int, float] = {}
        self._trips: dict[int, int] = {}
        self._asked: set[int] = set()

    def note(self, packet: bytes, now: float, *, from_client: bool) -> None:
        """Look at a packet as it sets out."""
        if packet[0] >> 4 != 4 or packet[9] != _TCP:
            return
        header = packet[(packet[0] & 15) * 4 :]
        flags, bare = header[13], len(header) == (header[12] >> 4) * 4
        port = int.from_bytes(header[:2] if from_client else header[2:4])
        if from_client:
            self._of_client(port, flags, now)
        elif port in self._asked and (flags & _SYN or not bare):
            self._asked.discard(port)
            self._trips[port] += 1

    def _of_client(self, port: int, flags: int, now: float) -> None:
        if flags & (_SYN | _ACK) == _SYN and port not in self._began:
            self._began[port], self._trips[port] = now, 0
        if port in self._began:
            self._asked.add(port)
            if flags & (_FIN | _RST):
                self._asked.discard(port)
                self._file.write(f"{now - self._began.pop(port):.6f} {self._trips.pop(port)}\n")


def forward(client: int, server: int, delay: float, connections: Connections) -> None:
    """Carry packets for ever; one queue will do, for all wait equally long."""
    other = {client: server, server: client}
    queue: collections.deque[tuple[float, int, bytes]] = collections.deque()
    while True:
        timeout = max(0.0, queue[0][0] - time.monotonic()) if queue else None
        for device in select.select([client, server], [], [], timeout)[0]:
            packet = os.read(device, PACKET_BYTES)
            now = time.monotonic()
            queue.append((now + delay, other[device], packet))
            connections.note(packet, now, from_client=device == client)
        while queue and queue[0][0] <= time.monotonic():
            _, device, packet = queue.popleft()
            os.write(device, packet)


def main() -> None:
    """Join the namespaces until terminated."""
    parser = argparse.ArgumentParser(description="Join two network namespaces by a slow line.")
    parser.add_argument("client", type=Path)
    parser.add_argument("server", type=Path)
    parser.add_argument("connections", type=Path)
    parser.add_argument("--delay", type=float, default=0.025, help="seconds each way")
    arguments = parser.parse_args()
    client = open_device(arguments.client, CLIENT, SERVER)
    server = open_device(arguments.server, SERVER, CLIENT)
    connections = Connections(arguments.connections)
    print("ready", flush=True)
    forward(client, server, arguments.delay, connections)


if __name__ == "__main__":
    main()
