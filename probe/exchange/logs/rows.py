"""The rows of a protocol log: bytes in any chunks to nine fields, whatever the file has been through.

Structure: Microsoft, protocol logging; the oddities of published files are practitioners' reports.
Memory is bounded by one chunk and one line.
"""

from __future__ import annotations

import csv
import enum
import re
from collections.abc import Callable, Iterable, Iterator

from probe.exchange.problem import Problems, quoted

#: Characters (and bytes) of one row; the longest are certificate lines with a hundred names, some thousand.
MAX_LINE = 1 << 14

#: Rows without a readable one among them, after which a file is no protocol log.
MAX_STRANGE = 1_000

#: Bytes of one chunk that are split at once.
_CHUNK = 1 << 20

#: The columns in the order that `LogFile.rows` gives, which is the one Exchange writes.
FIELDS = (
    "date-time", "connector-id", "session-id", "sequence-number", "local-endpoint", "remote-endpoint",
    "event", "data", "context",
)  # fmt: skip
_NEEDED = ("session-id", "sequence-number", "event", "data")
_EVENTS = frozenset("+-<>*")
# A row of KB 4495258 lacks the comma before its context: what the context may be, at the end of the data.
_CONTEXT = re.compile(
    r"[ ,;]*(Certificate (?:subject|issuer name|serial number|thumbprint|alternate names)"
    r"|(?:Sending|Remote|Received) certificate|alternate names)\Z",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(r"Date/Time.{0,200}Session ?ID", re.IGNORECASE)
_GLUED = re.compile(r"(Date/Time|\d{4}-\d\d-\d\dT[\d:.]{8,15}Z)\.(.+)", re.IGNORECASE)


class LogKind(enum.Enum):
    """Whose protocol: the words of the header's Log-type."""

    SEND = "send"
    RECEIVE = "receive"
    UNKNOWN = "unknown"
    """The file has no header (it was cut or pasted)."""


class LogFile:
    """One file: its kind so far, and its rows; what cannot be read goes to `problems`.

    Of the row that was given last, `line` is the number (from 1) and `text` the line as it stands in the file.
    `ansi` decodes the lines that are not UTF-8 (connector names on servers with an older code page).
    """

    def __init__(self, source: str, problems: Problems, *, ansi: str = "cp1252") -> None:
        self.source = source
        self.kind = LogKind.UNKNOWN
        self.problems = problems
        self._ansi = ansi
        self._order: tuple[int | None, ...] | None = None  # None: the usual one
        self._columns = len(FIELDS)
        self._good = False
        self._strange = 0
        self.line = 0
        self.text = ""

    def rows(self, chunks: Iterable[bytes]) -> Iterator[list[str]]:
        """The rows in file order, each nine texts in the order of `FIELDS`; `chunks` may be cut anywhere."""
        for block, complete in _blocks(chunks, self._too_long):
            if self.line == 0 and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
                self.problems.add(
                    "is UTF-16; Exchange writes its logs in UTF-8. Use the original file.", line=1
                )
                return
            for line in self._lines(block):
                self.line += 1
                self.text = line
                if not line:  # of an excerpt, whatever is no row
                    continue
                fields = line.split(",") if '"' not in line else _unquoted(line)
                if (
                    len(fields) == 9
                    and self._order is None
                    and fields[6] in _EVENTS
                    and len(line) <= MAX_LINE
                ):
                    self._good = True
                    yield fields
                elif row := self._other(line, fields, complete=complete):
                    self._good = True
                    yield row
            if self._strange > MAX_STRANGE:
                self.problems.add("is not an SMTP protocol log; the rest of it was not read.", line=self.line)
                return

    def _lines(self, block: bytes) -> list[str]:
        try:
            text = block.decode()
        except UnicodeDecodeError:
            text = "\n".join(self._decoded(line) for line in block.split(b"\n"))
        if self.line == 0:
            text = text.removeprefix("\ufeff")
        return text.replace("\r", "").removesuffix("\n").split("\n")

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            return line.decode(self._ansi, "replace")

    def _too_long(self) -> None:
        self.line += 1
        self.problems.add(f"is longer than {MAX_LINE} bytes and was left out.", line=self.line)

    def _other(self, line: str, fields: list[str], *, complete: bool) -> list[str] | None:
        """A row that is not as usual: header, other order, known defects; None where it is no row."""
        line = line.removeprefix("\ufeff")  # files put together
        if not line.strip():
            return None
        if line.startswith("#"):
            self._header(line)
            return None
        if len(line) > MAX_LINE:
            self.problems.add(f"is longer than {MAX_LINE} characters and was left out.", line=self.line)
            return None
        row = self._reordered(fields) if complete or len(fields) == self._columns else None
        if row is None:
            self._refuse(line, complete=complete)
        return row

    def _reordered(self, fields: list[str]) -> list[str] | None:
        if self._order is None:
            return _repaired(fields)
        row = ["" if place is None or place >= len(fields) else fields[place] for place in self._order]
        return row if row[6] in _EVENTS else None

    def _refuse(self, line: str, *, complete: bool) -> None:
        if not self._good:
            self._strange += 1
        if not complete:
            self.problems.add(
                "ends in the middle of a row (the file may still be written to).", line=self.line
            )
        elif _EXAMPLE.search(line):
            self.example()
        else:
            self.problems.add(f"is no row of a protocol log: {quoted(line)}", line=self.line)

    def example(self) -> None:
        """Note a row with words in the place of values."""
        self.problems.add_once(
            "holds an example with placeholders (Date/Time, SessionID) as Microsoft's article prints it, not a log.",
            line=self.line,
        )

    def _header(self, line: str) -> None:
        name, _, value = line[1:].partition(":")
        match name.strip().lower():
            case "log-type":
                words = value.strip().lower()
                if "smtp" not in words or "protocol" not in words:
                    sentence = f"is another kind of log: {quoted(value.strip())}"
                    self.problems.add(sentence, line=self.line, field="Log-type")
                self.kind = LogKind.RECEIVE if "receive" in words else LogKind.SEND
            case "fields":
                self._fields(value)

    def _fields(self, value: str) -> None:
        names = [name.strip().lower() for name in value.split(",")]
        if missing := [name for name in _NEEDED if name not in names]:
            self.problems.add(f"lacks {', '.join(missing)}.", line=self.line, field="Fields")
        places = tuple(names.index(name) if name in names else None for name in FIELDS)
        self._order = None if tuple(names) == FIELDS else places
        self._columns = len(names)


def _unquoted(line: str) -> list[str]:
    try:
        return next(csv.reader((line,)), [])
    except csv.Error:  # a NUL, or a field above the module's limit
        return []


def _repaired(fields: list[str]) -> list[str] | None:
    """The nine fields of a row that has a comma too few or too many (KB 4495258, hand-edited files)."""
    if len(fields) == 8 and fields[5] in _EVENTS and (glued := _GLUED.fullmatch(fields[0])):
        return [glued[1], glued[2], *fields[1:]]
    if len(fields) < 8 or fields[6] not in _EVENTS:
        return None
    if len(fields) == 8:
        context = _CONTEXT.search(fields[7])
        return [*fields[:7], fields[7][: context.start()], context[1]] if context else [*fields, ""]
    if not fields[0][:4].isdigit():
        return None  # several records on one line, with words in the place of values
    if not fields[7]:
        return [*fields[:8], ",".join(fields[8:])]
    return [*fields[:7], ",".join(fields[7:-1]), fields[-1]]


def _blocks(chunks: Iterable[bytes], too_long: Callable[[], None]) -> Iterator[tuple[bytes, bool]]:
    """Whole lines, many at once, and whether the last of them is complete."""
    tail = b""
    dropping = False
    for chunk in (one[at : at + _CHUNK] for one in chunks for at in range(0, len(one), _CHUNK)):
        data = tail + chunk
        if dropping:
            _, found, data = data.partition(b"\n")
            dropping = not found
        cut = data.rfind(b"\n") + 1
        if cut:
            yield data[:cut], True
        tail = data[cut:]
        if len(tail) > MAX_LINE:
            too_long()
            tail, dropping = b"", True
    if tail:
        yield tail, False
