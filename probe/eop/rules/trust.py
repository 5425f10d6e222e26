"""Rules about the path: does it end at a root Exchange Online trusts, and is everything on it in order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from probe.eop import remedies, replies
from probe.eop.evidence import Evidence
from probe.eop.rules.lists import DEPRECATIONS
from probe.eop.rules.rule import Given, Rule, Said
from probe.eop.vocabulary import Direction, Severity
from probe.pki.element_flags import misuses_key
from probe.pki.rootprogram import day
from probe.pki.status import ChainStatus, Unevaluated
from probe.pki.truststore import RootState, list_title
from probe.statement import Confidence

if TYPE_CHECKING:
    from probe.pki.certificate import Certificate
    from probe.pki.path import BuiltPath, PathElement

_KB = "Microsoft KB 2888788 (mail flow stops, event 2004)"
_317 = "Microsoft: fix error code 450 4.4.317 UntrustedRoot"
CHAIN_SOURCE = "Microsoft: CertGetCertificateChain, CERT_TRUST_STATUS"
_BROKEN = (
    ChainStatus.InvalidBasicConstraints
    | ChainStatus.InvalidNameConstraints
    | ChainStatus.HasNotSupportedNameConstraint
    | ChainStatus.HasNotDefinedNameConstraint
    | ChainStatus.HasNotPermittedNameConstraint
    | ChainStatus.HasExcludedNameConstraint
    | ChainStatus.InvalidExtension
    | ChainStatus.InvalidPolicyConstraints
    | ChainStatus.NoIssuanceChainPolicy
    | ChainStatus.HasNotSupportedCriticalExtension
    | ChainStatus.Cyclic
)
_BROKEN_OFF = ChainStatus.PartialChain | ChainStatus.Cyclic


def faulty_path(evidence: Evidence) -> BuiltPath | None:
    """The deciding store's path where no purpose is satisfied; None too where a bound of ours left that open."""
    return evidence.deciding.faulty if evidence.deciding else None


def not_restricted(path: BuiltPath) -> bool:
    return path.root is None or path.root.state in (RootState.ABSENT, RootState.TRUSTED)


def _untrusted(path: BuiltPath) -> bool:
    return ChainStatus.UntrustedRoot in path.status and not_restricted(path)


def _faulty(
    say: Callable[[Evidence, BuiltPath, Certificate], Said | None],
) -> Callable[[Evidence], Said | None]:
    """A rule about the path that `faulty_path` answers, and about its end certificate."""

    def asked(evidence: Evidence) -> Said | None:
        deciding, leaf = evidence.deciding, evidence.leaf
        if deciding is None or deciding.faulty is None or leaf is None:
            return None
        return say(evidence, deciding.faulty, leaf)

    return asked


@_faulty
def _self_signed(evidence: Evidence, path: BuiltPath, leaf: Certificate) -> Said | None:
    if not _untrusted(path) or len(path.elements) != 1:
        return None
    return Said(
        summary=f"The certificate {leaf.subject.short} is self-signed; no authority vouches for it.",
        detail="A certificate-based connector needs a certificate from a public CA. Exchange offers its "
        "self-signed default where it finds nothing better for the connector's name.",
        remedy=partial(remedies.replace_untrusted, leaf, evidence),
        reply=replies.untrusted(evidence.direction),
        confidence=Confidence.INFERRED if evidence.direction is Direction.TO_EOP else None,
    )


@_faulty
def _untrusted_root(evidence: Evidence, path: BuiltPath, leaf: Certificate) -> Said | None:
    if not _untrusted(path) or len(path.elements) == 1:
        return None
    root = path.elements[-1].certificate
    return Said(
        summary=f"The chain ends at {root.subject.short}, which is not in {list_title(evidence.stores[0].name)}.",
        detail=f"The certificate was issued by {leaf.issuer.windows}. A private CA can be trusted by every "
        "machine of an organisation and still be unknown to Exchange Online.",
        remedy=partial(remedies.replace_untrusted, leaf, evidence),
        reply=replies.untrusted(evidence.direction),
    )


@_faulty
def _missing_intermediate(evidence: Evidence, path: BuiltPath, leaf: Certificate) -> Said | None:
    if path.status & _BROKEN_OFF is not ChainStatus.PartialChain:
        return None
    top = path.elements[-1].certificate
    return Said(
        summary=f"The chain breaks off: the issuer of {top.subject.short}, {top.issuer.short}, was not sent "
        f"and is no root of {list_title(evidence.stores[0].name)}.",
        detail="Exchange Online does not fetch intermediate certificates, so what the server does not send is "
        "missing there, even if other programs find it. The reply can be 454 4.7.0 UntrustedRoot, 4.4.317 or "
        "5.7.64, depending on the connector. If that issuer is a private CA, importing it will not help: then "
        "a certificate from a public CA is needed.",
        remedy=partial(remedies.import_intermediate, leaf, top, evidence),
        reply=replies.untrusted(evidence.direction),
        confidence=Confidence.INFERRED if evidence.direction is Direction.TO_EOP else None,
    )


@_faulty
def _root_restricted(evidence: Evidence, path: BuiltPath, leaf: Certificate) -> Said | None:
    if path.root is None or not_restricted(path):
        return None
    root, since = path.elements[-1].certificate, path.root.since
    date = day(since) if since else "an unknown date"
    why = {
        RootState.NO_EKU: "but not for this purpose",
        RootState.EKU_DISALLOWED: f"but this purpose was disallowed on {date}",
        RootState.DISABLED: f"but Microsoft disabled it on {date}",
        RootState.NOT_BEFORE: f"but not for certificates issued on or after {date}; this one was issued on "
        f"{day(leaf.not_before)}",
        RootState.PILOT: "but only as a pilot that is not publicly trusted",
        RootState.DISALLOWED: "and on Microsoft's list of disallowed certificates",
    }.get(path.root.state, "but restricted")
    return Said(
        summary=f"The root {root.subject.short} is in {list_title(evidence.stores[0].name)}, {why}.",
        detail="Tools that only look for the root in a list call this chain trusted."
        + (
            ""
            if path.root.certain
            else " Two readings of the list differ here, so this verdict is uncertain."
        ),
        remedy=partial(remedies.choose_certificate, evidence),
        # The token is known for a root that is not trusted at all, not for one that is not for this use.
        reply=replies.untrusted(evidence.direction) if ChainStatus.UntrustedRoot in path.status else None,
    )


@_faulty
def _disallowed(evidence: Evidence, path: BuiltPath, _: Certificate) -> Said | None:
    bad = _first(path, ChainStatus.ExplicitDistrust)
    if bad is None:
        return None
    return Said(
        summary=f"{bad.certificate.subject.short} is on Microsoft's list of disallowed certificates.",
        remedy=partial(remedies.choose_certificate, evidence),
        confidence=Confidence.INFERRED,
    )


@_faulty
def _bad_signature(_: Evidence, path: BuiltPath, leaf: Certificate) -> Said | None:
    del leaf
    bad = _first(path, ChainStatus.NotSignatureValid)
    if bad is None or bad.unevaluated or ChainStatus.HasWeakSignature in bad.status:
        return None
    return Said(
        summary=f"The signature on {bad.certificate.subject.short} was not made by the key of "
        f"{bad.certificate.issuer.short}.",
        detail="Either the certificate was altered, or the issuer sent along is another CA of the same name.",
    )


def misused(path: BuiltPath) -> PathElement | None:
    """The first element whose key usage forbids its part, which no purpose can mend."""
    return next((e for i, e in enumerate(path.elements) if misuses_key(e.certificate, issues=i > 0)), None)


def _not_evaluated(evidence: Evidence) -> Said | None:
    path = evidence.deciding.best() if evidence.deciding else None
    if path is not None and path.undecided:
        return Said(
            summary=f"The chain is too large to be judged here: {', '.join((*path.limits, *path.unevaluated))}.",
            detail="What is not judged is neither trusted nor refused.",
            remedy=("Send the certificate and its intermediates, and nothing else.",),
            severity=Severity.RISK,  # as nothing is judged, the outcome is unknown
            confidence=Confidence.INFERRED,
        )
    path = faulty_path(evidence)
    bad = next((each for each in path.elements if each.unevaluated), None) if path else None
    if bad is None:
        return None
    by_key = bad.unevaluated is Unevaluated.KEY
    what, kind = ("key", bad.certificate.key) if by_key else ("signature", bad.certificate.signature_name)
    return Said(
        summary=f"Windows cannot evaluate the {what} of {bad.certificate.subject.short} ({kind}).",
        detail="Other mail systems take such a certificate, and OpenSSL calls it good. Windows fails to build the "
        'chain ("Invalid algorithm specified", NTE_BAD_ALGID); no SMTP reply for it is known.',
        confidence=Confidence.INFERRED if by_key else None,
    )


@_faulty
def _constraint(_: Evidence, path: BuiltPath, leaf: Certificate) -> Said | None:
    del leaf
    bad = _first(path, _BROKEN) or misused(path)
    if bad is None:
        return None
    flags = ", ".join((bad.status & (_BROKEN | ChainStatus.NotValidForUsage)).names())
    return Said(
        summary=f"{bad.certificate.subject.short} breaks a rule of the chain: {flags}.",
        detail="Windows would not build a valid chain from this certificate. The rule broken is named as .NET "
        "names it; no SMTP reply for it is known.",
    )


def _first(path: BuiltPath, flags: ChainStatus) -> PathElement | None:
    return next((e for e in path.elements if e.status & flags), None) if path.status & flags else None


TRUST_RULES: tuple[Rule, ...] = (
    Rule(
        id="not-evaluated",
        title="Windows cannot evaluate a certificate of the chain",
        severity=Severity.REJECT,
        confidence=Confidence.REPORTED,
        references=(
            "rustls-platform-verifier issue 195 (Ed25519: NTE_BAD_ALGID)",
            "openssl pull request 15572, dotnet/runtime issue 69485 (no SHA-224 in Windows)",
        ),
        meaning="Ed25519, Ed448, SHA-224 and signature algorithms that are unknown: Windows has none of them, and "
        "building the chain fails. A chain too large for this program to judge is named here too; the outcome is "
        "unknown then.",
        advice=("Get a certificate with an RSA or ECDSA key (P-256, P-384), signed with SHA-256 or better.",),
        say=_not_evaluated,
        given=Given.UNTRUSTED,
    ),
    Rule(
        id="self-signed",
        title="The certificate is self-signed",
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
        references=(_317, "Exchange Team blog 3851357 (certificates must be CA-signed)"),
        meaning="The certificate presented was signed by its own key. Exchange's default certificate is one "
        "of these. It can't be used for a connector that goes by the certificate.",
        advice=(
            (
                "Present a certificate of a public CA instead: enable it for SMTP and name it on the connector "
                "with TlsCertificateName."
            ),
        ),
        say=_self_signed,
        given=Given.UNTRUSTED,
    ),
    Rule(
        id="root-restricted",
        title="The root is listed by Microsoft, but not for this certificate",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=(DEPRECATIONS,),
        meaning="Microsoft's list keeps roots it no longer fully trusts: disabled ones, ones not for this "
        "purpose, and ones trusted only for certificates issued before a date. That Exchange Online applies "
        "these rules as Windows does is inferred.",
        advice=("Get a certificate from a CA whose root is fully trusted, and name it on the connector.",),
        say=_root_restricted,
        given=Given.UNTRUSTED,
    ),
    Rule(
        id="explicit-distrust",
        title="A certificate of the chain is disallowed by Microsoft",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=(DEPRECATIONS,),
        meaning="Microsoft's list of disallowed certificates revokes single certificates for all of Windows.",
        advice=("Get a certificate from another CA, and name it on the connector.",),
        say=_disallowed,
        given=Given.UNTRUSTED,
    ),
    Rule(
        id="untrusted-root",
        title="The chain ends at a root that is not trusted",
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
        references=(_KB, _317),
        meaning="The chain is complete, but its root is not in Microsoft's root program: an internal CA, or a public "
        "one that was removed. In KB 2888788 two certificates match the server's name, one of a public CA and "
        "one of an internal CA, and Exchange presents the wrong one.",
        advice=(
            (
                "Find which certificate Exchange selects, present the public CA's one, and name it on the connector "
                "with TlsCertificateName."
            ),
        ),
        say=_untrusted_root,
        given=Given.UNTRUSTED,
    ),
    Rule(
        id="missing-intermediate",
        title="An intermediate certificate is not sent",
        severity=Severity.REJECT,
        confidence=Confidence.DOCUMENTED,
        references=(_317, "Microsoft KB 3212877 (TenantAttribution NDR)"),
        meaning="The server sends its certificate without the intermediates that lead to a root. Exchange "
        "Online does not fetch them, so it cannot build the chain.",
        advice=(
            (
                "Import the intermediate into the computer's Intermediate Certification Authorities store of every "
                "server that presents the certificate."
            ),
        ),
        say=_missing_intermediate,
        given=Given.UNTRUSTED,
    ),
    Rule(
        id="chain-bad-signature",
        title="A signature in the chain is wrong",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=(CHAIN_SOURCE,),
        meaning="A certificate names an issuer whose key did not sign it (NotSignatureValid).",
        advice=("Install the certificate and the intermediates again, as the CA delivers them.",),
        say=_bad_signature,
        given=Given.UNTRUSTED,
    ),
    Rule(
        id="constraint-violated",
        title="A constraint of the chain is violated",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=(CHAIN_SOURCE, "RFC 5280 6"),
        meaning="An issuer is no CA, a path is longer than allowed, a name lies outside the issuer's "
        "constraints, or a critical extension is unknown.",
        advice=("Ask the CA for a certificate that its chain allows.",),
        say=_constraint,
        given=Given.UNTRUSTED,
    ),
)
