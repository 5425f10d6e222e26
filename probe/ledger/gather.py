"""The ledger's evidence out of files and a history: each file is what its content says, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probe.evidence_files import EvidenceFiles, TextFile, read_evidence, read_sessions
from probe.exchange.logs.reader import LogReader
from probe.exchange.messages.arrival import Arrival, read_arrival
from probe.exchange.messages.read import readable
from probe.exchange.problem import Problem, Problems
from probe.exchange.tlsrpt.received import Received
from probe.exchange.tlsrpt.report import Proof
from probe.files import expand, open_file
from probe.report.ledger.arrived import word_of
from probe.report.ledger.join import join
from probe.report.ledger.predictions import of_history, with_reports, with_thumbprints
from probe.report.ledger.replied import of_logs, of_text, of_traces
from probe.report.ledger.reported import is_microsofts, words_of
from probe.report.ledger.values import Ledger, Series, Trust, Word
from probe.report.tlsrpt import TlsReports
from probe.text import printable
from probe.tlsrpt.files import OUTLOOK, Reading
from probe.tlsrpt.keys import Keys
from probe.tlsrpt.proof import WITHOUT_MAIL

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from probe.history.database import Database


#: Mails of mailboxes without a TLS report that are looked at in one run.
MAX_MESSAGES = 20_000


class Gathering:
    """Reads what Microsoft said, and what reports predicted; `ledger` joins it."""

    def __init__(self, keys: Keys, now: datetime) -> None:
        self._now = now
        self._arrivals: list[Arrival] = []
        self._texts: list[TextFile] = []
        self._mails = self._beyond = 0
        self._reports = Reading(keys, now, self._mail)
        self._files = EvidenceFiles()
        self._words: list[Word] = []
        self._problems: list[Problem] = []
        self._unread = 0

    def read(self, paths: Sequence[Path]) -> None:
        """Read files, folders and patterns; raises InputError where a path means nothing at all."""
        others = [path for path in expand(paths) if not self._report(path)]
        if others:
            self._files = read_evidence(others)
            self._arrivals += self._files.arrivals
        self._words = [*self._of_files()]

    @property
    def logs(self) -> bool:
        """Whether there is a log, whose sessions are of a certificate by its thumbprint."""
        return bool(self._files.logs)

    def ledger(self, series: Sequence[Series], history: str = "") -> Ledger:
        """Everything that was read beside what a history predicted."""
        reports = self._reports.result
        entries, unjoined = join(with_reports(series, self._files.captures), [*self._said(reports)])
        exports = (problem for one in self._files.exports for problem in one.problems)
        traces = (problem for one in self._files.traces for problem in one.problems)
        return Ledger(
            at=self._now,
            entries=entries,
            unjoined=unjoined,
            foreign=sum(not is_microsofts(one.report) for one in reports.received),
            problems=(*self._problems, *reports.problems, *self._files.problems, *exports, *traces),
            unread=self._unread + self._beyond + reports.unread,
            others=sum(not one.prose for one in self._files.exports),
            history=history,
        )

    def _report(self, path: Path) -> bool:
        """Whether a file holds TLS reports or is a mailbox, all of whose mails were read; or cannot be read at all."""
        problems, mails = Problems(printable(str(path))), self._mails
        try:
            with open_file(path) as file:
                return self._reports.take(file, problems, named=False) or self._mails > mails
        except OSError as error:
            problems.add(f"cannot be read: {error.strerror or error}.")
            self._problems += problems.found
            self._unread += 1
            return True

    def _mail(self, mail: bytes, place: str) -> None:
        """Take a mail of a mailbox: a message that arrived, or an NDR with its last-error record."""
        self._mails += 1
        if self._mails > MAX_MESSAGES:
            if not self._beyond:
                told = f"and what follows is beyond the {MAX_MESSAGES} mails of one run, and was left out."
                self._problems.append(Problem(place, None, None, told))
            self._beyond += 1
            return
        self._arrivals += filter(None, (read_arrival(mail, place),))
        text = readable(mail, Problems(""))
        if "{LED" in text:
            self._texts.append(TextFile(place, text))

    def _said(self, reports: TlsReports) -> Iterator[Word]:
        for one in reports.received:
            if is_microsofts(one.report):
                yield from words_of(one, _trust(one))
        yield from self._words

    def _of_text(self, name: str, text: str) -> Iterator[Word]:
        return self._of(of_text(name, text))

    def _of(self, found: Iterable[Word | Problem]) -> Iterator[Word]:
        for told in found:
            if isinstance(told, Word):
                yield told
            else:
                self._problems.append(told)

    def _of_files(self) -> Iterator[Word]:
        """What is said in anything that is no TLS report."""
        once = {replace(one, source=""): one for one in reversed(self._arrivals)}
        yield from filter(None, map(word_of, once.values()))
        yield from of_traces(self._files.traces)
        shown = (
            "has columns that nobody documents; they are not interpreted, and exchange diagnose shows them."
        )
        self._problems += [
            Problem(one.source, None, None, shown) for one in self._files.traces if one.columns
        ]
        for text in self._texts:
            yield from self._of_text(text.name, text.text)
        arrived = {one.source for one in self._arrivals}
        for text in self._files.texts:
            said = [*self._of_text(text.name, text.text)]
            yield from said
            if not said and text.name not in arrived:
                self._problems.append(Problem(text.name, None, None, _NOTHING))
        yield from self._of(of_logs(read_sessions(LogReader(), self._files.logs, self._problems)))


_NOTHING = "holds nothing that Microsoft said of a certificate, as far as it can be understood."


def _trust(one: Received) -> Trust:
    return Trust.PROVEN if one.proof.proven else Trust.SUPPLIED if _bare(one.proof) else Trust.UNPROVEN


def _bare(proof: Proof) -> bool:
    """Whether there is no mail whose signature could be verified: the word is that of whoever gave the file."""
    return proof in (WITHOUT_MAIL, OUTLOOK)


def predicted(database: Database, *, thumbprints: bool = False) -> list[Series]:
    """What a history predicted, with SHA-1 thumbprints where logs have to be joined; raises HistoryError."""
    from probe.history.query import held
    from probe.history.read import domains, spans

    def read(connection: Connection) -> list[Series]:
        series = of_history(spans(connection), database.name, domains(connection))
        if not thumbprints:
            return series
        known = held(connection, (leaf for one in series for made in one.predictions for leaf in made.leaves))
        return [with_thumbprints(one, lambda leaf: getattr(known(leaf), "sha1", "")) for one in series]

    return database.run(read)
