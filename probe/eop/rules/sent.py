"""Rules about the manner of sending: order, extras, what cannot be read, and nodes that differ."""

from __future__ import annotations

from itertools import pairwise

from probe.eop import remedies
from probe.eop.evidence import Evidence
from probe.eop.rules.rule import Rule, Said
from probe.eop.rules.trust import faulty_path
from probe.eop.vocabulary import Confidence, Outcome, Severity
from probe.pki.certificate import Unreadable


def _chain_order(evidence: Evidence) -> Said | None:
    presented = evidence.capture.presented
    if presented is None or len(presented.certificates) < 2:
        return None
    certificates = presented.certificates
    if len(set(certificates)) < len(certificates):
        return Said(summary="A certificate is sent more than once.")
    pairs = pairwise(certificates)
    if all(lower.issuer == upper.subject for lower, upper in pairs):
        return None
    return Said(summary="The certificates are not sent in order, each followed by its issuer.")


def _root_sent(evidence: Evidence) -> Said | None:
    presented = evidence.capture.presented
    if presented is None or faulty_path(evidence) is not None:
        return None
    roots = [c for c in presented.certificates[1:] if c.self_issued]
    if not roots:
        return None
    return Said(summary=f"The root {roots[0].subject.short} is sent along; nobody needs it.")


def _unreadable(evidence: Evidence) -> Said | None:
    presented = evidence.capture.presented
    bad = [e for e in presented.entries if isinstance(e, Unreadable)] if presented else []
    if presented is None or not (bad or presented.dropped):
        return None
    first = bool(presented.entries) and isinstance(presented.entries[0], Unreadable)
    what = f"{len(bad)} of {len(presented.entries)} certificates cannot be read" + (
        f" ({bad[0].reason})" if bad else ""
    )
    return Said(
        summary=f"{what}; {presented.dropped} past the limit were left out."
        if presented.dropped
        else f"{what}.",
        severity=Severity.RISK if first or presented.dropped else Severity.INFO,
    )


def _mixed(evidence: Evidence) -> Said | None:
    seen = evidence.observations
    leaves = {o.capture.leaf.sha256: o for o in seen if o.capture.leaf is not None}
    if len(leaves) < 2:
        return None
    lines = [
        f"{sum(1 for s in seen if s.capture.leaf == o.capture.leaf)} of {len(seen)} connections: "
        f"{o.outcome.value}, {remedies.thumbprint(o.capture.leaf)}, {o.capture.leaf.subject.short}, issued by "
        f"{o.capture.leaf.issuer.short}" + (f" ({o.capture.variant})" if o.capture.variant else "")
        for o in leaves.values()
        if o.capture.leaf is not None
    ]
    rejected = any(o.outcome is Outcome.REJECTED for o in seen)
    return Said(
        summary=f"{len(leaves)} different certificates answer at this address"
        + (", and one of them would be refused." if rejected else "."),
        detail="\n".join(lines),
        severity=Severity.RISK if len({o.outcome for o in seen}) > 1 else Severity.INFO,
    )


SENT_RULES: tuple[Rule, ...] = (
    Rule(
        "mixed-certificates",
        "Different certificates answer at one address",
        Severity.RISK,
        Confidence.INFERRED,
        ("Microsoft KB 2888788",),
        "Several connections saw different certificates: nodes behind a balancer, one for each key type, or one "
        "for each server name. The worst of them decides, for mail will meet it.",
        ("Put the same certificate on every node, then sample again with --samples.",),
        _mixed,
    ),
    Rule(
        "unreadable-certificate",
        "A certificate cannot be read",
        Severity.RISK,
        Confidence.INFERRED,
        ("RFC 5280 4",),
        "A certificate of the chain is not well-formed, or the chain is longer than any real one.",
        ("Install the certificates again as the CA delivers them.",),
        _unreadable,
    ),
    Rule(
        "chain-order",
        "The chain is sent out of order",
        Severity.INFO,
        Confidence.REPORTED,
        ("RFC 8446 4.4.2",),
        "Windows builds the chain in any order, so Exchange Online does too; other programs may not.",
        ("Nothing for Exchange Online. Elsewhere: each certificate is followed by its issuer.",),
        _chain_order,
    ),
    Rule(
        "root-sent",
        "The root is sent along",
        Severity.INFO,
        Confidence.INFERRED,
        ("RFC 8446 4.4.2",),
        "A root in the presented chain makes nobody trust it and costs a kilobyte per connection.",
        ("Leave the root out of the chain file.",),
        _root_sent,
    ),
)
