"""What is new, told to pages as it comes (Server-Sent Events), until they leave or the server ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from probe.serve.standing import Standing

#: Streams at once; more get a 503, and their pages are loaded again by hand.
MAX_STREAMS = 50
#: Seconds between two events at least, and at most: whoever has left is noticed then.
PAUSE_S, HEARTBEAT_S = 1.0, 10.0


class Events:
    """Streams of how far a watch is."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._closing = asyncio.Event()
        self.streams = 0

    def close(self) -> None:
        """End every stream: a server that ends waits for them."""
        self._closing.set()

    def answer(self, news: Callable[[], Mapping[str, object]]) -> Response:
        """A stream; `news` says what is newer than the page that asks."""
        if self.streams >= MAX_STREAMS or self._closing.is_set():
            return PlainTextResponse(
                "too many pages are open\n", status_code=503, headers={"Retry-After": "30"}
            )
        return _Stream(self, self._told(news))

    async def _told(self, news: Callable[[], Mapping[str, object]]) -> AsyncIterator[str]:
        yield "retry: 5000\n\n"
        while not self._closing.is_set():
            number = self._standing.number
            yield f"data: {json.dumps(self._progress(news()))}\n\n"
            await self._until(None, PAUSE_S)
            await self._until(self._standing.news(number), HEARTBEAT_S)

    def _progress(self, news: Mapping[str, object]) -> dict[str, Any]:
        found = self._standing.progress()
        return {**news, "under_way": found.under_way, "left": found.left, "targets": found.targets}

    async def _until(self, news: Coroutine[Any, Any, int] | None, seconds: float) -> None:
        """Wait for news, the end, or so many seconds."""
        tasks = [asyncio.ensure_future(one) for one in (news, self._closing.wait()) if one is not None]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


class _Stream(StreamingResponse):
    """Counts from its answer on, whether or not its client stays for the first event."""

    def __init__(self, of: Events, told: AsyncIterator[str]) -> None:
        super().__init__(told, media_type="text/event-stream")
        self._of = of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer (ASGI 3)."""
        self._of.streams += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._of.streams -= 1
