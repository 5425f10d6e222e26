"""The chain in the HTML report: the path as built with its faults, the missing link, and the bytes as sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from probe.eop.evidence import StorePath
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.path import ElementSource, PathElement
from probe.pki.status import ChainStatus
from probe.pki.truststore import RootVerdict, list_title
from probe.render.page.markup import element, escaped
from probe.render.report.facts import day
from probe.render.report.wording import fault_lines, missing_link, names_words, validity_words
from probe.report.assessment import Assessment
from probe.text import counted


def chain(assessment: Assessment) -> Iterator[str]:
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
    rows = "".join(element("dt", term) + element("dd", text) for term, text in _facts(certificate, at))
    yield f"<dl>{rows}</dl></li>"


def _facts(certificate: Certificate, at: datetime) -> Iterator[tuple[str, str]]:
    left = validity_words(certificate.not_before, certificate.not_after, at)
    yield "issuer", certificate.issuer.windows or "(none)"
    yield "valid", f"{day(certificate.not_before)} to {day(certificate.not_after)}, {left}"
    yield "key", f"{certificate.key}, signed with {certificate.signature_name}"
    yield "names", names_words(certificate)
    yield "thumbprint", certificate.sha1.upper()
