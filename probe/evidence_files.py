"""Evidence on disk: files, folders and patterns turned into exports, texts, and logs that are streamed.

What a file is, its content says. A file that cannot be read is a problem in one sentence, not the
end: the others are still used.
"""

from __future__ import annotations

import glob
import gzip
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from probe.errors import InputError
from probe.exchange.exports.decoding import MAX_EXPORT_BYTES
from probe.exchange.exports.read import Export, ExportKind, is_log, read
from probe.exchange.inventory import Inventory
from probe.exchange.logs.certificate import Known
from probe.exchange.logs.reader import LogReader
from probe.exchange.logs.rows import MAX_LINE, LogFile
from probe.exchange.logs.session import LogSession
from probe.exchange.messages.read import readable
from probe.exchange.problem import Problem, Problems
from probe.report.reader import ReportedCapture, read_captures
from probe.text import printable

#: Files of one run; a server writes some 9,000 hourly logs a year.
MAX_FILES = 20_000

#: Bytes read at once of a log that is streamed.
CHUNK_BYTES = 1 << 20

#: Bytes by which a file's content is recognised.
_HEAD_BYTES = 8_192
_GZIP = b"\x1f\x8b"


class TextFile(NamedTuple):
    """A text that the reply catalogue may know something about."""

    name: str
    text: str


class LogLine(NamedTuple):
    """One row of a log: the line's number (from 1) and text, escaped, and three of its fields as they are."""

    number: int
    text: str
    event: str
    data: str
    context: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFiles:
    """What the files given hold, in their order; `logs` are yet to be read.

    `problems` are those of opening the files; each export brings its own.
    """

    exports: tuple[Export, ...] = ()
    logs: tuple[Path, ...] = ()
    texts: tuple[TextFile, ...] = ()
    captures: tuple[ReportedCapture, ...] = ()
    problems: tuple[Problem, ...] = ()


def expand(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Every file meant: a folder's files in the order of their names, a pattern's, or the file itself.

    Raises InputError where a path means nothing at all. Exchange names its logs by the hour, so
    names are in the order of time.
    """
    found: dict[Path, None] = {}
    for path in paths:
        for one in _files(path):
            found[one] = None
            if len(found) > MAX_FILES:
                raise InputError(f"more than {MAX_FILES} files are given; name a folder further down")
    return tuple(found)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(one for one in path.rglob("*") if one.is_file())
    elif path.exists():
        yield path
    else:
        pattern = glob.has_magic(str(path))
        matches = sorted(Path(path.anchor).glob(str(path)[len(path.anchor) :])) if pattern else ()
        if not matches:
            raise InputError(f"{printable(str(path))} {'matches no file' if pattern else 'does not exist'}")
        for match in matches:
            yield from _files(match)


def read_evidence(paths: Sequence[Path], *, server: str | None = None) -> EvidenceFiles:
    """Read everything but the logs, which are only recognised; `server` is assumed where a record names none."""
    exports: list[Export] = []
    logs: list[Path] = []
    texts: list[TextFile] = []
    captures: list[ReportedCapture] = []
    problems: list[Problem] = []
    for path in expand(paths):
        name = printable(str(path))
        doubts = Problems(name)
        data = _beginning(path, doubts, _HEAD_BYTES)
        if is_log(data):
            logs.append(path)
            data = b""
        elif len(data) == _HEAD_BYTES:
            # One byte more than an export has, so that its reader sees the excess.
            data = _beginning(path, doubts, MAX_EXPORT_BYTES + 1)
        if seen := read_captures(name, data):
            captures += seen
        elif data:
            export = read(name, data, server=server)
            if export.kind is ExportKind.TEXT:
                texts.append(TextFile(name, readable(data, doubts)))
            elif export.kind is ExportKind.UNKNOWN and not export.problems:
                doubts.add("is no evidence of a kind that is known, and was left out.")
            exports.append(export)
        problems += doubts.found
    return EvidenceFiles(
        exports=tuple(exports),
        logs=tuple(logs),
        texts=tuple(texts),
        captures=tuple(captures),
        problems=tuple(problems),
    )


def log_files(paths: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Problem, ...]]:
    """The protocol logs among the files of `paths`; a file named by itself counts as one, whatever it holds."""
    named = set(paths)
    logs: list[Path] = []
    problems: list[Problem] = []
    for path in expand(paths):
        doubts = Problems(printable(str(path)))
        if path in named or is_log(_beginning(path, doubts, _HEAD_BYTES)):
            logs.append(path)
        else:
            doubts.add("is no SMTP protocol log, and was left out.")
            problems += doubts.found
    return tuple(logs), tuple(problems)


def chunks(path: Path, problems: Problems) -> Iterator[bytes]:
    """The bytes of one file, unpacked where it is compressed (.gz), a piece at a time; damage ends them."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            with gzip.open(raw) if packed else raw as file:
                while piece := file.read(CHUNK_BYTES):
                    yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile):
        problems.add("is damaged where it is compressed; what comes before was used.")
    except OSError as error:
        problems.add(f"cannot be read: {error.strerror or error}.")


def read_sessions(reader: LogReader, paths: Iterable[Path], problems: list[Problem]) -> Iterator[LogSession]:
    """Every session of the logs, read one after the other; what keeps a file from being read goes to `problems`."""
    for path in paths:
        doubts = Problems(printable(str(path)))
        yield from reader.read(str(path), chunks(path, doubts))
        problems += doubts.found
    yield from reader.finish()


def known_from(inventory: Inventory) -> dict[str, Known]:
    """What an inventory says of thumbprints, for the reader of logs."""
    return {
        one.thumbprint: Known(one.subject, one.issuer)
        for one in inventory.certificates
        if one.subject is not None and one.issuer is not None
    }


def session_lines(path: Path, sessions: Collection[str], limit: int) -> dict[str, tuple[LogLine, ...]]:
    """For each session (its id escaped) the first `limit` rows of a log that belong to it.

    The file is read once, until all of the sessions have ended.
    """
    ongoing = set(sessions)
    found: dict[str, list[LogLine]] = {}
    file = LogFile(str(path), Problems(""))
    for row in file.rows(chunks(path, Problems(""))):
        session = printable(row[2])
        if session in ongoing:
            lines = found.setdefault(session, [])
            lines.append(LogLine(file.line, printable(file.text, MAX_LINE), *row[6:9]))
            if row[6] == "-" or len(lines) >= limit:
                ongoing.remove(session)
                if not ongoing:
                    break
    return {session: tuple(lines) for session, lines in found.items()}


def _beginning(path: Path, problems: Problems, limit: int) -> bytes:
    """The first `limit` bytes of a file, or all there are."""
    found = bytearray()
    for piece in chunks(path, problems):
        found += piece[: limit - len(found)]
        if len(found) >= limit:
            break
    return bytes(found)
