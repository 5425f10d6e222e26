"""What RFC 8461 says of an exchanger: whether a policy names it, and whether its certificate will do."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from probe.pki.host_names import dns_id_matches
from probe.pki.rootprogram import day
from probe.pki.status import ChainStatus
from probe.pki.truststore import list_title
from probe.smtp.mta_sts import Mode, Policy
from probe.text import listed

if TYPE_CHECKING:
    from probe.pki.certificate import Certificate
    from probe.pki.path import BuiltPath


def unnamed(policy: Policy, hosts: Iterable[str]) -> tuple[str, ...]:
    """The MX hosts that no pattern of the policy stands for (RFC 8461 4.1); none where its mode is none."""
    if policy.mode is Mode.NONE:
        return ()
    return tuple(host for host in hosts if not any(dns_id_matches(pattern, host) for pattern in policy.mx))


def nearly(policy: Policy, host: str) -> str | None:
    """The pattern that would stand for `host` if an asterisk stood for more than one label: a common mistake."""
    name = host.lower().rstrip(".")
    return next((each for each in policy.mx if each.startswith("*.") and name.endswith(each[1:])), None)


class Flaw(enum.Enum):
    """Why a certificate will not do for a host (RFC 8461 3.3 and 4.2)."""

    UNREADABLE = "unreadable"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    SELF_SIGNED = "self-signed"
    UNTRUSTED_ROOT = "untrusted-root"
    MISSING_INTERMEDIATE = "missing-intermediate"
    CHAIN = "chain"
    """Another flag of Windows', or something that it cannot evaluate."""
    UNDECIDED = "undecided"
    """A bound of this program was met: nothing is said against the chain."""
    COMMON_NAME_ONLY = "common-name-only"
    """Microsoft's article on the code x.7.5 speaks of CN or SAN, the RFC of DNS names alone."""
    NAME = "name"


class Judged(NamedTuple):
    """One flaw, and what follows "the certificate" in a sentence about it, escaped."""

    flaw: Flaw
    message: str


def flaws(
    leaf: Certificate | None, path: BuiltPath, host: str, at: datetime, store: str
) -> tuple[Judged, ...]:
    """What speaks against a chain for `host` at `at`, the path's flaws first; none if it will do.

    `path` is that for serverAuth by the store of the name `store`.
    """
    if leaf is None:
        return (Judged(Flaw.UNREADABLE, "cannot be read, or there is none"),)
    return (*_of_path(path, at, list_title(store)), *_of_names(leaf, host))


def _of_path(path: BuiltPath, at: datetime, title: str) -> Iterator[Judged]:
    if path.undecided:
        yield Judged(Flaw.UNDECIDED, f"was not judged to the end: {listed(path.limits + path.unevaluated)}")
        return
    top = path.elements[-1].certificate
    if ChainStatus.UntrustedRoot in path.status and len(path.elements) == 1:
        yield Judged(Flaw.SELF_SIGNED, "is self-signed; no authority vouches for it")
    elif ChainStatus.UntrustedRoot in path.status:
        yield Judged(Flaw.UNTRUSTED_ROOT, f"leads to {top.subject.short}, which {title} does not trust")
    if ChainStatus.PartialChain in path.status:
        missing = f"{top.issuer.short}, the issuer of {top.subject.short}"
        yield Judged(Flaw.MISSING_INTERMEDIATE, f"came without {missing}, which is no root of {title}")
    yield from _of_dates(path, at)
    known = ChainStatus.UntrustedRoot | ChainStatus.PartialChain | ChainStatus.NotTimeValid
    others = (path.status & ~known).names() or (("not evaluated",) if path.unevaluated else ())
    if others:
        yield Judged(Flaw.CHAIN, f"has a chain with the status {listed(others)}")


def _of_dates(path: BuiltPath, at: datetime) -> Iterator[Judged]:
    for number, element in enumerate(path.elements):
        if ChainStatus.NotTimeValid not in element.status:
            continue
        dated = element.certificate
        of = f"has an issuer, {dated.subject.short}, that " if number else ""
        if dated.not_before > at:
            yield Judged(Flaw.NOT_YET_VALID, f"{of}is not valid before {day(dated.not_before)}")
        else:
            yield Judged(Flaw.EXPIRED, f"{of}expired on {day(dated.not_after)}")


def _of_names(leaf: Certificate, host: str) -> Iterator[Judged]:
    """By DNS names alone (RFC 8461 4.2), an asterisk standing for one label (RFC 6125 6.4.3)."""
    if any(dns_id_matches(name, host) for name in leaf.dns_names):
        return
    commons = leaf.subject.common_names
    if any(dns_id_matches(name, host) for name in commons):
        yield Judged(Flaw.COMMON_NAME_ONLY, f"bears {host} as its CN only, and a DNS name is wanted")
    else:
        yield Judged(Flaw.NAME, f"is not for {host} but for {listed(leaf.dns_names or commons)}")
