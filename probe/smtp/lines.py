"""Cutting the byte stream of an SMTP peer into lines, within bounds."""

from __future__ import annotations

LINE_BYTES = 4096
"""Bytes of one line, its end included. RFC 5321 4.5.3.1.4 and 4.5.3.1.5 grant 512 and ask for tolerance where
it is possible; chatty banners and EHLO keywords do exceed 512, and nobody is harmed by it."""


class LineBuffer:
    """Collects bytes in any chunking and gives them out line by line.

    A line ends with LF. The CRs before it belong to the end: bare LF and CR CR LF are sent by broken peers.
    When no line ends within the first `limit` bytes, `overlong` is true and no more lines come out. Memory is
    bounded by `limit` plus the longest chunk that is fed.
    """

    def __init__(self, limit: int = LINE_BYTES) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next_line(self) -> bytes | None:
        """Return the next whole line without its end, or None when there is none (yet, or ever)."""
        end = self._buffer.find(b"\n", 0, self._limit)
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.rstrip(b"\r")

    def starts_with(self, prefix: bytes) -> bool:
        return self._buffer.startswith(prefix)

    @property
    def overlong(self) -> bool:
        """Whether the bytes at hand begin with a line that exceeds the limit."""
        return len(self._buffer) >= self._limit and self._buffer.find(b"\n", 0, self._limit) < 0

    def take(self, size: int | None = None) -> bytes:
        """Remove and return the bytes at hand (the first `size` of them), whole lines or not."""
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken
