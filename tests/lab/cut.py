"""Wires that break: to a database once, when a commit was done and before anybody is told; to anything for a while."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


def _through(port: int) -> socket.socket | None:
    """The other end; None where nobody listens (yet): whoever came ends, as it would without the wire."""
    with contextlib.suppress(OSError):
        return socket.create_connection(("127.0.0.1", port))
    return None


@dataclass(slots=True)
class Cut:
    """Carries connections to a port; `armed`: the next COMMIT goes through, its answer does not."""

    port: int
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    armed: bool = False
    cuts: int = 0

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.server.accept()
                threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client: socket.socket) -> None:
        with client, contextlib.ExitStack() as ends, contextlib.suppress(OSError):
            if (there := _through(self.port)) is None:
                return
            ends.enter_context(there)
            ready = ends.enter_context(selectors.DefaultSelector())
            ready.register(client, selectors.EVENT_READ, there)
            ready.register(there, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    if not (data := key.fileobj.recv(65536)):  # type: ignore[union-attr]
                        return
                    key.data.sendall(data)
                    if self.armed and key.fileobj is client and b"COMMIT\0" in data:
                        there.recv(65536)
                        self.armed, self.cuts = False, self.cuts + 1
                        return


@contextlib.contextmanager
def cut_to(port: int) -> Iterator[Cut]:
    cut = Cut(port)
    thread = threading.Thread(target=cut.serve, daemon=True)
    thread.start()
    try:
        yield cut
    finally:
        # Closing alone would not wake the thread.
        cut.server.shutdown(socket.SHUT_RDWR)
        thread.join()
        cut.server.close()


class Wire:
    """Carries connections to a port while it is whole; for a while it can be silent, or broken, or keep its door."""

    def __init__(self, port: int) -> None:
        self._to, self._server = port, socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.at = f"127.0.0.1:{self.port}"
        self._flows, self._whole, self._door = threading.Event(), threading.Event(), threading.Event()
        self._later: list[threading.Timer] = []
        self._ends: set[socket.socket] = set()
        self._open()

    def _open(self) -> None:
        for each in (self._flows, self._whole, self._door):
            each.set()

    @contextlib.contextmanager
    def kept_waiting(self) -> Iterator[None]:
        """Who comes meanwhile waits before the door; who is inside goes on."""
        self._door.clear()
        try:
            yield
        finally:
            self._door.set()

    def silent_for(self, seconds: float) -> None:
        """Nothing goes through, and nobody is told."""
        self._until(self._flows, seconds)

    def broken_for(self, seconds: float) -> None:
        """Connections end, and new ones end at once."""
        self._until(self._whole, seconds)
        self._end()

    def _until(self, event: threading.Event, seconds: float) -> None:
        event.clear()
        self._later.append(threading.Timer(seconds, event.set))
        self._later[-1].start()

    def _end(self) -> None:
        for end in list(self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self._door.wait()
                if not self._whole.is_set() or (far := _through(self._to)) is None:
                    near.close()
                    continue
                self._ends |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()
                if not self._whole.is_set():  # it broke meanwhile
                    self._end()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with one, contextlib.suppress(OSError):
            with contextlib.suppress(OSError):
                while data := one.recv(65536):
                    self._flows.wait()
                    other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    thread = threading.Thread(target=wire._serve, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        for each in wire._later:
            each.cancel()
            each.join()
        wire._server.shutdown(socket.SHUT_RDWR)
        wire._open()
        thread.join()
        wire._server.close()
        wire._end()
