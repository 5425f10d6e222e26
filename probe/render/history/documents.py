"""What the history holds as JSON documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from probe.pki.certificate import Certificate
from probe.render.exchange.documents import picked
from probe.render.history.diff import Diff
from probe.render.report.facts import instant
from probe.report.changes import Certificates, Change, Kind
from probe.report.periods import Held, Life, Period
from probe.report.record import Endpoint, Span
from probe.report.vantages import Differing, Sight, differing

SHOW, CHANGES = "eop-probe/history/1", "eop-probe/changes/1"
DIFF, CERTIFICATES = "eop-probe/history-diff/1", "eop-probe/history-certificates/1"
EXPORT = "eop-probe/history-export/1"

_ENDPOINT = " ".join(Endpoint._fields)


def show(lives: Sequence[Life], of: Certificates) -> dict[str, Any]:
    """The lives of endpoints, where vantage points differ, and the certificates in all that."""
    found = list(differing(lives))
    leaves = (leaf for each in lives for one in each.periods for leaf in one.leaves)
    return {
        "schema": SHOW,
        "endpoints": [life(each) for each in lives],
        "certificates": certificates_of(leaves, of),
        **({"differing": [_differing(one) for one in found]} if found else {}),
    }


def _differing(of: Differing) -> dict[str, Any]:
    told = {
        "rule": Kind.VANTAGE_POINTS_DIFFER.value,
        "endpoint": endpoint(of.endpoint),
        "vantages": _sights(of.sights),
    }
    return told | picked(of, "target first over silent")


def _sights(of: Iterable[Sight]) -> list[dict[str, Any]]:
    return [
        picked(one, "vantage outcome=verdict.outcome rule=verdict.rule certificates=leaves") for one in of
    ]


def changes(found: Sequence[Change], since: datetime, of: Certificates) -> dict[str, Any]:
    """What changed since an instant, and the certificates before and after."""
    leaves = (leaf for one in found for leaf in one.named)
    return {
        "schema": CHANGES,
        "since": instant(since),
        "changes": [change(one) for one in found],
        "certificates": certificates_of(leaves, of),
    }


def diff(of: Diff, known: Certificates) -> dict[str, Any]:
    """What is otherwise at the second instant."""
    sides = [side for one in of.found for side in (one.before, one.after) if side]
    return {
        "schema": DIFF,
        **picked(of, "before after endpoints"),
        "differences": [
            {
                "target": one.target,
                "endpoint": endpoint(one.endpoint),
                "before": period(one.before) if one.before else None,
                "after": period(one.after) if one.after else None,
            }
            for one in of.found
        ],
        "certificates": certificates_of((leaf for side in sides for leaf in side.leaves), known),
    }


def held(found: Sequence[Held], of: Certificates) -> dict[str, Any]:
    """The certificates that are shown now, with the endpoints that show them."""
    return {
        "schema": CERTIFICATES,
        "certificates": [
            certificate(one.sha256, of)
            | {"end": one.end, "endpoints": [endpoint(each) for each in one.endpoints]}
            for one in found
        ],
    }


def export(spans: Iterable[Span], of: Certificates) -> Iterator[dict[str, Any]]:
    """A document for each certificate, before the first span it is in, and one for each span."""
    known: set[str] = set()
    for one in spans:
        for sha256 in sorted({each for chain in one.state.chains for each in chain} - known):
            known.add(sha256)
            yield {"schema": EXPORT, "certificate": certificate(sha256, of, pem=True), "span": None}
        yield {"schema": EXPORT, "certificate": None, "span": span(one)}


def span(of: Span) -> dict[str, Any]:
    """How long an endpoint was in one state, as it is kept."""
    told = {"target": of.target, "endpoint": endpoint(of.endpoint)}
    state = picked(of.state, "outcome rule reply critical chains starttls tls phase fault")
    return {
        **told,
        **picked(of, "first last looks elapsed_ms error"),
        **state,
        "findings": [picked(said, "rule severity confidence") for said in of.state.findings],
        "lists": [picked(used, "name dated trusted") for used in of.lists],
    }


def certificate(sha256: str, of: Certificates, *, pem: bool = False) -> dict[str, Any]:
    """A certificate; all but its hash is null where it cannot be read."""
    found = of(sha256)
    read = found if isinstance(found, Certificate) else None
    names = "subject=subject.windows issuer=issuer.windows dns_names not_before not_after key"
    spki = hashlib.sha256(read.spki).hexdigest() if read else None
    more = {"pem": found.pem if found else None} if pem else {}
    return {"sha256": sha256} | picked(read, names, spki_sha256=spki, **more)


def certificates_of(leaves: Iterable[str], of: Certificates) -> list[dict[str, Any]]:
    """Certificates, each once, by their SHA-256."""
    return [certificate(sha256, of) for sha256 in sorted(set(leaves))]


def endpoint(of: Endpoint) -> dict[str, Any]:
    """What is looked at; the address is null where the name led to none."""
    return picked(of, _ENDPOINT) | {"address": of.address or None}


def change(of: Change) -> dict[str, Any]:
    """One change."""
    told = picked(of, "kind at since target") | {"endpoint": endpoint(of.endpoint)}
    verdicts = {"from": of.verdict_before, "to": of.verdict}
    turned = {key: picked(said, "outcome rule") for key, said in verdicts.items()} if of.verdict else None
    told |= picked(of, "before after lists began ended looks fault error") | {"verdict": turned}
    return told | ({"vantages": _sights(of.sights)} if of.sights else {})


def life(of: Life) -> dict[str, Any]:
    """An endpoint and its periods."""
    told = {"target": of.target, "endpoint": endpoint(of.endpoint)}
    return told | {"periods": [period(each) for each in of.periods]}


def period(of: Period) -> dict[str, Any]:
    """One period."""
    names = (
        "first last looks outcome=verdict.outcome rule=verdict.rule reply outage mixed certificates=leaves"
    )
    return picked(of, names + " fault error")
