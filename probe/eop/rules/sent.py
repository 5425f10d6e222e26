"""Rules about the manner of sending: order, extras, what cannot be read, and nodes that differ."""

from __future__ import annotations

from itertools import pairwise

from probe.eop import remedies
from probe.eop.connections import how_words
from probe.eop.evidence import Evidence, Observation
from probe.eop.rules.rule import Given, Rule, Said
from probe.eop.vocabulary import Outcome, Severity
from probe.pki.certificate import Unreadable
from probe.pki.chain import MAX_CERTIFICATES
from probe.statement import Confidence


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
    if presented is None or (evidence.deciding and not evidence.deciding.trusted):
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
    said = []
    if bad:
        said.append(f"{len(bad)} of {len(presented.entries)} certificates cannot be read ({bad[0].reason}).")
    if presented.dropped:
        said.append(f"{presented.dropped} certificates past the limit of {MAX_CERTIFICATES} were left out.")
    return Said(
        summary=" ".join(said),
        severity=Severity.RISK if first or presented.dropped else Severity.INFO,
    )


def _mixed(evidence: Evidence) -> Said | None:
    seen = evidence.connections
    chains: dict[tuple[str, ...], list[Observation]] = {}
    for each in seen:
        if (presented := each.capture.presented) and presented.leaf:
            chains.setdefault(presented.fingerprint, []).append(each)
    if len(chains) < 2:
        return None
    leaves = {alike[0].capture.leaf for alike in chains.values()}
    what = (
        f"{len(leaves)} different certificates answer at this address"
        if len(leaves) > 1
        else f"One certificate is sent with {len(chains)} different chains at this address"
    )
    rejected = any(o.outcome is Outcome.REJECTED for o in seen)
    return Said(
        summary=what + (", and one of them would be refused." if rejected else "."),
        detail="\n".join(
            f"{len(alike)} of {len(seen)} connections: {_met(alike)}" for alike in chains.values()
        ),
        severity=Severity.RISK if len({o.outcome for o in seen}) > 1 else Severity.INFO,
    )


def _met(alike: list[Observation]) -> str:
    """What connections that saw one chain have seen."""
    capture = alike[0].capture
    leaf, sent = capture.leaf, capture.presented.fingerprint if capture.presented else ()
    named = (
        f"{remedies.thumbprint(leaf)}, {leaf.subject.short}, issued by {leaf.issuer.short}, " if leaf else ""
    )
    hows = how_words([each.capture.how for each in alike])
    return f"{alike[0].outcome.value}, {named}{len(sent)} sent{hows}"


SENT_RULES: tuple[Rule, ...] = (
    Rule(
        id="mixed-certificates",
        title="Different certificates answer at one address",
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=("Microsoft KB 2888788",),
        meaning="Several connections saw different certificates: nodes behind a balancer, one for each key "
        "type, or one for each server name. The worst of them decides, for mail will meet it.",
        advice=("Put the same certificate on every node, then sample again with --samples.",),
        say=_mixed,
        given=Given.SEVERAL,
    ),
    Rule(
        id="unreadable-certificate",
        title="A certificate cannot be read",
        severity=Severity.RISK,
        confidence=Confidence.INFERRED,
        references=("RFC 5280 4",),
        meaning="A certificate of the chain is not well-formed, or the chain is longer than any real one.",
        advice=("Install the certificates again as the CA delivers them.",),
        say=_unreadable,
    ),
    Rule(
        id="chain-order",
        title="The chain is sent out of order",
        severity=Severity.INFO,
        confidence=Confidence.REPORTED,
        references=("RFC 8446 4.4.2",),
        meaning="Windows builds the chain in any order, so Exchange Online does too; other programs may not.",
        advice=("Nothing for Exchange Online. Elsewhere: each certificate is followed by its issuer.",),
        say=_chain_order,
    ),
    Rule(
        id="root-sent",
        title="The root is sent along",
        severity=Severity.INFO,
        confidence=Confidence.INFERRED,
        references=("RFC 8446 4.4.2",),
        meaning="A root in the presented chain makes nobody trust it and costs a kilobyte per connection.",
        advice=("Leave the root out of the chain file.",),
        say=_root_sent,
    ),
)
