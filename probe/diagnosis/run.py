"""Everything given at once, told as one diagnosis: exports, logs, texts, captures and live endpoints.

The logs are read once for what happened, and those with refusals once more for the lines that prove it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from probe.diagnosis.cases import MAX_LINES, Case, CaseBook, with_lines, with_texts
from probe.diagnosis.context import Scene, took
from probe.diagnosis.explain import stories
from probe.eop.vocabulary import Outcome
from probe.evidence_files import EvidenceFiles, known_from, read_sessions, session_lines
from probe.exchange.exports.joining import Gathered
from probe.exchange.logs.reader import LogReader
from probe.exchange.logs.summary import CertificateChange, Summary
from probe.exchange.problem import Problem
from probe.pki.certificate import Certificate
from probe.pki.truststore import TrustStore
from probe.report.assessment import Assessment
from probe.report.diagnosis import Diagnosis, Story
from probe.report.reader import Sighting
from probe.statement import Confidence, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to diagnose and by what.

    `at` is the instant of what is predicted: None for the last session of the logs, without logs `now`.
    `texts` are pairs of a name and a text.
    """

    files: EvidenceFiles
    gathered: Gathered
    issuers: tuple[Certificate, ...]
    stores: Callable[[], Sequence[TrustStore]]
    now: datetime
    at: datetime | None = None
    texts: tuple[tuple[str, str], ...] = ()
    live: tuple[Assessment, ...] = ()
    address: str | None = None


def diagnose(question: Question) -> Diagnosis:
    """Tell every story there is in the evidence; raises StoreError for an unusable store."""
    problems: list[Problem] = []
    book, changes = _read_logs(question, problems)
    texts = (*question.texts, *((one.name, one.text) for one in question.files.texts))
    cases = with_texts(_proven(book.cases, question.files.logs), texts)
    at = question.at or book.latest or question.now
    scene = Scene(
        gathered=question.gathered,
        stores=question.stores(),
        issuers=question.issuers,
        delivered=book.delivered,
        changes=changes,
        sightings=(*question.files.sightings, *map(_sighting, question.live)),
        address=question.address or next((case.seen_as for case in cases if case.seen_as), None),
    )
    told = stories(cases, scene, at)
    return Diagnosis(
        at=at,
        stories=told,
        notes=tuple(_notes(question, scene, book)),
        problems=(*question.files.problems, *question.gathered.problems, *problems),
        outcome=_outcome(told, book, scene),
    )


def _read_logs(question: Question, problems: list[Problem]) -> tuple[CaseBook, tuple[CertificateChange, ...]]:
    reader, summary, book = LogReader(known=known_from(question.gathered.inventory)), Summary(), CaseBook()
    for session in read_sessions(reader, question.files.logs, problems):
        summary.add(session)
        book.add(session)
    problems += reader.problems
    return book, summary.result().changes


def _proven(cases: Iterable[Case], logs: Sequence[Path]) -> tuple[Case, ...]:
    """Add to each case the lines of its first session; each log is read once, whatever it holds."""
    paths = {str(path): path for path in logs}
    found = list(cases)
    for source, path in paths.items():
        mine = [n for n, case in enumerate(found) if case.first is not None and case.first.source == source]
        wanted = {case.first.session for n, case in enumerate(found) if n in mine and case.first is not None}
        lines = session_lines(path, wanted, MAX_LINES) if wanted else {}
        for place in mine:
            first = found[place].first
            if first is not None and first.session in lines:
                found[place] = with_lines(found[place], lines[first.session])
    return tuple(found)


def _sighting(one: Assessment) -> Sighting:
    made = one.predictions[0]
    presented = one.capture.presented
    leaf = one.evidence.leaf
    return Sighting(
        source="live",
        target=one.target,
        address=one.capture.address or "",
        at=one.started_at,
        basis=made.basis.value,
        outcome=one.outcome.value,
        reply=made.reply,
        rule=made.rule,
        thumbprints=tuple(entry.sha1 for entry in presented.entries) if presented else (),
        subject=leaf.subject.windows if leaf else None,
    )


def _notes(question: Question, scene: Scene, book: CaseBook) -> Iterable[Statement]:
    for thumbprint, seen in scene.delivered.items():
        yield took(thumbprint, seen)
        for record in scene.gathered.inventory.find(thumbprint)[:1]:
            if record.not_after is not None and record.not_after < question.now:
                text = f"{thumbprint.upper()} has expired since, on {record.not_after:%Y-%m-%d}."
                yield Statement(text, Confidence.DOCUMENTED)
    # A listener left alone for an hour captures the same sender many times: it is said once.
    yield from dict.fromkeys(map(_sighted, scene.sightings))
    if question.files.logs and not book.sessions:
        yield Statement("The logs given hold no session.", Confidence.DOCUMENTED)


def _sighted(one: Sighting) -> Statement:
    which = one.thumbprints[0].upper() if one.thumbprints else "no certificate"
    who = "The sender presented" if one.by_listener else f"{one.target} presents"
    text = f"{who} {which}: {one.outcome}{f', {one.rule}' if one.rule else ''} ({one.source})."
    return Statement(text, Confidence.DOCUMENTED)


def _outcome(told: tuple[Story, ...], book: CaseBook, scene: Scene) -> Outcome:
    if told:
        return Outcome.worst(tuple(story.outcome for story in told))
    fine = book.delivered or any(one.outcome == "accepted" for one in scene.sightings)
    return Outcome.ACCEPTED if fine else Outcome.UNKNOWN
