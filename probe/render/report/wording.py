"""The sentences every human-readable format shares: the verdict, what it rests on, and the fault of a certificate."""

from __future__ import annotations

from datetime import datetime

from probe.capture import Capture
from probe.eop.evidence import Evidence, StorePath
from probe.eop.forecast import Turn
from probe.eop.outbound.verdict import Mail
from probe.eop.rules.outbound import PASSED_OVER
from probe.eop.verdict import Prediction, about_chain
from probe.eop.vocabulary import Basis, Direction, Outcome
from probe.pki.certificate import Certificate
from probe.pki.der import DerError
from probe.pki.path import BuiltPath, PathElement
from probe.pki.status import ChainStatus, Unevaluated
from probe.pki.truststore import ListRole, RootState, RootVerdict, list_title
from probe.powershell import Steps, eop_probe
from probe.render.report.facts import PURPOSES, day
from probe.report.assessment import Assessment, Report
from probe.statement import Confidence
from probe.text import duration, listed

#: Said of the reply to a refusal that Exchange Online words in a way nobody has told.
NO_REPLY = "its wording for this fault is not known"
#: Names of one certificate shown before the rest is counted.
MAX_NAMES = 8

_CONDITIONS = {
    Basis.RECEIVE_CONNECTOR: "If the Send connector presents this chain, Exchange Online",
    Basis.INVENTORY: "By the exported inventory the Send connector presents this certificate; Exchange Online",
    Basis.SEND_LOG: "The Send connector presented this certificate, as its log proves; Exchange Online",
    Basis.LISTENER: "The sender presented this chain; Exchange Online",
    Basis.FILE: "If a Send connector presents this certificate, Exchange Online",
}
_BASES = {
    Basis.RECEIVE_CONNECTOR: "seen on the Receive connector; the Send connector's may differ",
    Basis.INVENTORY: "certificates and connectors exported from Exchange",
    Basis.SEND_LOG: "the thumbprint in a Send protocol log",
    Basis.LISTENER: "the chain the sender itself presented",
    Basis.FILE: "the file as given, not a server",
}
_OTHERS = {
    Mail.BLOCKED: ", nor over any other of the domain",
    Mail.GOES_ON: "; it would over another of the domain",
    Mail.UNKNOWN: "; whether it would over another of the domain is not known",
}
_CONFIDENCES = {
    Confidence.DOCUMENTED: "documented by Microsoft",
    Confidence.REPORTED: "reported by practitioners, not by Microsoft",
    Confidence.INFERRED: "inferred by us, stated by no source",
}
_VERDICTS = {
    Outcome.ACCEPTED: "would accept it.",
    Outcome.AT_RISK: "would accept it today, but that may not last or is not certain.",
    Outcome.REJECTED: "would refuse it.",
    Outcome.UNKNOWN: "can't be predicted.",
}
_ROOTS = {
    RootState.TRUSTED: "a root in {list}",
    RootState.ABSENT: "not in {list}",
    RootState.NO_EKU: "in {list}, but not for this use",
    RootState.EKU_DISALLOWED: "in {list}, but barred from this use",
    RootState.DISABLED: "in {list}, but disabled",
    RootState.NOT_BEFORE: "in {list}, but not for certificates this young",
    RootState.PILOT: "in {list} as a pilot, not publicly trusted",
    RootState.DISALLOWED: "named in {list} as never to be trusted",
}
_FAULTS = {
    ChainStatus.NotSignatureValid: "its signature does not verify",
    ChainStatus.UntrustedRoot: "its root is not trusted",
    ChainStatus.PartialChain: "its issuer was not sent",
    ChainStatus.Cyclic: "the certificates issued one another in a circle",
    ChainStatus.Revoked: "revoked",
    ChainStatus.NotValidForUsage: "not valid for this use",
    ChainStatus.InvalidNameConstraints: "its name constraints can't be read",
    ChainStatus.HasNotPermittedNameConstraint: "a name its CA is not permitted to issue for",
    ChainStatus.HasExcludedNameConstraint: "a name its CA is forbidden to issue for",
    ChainStatus.InvalidPolicyConstraints: "breaks a policy its CA demands",
    ChainStatus.InvalidBasicConstraints: "its issuer may not issue it",
    ChainStatus.InvalidExtension: "an extension that can't be read",
    ChainStatus.ExplicitDistrust: "explicitly distrusted",
    ChainStatus.HasNotSupportedCriticalExtension: "a critical extension nobody knows",
    ChainStatus.HasWeakSignature: "a signature or key too weak to count",
}
_ABOUT_ROOT = ChainStatus.UntrustedRoot | ChainStatus.NotValidForUsage | ChainStatus.ExplicitDistrust


def verdict_sentence(assessment: Assessment) -> str:
    """One sentence: what Exchange Online would do, under which condition."""
    made = assessment.prediction
    if made is None or made.outcome is Outcome.UNKNOWN:
        return _unknown(assessment)
    if assessment.outcome is Outcome.UNKNOWN:
        return f"No verdict on the swap. By itself: {_verdict(made, assessment)}"
    return _verdict(made, assessment)


def reason(assessment: Assessment) -> str:
    """The shortest sentence that says why: what the deciding finding says, else the verdict."""
    decided = assessment.deciding_finding
    return decided.summary if decided else verdict_sentence(assessment)


def besides(assessment: Assessment) -> tuple[str, str]:
    """What the verdict's sentence has not said: why, and what ended the observation; empty where there is nothing."""
    decided, error = assessment.deciding_finding, assessment.error
    told = error.message.rstrip(".") if error and assessment.outcome is Outcome.UNKNOWN else None
    why = decided.summary if decided and decided.summary.rstrip(".") != told else ""
    found = error and any(finding.rule == error.kind.value for finding in assessment.findings)
    return why, error.message if error and told is None and not found else ""


def _verdict(made: Prediction, assessment: Assessment) -> str:
    decided = assessment.evidence.deciding
    if not about_chain(assessment.evidence, made.rule):
        decided = None
    if decided is not None and decided.role is ListRole.OTHER:
        takes = "would not do" if made.outcome is Outcome.REJECTED else "would do"
        return f"By {list_title(decided.name)} this chain {takes}. Exchange Online goes by Microsoft's."
    said = _of_exchange_online(made, assessment)
    if decided is not None and decided.stand_in is not None:
        return f"{said[:-1]}, if Microsoft's list held the roots of {decided.stand_in}."
    return said


def _of_exchange_online(made: Prediction, assessment: Assessment) -> str:
    outbound = assessment.evidence.outbound
    if outbound is not None and outbound.own.delivers is False and made.rule in PASSED_OVER:
        return f"Exchange Online would not deliver over this server{_OTHERS[outbound.domain.mail]}."
    if made.direction is Direction.FROM_EOP:
        return _from_eop(made, observed=assessment.capture.presented is not None)
    if made.basis is Basis.LISTENER and assessment.capture.leaf is None:
        relays = made.outcome is not Outcome.REJECTED
        return f"The sender presented no certificate; Exchange Online would {'' if relays else 'not '}relay its mail."
    return f"{_CONDITIONS[made.basis]} {_VERDICTS[made.outcome]}"


def _unknown(assessment: Assessment) -> str:
    if assessment.error:
        return f"No verdict: {assessment.error.message.rstrip('.')}."
    if not assessment.capture.presented:
        return "No verdict: no certificate could be observed."
    if assessment.capture.leaf is None:
        return "No verdict: the end certificate that was presented can't be read."
    if assessment.evidence.deciding is None:
        return "No verdict: there is no list of roots to judge this chain by."
    return "No verdict: the chain is too large to be judged here."


def _from_eop(made: Prediction, *, observed: bool) -> str:
    if made.basis is Basis.FILE:
        return f"If the server presents this certificate, Exchange Online {_VERDICTS[made.outcome]}"
    if not observed or made.rule == "old-tls":
        return "Exchange Online would not deliver mail to this server where its connector requires TLS."
    if made.outcome is Outcome.REJECTED:
        return (
            "Exchange Online would refuse this server's certificate chain where its connector validates it."
        )
    verdict = _VERDICTS[made.outcome].replace("accept it", "accept its certificate chain")
    return f"Exchange Online, delivering to this server, {verdict}"


def next_steps(report: Report) -> Steps:
    """What to do where Exchange Online does otherwise: a probe sees the Receive connector's certificate only."""
    made = (made for assessment in report.assessments for made in assessment.predictions)
    proxy = (Direction.TO_EOP, Basis.RECEIVE_CONNECTOR)
    by_proxy = {one.outcome for one in made if (one.direction, one.basis) == proxy}
    if not by_proxy - {Outcome.UNKNOWN}:
        return ()
    return (
        "Mail is refused all the same? The Send connector presents something else: export what Exchange chooses "
        "from, or let a sender show what it presents."
        if Outcome.REJECTED not in by_proxy
        else "Is it what the Send connector presents? Export what Exchange chooses from, or let a sender show it.",
        eop_probe("exchange export"),
        eop_probe("listen"),
    )


def basis_words(made: Prediction, capture: Capture) -> str:
    """What the prediction rests on, as a phrase."""
    if made.direction is Direction.FROM_EOP and made.basis is Basis.RECEIVE_CONNECTOR:
        if capture.smtp is None and capture.presented is None:
            return "what DNS says of the domain; no server was met"
        return "seen on the Receive connector, just as Exchange Online sees it"
    return _BASES[made.basis]


def confidence_words(made: Prediction) -> str:
    """How well founded the prediction is, as a phrase."""
    if made.rule is None and made.outcome is Outcome.ACCEPTED:
        return "inferred: nothing found that Exchange Online is known to refuse"
    return _CONFIDENCES[made.confidence]


def validity_words(not_before: datetime, not_after: datetime, at: datetime) -> str:
    """How much of the validity is left at `at`: ``26 days left``, ``expired 3 days ago``, ``starts in 2 days``."""
    if at < not_before:
        return f"starts in {duration(not_before - at)}"
    if at > not_after:
        return f"expired {duration(at - not_after)} ago"
    return f"{duration(not_after - at)} left"


def names_words(certificate: Certificate) -> str:
    """The DNS names of a certificate, the first few in full."""
    return listed(certificate.dns_names, MAX_NAMES, none="(no DNS names)")


def purposes_words(certificate: Certificate) -> str:
    """The purposes of the extended key usage by name."""
    try:
        stated = certificate.extended_key_usage
    except DerError as error:
        return f"cannot be read: {error}"
    if stated is None:
        return "any (no extended key usage)"
    return ", ".join(PURPOSES.get(oid, oid) for oid in stated)


def fault_lines(element: PathElement, root: RootVerdict | None, store: StorePath, at: datetime) -> list[str]:
    """What is wrong with one element of a path, a line per fault with .NET's name of the flag in brackets.

    `root` is the store's word on this very element, where it is the root.
    """
    flags = element.status.names()
    lines = [f"{_fault_words(ChainStatus[flag], element, root, store, at)} ({flag})" for flag in flags]
    if element.unevaluated is Unevaluated.KEY:
        lines.append("a key that Windows does not have (not evaluated)")
    return lines


def _fault_words(
    flag: ChainStatus, element: PathElement, root: RootVerdict | None, store: StorePath, at: datetime
) -> str:
    certificate = element.certificate
    if flag is ChainStatus.NotTimeValid:
        return validity_words(certificate.not_before, certificate.not_after, at)
    if flag is ChainStatus.NotSignatureValid and element.unevaluated:
        return "a signature that Windows cannot evaluate"
    if flag in _ABOUT_ROOT and root is not None and root.state is not RootState.TRUSTED:
        return root_words(root, store)
    return _FAULTS.get(flag, "not as it has to be")


def missing_link(path: BuiltPath, store: StorePath) -> tuple[str, str]:
    """The issuer that a partial path lacks, and what is wrong with it."""
    issuer = path.elements[-1].certificate.issuer.windows or "(an issuer without a name)"
    return issuer, f"missing: not sent, and no root in {list_title(store.name)} (PartialChain)"


def root_words(root: RootVerdict, store: StorePath) -> str:
    """What a store says of a root, as a phrase."""
    words = _ROOTS[root.state].format(list=list_title(store.name))
    return f"{words} since {day(root.since)}" if root.since else words


def path_end(path: BuiltPath, store: StorePath) -> str:
    """Where the path ends, as a phrase."""
    if ChainStatus.PartialChain in path.status or not path.elements:
        return f"no path to a root in {list_title(store.name)}"
    if path.root is None or path.root.state is RootState.TRUSTED:
        return f"the path ends in a root of {list_title(store.name)}"
    alone = len(path.elements) == 1
    return "it is signed by itself" if alone else "the root it ends in is not trusted"


def chain_flags(path: BuiltPath) -> list[str]:
    """Faults of the chain as a whole that no element has, a phrase each with .NET's name in brackets."""
    status = path.status & ~ChainStatus.PartialChain
    for element in path.elements:
        status &= ~element.status
    return [f"{_FAULTS.get(ChainStatus[name], 'not as it has to be')} ({name})" for name in status.names()]


def turn_words(turn: Turn) -> str:
    """One change to come: ``2026-12-26  rejected  expired: mail.contoso.com expires``."""
    about = "renewals only" if turn.renewal_only else turn.rule
    return f"{day(turn.at)}  {turn.outcome.value:<8}  {about + ': ' if about else ''}{turn.reason}"


def revocation_words(evidence: Evidence) -> str:
    """What is known of revocation: ``not checked``, or of each certificate what its issuer says."""
    if evidence.revocation is None:
        return "not checked"
    said = [
        f"{each.certificate.subject.short} {each.answer.standing.value}"
        + (f" ({each.source.value})" if each.source else "")
        for each in evidence.revocation
    ]
    return "; ".join(said) or "nothing to check"
