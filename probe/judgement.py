"""The heavy half of a check: the captures of one address, weighed and judged, the worst deciding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from probe.assessment import Assessment
from probe.eop.evidence import (
    Capture,
    Evidence,
    Fault,
    FaultKind,
    Observation,
    Phase,
    weigh,
)
from probe.eop.finding import Finding
from probe.eop.forecast import forecast
from probe.eop.rules import Said
from probe.eop.verdict import Verdict, judge
from probe.eop.vocabulary import Basis, Outcome
from probe.net.clock import monotonic
from probe.net.request import ProbeRequest, Variant
from probe.net.starttls import observe
from probe.net.stream import PendingConnection, begin_connect
from probe.net.target import is_ip_address
from probe.pki.certificate import Certificate, Unreadable
from probe.pki.chain import PresentedChain
from probe.pki.truststore import TrustStore
from probe.plan import CheckOptions, Endpoint
from probe.text import sentence

if TYPE_CHECKING:
    from probe.pki.containers import Container

#: Connections of the usual kind that --thorough makes to one address when --samples says nothing.
THOROUGH_SAMPLES = 3


def captures(
    endpoint: Endpoint, options: CheckOptions, pending: PendingConnection | None, started: float
) -> tuple[Capture, ...]:
    """Make every observation of one address, the plain one first; never raises for what a peer does."""
    if endpoint.address is None or pending is None:
        return (_unresolved(endpoint),)
    found: list[Capture] = []
    for number, request in enumerate(_requests(endpoint, endpoint.address, options)):
        if number:
            pending, started = begin_connect(request.address, request.port), monotonic()
        capture = _in_sentences(observe(request, pending, started))
        # A server with one key type refuses the other: no finding, just nothing more to see.
        if request.variant is Variant.ANY or capture.leaf is not None:
            found.append(capture)
    return tuple(found)


def _unresolved(endpoint: Endpoint) -> Capture:
    reason = str(endpoint.failure) if endpoint.failure else f"no address for {endpoint.host}"
    fault = Fault(phase=Phase.RESOLVE, kind=FaultKind.UNREACHABLE, message=sentence(reason))
    return Capture(host=endpoint.host, address=None, port=endpoint.port, fault=fault)


def _in_sentences(capture: Capture) -> Capture:
    """Make a whole sentence of what ended the observation: reports put others behind it."""
    fault = capture.fault
    return replace(capture, fault=replace(fault, message=sentence(fault.message))) if fault else capture


def _requests(endpoint: Endpoint, address: str, options: CheckOptions) -> Iterator[ProbeRequest]:
    sni = _sni(endpoint, options)
    plain = ProbeRequest(
        host=endpoint.host,
        address=address,
        port=endpoint.port,
        ehlo_name=options.ehlo_name,
        sni=sni,
        timeout_s=options.timeout_s,
        implicit_tls=options.implicit_tls,
        ask_staple=options.revocation,
    )
    samples = options.samples or (THOROUGH_SAMPLES if options.thorough else 1)
    for number in range(samples):
        yield replace(plain, label=f"sample {number + 1}" if samples > 1 else "")
    if options.thorough:
        if sni is not None:
            yield replace(plain, sni=None, label="no SNI")
        for key_type in (Variant.RSA, Variant.ECDSA):
            yield replace(plain, variant=key_type, label=f"{key_type.value} only")
            if sni is not None:
                yield replace(plain, variant=key_type, sni=None, label=f"{key_type.value} only, no SNI")


def _sni(endpoint: Endpoint, options: CheckOptions) -> str | None:
    """The name to ask for in TLS: RFC 6066 3 knows host names only, no addresses."""
    if options.sni is not None:
        return options.sni or None
    return _name(endpoint)


def _name(endpoint: Endpoint) -> str | None:
    return None if is_ip_address(endpoint.host) else endpoint.host


def judge_captures(
    found: Sequence[Capture],
    endpoint: Endpoint,
    options: CheckOptions,
    stores: Sequence[TrustStore],
    at: datetime,
) -> tuple[Evidence, Verdict]:
    """Judge every capture alone, then the worst of them once more in sight of the others."""
    settings = options.settings
    if settings.expected_name is None:
        # Without SNI the certificate still ought to bear the host's name.
        settings = replace(settings, expected_name=options.sni or _name(endpoint))
    weighed = [
        weigh(
            capture,
            stores,
            direction=options.direction,
            basis=Basis.RECEIVE_CONNECTOR,
            at=at,
            settings=settings,
        )
        for capture in found
    ]
    outcomes = [judge(evidence).prediction.outcome for evidence in weighed]
    worst = weighed[outcomes.index(Outcome.worst(tuple(outcomes)))]
    if len(weighed) > 1:
        seen = tuple(Observation(capture, outcome) for capture, outcome in zip(found, outcomes, strict=True))
        worst = replace(worst, observations=seen)
    worst = _with_revocation(worst, options)
    return worst, judge(worst)


def _with_revocation(evidence: Evidence, options: CheckOptions) -> Evidence:
    """Add what issuers say of the deciding path's certificates, where the user wants them asked."""
    if not options.revocation or evidence.deciding is None:
        return evidence
    from probe.net.revocation import Reach, standings

    reach = Reach(
        allow_private=options.revocation_allow_private,
        overrides=options.overrides,
        nameserver=options.nameserver,
    )
    path = tuple(element.certificate for element in evidence.deciding.best().elements)
    return replace(evidence, revocation=standings(path, evidence.capture.stapled, evidence.at, reach))


def assessment(
    endpoint: Endpoint,
    started_at: datetime,
    elapsed: timedelta,
    evidence: Evidence,
    verdict: Verdict,
    stores: Sequence[TrustStore],
) -> Assessment:
    """Put one address's verdict, evidence and forecast together."""
    return Assessment(
        target=endpoint.target.text,
        started_at=started_at,
        elapsed_ms=round(elapsed / timedelta(milliseconds=1)),
        outcome=verdict.prediction.outcome,
        predictions=(verdict.prediction,),
        findings=verdict.findings,
        evidence=evidence,
        mx_preference=endpoint.mx_preference,
        forecast=forecast(evidence, stores[0]) if stores else (),
    )


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
    evidence = _with_revocation(evidence, options)
    verdict = judge(evidence)
    misfit = _key_misfit(held)
    return Assessment(
        target=name,
        started_at=options.at,
        elapsed_ms=0,
        outcome=Outcome.worst((verdict.prediction.outcome, *((Outcome.AT_RISK,) if misfit else ()))),
        predictions=(verdict.prediction,),
        findings=(*verdict.findings, *misfit),
        evidence=evidence,
        forecast=forecast(evidence, stores[0]) if stores else (),
    )


def _key_misfit(held: Container) -> tuple[Finding, ...]:
    if held.key_matches is not False:
        return ()
    from probe.eop.rules.swap import KEY_MISMATCH

    return (
        KEY_MISMATCH.finding(
            Said(summary="The private key in the file belongs to none of its certificates.")
        ),
    )
