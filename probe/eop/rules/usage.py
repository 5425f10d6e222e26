"""Rules about what the chain may be used for: serverAuth and clientAuth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.rules.trust import CHAIN_SOURCE, faulty_path, not_restricted
from probe.eop.vocabulary import Direction, Severity
from probe.pki.element_flags import allows
from probe.pki.status import ChainStatus, Purpose
from probe.statement import Confidence

if TYPE_CHECKING:
    from probe.pki.path import PathElement


def _usage_missing(evidence: Evidence, purpose: Purpose) -> PathElement | None:
    """The element whose extended key usage, or whose place in the root list, keeps the chain from `purpose`."""
    decided = evidence.deciding
    path = decided.paths.get(purpose) if decided else None
    if path is None or path.undecided or ChainStatus.NotValidForUsage not in path.status:
        return None
    lacking = next((e for e in path.elements if not allows(e.certificate, purpose)), None)
    return lacking or (None if not_restricted(path) else path.elements[-1])


def _who(evidence: Evidence, purpose: Purpose, bad: PathElement) -> str:
    if bad.certificate == evidence.leaf:
        return "The certificate"
    path = evidence.deciding.paths[purpose] if evidence.deciding else None
    if path is not None and not not_restricted(path) and bad is path.elements[-1]:
        return f"By the root list, {bad.certificate.subject.short}"
    return f"{bad.certificate.subject.short} on the chain"


def _restricted(evidence: Evidence) -> bool:
    """Whether the root's own state refuses the chain, which is a finding of its own."""
    path = faulty_path(evidence)
    return path is not None and not not_restricted(path)


def _client_auth(evidence: Evidence) -> Said | None:
    bad = _usage_missing(evidence, Purpose.CLIENT_AUTH)
    if bad is None or _restricted(evidence):
        return None
    return Said(
        summary=f"{_who(evidence, Purpose.CLIENT_AUTH, bad)} is not meant for client authentication (clientAuth).",
        detail="Microsoft has not said whether Exchange Online asks for it, and public CAs are ceasing to issue "
        "it. Windows may leave out a client certificate without clientAuth when it sends, and Exchange Online "
        "then sees none (550 5.7.64). This is a warning, not a prediction.",
    )


def _server_auth(evidence: Evidence) -> Said | None:
    bad = _usage_missing(evidence, Purpose.SERVER_AUTH)
    if bad is None or _restricted(evidence):
        return None
    judged = evidence.direction is Direction.FROM_EOP
    return Said(
        summary=f"{_who(evidence, Purpose.SERVER_AUTH, bad)} is not meant for server authentication (serverAuth).",
        detail="Exchange Online validates the server certificate of an outbound connector as a server's."
        if judged
        else "Which purpose Exchange Online asks of a client certificate is not known.",
        severity=Severity.REJECT if judged else Severity.RISK,
    )


USAGE_RULES: tuple[Rule, ...] = (
    Rule(
        id="server-auth-missing",
        title="The chain is not for server authentication",
        severity=Severity.REJECT,
        confidence=Confidence.INFERRED,
        references=(CHAIN_SOURCE,),
        meaning="The extended key usage of the certificate, or of a CA above it, lacks serverAuth.",
        advice=("Get a certificate with the extended key usage serverAuth.",),
        say=_server_auth,
    ),
    Rule(
        id="client-auth-missing",
        title="The chain is not for client authentication",
        severity=Severity.RISK,
        confidence=Confidence.REPORTED,
        references=("dotnet/runtime issue 121982", "Chrome Root Program Policy 1.8"),
        meaning="The extended key usage lacks clientAuth. Whether Exchange Online asks for it is not known; a "
        "Windows sender may silently leave such a certificate out.",
        advice=(
            (
                "Prove what is really sent with a listener or the Send protocol log before you change anything. "
                "CAs that still issue clientAuth name it as an option when ordering."
            ),
        ),
        say=_client_auth,
    ),
)
