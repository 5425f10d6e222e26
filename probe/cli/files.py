"""Files and texts named on the command line, read within bounds."""

from __future__ import annotations

import sys
from pathlib import Path

from probe.cli.output import warn
from probe.errors import InputError
from probe.text import printable

#: Bytes of a text that are read; the catalogue looks at the first 1,048,576 characters, four bytes each at most.
MAX_TEXT_BYTES = 4 << 20


def contents(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """The first `limit` bytes of a file, or of standard input (``-``); raises InputError."""
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(limit)
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise InputError(f"{printable(str(path))} cannot be read: {error.strerror or error}") from None


def text_of(words: str, file: Path | None = None) -> str:
    """The text of a file, of ``@FILE``, of standard input (``-``), or as given; raises InputError."""
    from probe.exchange.messages.read import readable, readable_text
    from probe.exchange.problem import Problems

    if file is None and words.startswith("@"):
        file = Path(words[1:])
    if file is None and words != "-":
        return readable_text(words)
    problems = Problems(printable(str(file or "standard input")))
    text = readable(contents(file or Path("-")), problems)
    for problem in problems.found:
        warn(str(problem))
    return text
