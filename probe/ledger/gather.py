"""The ledger's evidence out of files and a history: each file is what its content says, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probe.evidence_files import EvidenceFiles, read_evidence
from probe.exchange.messages.arrival import Arrival, read_arrival
from probe.exchange.problem import Problem, Problems
from probe.exchange.tlsrpt.received import Received
from probe.exchange.tlsrpt.report import Proof
from probe.files import expand, open_file
from probe.report.ledger.arrived import word_of
from probe.report.ledger.join import join
from probe.report.ledger.predictions import of_history, with_reports
from probe.report.ledger.reported import is_microsofts, words_of
from probe.report.ledger.values import Ledger, Series, Trust, Word
from probe.report.tlsrpt import TlsReports
from probe.text import printable
from probe.tlsrpt.files import OUTLOOK, Reading
from probe.tlsrpt.keys import Keys
from probe.tlsrpt.proof import WITHOUT_MAIL

if TYPE_CHECKING:
    from probe.history.database import Database


class Gathering:
    """Reads what Microsoft said, and what reports predicted; `ledger` joins it."""

    def __init__(self, keys: Keys, now: datetime) -> None:
        self._now = now
        self._arrivals: list[Arrival] = []
        self._reports = Reading(keys, now, self._mail)
        self._files = EvidenceFiles()
        self._problems: list[Problem] = []
        self._unread = 0

    def read(self, paths: Sequence[Path]) -> None:
        """Read files, folders and patterns; raises InputError where a path means nothing at all."""
        others = [path for path in expand(paths) if not self._report(path)]
        if others:
            self._files = read_evidence(others)
            self._arrivals += self._files.arrivals

    def ledger(self, series: Sequence[Series], history: str = "") -> Ledger:
        """Everything that was read beside what a history predicted."""
        reports = self._reports.result
        entries, unjoined = join(with_reports(series, self._files.captures), [*self._words(reports)])
        exports = (problem for export in self._files.exports for problem in export.problems)
        return Ledger(
            at=self._now,
            entries=entries,
            unjoined=unjoined,
            foreign=sum(not is_microsofts(one.report) for one in reports.received),
            problems=(*self._problems, *reports.problems, *self._files.problems, *exports),
            unread=self._unread + reports.unread,
            history=history,
        )

    def _report(self, path: Path) -> bool:
        """Whether a file holds TLS reports, or cannot be read at all."""
        problems = Problems(printable(str(path)))
        try:
            with open_file(path) as file:
                return self._reports.take(file, problems, named=False)
        except OSError as error:
            problems.add(f"cannot be read: {error.strerror or error}.")
            self._problems += problems.found
            self._unread += 1
            return True

    def _mail(self, mail: bytes, place: str) -> None:
        self._arrivals += filter(None, (read_arrival(mail, place),))

    def _words(self, reports: TlsReports) -> Iterator[Word]:
        for one in reports.received:
            if is_microsofts(one.report):
                yield from words_of(one, _trust(one))
        yield from filter(None, map(word_of, dict.fromkeys(self._arrivals)))


def _trust(one: Received) -> Trust:
    return Trust.PROVEN if one.proof.proven else Trust.SUPPLIED if _bare(one.proof) else Trust.UNPROVEN


def _bare(proof: Proof) -> bool:
    """Whether there is no mail whose signature could be verified: the word is that of whoever gave the file."""
    return proof in (WITHOUT_MAIL, OUTLOOK)


def predicted(database: Database) -> list[Series]:
    """What a history predicted; raises HistoryError."""
    from probe.history.read import spans

    return database.run(lambda connection: of_history(spans(connection), database.name))
