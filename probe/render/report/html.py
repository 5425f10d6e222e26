"""The report as one HTML page that needs nothing else: no scripts, no fonts, no pictures, no look-ups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from probe.eop.connections import connections_words, key_words
from probe.eop.evidence import StorePath
from probe.eop.finding import Finding
from probe.eop.forecast import Turn
from probe.eop.verdict import Prediction
from probe.eop.vocabulary import Outcome
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.path import ElementSource, PathElement
from probe.pki.status import ChainStatus
from probe.pki.truststore import RootVerdict, list_title
from probe.render.page.markup import element, escaped
from probe.render.page.options import RenderOptions
from probe.render.page.steps import steps_html
from probe.render.page.style import STYLE
from probe.render.report.facts import (
    day,
    deciding_rule,
    instant,
    label,
    tally,
    worst_first,
)
from probe.render.report.wording import (
    basis_words,
    confidence_words,
    fault_lines,
    missing_link,
    names_words,
    revocation_words,
    validity_words,
    verdict_sentence,
)
from probe.report.assessment import Assessment, Report
from probe.text import counted

#: The page may load nothing and run nothing, even if a mistake let a peer's text through as markup.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(report: Report, options: RenderOptions) -> str:  # noqa: ARG001 - every renderer is called alike
    """Render the whole page: the outcomes in a table, then a section for each assessment."""
    title = f"eop-probe: {report.outcome.value}"
    sections = (_section(number, assessment) for number, assessment in enumerate(report.assessments, start=1))
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escaped(_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            element("title", title),
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            *_summary(report),
            *(line for section in sections for line in section),
            element("footer", f"eop-probe {report.version}, {instant(report.generated_at)}"),
            "</body>",
            "</html>",
            "",
        )
    )


def _summary(report: Report) -> Iterator[str]:
    yield f"<h1>{_word(report.outcome)} {escaped(tally(report) or 'nothing to judge')}</h1>"
    if len(report.assessments) < 2:
        return
    numbers = {id(assessment): number for number, assessment in enumerate(report.assessments, start=1)}
    yield "<table><thead><tr><th>Outcome</th><th>Endpoint</th><th>Rule</th></tr></thead><tbody>"
    for assessment in worst_first(report):
        link = f'<a href="#e{numbers[id(assessment)]}">{escaped(label(assessment))}</a>'
        rule = escaped(deciding_rule(assessment) or "")
        yield f"<tr><td>{_word(assessment.outcome)}</td><td>{link}</td><td>{rule}</td></tr>"
    yield "</tbody></table>"


def _word(outcome: Outcome) -> str:
    return element("span", outcome.value, f"word {outcome.value}")


def _section(number: int, assessment: Assessment) -> Iterator[str]:
    yield f'<section id="e{number}">'
    yield f"<h2>{_word(assessment.outcome)} {escaped(label(assessment))}</h2>"
    yield element("p", verdict_sentence(assessment))
    decided = assessment.deciding_finding
    if decided:
        yield f"<p><strong>{escaped(decided.summary)}</strong></p>"
    if words := connections_words(assessment.evidence):
        yield element("p", words)
    made = assessment.prediction
    if made:
        yield from _prediction(made)
    error = assessment.error
    if error:
        yield element("p", f"{error.message} ({error.phase.value})", "fault")
        if error.server_text:
            yield f"<p>The server's own words:</p><pre>{escaped(error.server_text)}</pre>"
    yield from _chain(assessment)
    yield from _table("Lists of roots", [_store(store) for store in assessment.stores])
    if assessment.stores:
        yield element("p", f"Revocation: {revocation_words(assessment.evidence)}.")
    yield from _table("What will change", [_turn(turn) for turn in assessment.forecast])
    yield from _findings(assessment.findings)
    yield from _connection(assessment)
    yield "</section>"


def _prediction(made: Prediction) -> Iterator[str]:
    if made.reply:
        yield f"<p>The reply Exchange Online would give:</p><pre>{escaped(made.reply)}</pre>"
    if made.outcome is not Outcome.UNKNOWN:
        rule = f", rule {made.rule}" if made.rule else ""
        yield _facts([("Confidence", confidence_words(made) + rule), ("Basis", basis_words(made))])


def _facts(pairs: Iterable[tuple[str, str]]) -> str:
    rows = "".join(element("dt", term) + element("dd", text) for term, text in pairs)
    return f"<dl>{rows}</dl>"


def _table(heading: str, rows: Sequence[str]) -> Iterator[str]:
    if rows:
        yield f"<h3>{heading}</h3><table><tbody>"
        yield from (f"<tr>{row}</tr>" for row in rows)
        yield "</tbody></table>"


def _store(store: StorePath) -> str:
    flags = ", ".join(store.best().faults)
    said = element("td", "trusted", "good") if store.trusted else element("td", flags, "fault")
    return element("td", store.name) + element("td", day(store.dated) if store.dated else "no date") + said


def _turn(turn: Turn) -> str:
    outcome = _word(turn.outcome) + (" (renewals only)" if turn.renewal_only else "")
    said = element("td", turn.rule or "") + element("td", turn.reason)
    return f"{element('td', day(turn.at))}<td>{outcome}</td>{said}"


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    for finding in findings:
        severity = finding.severity.value
        yield f"<h3>{element('span', severity, f'word {severity}')} {escaped(finding.rule)}</h3>"
        yield element("p", f"{finding.summary} ({finding.confidence.value})")
        yield from (element("p", paragraph) for paragraph in finding.detail.split("\n") if paragraph)
        yield from steps_html(finding.remedy)
        for reference in finding.references:
            yield element("p", f"See {reference}", "soft")


def _connection(assessment: Assessment) -> Iterator[str]:
    tls, smtp = assessment.capture.tls, assessment.capture.smtp
    if tls:
        asked = "asked for" if tls.client_certificate_requested else "not asked for"
        facts = [("TLS", f"{tls.version}, {tls.cipher}"), ("Client certificate", asked)]
        if words := key_words(assessment.evidence):
            facts.append(("Keys", words))
        yield "<h3>Connection</h3>" + _facts(facts)
    if smtp:
        lines = (f"{line.at_ms:>6} ms  {line.speaker}: {line.text}" for line in smtp.transcript)
        yield f"<details><summary>Conversation</summary><pre>{escaped(chr(10).join(lines))}</pre></details>"


def _chain(assessment: Assessment) -> Iterator[str]:
    """The lines of the part about the chain; none where no chain was presented."""
    presented = assessment.capture.presented
    if presented is None:
        return
    store = assessment.evidence.deciding
    if store and store.best().elements:
        yield f"<h3>Path to a root, by {escaped(list_title(store.name))}</h3>"
        yield from _path(store, assessment.evidence.at)
    sent = counted(len(presented.entries) + presented.dropped, "certificate")
    yield f"<details><summary>{sent} as sent</summary>"
    for number, entry in enumerate(presented.entries, start=1):
        if isinstance(entry, Unreadable):
            yield element("p", f"{number}. can't be read: {entry.reason}", "fault")
        else:
            yield element("p", f"{number}. {entry.subject.windows or '(no subject)'}")
        yield f"<pre>{escaped(entry.pem)}</pre>"
    yield "</details>"


def _path(store: StorePath, at: datetime) -> Iterator[str]:
    path = store.best()
    yield '<ol class="chain">'
    for one in path.elements:
        root = path.root if one is path.elements[-1] else None
        yield from _certificate(one, root, store, at)
    if ChainStatus.PartialChain in path.status:
        issuer, missing = missing_link(path, store)
        yield f'<li class="bad missing"><strong>{escaped(issuer)}</strong>{element("div", missing, "fault")}</li>'
    yield "</ol>"
    for words in (*path.limits, *path.unevaluated):
        yield element("p", words, "risk")


def _certificate(one: PathElement, root: RootVerdict | None, store: StorePath, at: datetime) -> Iterator[str]:
    certificate = one.certificate
    faults = fault_lines(one, root, store, at)
    name = certificate.subject.windows or "(a certificate without a subject)"
    source = element("span", " not sent", "soft") if one.source is ElementSource.STORE else ""
    state = ' class="bad"' if faults else ""
    yield f"<li{state}><strong>{escaped(name)}</strong>{source}"
    yield from (element("div", fault, "fault") for fault in faults)
    yield f"{_facts(_certificate_facts(certificate, at))}</li>"


def _certificate_facts(certificate: Certificate, at: datetime) -> Iterator[tuple[str, str]]:
    left = validity_words(certificate.not_before, certificate.not_after, at)
    yield "issuer", certificate.issuer.windows or "(none)"
    yield "valid", f"{day(certificate.not_before)} to {day(certificate.not_after)}, {left}"
    yield "key", f"{certificate.key}, signed with {certificate.signature_name}"
    yield "names", names_words(certificate)
    yield "thumbprint", certificate.sha1.upper()
