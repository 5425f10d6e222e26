"""One MX host as Exchange Online looks at it: DNSSEC first, then DANE where the zone is signed and there are TLSA
records, else MTA-STS.
"""

from __future__ import annotations

from dataclasses import replace

from probe.capture import Capture, FaultKind
from probe.eop.evidence import Evidence
from probe.eop.outbound.verdict import HostVerdict, Mechanism, Refusal
from probe.eop.vocabulary import ConnectorMode
from probe.exchange.outbound.facts import Dnssec, DomainFacts, Exchanger
from probe.exchange.outbound.sts import Flaw, flaws, unnamed
from probe.pki.dane import Standing, authenticate
from probe.smtp.mta_sts import Mode, Policy

#: What speaks against TLS on this server; every other fault may be between here and there alone.
_NO_TLS = frozenset(
    {FaultKind.NO_STARTTLS, FaultKind.STARTTLS_REFUSED, FaultKind.OLD_TLS, FaultKind.TLS_FAILED}
)
_BY_STANDING = {Standing.OTHER_NAME: Refusal.NAME, Standing.EXPIRED: Refusal.EXPIRED}


def look(evidence: Evidence, facts: DomainFacts, mode: ConnectorMode) -> HostVerdict:
    """What Exchange Online makes of the host that was connected to."""
    capture = evidence.capture
    exchanger = facts.exchanger(capture.host)
    answers = (facts.mx, exchanger.dnssec)
    blank = HostVerdict(host=capture.host, address=capture.address)
    if Dnssec.BOGUS in answers:
        return replace(blank, mechanism=Mechanism.DANE, delivers=False, refusal=Refusal.DNSSEC)
    # Microsoft's order: DANE where every answer is signed and there are TLSA records, else MTA-STS.
    if set(answers) == {Dnssec.SECURE} and exchanger.tlsa.records:
        blank = replace(blank, mechanism=Mechanism.DANE)
        return _by_dane(evidence, facts, exchanger, blank, mandatory=mode is ConnectorMode.MANDATORY)
    if mode is ConnectorMode.MANDATORY:
        unknown = Dnssec.UNKNOWN in answers
        missing = replace(blank, mechanism=Mechanism.DANE, delivers=False, refusal=Refusal.NO_DANE)
        return blank if unknown else missing
    return _by_policy(evidence, facts.sts.policy if facts.sts else None, blank)


def _by_dane(
    evidence: Evidence, facts: DomainFacts, exchanger: Exchanger, blank: HostVerdict, *, mandatory: bool
) -> HostVerdict:
    presented = evidence.capture.presented
    if presented is None or evidence.leaf is None:
        return _without_certificate(evidence.capture, blank, Refusal.NO_TLS)
    names = dict.fromkeys(
        (exchanger.tlsa.base or exchanger.host, exchanger.host, facts.domain)
    )  # RFC 7672 3.2.2
    result = authenticate(exchanger.tlsa.records, presented, tuple(names), evidence.at)
    nearest = result.decisive
    if nearest is None and exchanger.tlsa.left_out:
        return blank
    if nearest is None:
        return replace(blank, delivers=not mandatory, refusal=Refusal.NO_DANE if mandatory else None)
    judged = replace(blank, record=nearest.record, why=nearest.why)
    if result.authenticated or result.given_up or exchanger.tlsa.left_out:
        return replace(judged, delivers=True if result.authenticated else None)
    return replace(judged, delivers=False, refusal=_BY_STANDING.get(nearest.standing, Refusal.TLSA))


def _by_policy(evidence: Evidence, policy: Policy | None, blank: HostVerdict) -> HostVerdict:
    if policy is None or policy.mode is Mode.NONE:
        return replace(blank, delivers=True if _spoken(evidence.capture) else None)
    judged = _by_its_certificate(evidence, policy, replace(blank, mechanism=Mechanism.MTA_STS))
    if policy.mode is Mode.TESTING:
        return replace(judged, delivers=True if _spoken(evidence.capture) else None)
    return judged


def _by_its_certificate(evidence: Evidence, policy: Policy, blank: HostVerdict) -> HostVerdict:
    leaf, deciding = evidence.leaf, evidence.deciding
    if unnamed(policy, (blank.host,)):
        return replace(blank, delivers=False, refusal=Refusal.STS_HOST)
    if leaf is None or deciding is None:
        return _without_certificate(evidence.capture, blank, Refusal.STS_NO_TLS)
    path = deciding.best()
    found = flaws(leaf, path, blank.host, evidence.at, deciding.name)
    if any(each.flaw is Flaw.UNDECIDED for each in found):
        return blank
    # Microsoft takes a name in the CN, too.
    flaw = next((each for each in found if each.flaw is not Flaw.COMMON_NAME_ONLY), None)
    if flaw is None:
        return replace(blank, delivers=True)
    token = path.faults[0] if path.faults else "SubjectMismatch"
    why = f"The certificate {flaw.message}."
    return replace(blank, delivers=False, refusal=Refusal.STS_CERTIFICATE, token=token, why=why)


def _without_certificate(capture: Capture, blank: HostVerdict, refusal: Refusal) -> HostVerdict:
    """A server that offers no TLS, or one that was not met."""
    fault = capture.fault
    if fault is None or fault.kind not in _NO_TLS or capture.name_refused:
        return blank
    return replace(blank, delivers=False, refusal=refusal, why=fault.message)


def _spoken(capture: Capture) -> bool:
    """Whether a mail server was met, with TLS or without."""
    fault = capture.fault
    return capture.leaf is not None or fault is None or fault.kind in _NO_TLS
