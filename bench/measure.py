"""Whole processes against each other: in pairs, in turn, each run's answer checked.

A ratio is taken pair by pair, because other work on the machine slows both halves of a pair alike; the median of
the ratios is what counts. A run that does not show the expected certificate voids its pair: a tool that fails
fast looks fast.
"""

from __future__ import annotations

import hashlib
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from ssl import PEM_cert_to_DER_cert

RUN_SECONDS = 900.0
"""One process may take this long: 100,000 endpoints."""

VOID_PAIRS = 5
"""Pairs that may be void before a bench is given up."""

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


class VoidError(Exception):
    """A command does not do what it is measured for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command line, and how to tell from its output (both streams) that it did its work.

    `reads`, empty unless told, is its standard input; `exit_codes` are those that mean success; every pattern of `says`
    has to occur in the output; `answers` says of the whole output why it does not count, if it does not.
    """

    name: str
    argv: tuple[str, ...]
    leaf: bytes | None = None
    says: tuple[str, ...] = ()
    exit_codes: tuple[int, ...] = (0,)
    environment: dict[str, str] = field(default_factory=dict)
    reads: Path = Path(os.devnull)
    answers: Callable[[str], str | None] = lambda _: None

    def complaint(self, exit_code: int, output: str) -> str | None:
        """Why this run does not count; None if it does."""
        if exit_code not in self.exit_codes:
            return f"exit code {exit_code}: {output.strip()[-300:]!r}"
        if missing := [each for each in self.says if not re.search(each, output)]:
            return f"does not say {missing[0]!r}: {output.strip()[-300:]!r}"
        if self.leaf is not None and not shows(self.leaf, output):
            return f"does not show the leaf: {output.strip()[-300:]!r}"
        return self.answers(output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One finished process: seconds, seconds of processor time with its children's, peak memory in KiB."""

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The runs of two commands, one of each to a pair."""

    first: Command
    second: Command
    runs: tuple[tuple[Run, Run], ...]
    void: int

    def ratios(self, value: Callable[[Run], float]) -> tuple[float, ...]:
        """First over second, pair by pair."""
        return tuple(value(one) / value(other) for one, other in self.runs)

    def values(self, index: int, value: Callable[[Run], float]) -> tuple[float, ...]:
        """Of the first command (0) or the second (1), run by run."""
        return tuple(value(pair[index]) for pair in self.runs)


def shows(leaf: bytes, output: str) -> bool:
    """Whether an output holds the certificate: as PEM, or its SHA-256 or (all that some peers print) SHA-1."""
    wanted = hashlib.sha256(leaf).digest()
    for block in _PEM.findall(output.replace("\\n", "\n").replace("\n|", "\n")):
        try:
            if (
                hashlib.sha256(PEM_cert_to_DER_cert(re.sub(r"\n[ |_]+", "\n", block).strip())).digest()
                == wanted
            ):
                return True
        except ValueError:
            continue  # no certificate after all
    digits = re.sub(r"[:\s]", "", output).lower()
    return wanted.hex() in digits or hashlib.sha1(leaf, usedforsecurity=False).hexdigest() in digits


def run(command: Command) -> Run:
    """Run the command once, its output to a file; raises VoidError."""
    with tempfile.TemporaryFile() as sink, command.reads.open("rb") as source:
        actions = [(os.POSIX_SPAWN_DUP2, source.fileno(), 0)]
        actions += [(os.POSIX_SPAWN_DUP2, sink.fileno(), number) for number in (1, 2)]
        environment = {**os.environ, **command.environment}
        started = time.perf_counter()
        pid = os.posix_spawnp(command.argv[0], command.argv, environment, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - started
        sink.seek(0)
        output = sink.read().decode("utf-8", "replace")
    complaint = command.complaint(os.waitstatus_to_exitcode(status), output)
    if wall > RUN_SECONDS:
        complaint = f"took {wall:.0f} s"
    if complaint:
        raise VoidError(f"{command.name}: {complaint}")
    return Run(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss)


def pairs(first: Command, second: Command, count: int) -> Pairs:
    """Measure `count` pairs, A B A B, after one of each to warm up; raises VoidError when too many are void."""
    found: list[tuple[Run, Run]] = []
    void = 0
    run(first), run(second)
    while len(found) < count:
        try:
            found.append((run(first), run(second)))
        except VoidError:
            void += 1
            if void > VOID_PAIRS:
                raise
    return Pairs(first=first, second=second, runs=tuple(found), void=void)


def spread(values: Sequence[float], unit: str = "", *, scale: float = 1.0, digits: int = 0) -> str:
    """Median, with the least and the greatest in brackets."""
    low, middle, high = (scale * each for each in (min(values), statistics.median(values), max(values)))
    return f"{middle:.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f})"
