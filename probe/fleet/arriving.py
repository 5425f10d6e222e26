"""Targets that come on standard input while others are probed: whoever asks for the next is never held up."""

from __future__ import annotations

import io
import os
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from probe.check.interruption import LOOK_S
from probe.check.run import Later

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from probe.fleet.entries import Entry

#: Targets that are read ahead of those that are asked for.
MAX_AHEAD = 1000
#: Seconds at the end for a system where reading cannot be broken off.
_END_S = 1.0


class _EndedError(Exception):
    """Nobody wants more of what is being read."""


class _Waiting(io.RawIOBase):
    """A descriptor whose reader waits until there is something, or until the other end of `ended` is closed."""

    def __init__(self, descriptor: int, ended: socket.socket) -> None:
        self._descriptor, self._ended = descriptor, ended

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        ended = self._ended.fileno()
        if ended in select.select([self._descriptor, ended], [], [])[0]:
            raise _EndedError
        into = memoryview(buffer).cast("B")
        data = os.read(self._descriptor, len(into))
        into[: len(data)] = data
        return len(data)


class Arriving:
    """Entries, `read` from standard input by a thread of its own; Later where the next has not come yet."""

    def __init__(self, read: Callable[[BinaryIO], Iterator[Entry]]) -> None:
        self._read = read
        self._found: SimpleQueue[Entry | BaseException] = SimpleQueue()
        self._room = threading.Semaphore(MAX_AHEAD)
        self._end, self._ended = socket.socketpair()
        # A daemon: where reading cannot be broken off, it must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="standard input", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._end.close()
        self._room.release()
        self._thread.join(_END_S)
        self._ended.close()

    def __iter__(self) -> Iterator[Entry | Later]:
        while True:
            try:
                found = self._found.get_nowait()
            except Empty:
                yield Later(LOOK_S, forget=False)
                continue
            if isinstance(found, StopIteration):
                return
            if isinstance(found, BaseException):
                raise found
            self._room.release()
            yield found

    def _run(self) -> None:
        try:
            for entry in self._read(self._input()):
                self._found.put(entry)
                self._room.acquire()
                if self._end.fileno() < 0:
                    return
        except _EndedError:
            return
        except BaseException as error:  # noqa: BLE001 - raised by whoever asks
            self._found.put(error)
        self._found.put(StopIteration())

    def _input(self) -> BinaryIO:
        try:
            descriptor = sys.stdin.fileno()
        except (OSError, ValueError):  # none stands behind it
            return sys.stdin.buffer
        try:
            select.select([descriptor], [], [], 0)
        except (OSError, ValueError):  # it cannot be waited for: Windows
            # Python, as it ends, takes the lock of its own buffer, or aborts where a thread has it that reads.
            return open(descriptor, "rb", closefd=False)
        return io.BufferedReader(_Waiting(descriptor, self._ended))
