"""The usual request, read and answered without h11, which takes a tenth of a scrape: `GET /probe?...` in one piece.

Whatever looks otherwise in the least is h11's to judge, as uvicorn has it.
"""

from __future__ import annotations

import asyncio
import re

import h11
from starlette.types import Message
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol, RequestResponseCycle

#: Bytes of a request that is read here.
QUICK_BYTES = 4096

# RFC 9110 5.6.2, 5.5: of values what is visible, and spaces inside.
_FIELD = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ \t]*(?:[!-~](?:[ -~]*[!-~])?)?\r\n"
_REQUEST = re.compile(rb"GET (/probe)\?([!-~]*) HTTP/1\.1\r\n((?:%b)+)\r\n" % _FIELD)
# What says more of a request than that it is one, and how long the connection lasts.
_OTHERWISE = frozenset(
    (b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade", b"te", b"trailer")
)


class QuickProtocol(H11Protocol):
    """uvicorn's, which takes the usual request the short way."""

    def data_received(self, data: bytes) -> None:
        if isinstance(self.cycle, _Cycle) and not self.cycle.response_complete:
            self.conn.receive_data(data)  # for its turn, which comes after this answer
            self.flow.pause_reading()
        elif not (self._idle() and self._taken(data)):
            super().data_received(data)

    def _idle(self) -> bool:
        return (
            self.conn.our_state is h11.IDLE
            and self.conn.their_state is h11.IDLE
            and not self.conn.trailing_data[0]
        )

    def _taken(self, data: bytes) -> bool:
        """Begin to answer, if it is the usual request."""
        found = _REQUEST.fullmatch(data) if len(data) <= QUICK_BYTES else None
        if found is None:
            return False
        fields = (field.split(b":", 1) for field in found[3].split(b"\r\n")[:-1])
        headers = [(name.lower(), value.strip()) for name, value in fields]
        names = [name for name, _ in headers]
        if names.count(b"host") != 1 or not _OTHERWISE.isdisjoint(names):
            return False
        self._unset_keepalive_if_required()
        self.headers = headers
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": "GET",
            "root_path": self.root_path,
            "path": found[1].decode(),
            "raw_path": found[1],
            "query_string": found[2],
            "headers": headers,
            "state": self.app_state.copy(),
        }
        self.cycle = _Cycle(
            scope=self.scope,
            conn=self.conn,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            on_response=self.on_response_complete,
        )
        self.cycle.more_body = False
        self.cycle.message_event.set()
        task = self.loop.create_task(self.cycle.run_asgi(self.app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return True

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if isinstance(self.cycle, _Cycle) and self.conn.trailing_data[0] and not self.transport.is_closing():
            self.handle_events()


class _Cycle(RequestResponseCycle):
    """An answer whose head and first part are one write."""

    _head = b""

    async def send(self, message: Message) -> None:  # type: ignore[override]  # uvicorn's own type of it
        """Take a part of the answer (ASGI 3)."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self._head, self.response_started = self._begun(message), True
            return
        if self.response_complete or message["type"] != "http.response.body":
            raise RuntimeError(f"{message['type']} where none is due")
        self.transport.write(self._head + message.get("body", b""))
        self._head = b""
        if not message.get("more_body", False):
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _begun(self, message: Message) -> bytes:
        headers = [*self.default_headers, *message["headers"]]
        if not any(name.lower() == b"content-length" for name, _ in headers):
            headers.append((b"connection", b"close"))  # its end is that of the answer
        self.keep_alive = self.keep_alive and (b"connection", b"close") not in headers
        status = message["status"]
        lines = [b"%b: %b\r\n" % each for each in headers]
        head = b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, STATUS_PHRASES[status], b"".join(lines))
        if not head.count(b"\n") == head.count(b"\r") == len(lines) + 2:
            raise RuntimeError("a header has more than one line")
        return head
