"""`history changes` over a year of 1,000 endpoints with a look an hour: processor time of the process less its start.

    python -m bench.changes [--endpoints 1000] [--rounds 5]

Each endpoint renews four times and has four outages; one of a hundred is a balancer whose nodes differ all year, one
of a hundred comes and goes for a week.
Only looks that begin or end a state are written: at most a span more of each is read than of all.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from probe.history.database import Database
from probe.history.write import write_batch
from probe.report.record import Record, State
from tests.report.lives import HOUR, Leaf, down, endpoint, records, shows

YEAR = 365 * 24
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
BEGIN = END - YEAR * HOUR


def life(number: int) -> Iterator[tuple[int, State]]:
    """The looks of one endpoint that begin or end a state, by their hour."""
    host = f"mail{number}.contoso.test"
    hours = sorted({*range(0, YEAR, YEAR // 5), *(range(number % 999, YEAR, YEAR // 4))})
    for generation, (begin, end) in enumerate(zip(hours, [*hours[1:], YEAR], strict=True)):
        state = shows(Leaf(names=(host,), key=generation, serial=generation, days=3000))
        yield begin, state
        yield end - 4, state
        yield end - 3, down()
        yield end - 2, down()
    other = shows(Leaf(names=(host,), key=9, serial=99, days=3000))
    if number % 100 == 0:
        yield from ((hour, state if hour % 2 else other) for hour in range(YEAR))
    if number % 100 == 1:
        yield from ((hour, state if hour % 2 else down()) for hour in range(YEAR - 300, YEAR - 100))


def build(path: Path, endpoints: int) -> int:
    """Write the year; how many looks were written."""
    database, written = Database(str(path)), 0
    for number in range(endpoints):
        looks: list[Record] = []
        for hour, state in sorted(life(number), key=lambda look: look[0]):
            looks += records(
                endpoint(f"mail{number}.contoso.test", f"192.0.2.{number % 256}"),
                [state],
                BEGIN + hour * HOUR,
            )
        database.run(
            lambda connection, looks=looks, number=number: write_batch(connection, str(number), END, looks),
            write=True,
        )
        written += len(looks)
    database.close()
    return written


def seconds(arguments: Sequence[str]) -> float:
    """Processor time of a run of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "probe", *arguments], check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Build, measure, and say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--since", default="7d")
    parser.add_argument("--keep", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = wanted.keep or Path(folder) / "history.sqlite"
        looks = 0 if path.exists() else build(path, wanted.endpoints)
        start = statistics.median(seconds(["history", "--help"]) for _ in range(wanted.rounds))
        run = ["history", "changes", "--since", wanted.since, "--history", str(path), "--format", "csv"]
        took = statistics.median(seconds(run) for _ in range(wanted.rounds))
        size = path.stat().st_size / 1e6
    print(f"{wanted.endpoints} endpoints, {looks} looks written, {size:.1f} MB")
    print(
        f"history changes --since {wanted.since}: {took:.2f} s of processor time, {took - start:.2f} s less the start"
    )


if __name__ == "__main__":
    main()
