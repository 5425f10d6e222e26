"""Whether the names of a certificate and the envelope sender are a tenant's own.

Sources: KB 4019940 (a certificate's name must be an accepted domain or lie immediately below one), KB
3169958, Exchange Team blog of 4 June 2025 (a TlsSenderCertificateName without wildcard must itself be an
accepted domain: the two contradict each other), Exchange Team blog 3851357 (sender's domain).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from probe.exchange.attribution.names import Presented, base
from probe.exchange.connector import AcceptedDomain
from probe.exchange.selection.candidates import listed
from probe.statement import Confidence, Statement

KB_ATTR36 = "KB 4019940"


class Ownership(NamedTuple):
    """Whether something is the tenant's, and the sentences that say by what."""

    owned: bool | None
    statements: tuple[Statement, ...] = ()


def sender_owned(sender: str | None, domains: tuple[AcceptedDomain, ...] | None) -> bool | None:
    """Whether an envelope sender's domain is accepted; "" is the null sender, which has none."""
    if sender == "":
        return False
    if sender is None or domains is None:
        return None
    return _in_domains(domain_of(sender), domains)


def domain_of(address: str) -> str:
    """The domain of a mail address or of a bare domain, in lower case; "" for the null sender."""
    return address.strip().strip("<>").rpartition("@")[2].rstrip(".").lower()


def certificate_owned(
    presented: Presented | None, matched: tuple[str, ...], domains: tuple[AcceptedDomain, ...] | None
) -> Ownership:
    """Whether a name of the certificate is accepted, or lies immediately below an accepted domain.

    Where names satisfied a connector, they are the ones that count; whether another one would do is not
    published.
    """
    if presented is None:
        return Ownership(owned=False)
    if domains is None:
        return Ownership(None, (Statement("The accepted domains are not given.", Confidence.DOCUMENTED),))
    counting = matched or presented.every_name
    return _owned_by(counting, domains) or _not_plainly_owned(presented, matched, domains)


def _not_plainly_owned(
    presented: Presented, matched: tuple[str, ...], domains: tuple[AcceptedDomain, ...]
) -> Ownership:
    counting = matched or presented.every_name
    if other := _owned_by(presented.every_name, domains):
        text = f"{listed(matched)} is not in an accepted domain, only another name of the certificate is."
        said = Statement(text, Confidence.INFERRED, "which name Exchange Online takes is not published")
        return Ownership(None, (said, *other.statements))
    if any(_below_matching(name, domains) for name in counting):
        text = f"{listed(counting)} lies deeper below an accepted domain that takes all its subdomains."
        said = Statement(text, Confidence.INFERRED, "whether MatchSubDomains counts here is not published")
        return Ownership(None, (said,))
    if not presented.complete and not matched:
        text = "None of the certificate's known names is in an accepted domain; its list is incomplete."
        return Ownership(None, (Statement(text, Confidence.DOCUMENTED),))
    text = f"No name of the certificate ({listed(counting)}) is an accepted domain or immediately below one."
    return Ownership(owned=False, statements=(Statement(text, Confidence.DOCUMENTED, KB_ATTR36),))


def _owned_by(names: tuple[str, ...], domains: tuple[AcceptedDomain, ...]) -> Ownership | None:
    accepted = {base(domain.domain_name) for domain in domains}
    for name in names:
        if base(name) in accepted:
            said = Statement(f"{name} is an accepted domain.", Confidence.DOCUMENTED, KB_ATTR36)
            return Ownership(owned=True, statements=(said,))
    for name in names:
        if (parent := base(name).partition(".")[2]) in accepted:
            text = f"{name} lies immediately below the accepted domain {parent}."
            return Ownership(owned=True, statements=(Statement(text, Confidence.DOCUMENTED, KB_ATTR36),))
    return None


def about_value(wanted: str, domains: tuple[AcceptedDomain, ...] | None) -> Iterator[Statement]:
    """Say where a TlsSenderCertificateName contradicts the blog's rule that it be an accepted domain."""
    if domains is None or wanted.startswith("*."):
        return
    if base(wanted) not in {base(domain.domain_name) for domain in domains}:
        text = (
            f"The blog of 2025 asks that {wanted} itself be an accepted domain, which it is not; KB 4019940 is "
            "content with the domain immediately above it."
        )
        yield Statement(text, Confidence.DOCUMENTED, f"Exchange Team blog, 4 June 2025, against {KB_ATTR36}")


def _in_domains(name: str, domains: tuple[AcceptedDomain, ...]) -> bool | None:
    if any(name == base(domain.domain_name) for domain in domains):
        return True
    return None if _below_matching(name, domains) else False


def _below_matching(name: str, domains: tuple[AcceptedDomain, ...]) -> bool:
    """Below an accepted domain with MatchSubDomains, whose part in attribution is not published."""
    return any(
        domain.match_subdomains and base(name).endswith(f".{base(domain.domain_name)}") for domain in domains
    )
