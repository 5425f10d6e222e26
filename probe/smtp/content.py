"""The content of a message as a server receives it, counted and thrown away (RFC 5321 4.1.1.4, RFC 3030)."""

from __future__ import annotations

_END_OF_DATA = b"\r\n.\r\n"


class DotEnded:
    """The content after DATA: it ends with a line that is a single dot, and with CRLF only.

    A bare LF ends no line here: servers that disagree on that disagree on where a message ends.
    """

    def __init__(self) -> None:
        # The line before the first one has ended: "." CRLF alone is an empty message.
        self._tail = b"\r\n"
        self.size = 0

    def take(self, data: bytes) -> bytes | None:
        """Count `data`; return what follows the end, or None if the end is still to come."""
        window = self._tail + data
        end = window.find(_END_OF_DATA)
        if end < 0:
            self.size += len(data)
            self._tail = window[1 - len(_END_OF_DATA) :]
            return None
        rest = window[end + len(_END_OF_DATA) :]
        self.size += len(data) - len(rest)
        return rest


class Chunk:
    """The content after BDAT: as many octets as the command said."""

    def __init__(self, size: int) -> None:
        self._missing = size
        self.size = 0

    def take(self, data: bytes) -> bytes | None:
        """Count `data`; return what follows the chunk, or None if more of it is to come."""
        counted = min(len(data), self._missing)
        self.size += counted
        self._missing -= counted
        return None if self._missing else data[counted:]
