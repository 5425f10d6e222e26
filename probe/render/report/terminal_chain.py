"""The chain as a tree for a terminal: the path as built, the fault marked where it is, then what else was sent."""

from __future__ import annotations

from probe.eop.evidence import StorePath
from probe.eop.rules.leaf import threshold
from probe.eop.vocabulary import Outcome
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.chain import PresentedChain
from probe.pki.path import BuiltPath, ElementSource, PathElement
from probe.pki.status import ChainStatus
from probe.render.page.text import Page, Style
from probe.render.report.facts import day
from probe.render.report.wording import (
    chain_flags,
    fault_lines,
    missing_link,
    names_words,
    path_end,
    purposes_words,
    validity_words,
)
from probe.report.assessment import Assessment
from probe.text import counted

_LABEL = 12


def add_chain(page: Page, assessment: Assessment, *, verbose: bool) -> None:
    """Add the tree of the deciding path, or the chain as sent where no path was built."""
    presented = assessment.capture.presented
    if presented is None:
        return
    page.blank()
    store = assessment.evidence.deciding
    sent = counted(len(presented.entries) + presented.dropped, "certificate")
    if store is None:
        page.add(f"{sent}, as sent", first="Chain      ", mark=Style.STRONG)
    else:
        _add_path(page, assessment, store, sent=sent, verbose=verbose)
    _add_others(page, presented, store.best().elements if store else ())


def _add_path(page: Page, assessment: Assessment, store: StorePath, *, sent: str, verbose: bool) -> None:
    path = store.best()
    partial = ChainStatus.PartialChain in path.status
    page.add(f"{sent} sent; {path_end(path, store)}", first="Chain      ", mark=Style.STRONG)
    in_full = verbose or assessment.outcome is not Outcome.ACCEPTED
    for index, element in enumerate(path.elements):
        last = index == len(path.elements) - 1
        _Tree(page, assessment, store).add(
            element, leaf=index == 0, last=last and not partial, in_full=in_full
        )
    if partial and path.elements:
        # Named by the last certificate, but neither sent nor a root.
        issuer, missing = missing_link(path, store)
        page.add(issuer, first="  ✗ ", style=Style.STRONG, mark=Style.BAD)
        page.add(missing, first="      ", style=Style.BAD)
    _add_remarks(page, path)


def _add_remarks(page: Page, path: BuiltPath) -> None:
    for words in chain_flags(path):
        page.add(words, first="  ✗ the chain as a whole: ", rest="    ", mark=Style.BAD)
    for words in (*path.limits, *path.unevaluated):
        page.add(words, first="  ! ", mark=Style.WARNING)


class _Tree:
    """Adds one element after the other of one path."""

    def __init__(self, page: Page, assessment: Assessment, store: StorePath) -> None:
        self._page = page
        self._store = store
        self._evidence = assessment.evidence
        self._at = assessment.evidence.at
        self._root = store.best().root
        self._last = store.best().elements[-1]

    def add(self, element: PathElement, *, leaf: bool, last: bool, in_full: bool) -> None:
        faults = fault_lines(element, self._root if element is self._last else None, self._store, self._at)
        bar = "    " if last else "  │ "
        mark, style = ("✗", Style.BAD) if faults else ("✓", Style.GOOD)
        name = element.certificate.subject.windows or "(a certificate without a subject)"
        source = " · not sent" if element.source is ElementSource.STORE else ""
        self._page.add(name + source, first=f"  {mark} ", rest=bar, style=Style.STRONG, mark=style)
        for fault in faults:
            self._page.add(fault, first=f"{bar}✗ ", rest=f"{bar}  ", style=Style.BAD, mark=Style.BAD)
        if in_full and (leaf or faults):
            self._add_facts(element.certificate, bar, leaf=leaf)
        else:
            certificate, lead = element.certificate, f"{bar}  "
            short = f"{self._left(certificate)} · {certificate.key} · {certificate.sha1.upper()}"
            self._page.add(short, first=lead, rest=lead)

    def _left(self, certificate: Certificate) -> str:
        return validity_words(certificate.not_before, certificate.not_after, self._at)

    def _add_facts(self, certificate: Certificate, bar: str, *, leaf: bool) -> None:
        issuer = "itself" if certificate.self_issued else certificate.issuer.windows
        self._fact(bar, "issuer", issuer or "(none)")
        dates = f"{day(certificate.not_before)} to {day(certificate.not_after)}, {self._left(certificate)}"
        soon = certificate.not_after - self._at <= threshold(certificate, self._evidence)
        self._fact(bar, "valid", dates, Style.WARNING if soon else Style.PLAIN)
        self._fact(bar, "key", f"{certificate.key}, signed with {certificate.signature_name}")
        if leaf or certificate.dns_names:
            self._fact(bar, "names", names_words(certificate))
        self._fact(bar, "purposes", purposes_words(certificate))
        self._fact(bar, "serial", certificate.serial_hex.upper())
        self._fact(bar, "thumbprint", certificate.sha1.upper())

    def _fact(self, bar: str, label: str, text: str, style: Style = Style.PLAIN) -> None:
        lead = f"{bar}  {label:<{_LABEL}}"
        self._page.add(text, first=lead, rest=f"{bar}  {'':<{_LABEL}}", style=style)


def _add_others(page: Page, presented: PresentedChain, path: tuple[PathElement, ...]) -> None:
    """What was sent and is no part of the path, or can't be read, in the order sent."""
    used = {element.certificate.sha256 for element in path}
    for number, entry in enumerate(presented.entries, start=1):
        if isinstance(entry, Unreadable):
            text = f"certificate {number} as sent can't be read: {entry.reason} ({counted(len(entry.der), 'byte')})"
            page.add(text, first="  ✗ ", mark=Style.BAD)
        elif entry.sha256 not in used:
            lead = f"  · {'also sent, unused' if path else 'sent'}: "
            text = f"{entry.subject.windows or '(no subject)'} · {entry.sha1.upper()}"
            page.add(text, first=lead, rest="    ")
    if presented.dropped:
        text = f"{counted(presented.dropped, 'more certificate')} not looked at"
        page.add(text, first="  ! ", mark=Style.WARNING)
