"""Whether the names of a certificate and the envelope sender are a tenant's own.

Sources: KB 4019940 (a certificate's name must be an accepted domain or lie immediately below one), KB
3169958, Exchange Team blog of 4 June 2025 (a TlsSenderCertificateName without wildcard must itself be an
accepted domain: the two contradict each other), Exchange Team blog 3851357 (sender's domain).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from probe.exchange.attribution.names import Presented, base
from probe.exchange.connector import AcceptedDomain
from probe.statement import Statement, documented, inferred
from probe.text import listed

KB_ATTR36 = "KB 4019940"

Domains: TypeAlias = tuple[AcceptedDomain, ...]


class Ownership(NamedTuple):
    """Whether a certificate is the tenant's, and by what; without `domains` nobody can tell."""

    owned: bool | None
    statements: tuple[Statement, ...] = ()
    domains: bool = True


def sender_owned(sender: str | None, domains: Domains | None) -> bool | None:
    """Whether an envelope sender's domain is accepted; "" is the null sender, which has none."""
    if sender == "":
        return False
    if sender is None or domains is None:
        return None
    if sender in _accepted(domains):
        return True
    return None if _below_matching(sender, domains) else False


def domain_of(address: str) -> str:
    """The domain of a mail address or of a bare domain, in lower case; "" for the null sender."""
    return address.strip().strip("<>").rpartition("@")[2].rstrip(".").lower()


def certificate_owned(
    presented: Presented | None, matched: tuple[str, ...], domains: Domains | None
) -> Ownership:
    """Whether a name of the certificate is accepted, or lies immediately below an accepted domain.

    Where names satisfied a connector, they are the ones that count; whether another one would do is not
    published.
    """
    if presented is None:
        return Ownership(owned=False, domains=domains is not None)
    if domains is None:
        return Ownership(None, (documented("The accepted domains are not given."),), domains=False)
    counting = matched or presented.every_name
    if owned := _owned_by(counting, domains):
        return Ownership(owned=True, statements=(owned,))
    doubt = tuple(_doubts(presented, matched, domains))
    if doubt:
        return Ownership(None, doubt)
    accepted = listed(tuple(domain.domain_name for domain in domains))
    text = (
        f"No name of the certificate ({listed(counting)}) is an accepted domain or immediately below one "
        f"({accepted})."
    )
    return Ownership(owned=False, statements=(documented(text, KB_ATTR36),))


def _doubts(presented: Presented, matched: tuple[str, ...], domains: Domains) -> Iterator[Statement]:
    """Why a certificate may be the tenant's although the names that count are not plainly owned."""
    counting = matched or presented.every_name
    if other := _owned_by(presented.every_name, domains):
        text = f"{listed(matched)} is not in an accepted domain, only another name of the certificate is."
        yield inferred(text, "which name Exchange Online takes is not published")
        yield other
    elif any(_below_matching(name, domains) for name in counting):
        text = f"{listed(counting)} lies deeper below an accepted domain that takes all its subdomains."
        yield inferred(text, "whether MatchSubDomains counts here is not published")
    elif not presented.complete and not matched:
        text = "None of the certificate's known names is in an accepted domain; its list is incomplete."
        yield documented(text)


def _accepted(domains: Domains) -> set[str]:
    return {base(domain.domain_name) for domain in domains} - {""}


def _owned_by(names: tuple[str, ...], domains: Domains) -> Statement | None:
    accepted = _accepted(domains)
    for name in names:
        if base(name) in accepted:
            return documented(f"{name} is an accepted domain.", KB_ATTR36)
    for name in names:
        if (parent := base(name).partition(".")[2]) in accepted:
            return documented(f"{name} lies immediately below the accepted domain {parent}.", KB_ATTR36)
    return None


def about_value(wanted: str, domains: Domains | None) -> Iterator[Statement]:
    """Say where a TlsSenderCertificateName contradicts the blog's rule that it be an accepted domain."""
    if domains is not None and not wanted.startswith("*.") and base(wanted) not in _accepted(domains):
        text = (
            f"The blog of 2025 asks that {wanted} itself be an accepted domain, which it is not; KB 4019940 is "
            "content with the domain immediately above it."
        )
        yield documented(text, f"Exchange Team blog, 4 June 2025, against {KB_ATTR36}")


def _below_matching(name: str, domains: Domains) -> bool:
    """Below an accepted domain with MatchSubDomains, whose part in attribution is not published."""
    return any(
        domain.match_subdomains and base(name).endswith(f".{base(domain.domain_name)}") for domain in domains
    )
