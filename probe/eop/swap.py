"""What would change if one certificate took another's place: names, key, issuer, and who names it.

TlsCertificateName names issuer and subject, not a thumbprint (exchange connectors): a renewal
under the same two is found by every connector that is pinned to it, one under another issuer by
none (``454 4.7.5 ... could not be found``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from probe import powershell
from probe.eop import remedies
from probe.eop.finding import Finding
from probe.eop.rules import swap as rules
from probe.eop.rules.rule import Rule, Said
from probe.eop.vocabulary import Outcome, Severity
from probe.exchange.replies.wording import STALE_PIN
from probe.pki.certificate import Certificate
from probe.text import listed

#: Names that are listed of those a new certificate lacks.
MAX_NAMES = 6


class Swap(NamedTuple):
    """A comparison of the certificates in use with the one to come.

    `outcome` is REJECTED where the new one would be refused, AT_RISK where something else has to be
    changed along with it, ACCEPTED where it can take the old one's place as it is.
    """

    findings: tuple[Finding, ...]
    outcome: Outcome


def compare(olds: Iterable[Certificate], new: Certificate, judged: Outcome) -> Swap:
    """Compare `new`, whose own judgement is `judged`, with those in use (one or more); pure."""
    every = [finding for old in dict.fromkeys(olds) for finding in _findings(old, new)]
    found = list(dict.fromkeys(every))
    risky = any(finding.severity is Severity.RISK for finding in found)
    outcome = Outcome.worst((judged, Outcome.AT_RISK if risky else Outcome.ACCEPTED))
    if outcome is Outcome.ACCEPTED and any(f.rule == rules.SWAP_SAME_PIN.id for f in found):
        summary = "It can take the place of what the endpoint presents; nothing else has to be changed."
        found.insert(0, rules.SWAP_SAFE.finding(Said(summary=summary)))
    return Swap(tuple(found), outcome)


def not_compared(place: str, reason: str | None, judged: Outcome) -> Swap:
    """The swap of which nothing is known, for `place` shows no certificate; `reason` is a sentence."""
    summary = f"{place} shows no certificate to compare with{f': {reason}' if reason else '.'}"
    finding = rules.SWAP_NOT_COMPARED.finding(Said(summary=summary))
    return Swap((finding,), Outcome.worst((judged, Outcome.UNKNOWN)))


def _findings(old: Certificate, new: Certificate) -> Iterable[Finding]:
    if old == new:
        summary = "The endpoint presents this very certificate already."
        return (_note(rules.SWAP_SAME_CERTIFICATE, Said(summary=summary)),)
    return tuple(f for f in (_pin(old, new), _names(old, new), _key(old, new)) if f is not None)


def _note(rule: Rule, said: Said) -> Finding:
    """A finding about which nothing is to be done."""
    return replace(rule.finding(said), remedy=())


def _pin(old: Certificate, new: Certificate) -> Finding:
    before, after = remedies.pin(old), remedies.pin(new)
    if before == after:
        return _note(
            rules.SWAP_SAME_PIN,
            Said(
                summary="Issuer and subject stay the same: connectors with TlsCertificateName find the new one.",
                detail="While both are installed either may be chosen (the newest, as documented), and the old one "
                f"cannot be removed as long as a Send connector names it. Both are {after}",
            ),
        )
    return rules.SWAP_STALE_PIN.finding(
        Said(
            summary="Issuer or subject changes: connectors that name the old certificate will not find the new "
            "one.",
            detail=f"Their mail stops with {STALE_PIN}\nOld: {before}\nNew: {after}",
            remedy=(
                "Find the connectors that name the old one:",
                *powershell.named_by(before),
                *powershell.import_certificate(),
                *powershell.name_on_connector(remedies.thumbprint(new), what="it then"),
            ),
        )
    )


def _names(old: Certificate, new: Certificate) -> Finding | None:
    kept = {name.lower() for name in new.names()}
    lost = [name for name in old.names() if name.lower() not in kept]
    if not lost:
        return None
    summary = f"The new certificate lacks {listed(lost, MAX_NAMES)}."
    return rules.SWAP_NAMES_LOST.finding(Said(summary=summary, detail=rules.SWAP_NAMES_LOST.meaning))


def _key(old: Certificate, new: Certificate) -> Finding | None:
    if old.spki == new.spki:
        return None
    change = f"from {old.key} to {new.key}" if old.key != new.key else f"({new.key} as before)"
    return _note(
        rules.SWAP_NEW_KEY, Said(summary=f"The key changes {change}.", detail=rules.SWAP_NEW_KEY.meaning)
    )
