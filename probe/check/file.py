"""A certificate file judged as if a server sent it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from probe.capture import Capture
from probe.check.judge import with_revocation
from probe.check.options import CheckOptions
from probe.eop.evidence import weigh
from probe.eop.forecast import Forecast
from probe.eop.verdict import judge
from probe.eop.vocabulary import Basis, FileKey
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.chain import PresentedChain
from probe.report.assessment import Assessment
from probe.report.failed import Guard, failed

if TYPE_CHECKING:
    from probe.pki.containers import Container


def assess_file(
    name: str, held: Container, extra: tuple[Certificate | Unreadable, ...], options: CheckOptions
) -> tuple[Assessment, ...]:
    """Judge what a server would send from a certificate file, with `extra` certificates sent along.

    Of several certificates with a key of their own each is judged. `options.at` has to be set: a file has no
    moment of its own.
    """
    if len(held.owned) > 1:
        return tuple(_assess(f"{name} ({one.sha1.upper()})", held, one, extra, options) for one in held.owned)
    return (_assess(name, held, held.leaf, extra, options),)


def _assess(
    name: str,
    held: Container,
    leaf: Certificate | None,
    extra: tuple[Certificate | Unreadable, ...],
    options: CheckOptions,
) -> Assessment:
    if options.at is None:
        raise ValueError("a file is judged as of an instant")
    sent = dict.fromkeys((*held.as_sent(leaf).entries, *extra))
    capture = Capture(host=name, address=None, port=0, presented=PresentedChain(entries=tuple(sent)))
    weighed = partial(
        weigh,
        capture,
        direction=options.direction,
        basis=Basis.FILE,
        at=options.at,
        settings=options.settings,
    )
    with Guard() as guard:
        stores = tuple(options.stores())
        evidence = replace(weighed(stores), file_key=_file_key(held), file_unusual=held.unusual)
        evidence = with_revocation(evidence, options)
        verdict = judge(evidence)
        return Assessment(
            target=name,
            started_at=options.at,
            elapsed_ms=0,
            outcome=verdict.prediction.outcome,
            predictions=(verdict.prediction,),
            findings=verdict.findings,
            evidence=evidence,
            forecast=Forecast(evidence, stores[0]) if stores else (),
        )
    return failed(guard.failure, name, weighed(()), options.at)


def _file_key(held: Container) -> FileKey | None:
    if held.key_matches is None:
        return FileKey.MISSING if held.kind == "PKCS#12" else None
    return None if held.key_matches else FileKey.FOREIGN
