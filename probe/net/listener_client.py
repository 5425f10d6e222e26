"""What a listener keeps of one connection."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from probe.net.clock import monotonic
from probe.net.server_session import ServerSession


@dataclass(slots=True)
class Client:
    """One connection: its socket, its session, and what is still to be written.

    `events` are those of the selector that it waits for; `asked`: it waits for the policy's answer.
    """

    sock: socket.socket
    peer: tuple[str, int]
    session: ServerSession
    number: int
    begun: float
    heard: float
    events: int = 0
    asked: bool = False
    lingering: bool = False
    reported: bool = False
    received: int = 0
    unsent: bytearray = field(default_factory=bytearray)

    @property
    def at_ms(self) -> int:
        return round((monotonic() - self.begun) * 1000)
