"""SMTP protocol logs of Exchange, read as a stream: bytes in, sessions out, memory bounded.

Sessions interleave, and a session may run on into the next file: rows are grouped by session-id and
put in the order of their sequence numbers. The source of the format is Microsoft's page on
protocol logging.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from probe.exchange.logs.certificate import Known
from probe.exchange.logs.rows import LogFile, LogKind
from probe.exchange.logs.session import CertificateReader, LogSession, SessionBuilder
from probe.exchange.problem import Problem, Problems

#: Sessions open at a time; the one that was silent longest is given up first. A server handles some hundred.
MAX_OPEN = 2_000

#: Rows of one session that wait for an earlier one; logs are written in order but for single rows.
MAX_WAITING = 500

#: Rows of all sessions that wait, half a kilobyte each as a rule; above, the next one waits no longer.
MAX_WAITING_TOTAL = 10_000

#: Files whose problems are kept.
MAX_FILES = 1_000


class _Open:
    """A session whose rows are still coming: those in order are consumed, others wait."""

    __slots__ = ("builder", "ended", "expected", "following", "waiting")

    def __init__(self, builder: SessionBuilder) -> None:
        self.builder = builder
        self.following = 0
        self.expected = "0"  # `following` as the log writes it: compared with every row
        self.waiting: dict[int, list[str]] = {}
        self.ended = False

    def next(self, row: list[str]) -> None:
        """Take the row that is due."""
        self.following += 1
        self.expected = str(self.following)
        # Of the features of an EHLO reply, all but the last, only STARTTLS says something, or what hides it.
        data = row[7]
        if data[3:4] != "-" or data[:1] != "2":
            self.builder.consume(row)
            self.ended = self.ended or row[6] == "-"
        elif data[4:5] in "SsXx":
            self.builder.feature(data)

    def take(self, number: int, row: list[str]) -> int:
        """Take any row; returns by how many the waiting rows have become more."""
        before = len(self.waiting)
        if number == self.following:
            self.next(row)
            while self.waiting and self.following in self.waiting:
                self.next(self.waiting.pop(self.following))
        elif number > self.following:
            self.waiting[number] = row
            if len(self.waiting) > MAX_WAITING:
                self.flush()
        return len(self.waiting) - before  # an earlier number was taken before: the row was written twice

    def flush(self) -> int:
        """Take what waits, over the gaps; returns how many waited."""
        count = len(self.waiting)
        for number in sorted(self.waiting):
            if number != self.following:
                self.builder.gap()
                self.following = number
            self.next(self.waiting.pop(number))
        return count


class LogReader:
    """Reads protocol logs one after the other, best in the order they were written.

    `known` maps lower-case thumbprints to subject and issuer. `since` (aware UTC) leaves out
    sessions that ended before; `connector` (any case) leaves out the others'. `ansi` decodes lines
    that are not UTF-8.
    """

    def __init__(
        self,
        *,
        known: Mapping[str, Known] = MappingProxyType({}),
        since: datetime | None = None,
        connector: str | None = None,
        ansi: str = "cp1252",
    ) -> None:
        self._since, self._ansi = since, ansi
        self._certificates = CertificateReader(known)
        self._connector = connector.casefold() if connector is not None else None
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._waiting = 0
        self._problems: list[Problems] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read so far, in order."""
        return tuple(problem for problems in self._problems for problem in problems.found)

    def read(self, source: str, chunks: Iterable[bytes]) -> Iterator[LogSession]:
        """The sessions that end in this file, in the order they end; `chunks` may be cut anywhere."""
        problems = Problems(source)
        if len(self._problems) < MAX_FILES:
            self._problems.append(problems)
        file = LogFile(source, problems, ansi=self._ansi)
        open_sessions = self._open
        for row in file.rows(chunks):
            session = open_sessions.get(row[2])
            if session is None:
                session = self._begin(file, row)
                if session is None:
                    continue
                if len(open_sessions) > MAX_OPEN:
                    yield from self._close(next(iter(open_sessions)))
            open_sessions.move_to_end(row[2])
            if row[3] == session.expected and row[6] != "-" and not session.waiting:  # as nearly all rows are
                session.next(row)
            else:
                yield from self._take(session, row)

    def finish(self) -> Iterator[LogSession]:
        """The sessions that have not ended in any file."""
        while self._open:
            yield from self._close(next(iter(self._open)))

    def _begin(self, file: LogFile, row: list[str]) -> _Open | None:
        if self._connector is not None and row[1].casefold() != self._connector:
            return None
        if not row[2].strip():
            file.problems.add("has no session-id and was left out.", line=file.line, field="session-id")
            return None
        if row[2].strip().lower() in {"sessionid", "session id", "session-id"}:
            file.example()
            return None
        session = _Open(
            SessionBuilder(begun=row, last=row, source=file.source, kind=file.kind, reader=self._certificates)
        )
        return self._open.setdefault(row[2], session)

    def _take(self, session: _Open, row: list[str]) -> Iterator[LogSession]:
        number = row[3]
        readable = number.isascii() and number.isdigit() and len(number) < 10
        self._waiting += session.take(int(number) if readable else session.following, row)
        if self._waiting > MAX_WAITING_TOTAL:
            self._waiting -= session.flush()
        if session.ended and not session.waiting:
            yield from self._close(row[2])

    def _close(self, key: str) -> Iterator[LogSession]:
        session = self._open.pop(key)
        self._waiting -= session.flush()
        result = session.builder.finish()
        if self._since is None or result.ended is None or result.ended >= self._since:
            yield result


__all__ = ["Known", "LogKind", "LogReader", "LogSession"]
