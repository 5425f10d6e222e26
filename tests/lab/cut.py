"""A wire to a database that breaks once, when a commit was done and before anybody is told."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


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
        with (
            client,
            socket.create_connection(("127.0.0.1", self.port)) as there,
            selectors.DefaultSelector() as ready,
        ):
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
    yield cut
    # Closing alone would not wake the thread.
    cut.server.shutdown(socket.SHUT_RDWR)
    cut.server.close()
    thread.join()
