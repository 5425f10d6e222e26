"""Work done for many items at once in threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

_Key = TypeVar("_Key")
_In = TypeVar("_In")
_Out = TypeVar("_Out")

#: Connections open at once in one call of `check`; a fleet has a runner of its own.
MAX_CONCURRENT = 32


def concurrently(work: Callable[[_In], _Out], items: Mapping[_Key, _In]) -> Iterator[tuple[_Key, _Out]]:
    """Do the work for every item in MAX_CONCURRENT threads; yields (key, result) as each is done.

    The first exception is raised here, and what has not been begun is dropped. The threads are daemons:
    concurrent.futures would make Ctrl-C wait for the slowest server.
    """
    if len(items) == 1:
        yield from ((key, work(item)) for key, item in items.items())
        return
    # Loaded here: a check of one address needs no threads.
    import threading
    from collections import deque
    from queue import SimpleQueue

    todo = deque(items.items())
    done: SimpleQueue[tuple[_Key, _Out] | BaseException] = SimpleQueue()

    def serve() -> None:
        while True:
            try:
                key, item = todo.popleft()
            except IndexError:
                return
            try:
                done.put((key, work(item)))
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
                done.put(error)

    for _ in range(min(len(todo), MAX_CONCURRENT)):
        threading.Thread(target=serve, daemon=True).start()
    try:
        for _ in items:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        todo.clear()
