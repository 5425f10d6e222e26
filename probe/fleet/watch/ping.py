"""A URL that is asked for after each round: where that ends, a dead man's switch tells somebody."""

from __future__ import annotations

import contextlib
import http.client
import threading
from urllib.parse import SplitResult, urlsplit

from probe.text import printable

#: Seconds for the whole of one request.
PING_S = 10.0


class Ping:
    """Asks for the URL on a thread of its own, once at a time; `trouble` is what came of the last one."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._thread: threading.Thread | None = None
        self.trouble = ""
        """Why the last request was none that counts; empty where it was. No path, no query: they are secret."""

    def send(self) -> None:
        """Begin a request, unless the last one is still under way."""
        if self._thread is None or not self._thread.is_alive():
            # A daemon: the process ends without it.
            self._thread = threading.Thread(target=self._request, name="ping", daemon=True)
            self._thread.start()

    def _request(self) -> None:
        place = printable(f"{self._url.scheme}://{self._url.netloc}/...")
        try:
            status = _status(self._url)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self.trouble = f"{place} could not be asked for: {printable(reason, 200)}"
            return
        followed = ", which is not followed" if 300 <= status < 400 else ""
        self.trouble = "" if 200 <= status < 300 else f"{place} answers {status}{followed}"


def _status(url: SplitResult) -> int:
    """The status of the answer; no redirect is followed."""
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=PING_S)
    # A server that sends a byte now and then meets no timeout of the socket's.
    end = threading.Timer(PING_S, _cut, (connection,))
    end.daemon = True
    end.start()
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("GET", path, headers={"User-Agent": "eop-probe", "Connection": "close"})
        return connection.getresponse().status
    finally:
        end.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection) -> None:
    with contextlib.suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(2)
