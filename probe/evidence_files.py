"""Evidence on disk: files, folders and patterns turned into exports, texts, and logs that are streamed.

What a file is, its content says. A file that cannot be read is a problem in one sentence, not the
end: the others are still used.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from probe.exchange.exports.decoding import MAX_EXPORT_BYTES, decode
from probe.exchange.exports.read import Export, ExportKind, is_log, is_log_alone, odd_lines, read
from probe.exchange.inventory import Inventory
from probe.exchange.logs.certificate import Known
from probe.exchange.logs.excerpt import ROW_BEGINS, split_log
from probe.exchange.logs.reader import LogReader
from probe.exchange.logs.rows import MAX_LINE, LogFile
from probe.exchange.logs.session import LogSession
from probe.exchange.messages.arrival import Arrival, read_arrival
from probe.exchange.messages.read import readable, unpacked
from probe.exchange.problem import Problem, Problems
from probe.exchange.replies.recognise import MAX_TEXT
from probe.exchange.traces.read import read_traces
from probe.exchange.traces.report import Traces
from probe.files import expand, open_file
from probe.report.failed import Guard
from probe.report.reader import ReportedCapture, read_captures
from probe.text import printable

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
    arrivals: tuple[Arrival, ...] = ()
    traces: tuple[Traces, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_evidence(paths: Sequence[Path], *, server: str | None = None) -> EvidenceFiles:
    """Read everything but the logs, which are only recognised; `server` is assumed where a record names none."""
    exports: list[Export] = []
    logs: list[Path] = []
    texts: list[TextFile] = []
    captures: list[ReportedCapture] = []
    arrivals: list[Arrival] = []
    traces: list[Traces] = []
    problems: list[Problem] = []
    for path in expand(paths):
        name = printable(str(path))
        doubts = Problems(name)
        with Guard() as guard:
            head = _beginning(path, doubts, _HEAD_BYTES)
            data = _unless_log(path, head, doubts)
            if data is None:
                logs.append(path)
            elif seen := read_captures(name, data, doubts):
                captures += seen
            elif data:
                arrival = read_arrival(data, name)
                arrivals += filter(None, (arrival,))
                data = unpacked(data, doubts)
                if traced := read_traces(data, name):
                    traces.append(traced)
                    if traced.whole:
                        continue
                rows, rest = _split(data)
                if rows:
                    logs.append(path)
                    data = rest.encode()
                export = read(name, data, server=server)
                if export.prose:
                    texts.append(_text(name, data, doubts))
                elif export.kind is ExportKind.UNKNOWN and not (export.problems or arrival):
                    doubts.add("is no evidence of a kind that is known, and was left out.")
                exports.append(export)
        problems += _with_defect(doubts, guard)
    return EvidenceFiles(
        exports=tuple(exports),
        logs=tuple(logs),
        texts=tuple(texts),
        captures=tuple(captures),
        arrivals=tuple(arrivals),
        traces=tuple(traces),
        problems=tuple(problems),
    )


def _text(name: str, data: bytes, doubts: Problems) -> TextFile:
    text = readable(data, Problems(""))
    if len(text) > MAX_TEXT:
        doubts.add(f"is longer than {MAX_TEXT} characters; replies are looked for in the first of them.")
    return TextFile(name, text)


def _with_defect(problems: Problems, guard: Guard) -> tuple[Problem, ...]:
    if guard.failure:
        problems.add(f"was not read to its end: a defect of eop-probe; please report it: {guard.failure}.")
    return tuple(problems.found)


def _unless_log(path: Path, head: bytes, problems: Problems) -> bytes | None:
    """What a file holds as far as an export may go, and one byte more; None for a log, which is streamed."""
    if is_log_alone(head) and odd_lines(_end(path)) <= 1:  # the first line of the end is cut
        return None
    data = head if len(head) < _HEAD_BYTES else _beginning(path, problems, MAX_EXPORT_BYTES + 1)
    return None if len(data) > MAX_EXPORT_BYTES and is_log(head) else data


def _end(path: Path) -> bytes:
    """The last bytes of a file that is not compressed, as far as they come after its beginning."""
    try:
        with path.open("rb") as file:
            packed, size = file.read(2) == _GZIP, file.seek(0, 2)
            file.seek(max(_HEAD_BYTES, size - _HEAD_BYTES))
            return b"" if packed else file.read(_HEAD_BYTES)
    except OSError:
        return b""


def _split(data: bytes) -> tuple[str, str]:
    """The rows of a log in a text, and the rest of it."""
    return split_log(decode(data, Problems(""))) if ROW_BEGINS.search(data.replace(b"\0", b"")) else ("", "")


def log_chunks(path: Path, problems: Problems) -> Iterator[bytes]:
    """The bytes of a log, or the rows of one that stand in another text, in the lines where they stand there."""
    data = _unless_log(path, _beginning(path, Problems(""), _HEAD_BYTES), Problems(""))
    rows = _split(unpacked(data, Problems("")))[0] if data is not None else ""
    yield from (rows.encode(),) if rows else chunks(path, problems)


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
        with open_file(path) as raw:
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
        with Guard() as guard:
            yield from reader.read(str(path), log_chunks(path, doubts))
        problems += _with_defect(doubts, guard)
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
    for row in file.rows(log_chunks(path, Problems(""))):
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
