"""A certificate file judged as if a server sent it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from probe.capture import Capture
from probe.check.judge import with_revocation
from probe.check.options import CheckOptions
from probe.eop.evidence import weigh
from probe.eop.forecast import forecast
from probe.eop.verdict import judge
from probe.eop.vocabulary import Basis, FileKey
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.chain import PresentedChain
from probe.report.assessment import Assessment

if TYPE_CHECKING:
    from probe.pki.containers import Container


def assess_file(
    name: str, held: Container, extra: tuple[Certificate | Unreadable, ...], options: CheckOptions
) -> Assessment:
    """Judge what a server would send from a certificate file, with `extra` certificates sent along.

    `options.at` has to be set: a file has no moment of its own.
    """
    if options.at is None:
        raise ValueError("a file is judged as of an instant")
    sent = dict.fromkeys((*held.as_sent().entries, *extra))
    capture = Capture(host=name, address=None, port=0, presented=PresentedChain(entries=tuple(sent)))
    stores = tuple(options.stores())
    evidence = weigh(
        capture,
        stores,
        direction=options.direction,
        basis=Basis.FILE,
        at=options.at,
        settings=options.settings,
    )
    evidence = with_revocation(replace(evidence, file_key=_file_key(held)), options)
    verdict = judge(evidence)
    return Assessment(
        target=name,
        started_at=options.at,
        elapsed_ms=0,
        outcome=verdict.prediction.outcome,
        predictions=(verdict.prediction,),
        findings=verdict.findings,
        evidence=evidence,
        forecast=forecast(evidence, stores[0]) if stores else (),
    )


def _file_key(held: Container) -> FileKey | None:
    if held.key_matches is None:
        return FileKey.MISSING if held.kind == "PKCS#12" else None
    return None if held.key_matches else FileKey.FOREIGN
