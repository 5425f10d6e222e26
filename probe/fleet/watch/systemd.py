"""What a service tells systemd of itself: sd_notify(3), a datagram to the socket that NOTIFY_SOCKET names."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

from probe.net import clock


class Systemd:
    """Tells the service manager how it stands; nothing where there is none, or where it does not listen."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        given = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(given) / 1e6 if mine and given.isdecimal() and int(given) else None
        """Seconds within which a sign of life is wanted, where one is."""

    def ready(self) -> None:
        """The service does its work, from the start or again."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """The service reads its configuration again, until it is `ready`."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={clock.monotonic() * 1e6:.0f}")

    def stopping(self) -> None:
        """The service is about to end."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """The sign of life that the watchdog waits for."""
        if self.watchdog_s:
            self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """How it stands, in words: one line."""
        self._tell(f"STATUS={text}")

    def _tell(self, message: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(0)
            sender.sendto(message.encode(), self._address)
