"""The chain as a page draws it: a box for each certificate, as they were sent and as they make a path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probe.eop.evidence import Evidence, StorePath
from probe.eop.rules.leaf import threshold
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.chain import PresentedChain
from probe.pki.path import PathElement
from probe.pki.status import ChainStatus
from probe.pki.truststore import RootState, RootVerdict
from probe.render.report.facts import day
from probe.render.report.wording import (
    chain_flags,
    fault_lines,
    missing_link,
    names_words,
    purposes_words,
    root_words,
    validity_words,
)
from probe.text import counted

#: Terms and what they are.
Facts = tuple[tuple[str, str], ...]

_ISSUED, _ELSEWHERE, _NEXT = "issued by", "not issued by", "followed by"


class Words(NamedTuple):
    """A sentence in a box: a ``fault``, a ``warning``, ``fine`` or ``soft``."""

    text: str
    style: str


class Box(NamedTuple):
    """One certificate, or the place of one: `joint` is the line from the box above, `more` what is folded."""

    name: str
    styles: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    said: tuple[Words, ...] = ()
    facts: Facts = ()
    more: Facts = ()
    pem: str = ""
    joint: str = ""
    broken: bool = False


def as_sent(evidence: Evidence) -> list[Box]:
    """The certificates in the order they were sent, and what was not looked at; none where none was sent."""
    presented = evidence.capture.presented
    if presented is None:
        return []
    store = evidence.deciding
    used = {each.certificate.sha256 for each in store.best().elements} if store else None
    boxes = list(_sent(presented, used))
    if presented.dropped:
        more = counted(presented.dropped, "more certificate")
        boxes.append(Box(more, ("warn",), said=(Words("not looked at", "warning"),), joint=_NEXT))
    return boxes


def _sent(presented: PresentedChain, used: set[str] | None) -> Iterator[Box]:
    above: Certificate | Unreadable | None = None
    for number, entry in enumerate(presented.entries, start=1):
        tag, joint = f"sent {_ordinal(number)}", _joint(above, entry)
        if isinstance(entry, Unreadable):
            said = (Words(f"can't be read: {entry.reason}", "fault"),)
            size = counted(len(entry.der), "byte")
            yield Box(size, ("bad",), (tag,), said, pem=entry.pem, joint=joint)
        else:
            idle = used is not None and entry.sha256 not in used
            yield Box(
                name=entry.subject.windows or "(no subject)",
                tags=(tag, *(("not used",) if idle else ())),
                facts=(("valid until", day(entry.not_after)), ("thumbprint", entry.sha1.upper())),
                pem=entry.pem,
                joint=joint,
                broken=joint == _ELSEWHERE,
            )
        above = entry


def _joint(above: Certificate | Unreadable | None, entry: Certificate | Unreadable) -> str:
    if above is None:
        return ""
    if isinstance(above, Unreadable) or isinstance(entry, Unreadable):
        return _NEXT
    return _ISSUED if above.issuer.der == entry.subject.der else _ELSEWHERE


def as_built(evidence: Evidence) -> list[Box]:
    """The path by the deciding list, the end certificate first; what is missing has a box of its own."""
    store = evidence.deciding
    if store is None:
        return []
    path = store.best()
    boxes = [_built(index, evidence, store) for index in range(len(path.elements))]
    if ChainStatus.PartialChain in path.status and path.elements:
        issuer, missing = missing_link(path, store)
        said = (Words(missing, "fault"),)
        boxes.append(Box(name=issuer, styles=("missing",), said=said, joint=_ISSUED, broken=True))
    return boxes


def remarks(store: StorePath) -> list[Words]:
    """What is to be said of the path as a whole."""
    path = store.best()
    faults = [Words(f"the chain as a whole: {words}", "fault") for words in chain_flags(path)]
    return faults + [Words(words, "warning") for words in (*path.limits, *path.unevaluated)]


def _built(index: int, evidence: Evidence, store: StorePath) -> Box:
    path = store.best()
    one, above = path.elements[index], path.elements[index - 1] if index else None
    root = path.root if one is path.elements[-1] else None
    certificate = one.certificate
    faults = fault_lines(one, root, store, evidence.at)
    place = _place(one, evidence.capture.presented)
    unsigned = above is not None and ChainStatus.NotSignatureValid in above.status
    return Box(
        name=certificate.subject.windows or "(a certificate without a subject)",
        styles=("bad",) if faults else ("good",) if place else ("good", "store"),
        tags=(*(("root",) if root else ()), place or "not sent"),
        said=tuple(Words(fault, "fault") for fault in faults)
        or tuple(_well(certificate, root, store, evidence)),
        facts=_facts(certificate, leaf=not index),
        more=_more(certificate),
        joint="" if above is None else "its signature does not verify under" if unsigned else _ISSUED,
        broken=unsigned,
    )


def _well(
    certificate: Certificate, root: RootVerdict | None, store: StorePath, evidence: Evidence
) -> Iterator[Words]:
    if root is not None and root.state is RootState.TRUSTED:
        yield Words(root_words(root, store), "fine")
    left = validity_words(certificate.not_before, certificate.not_after, evidence.at)
    soon = certificate.not_after - evidence.at <= threshold(certificate, evidence)
    yield Words(left, "warning" if soon else "fine")


def _place(one: PathElement, presented: PresentedChain | None) -> str:
    """Where it stood in what was sent; empty where it was not."""
    entries = presented.entries if presented else ()
    sent = (n for n, entry in enumerate(entries, start=1) if entry == one.certificate)
    number = next(sent, None)
    return f"sent {_ordinal(number)}" if number else ""


def _ordinal(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")  # no more than a dozen


def _facts(certificate: Certificate, *, leaf: bool) -> Facts:
    valid = f"{day(certificate.not_before)} to {day(certificate.not_after)}"
    names = (("names", names_words(certificate)),) if leaf or certificate.dns_names else ()
    return (("valid", valid), *names, ("key", f"{certificate.key}, signed with {certificate.signature_name}"))


def _more(certificate: Certificate) -> Facts:
    return (
        ("issuer", certificate.issuer.windows or "(none)"),
        ("purposes", purposes_words(certificate)),
        ("serial", certificate.serial_hex.upper()),
        ("thumbprint", certificate.sha1.upper()),
        ("SHA-256", certificate.sha256.upper()),
    )
