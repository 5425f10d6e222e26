"""Mistakes in what describes a fleet: all of them at once, each with its place and a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from probe.errors import ConfigurationError
from probe.text import counted, printable, sentence

#: Mistakes that are told; the others are counted.
MAX_MISTAKES = 100


class Place(NamedTuple):
    """Where something stands: the file, its line where that is known, and the path of the key.

    `line_of` tells the line of a key in here; it is asked only where there is a mistake.
    """

    file: str
    line: int | None = None
    path: str = ""
    line_of: Callable[[str], int | None] | None = None

    def at(self, key: str | int) -> Place:
        """A key or an element in here."""
        if isinstance(key, int):
            return self._replace(path=f"{self.path}[{key}]")
        line = self.line_of(key) if self.line_of else None
        return Place(self.file, line or self.line, f"{self.path}.{key}" if self.path else key)

    def __str__(self) -> str:
        line = "" if self.line is None else f":{self.line}"
        return printable(f"{self.file}{line}") + (f": {printable(self.path, 200)}" if self.path else "")


class FleetError(ConfigurationError):
    """A fleet that cannot be probed as it is described: every mistake, a line each."""


class Mistakes:
    """Takes mistakes; the first MAX_MISTAKES are kept."""

    def __init__(self) -> None:
        self.count = 0
        self.lines: list[str] = []

    def add(self, place: Place, text: str) -> None:
        """Note what is wrong there, a sentence or its beginning in lower case."""
        self.count += 1
        if len(self.lines) < MAX_MISTAKES:
            self.lines.append(f"{place}: {sentence(printable(text))}")

    def settle(self) -> None:
        """Raise FleetError if there are any."""
        if self.count:
            rest = self.count - len(self.lines)
            more = [f"and {counted(rest, 'mistake')} more"] if rest else []
            head = f"{counted(self.count, 'mistake')} in the description of the fleet; nothing was probed"
            raise FleetError("\n  ".join((head, *self.lines, *more)))
