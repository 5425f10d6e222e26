"""Work that would hold up the loop, done one after another on a thread beside it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

#: Pages that wait for their turn; more get a 503.
MAX_WAITING = 32
#: Seconds that a page takes at most: a database that hangs is not waited for.
PATIENCE_S = 20.0

T = TypeVar("T")


class BusyError(Exception):
    """Too much waits, or what is under way does not end."""


class Aside:
    """Does one thing at a time. A thread that hangs keeps no process from its end."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises; raises BusyError."""
        if self._waiting >= MAX_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._turn.acquire()
                return await asyncio.shield(self._begun(work))
        except TimeoutError:
            raise BusyError from None
        finally:
            self._waiting -= 1

    def _begun(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def end(settle: Callable[[], None]) -> None:
            self._turn.release()
            if not future.done():
                settle()

        def run() -> None:
            settle: partial[None]
            try:
                settle = partial(future.set_result, work())
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                settle = partial(future.set_exception, error)
            if not loop.is_closed():
                loop.call_soon_threadsafe(end, settle)

        threading.Thread(target=run, name="pages", daemon=True).start()
        return future
