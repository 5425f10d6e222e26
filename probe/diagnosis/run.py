"""Everything given at once, told as one diagnosis: exports, logs, texts, captures and live endpoints.

The logs are read once for what happened, and those with refusals once more for the lines that prove it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from probe.diagnosis.context import DiagnosisContext, took
from probe.diagnosis.faults import faults
from probe.diagnosis.missing import Read, missing
from probe.diagnosis.refusals import MAX_LINES, RefusalGroup, Refusals, with_lines, with_texts, with_traces
from probe.eop.vocabulary import Outcome
from probe.evidence_files import EvidenceFiles, known_from, read_sessions, session_lines
from probe.exchange.connector import OutboundConnector
from probe.exchange.exports.joining import Gathered
from probe.exchange.exports.read import ExportKind
from probe.exchange.logs.reader import LogReader
from probe.exchange.logs.summary import CertificateChange, Summary
from probe.exchange.messages.arrival import Arrival
from probe.exchange.problem import Problem
from probe.exchange.traces.report import Traces, with_addresses
from probe.pki.certificate import Certificate
from probe.pki.truststore import TrustStore
from probe.report.assessment import Assessment
from probe.report.diagnosis import Diagnosis
from probe.report.reader import ReportedCapture
from probe.statement import Statement, documented
from probe.text import counted

#: Paths that a proposed command names.
MAX_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to diagnose and by what.

    `at` is the instant of what is predicted: None for the last session of the logs, without logs `now`.
    `texts` are pairs of a name and a text, `arrivals` and `traces` what else those say; `paths` are what the user
    named, to be named in commands again.
    """

    files: EvidenceFiles
    gathered: Gathered
    issuers: tuple[Certificate, ...]
    stores: Callable[[], Sequence[TrustStore]]
    now: datetime
    at: datetime | None = None
    texts: tuple[tuple[str, str], ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    traces: tuple[Traces, ...] = ()
    live: tuple[Assessment, ...] = ()
    address: str | None = None
    paths: tuple[Path, ...] = ()


def diagnose(question: Question) -> Diagnosis:
    """Everything the evidence tells; raises StoreError for an unusable store."""
    problems: list[Problem] = []
    book, changes = _read_logs(question, problems)
    texts = (*question.texts, *((one.name, one.text) for one in question.files.texts))
    traces = with_addresses((*question.traces, *question.files.traces))
    proven = _proven(book.groups, question.files.logs)
    groups = with_traces(with_texts(proven, texts, problems, _plain(question.files)), traces)
    at = question.at or book.latest or question.now
    context = DiagnosisContext(
        gathered=question.gathered,
        now=question.now,
        given=_few(question.paths),
        logs=_few([path.parent for path in question.files.logs]),
        stores=question.stores(),
        issuers=question.issuers,
        delivered=book.delivered,
        changes=changes,
        captures=(*question.files.captures, *map(_capture, question.live)),
        address=question.address or next((group.seen_as for group in groups if group.seen_as), None),
    )
    told = faults(groups, context, at)
    arrivals = tuple(dict.fromkeys((*question.arrivals, *question.files.arrivals)))
    confirmed = any(one.confirmed for one in arrivals)
    accepted = confirmed or book.delivered or any(one.outcome == "accepted" for one in context.captures)
    fine = Outcome.ACCEPTED if accepted else Outcome.UNKNOWN
    read = Read(sessions=book.sessions, texts=len(texts), arrivals=len(arrivals), traces=len(traces))
    needed = missing(question.files, question.gathered, read)
    return Diagnosis(
        at=at,
        faults=told,
        arrivals=arrivals,
        traces=traces,
        notes=(*(() if told or confirmed else needed), *_notes(question, context, book)),
        problems=(
            *question.files.problems,
            *question.gathered.problems,
            *problems,
            *(problem for one in traces for problem in one.problems),
        ),
        outcome=Outcome.worst(tuple(fault.outcome for fault in told)) if told else fine,
    )


def _plain(files: EvidenceFiles) -> frozenset[str]:
    """The files that are nothing but texts: no export, no log, no message that arrived, no trace."""
    others = {one.source for one in files.arrivals} | {one.source for one in files.traces}
    texts = {one.name for one in files.exports if one.kind is ExportKind.TEXT}
    return frozenset(texts - others - {*map(str, files.logs)})


def _few(paths: Sequence[Path]) -> tuple[str, ...]:
    """The paths to name in a command; of many their folders, of too many folders none."""
    files = dict.fromkeys(map(str, paths))
    named = files if len(files) <= MAX_NAMED else dict.fromkeys(str(path.parent) for path in paths)
    return tuple(named) if len(named) <= MAX_NAMED else ()


def _read_logs(question: Question, problems: list[Problem]) -> tuple[Refusals, tuple[CertificateChange, ...]]:
    reader, summary, book = LogReader(known=known_from(question.gathered.inventory)), Summary(), Refusals()
    for session in read_sessions(reader, question.files.logs, problems):
        summary.add(session)
        book.add(session)
    problems += reader.problems
    if book.left_out:
        told = f"hold {counted(book.left_out, 'refusal')} of yet other kinds, which were left out."
        problems.append(Problem("the logs", None, None, told))
    return book, summary.result().changes


def _proven(groups: Iterable[RefusalGroup], logs: Sequence[Path]) -> tuple[RefusalGroup, ...]:
    """Add to each group the lines of its first session; each log is read once, whatever it holds."""
    found = list(groups)
    firsts = [(place, group.first) for place, group in enumerate(found) if group.first is not None]
    for path in dict.fromkeys(logs):
        mine = {place: first.session for place, first in firsts if first.source == str(path)}
        lines = session_lines(path, set(mine.values()), MAX_LINES) if mine else {}
        for place, session in mine.items():
            if session in lines:
                found[place] = with_lines(found[place], lines[session])
    return tuple(found)


def _capture(one: Assessment) -> ReportedCapture:
    made = one.predictions[0]
    presented = one.capture.presented
    leaf = one.evidence.leaf
    return ReportedCapture(
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


def _notes(question: Question, context: DiagnosisContext, book: Refusals) -> Iterable[Statement]:
    for thumbprint, seen in context.delivered.items():
        yield took(thumbprint, seen)
        for record in context.gathered.inventory.find(thumbprint)[:1]:
            if record.not_after is not None and record.not_after < question.now:
                yield documented(f"{thumbprint.upper()} has expired since, on {record.not_after:%Y-%m-%d}.")
    yield from filter(None, map(_validated, context.gathered.outbound_connectors))
    # A listener left alone for an hour captures the same sender many times: it is said once.
    yield from dict.fromkeys(map(_noted, context.captures))
    if question.files.logs and not book.sessions:
        yield documented("The logs given hold no session.")


def _validated(one: OutboundConnector) -> Statement | None:
    """What Exchange Online says of its own test of an outbound connector, a message to its smart hosts."""
    if one.is_validated is None and one.last_validation_timestamp is None:
        return None
    at = one.last_validation_timestamp
    return documented(
        f"Exchange Online says of its outbound connector '{one.name}': IsValidated {one.is_validated}, "
        f"LastValidationTimestamp {f'{at:%Y-%m-%d %H:%M:%S} UTC' if at else 'not told'} ({one.source})."
    )


def _noted(one: ReportedCapture) -> Statement:
    which = one.thumbprints[0].upper() if one.thumbprints else "no certificate"
    who = "The sender presented" if one.by_listener else f"{one.target} presents"
    return documented(f"{who} {which}: {one.outcome}{f', {one.rule}' if one.rule else ''} ({one.source}).")
