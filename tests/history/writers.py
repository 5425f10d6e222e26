"""Processes that write to a history: `python -m tests.history.writers die | write URL`.

die     for each statement of a batch a process that is killed before it, one that is killed after the commit, and
        one that lives: what each was told of its batch, as JSON
write   three processes at once, each ten batches of the same endpoints: how many they were told are recorded
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

from sqlalchemy import event

from probe.history.database import Database
from probe.history.write import write_batch
from tests.history.records import HOUR, START, record, round_of

BATCH = 20
#: More than a batch has: the last processes live.
STATEMENTS = 24
WRITERS = 3
BATCHES = 10


def forked(work: Callable[[], str]) -> Callable[[], str]:
    """Start the work in a process of its own; the function that waits for what it says, empty where it was killed."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(reading)
        os.write(writing, work().encode())
        os._exit(0)
    os.close(writing)

    def said() -> str:
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        os.waitpid(pid, 0)
        return text

    return said


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def one(url: str, number: int, dies_at: int) -> str:
    """Write a batch; killed before its statement of that number, or (-1) when it is committed."""
    database = Database(url)
    done = 0

    def before(*_: object) -> None:
        nonlocal done
        done += 1
        if done == dies_at:
            die()

    event.listen(database._engine, "before_cursor_execute", before)
    event.listen(database._engine, "commit", before)
    records = [record(n, START + number * HOUR, f"leaf {n} {number % 3}") for n in range(BATCH)]
    database.run(lambda connection: write_batch(connection, f"batch {number}", START, records), write=True)
    if dies_at == -1:
        die()
    return "recorded" if dies_at == 0 or done < dies_at else ""


def killed(url: str) -> dict[str, str]:
    """What the writer of each batch was told; the batches alternate among three states of the same endpoints."""
    Database(url).close()
    places = [*range(1, STATEMENTS), -1, 0]
    told = {}
    for number, place in enumerate(places):
        told[f"batch {number}"] = forked(lambda n=number, at=place: one(url, n, at))()  # type: ignore[misc]
    return told


def many(url: str, writer: int) -> str:
    database = Database(url)
    recorded = 0
    for number in range(BATCHES):
        records = round_of(BATCH, START + number * HOUR)
        name = f"{writer} {number}"
        recorded += database.run(lambda c, n=name, r=records: write_batch(c, n, START, r), write=True)  # type: ignore[misc]
    return str(recorded)


def at_once(url: str) -> list[int]:
    Database(url).close()
    waiting = [forked(lambda n=number: many(url, n)) for number in range(WRITERS)]  # type: ignore[misc]
    return [int(said() or 0) for said in waiting]


if __name__ == "__main__":
    print(json.dumps({"die": killed, "write": at_once}[sys.argv[1]](sys.argv[2])))  # noqa: T201
