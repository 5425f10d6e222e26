"""The report as one HTML page that needs nothing else: no fonts, no pictures, no look-ups, and no script to be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probe.eop.connections import connections_words, key_words
from probe.eop.evidence import StorePath
from probe.eop.finding import Finding
from probe.eop.vocabulary import Basis, Direction, Outcome
from probe.pki.truststore import list_title
from probe.render.page.html import render_page
from probe.render.page.options import RenderOptions
from probe.render.page.steps import Numbered, numbered
from probe.render.report.chain import Box, Facts, Words, as_built, as_sent, remarks
from probe.render.report.facts import (
    day,
    endpoint,
    instant,
    label,
    tally,
    worst_first,
)
from probe.render.report.fleet import Row as FleetRow
from probe.render.report.fleet import row, table
from probe.render.report.samples import not_asked, not_held, samples
from probe.render.report.timeline import TimeLine, timeline
from probe.render.report.wording import (
    NO_REPLY,
    basis_words,
    besides,
    confidence_words,
    next_steps,
    path_end,
    revocation_words,
    verdict_sentence,
)
from probe.report.assessment import Assessment, Report
from probe.smtp.transcript import TranscriptLine
from probe.text import counted

#: Endpoints told in full on one page, the worst first; a browser holds no ten thousand of them. The table has all.
MAX_IN_FULL = 200

_DIRECTIONS = {
    Direction.TO_EOP: "mail to Exchange Online (to-eop)",
    Direction.FROM_EOP: "mail from Exchange Online (from-eop)",
}


class Row(NamedTuple):
    """A row that begins with a badge: the outcome's colour and sign, the word on it, and the other cells."""

    outcome: str
    words: str
    cells: tuple[str, ...]


class Told(NamedTuple):
    """A finding, its detail in paragraphs and its remedy in numbered steps."""

    rule: str
    severity: str
    confidence: str
    summary: str
    paragraphs: list[str]
    steps: list[Numbered]
    references: tuple[str, ...]


class Endpoint(NamedTuple):
    """One assessment as a page tells it; what is empty is left out."""

    anchor: str
    outcome: str
    host: str
    place: str
    verdict: str
    reason: str
    samples: list[Row]
    shown: str
    reply: str
    error: str
    theirs: str
    facts: Facts
    sent: list[Box]
    sent_words: str
    built: list[Box]
    built_words: str
    remarks: list[Words]
    findings: list[Told]
    line: TimeLine | None
    stores: list[Row]
    connection: Facts
    transcript: tuple[TranscriptLine, ...]


def render(report: Report, options: RenderOptions) -> str:  # noqa: ARG001 - every renderer is called alike
    """Render the whole page: a table of several endpoints, then each of them in full, the worst first."""
    ranked = worst_first(report)
    alone = len(ranked) == 1 and not report.interrupted
    values = {
        "outcome": report.outcome.value,
        "tally": tally(report) or "nothing to judge",
        "endpoints": (endpoint_view(one, f"e{n}") for n, one in enumerate(ranked[:MAX_IN_FULL], start=1)),
        "table": table([] if alone else [_row(one, n) for n, one in enumerate(ranked, start=1)]),
        "in_full": MAX_IN_FULL,
        "alone": alone,
        "next": numbered(next_steps(report)),
        "version": report.version,
        "at": instant(report.generated_at),
    }
    return render_page("report.html", values, title=_title(report, ranked, alone=alone))


def _title(report: Report, ranked: list[Assessment], *, alone: bool) -> str:
    about = ranked[0].capture.host if alone else counted(len(ranked), "endpoint")
    return f"{about}: {report.outcome.value} - eop-probe"


def _row(assessment: Assessment, number: int) -> FleetRow:
    return row(assessment, f"e{number}" if number <= MAX_IN_FULL else "")


def endpoint_view(assessment: Assessment, anchor: str) -> Endpoint:
    """What a page says of one assessment, for the macro of `endpoint.html`."""
    evidence, capture = assessment.evidence, assessment.capture
    made, error, (why, ended) = assessment.prediction, assessment.error, besides(assessment)
    store, presented, smtp = evidence.deciding, capture.presented, capture.smtp
    entries = len(presented.entries) + presented.dropped if presented else 0
    return Endpoint(
        anchor=anchor,
        outcome=assessment.outcome.value,
        host=capture.host,
        place=_place(assessment),
        verdict=verdict_sentence(assessment),
        reason=why,
        samples=_samples(assessment),
        shown=connections_words(evidence) or "",
        reply=(made.reply if made else None) or "",
        error=ended,
        theirs=(error.server_text if error else None) or "",
        facts=tuple(_basis(assessment)),
        sent=as_sent(evidence),
        sent_words=counted(entries, "certificate"),
        built=as_built(evidence),
        built_words=path_end(store.best(), store) if store else "",
        remarks=remarks(store) if store else [],
        findings=[_told(finding) for finding in assessment.findings],
        line=timeline(assessment),
        stores=[_store(each) for each in assessment.stores],
        connection=tuple(_connection(assessment)),
        transcript=smtp.transcript if smtp else (),
    )


def _place(assessment: Assessment) -> str:
    """What the heading does not say of where it was observed."""
    host, said = assessment.capture.host, label(assessment)
    return said.removeprefix(f"{host} ") if endpoint(assessment.capture) != host else ""


def _basis(assessment: Assessment) -> Iterator[tuple[str, str]]:
    made, evidence = assessment.prediction, assessment.evidence
    if made and made.outcome is Outcome.REJECTED and not made.reply:
        yield "Reply", NO_REPLY
    if made and made.outcome is not Outcome.UNKNOWN:
        rule = f", rule {made.rule}" if made.rule else ""
        yield "Confidence", confidence_words(made) + rule
        yield "Basis", basis_words(made, assessment.capture)
    if assessment.confirmed:
        yield "Microsoft", assessment.confirmed
    yield "Direction", _DIRECTIONS[evidence.direction]
    yield "Judged as of", instant(evidence.at) or ""
    if evidence.outbound:
        yield "Mail", evidence.outbound.domain.words
    if assessment.error:
        yield "Ended at", assessment.error.phase.value
    for other in assessment.predictions:
        if other is not made:
            because = f" ({other.rule})" if other.rule else ""
            yield f"Also {other.direction.value}", f"{other.outcome.value}{because}"


def _samples(assessment: Assessment) -> list[Row]:
    evidence = assessment.evidence
    seen = [
        Row(each.outcome.value, each.outcome.value, (f"{len(each.hows)}{each.told}", each.shown))
        for each in samples(evidence)
    ]
    missing = [Row("info", "none", ("", words)) for words in not_held(evidence)]
    return seen + missing + [Row("unknown", "not asked", ("", words)) for words in not_asked(evidence)]


def _store(store: StorePath) -> Row:
    said = ("accepted", "trusted") if store.trusted else ("rejected", "not trusted")
    flags = "" if store.trusted else ", ".join(store.best().faults)
    return Row(*said, (list_title(store.name), day(store.dated) if store.dated else "no date", flags))


def _told(finding: Finding) -> Told:
    return Told(
        finding.rule,
        finding.severity.value,
        finding.confidence.value,
        finding.summary,
        [paragraph for paragraph in finding.detail.split("\n") if paragraph],
        numbered(finding.remedy),
        finding.references,
    )


def _connection(assessment: Assessment) -> Iterator[tuple[str, str]]:
    tls = assessment.capture.tls
    if tls:
        yield "TLS", f"{tls.version}, {tls.cipher}" + (f", {tls.group}" if tls.group else "")
        yield "Client certificate", "asked for" if tls.client_certificate_requested else "not asked for"
    if words := key_words(assessment.evidence):
        yield "Keys", words
    if assessment.stores:
        yield "Revocation", revocation_words(assessment.evidence)
    if assessment.capture.smtp and assessment.evidence.basis is Basis.LISTENER:
        yield "Conversation", "client is the sender, server this program"
