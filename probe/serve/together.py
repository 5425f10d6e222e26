"""What is written in one turn of the loop is sent at once: head and body of an answer are one call of the system."""

from __future__ import annotations

import asyncio
from typing import Any

#: Bytes that are sent without waiting for more.
ENOUGH_BYTES = 64 << 10


class Together(asyncio.Transport):
    """A transport's face towards what writes; what flows the other way stays the transport's."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send it with the next, or at the end of this turn."""
        if not data:
            return
        if not self._parts:
            self._loop.call_soon(self.send)
        self._parts.append(bytes(data))
        self._size += len(data)
        if self._size >= ENOUGH_BYTES:
            self.send()

    def send(self) -> None:
        """Send what was written."""
        parts, self._parts, self._size = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    @property
    def unsent(self) -> bool:
        """Whether the system has not taken all of it yet."""
        return bool(self._parts) or self._transport.get_write_buffer_size() > 0

    def close(self) -> None:
        """End the connection after what was written."""
        self.send()
        self._transport.close()

    def abort(self) -> None:
        """End it now."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it ends."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's
        """What the transport knows."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take nothing more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take what comes."""
        self._transport.resume_reading()
