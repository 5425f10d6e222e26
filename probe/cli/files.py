"""Files and texts named on the command line, read within bounds."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from probe.cli.output import warn
from probe.errors import InputError, TargetError
from probe.files import open_file
from probe.net.target import Target, parse_target
from probe.text import printable

if TYPE_CHECKING:
    from probe.exchange.messages.arrival import Arrival
    from probe.exchange.traces.report import Traces

#: Bytes of a text that are read; the catalogue looks at the first 1,048,576 characters, four bytes each at most.
MAX_TEXT_BYTES = 4 << 20

#: Targets of one file.
MAX_TARGETS = 10_000
_TARGET = re.compile(r"(?m:^)[^\S\n]*+[^\s#][^\n#]*+")


def contents(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """The first `limit` bytes of a file, or of standard input (``-``); raises InputError."""
    try:
        if str(path) == "-":
            if sys.stdin is None:  # closed by who started us
                raise InputError("there is no standard input to read from")
            return sys.stdin.buffer.read(limit)
        with open_file(path) as file:
            return file.read(limit)
    except OSError as error:
        raise InputError(f"{printable(str(path))} cannot be read: {error.strerror or error}") from None


def targets_of(words: Iterable[str]) -> tuple[Target, ...]:
    """Every target given, those of ``@FILE`` and of standard input (``-``) in their place; raises TargetError."""
    found: list[Target] = []
    for word in words:
        found += _targets_in(word) if word == "-" or word.startswith("@") else [parse_target(word)]
    return tuple(found)


def _targets_in(word: str) -> list[Target]:
    """The targets of a file, one a line; raises TargetError, which tells the line."""
    from probe.exchange.exports.decoding import Lines, decode
    from probe.exchange.problem import Problems

    name = "standard input" if word == "-" else printable(word[1:])
    data = contents(Path(word.removeprefix("@")), MAX_TEXT_BYTES + 1)
    text = decode(data, Problems(name)).replace("\r\n", "\n").replace("\r", "\n")
    lines = Lines(text, "\n")
    found: list[Target] = []
    words = list(islice(_TARGET.finditer(text), MAX_TARGETS + 1))
    if len(data) > MAX_TEXT_BYTES or len(words) > MAX_TARGETS:
        raise TargetError(f"{name} holds more than {MAX_TARGETS} targets; give a part of them")
    for one in words:
        try:
            found.append(parse_target(one[0].strip()))
        except TargetError as error:
            raise TargetError(f"{name}, line {lines.at(one.start())}: {error}") from None
    if not found:
        raise TargetError(f"{name} holds no target")
    return found


class Said(NamedTuple):
    """A text, and what else it says: headers of a message that arrived, message traces."""

    text: str
    arrivals: tuple[Arrival, ...]
    traces: tuple[Traces, ...]


def read_text(words: str, file: Path | None = None) -> Said:
    """The text of a file, of ``@FILE``, of standard input (``-``), or as given; "" of nothing but a message trace.

    Raises InputError.
    """
    from probe.exchange.messages.arrival import read_arrival
    from probe.exchange.messages.read import readable, readable_text
    from probe.exchange.problem import Problems
    from probe.exchange.traces.read import read_traces

    if file is None and words.startswith("@"):
        file = Path(words[1:])
    given = file is None and words != "-"
    name = "text" if given else printable(str(file or "standard input"))
    problems = Problems(name)
    data = words.encode("utf-8", "surrogateescape") if given else contents(file or Path("-"))
    arrivals = tuple(filter(None, (read_arrival(data, name),)))
    traces = tuple(filter(None, (read_traces(data, name),)))
    text = readable_text(words) if given else readable(data, problems)
    for problem in () if arrivals else problems.found:
        warn(str(problem))
    return Said("" if any(one.whole for one in traces) else text, arrivals, traces)
