"""Where a piece of evidence stands in a file, and what is wrong with it, in one sentence.

A malformed record is a value, not an exception: the rest of the file is still used.
"""

from __future__ import annotations

from typing import NamedTuple

from probe.text import printable

#: Problems kept of one file; a file of another kind would otherwise yield one for each of its lines.
MAX_PROBLEMS = 200

#: Characters of a file's value that are quoted in a sentence.
MAX_QUOTE = 80


class Place(NamedTuple):
    """A place in the evidence: the file as the user named it, the line (from 1), the record (from 1).

    `line` or `record` is None where the format has none.
    """

    file: str
    line: int | None = None
    record: int | None = None

    def __str__(self) -> str:
        if self.line is not None:
            return f"{self.file}, line {self.line}"
        return f"{self.file}, record {self.record}" if self.record is not None else self.file


class Problem(NamedTuple):
    """Something malformed or doubtful: the file, its line (from 1), the field, and one sentence."""

    source: str
    line: int | None
    field: str | None
    sentence: str

    def __str__(self) -> str:
        field = f", {self.field}" if self.field else ""
        return f"{Place(self.source, self.line)}{field}: {self.sentence}"


class Problems:
    """Collects the problems of one file, at most `MAX_PROBLEMS` and one that says that there are more."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._found: list[Problem] = []
        self._once: set[str] = set()

    def add(self, sentence: str, *, line: int | None = None, field: str | None = None) -> None:
        """Note one problem; `sentence` may hold text of the file only through `quoted`."""
        if len(self._found) < MAX_PROBLEMS:
            self._found.append(Problem(self.source, line, field, sentence))
        elif not self.full:
            self._found.append(Problem(self.source, None, None, "has further problems that are not listed."))

    def add_once(self, sentence: str, *, line: int | None = None, field: str | None = None) -> None:
        """Note a problem that concerns the whole file, the first time only."""
        if sentence not in self._once:
            self._once.add(sentence)
            self.add(sentence, line=line, field=field)

    @property
    def full(self) -> bool:
        """Whether problems are no longer listed."""
        return len(self._found) > MAX_PROBLEMS

    @property
    def found(self) -> tuple[Problem, ...]:
        return tuple(self._found)


def quoted(value: object) -> str:
    """A value of a file as it may stand in a sentence: escaped, short, in quotes."""
    return f"'{printable(str(value), MAX_QUOTE)}'"
