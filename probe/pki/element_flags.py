"""What Windows would flag on one certificate of a path, whatever the rest of the path looks like.

Each rule carries its basis: [D] documented by Microsoft, [R] observed on Windows or reported,
[I] inferred by us.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from probe.pki import der, policies
from probe.pki.extensions import KeyUsage
from probe.pki.name_constraints import NAME_CONSTRAINTS, Comparisons, names_of, violations
from probe.pki.status import ChainStatus, Purpose

if TYPE_CHECKING:
    from probe.pki.certificate import Certificate
    from probe.pki.truststore import TrustStore

#: RSA keys below this are blocked [D]; bits.
MIN_RSA_BITS = 1024
_APPLICATION_POLICIES = "1.3.6.1.4.1.311.21.10"
_ANY_PURPOSE = frozenset({"2.5.29.37.0", "1.3.6.1.4.1.311.10.12.1"})  # EKU's any, application policies' any
#: Critical extensions Windows processes [I]: RFC 5280's, and those of Microsoft's own CA.
_KNOWN_CRITICAL = frozenset({
    "2.5.29.7", "2.5.29.9", "2.5.29.14", "2.5.29.15", "2.5.29.16", "2.5.29.17", "2.5.29.18", "2.5.29.19", "2.5.29.30",
    "2.5.29.31", "2.5.29.32", "2.5.29.33", "2.5.29.35", "2.5.29.36", "2.5.29.37", "2.5.29.46", "2.5.29.54",
    "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.11", "1.3.6.1.5.5.7.1.24",
    "1.3.6.1.4.1.311.20.2", "1.3.6.1.4.1.311.21.1", "1.3.6.1.4.1.311.21.7", "1.3.6.1.4.1.311.21.10",
    "1.3.6.1.4.1.311.21.11", "1.3.6.1.4.1.311.21.12",
})  # fmt: skip
_POLICY_READERS: dict[str, Callable[[bytes], object]] = {
    _APPLICATION_POLICIES: policies.read_policies,
    policies.POLICIES: policies.read_policies,
    policies.MAPPINGS: policies.read_mappings,
}
_BROKEN_ALGORITHMS = frozenset({"md2-rsa", "md5-rsa"})
_SHA1_ALGORITHMS = frozenset({"sha1-rsa", "sha1-ecdsa", "sha1-dsa"})
_WEAK = ChainStatus.HasWeakSignature | ChainStatus.NotSignatureValid


class ElementFlags:
    """Flags of single certificates under one end certificate, purpose and instant."""

    def __init__(
        self, leaf: Certificate, store: TrustStore, purpose: Purpose, at: datetime, *, refuse_sha1: bool
    ) -> None:
        self._leaf = leaf
        self._weak_algorithms = _BROKEN_ALGORITHMS | _SHA1_ALGORITHMS if refuse_sha1 else _BROKEN_ALGORITHMS
        self.work = Comparisons()
        self._store = store
        self._purpose = purpose
        # Valid up to and including notAfter [R], in whole seconds [I].
        self._second = at.replace(microsecond=0)
        self._issuers: dict[Certificate, ChainStatus] = {}
        self._names: dict[tuple[Certificate, Certificate], ChainStatus | None] = {}
        self.leaf_status = self._as_of(leaf, leaf.once(end_status))

    def weak_signature(self, certificate: Certificate) -> ChainStatus:
        """MD2 and MD5 are blocked; SHA-1 is for callers that opt in to that only [D]."""
        weak = certificate.signature_name in self._weak_algorithms
        return _WEAK if weak else ChainStatus.NoError

    def lacks_purpose(self, certificate: Certificate) -> bool:
        """Whether the certificate by itself is not for the purpose; what is undecodable forbids nothing [R]."""
        return not allows(certificate, self._purpose)

    def name_status(self, path: tuple[Certificate, ...], position: int) -> ChainStatus | None:
        """The flags the CA at `position` earns by the names below it; self-issued ones are free.

        None where a comparison was given up and nothing else was found.

        Microsoft's definitions of the flags name the end certificate only [D]; that intermediates
        are bound too (RFC 5280 6.1.3) is [I].
        """
        authority = path[position]
        if NAME_CONSTRAINTS not in authority.extensions:
            return ChainStatus.NoError
        bound = (each for n, each in enumerate(path[:position]) if n == 0 or not each.self_issued)
        found = [self._violations(authority, each) for each in bound]
        status = functools.reduce(operator.or_, filter(None, found), ChainStatus.NoError)
        return None if None in found and status is ChainStatus.NoError else status

    def _violations(self, authority: Certificate, below: Certificate) -> ChainStatus | None:
        if (authority, below) not in self._names:
            names = names_of(below, common_names=below is self._leaf)
            self._names[authority, below] = violations(authority, names, self.work)
        return self._names[authority, below]

    def issuer_status(self, certificate: Certificate) -> ChainStatus:
        """The flags of a certificate that stands above another one, apart from what depends on that."""
        known = self._issuers.get(certificate)
        if known is None:
            known = self._as_of(certificate, certificate.once(_issuer_status))
            # A version 1 root has no extensions to say that it is a CA; the root lists still hold such ones [I].
            old_root = certificate.version == 1 and certificate.self_issued and not certificate.extensions
            if old_root and certificate in self._store.roots(certificate.subject.der):
                known &= ~ChainStatus.InvalidBasicConstraints
            self._issuers[certificate] = known
        return known

    def _as_of(self, certificate: Certificate, status: ChainStatus) -> ChainStatus:
        """`status`, and what the instant and the list add to it."""
        if not certificate.not_before <= self._second <= certificate.not_after:
            status |= ChainStatus.NotTimeValid
        return status | ChainStatus.ExplicitDistrust if self._store.disallows(certificate) else status  # [R]


def end_status(certificate: Certificate) -> ChainStatus:
    """The flags of an end certificate whatever the instant, the list and the purpose."""
    status = _own_status(certificate)
    return status | ChainStatus.NotValidForUsage if misuses_key(certificate, issues=False) else status


def _issuer_status(certificate: Certificate) -> ChainStatus:
    status = _own_status(certificate)
    if misuses_key(certificate, issues=True):
        status |= ChainStatus.NotValidForUsage
    return status if certificate.is_ca else status | ChainStatus.InvalidBasicConstraints  # [R]


def _own_status(certificate: Certificate) -> ChainStatus:
    kind, _, size = certificate.key.partition("-")
    status = _extension_status(certificate)
    # RSA keys that short are blocked [D]; these flags for it [I].
    return status | _WEAK if kind == "rsa" and int(size) < MIN_RSA_BITS else status


def misuses_key(certificate: Certificate, *, issues: bool) -> bool:
    """Whether the key usage forbids a certificate's part in the chain, whatever the purpose (RFC 5280 4.2.1.3).

    For one that `issues` others that is a usage without keyCertSign; none at all is fine. For an end
    certificate it is keyCertSign together with CA:FALSE, in newer versions; CA:TRUE is fine. [R]
    """
    try:
        usage, constraints = certificate.key_usage, certificate.basic_constraints
    except der.DerError:
        return False  # flagged with the extensions
    signs = usage is not None and KeyUsage.KEY_CERT_SIGN in usage
    return (
        usage is not None and not signs
        if issues
        else signs and constraints is not None and not constraints.ca
    )


def allows(certificate: Certificate, purpose: Purpose) -> bool:
    """Whether the certificate by itself is for `purpose`: application policies replace the EKU [R].

    An empty list allows nothing, none at all everything, and so does one that cannot be decoded [R].
    """
    return purpose in certificate.once(_allowed)


def _allowed(certificate: Certificate) -> frozenset[Purpose]:
    try:
        allowed = (
            certificate.extension(_APPLICATION_POLICIES, policies.read_policies)
            if _APPLICATION_POLICIES in certificate.extensions
            else certificate.extended_key_usage
        )
    except der.DerError:
        allowed = None  # flagged with the extensions
    everything = allowed is None or not _ANY_PURPOSE.isdisjoint(allowed)
    return frozenset(each for each in Purpose if everything or each.value in (allowed or ()))


def too_many_below(path: tuple[Certificate, ...]) -> frozenset[int]:
    """The positions (the leaf's is 0) of CAs whose path length is exceeded, and of the CAs that are too many.

    Self-issued ones do not count (RFC 5280 4.2.1.9); the root's own limit does [R].
    """
    found: set[int] = set()
    for position, authority in enumerate(path):
        with suppress(der.DerError):  # flagged with the extensions
            limit = authority.basic_constraints.path_length if authority.basic_constraints else None
            below = [each for each in range(position - 1, 0, -1) if not path[each].self_issued]
            if limit is not None and below[max(limit, 0) :]:
                found.update((position, *below[max(limit, 0) :]))
    return frozenset(found)


def _extension_status(certificate: Certificate) -> ChainStatus:
    """Unknown critical ones, and those that cannot be decoded."""
    if certificate.extensions_fault is not None:
        return ChainStatus.InvalidExtension  # [I]
    status = ChainStatus.NoError
    for oid, extension in certificate.extensions.items():
        if extension.critical and oid not in _KNOWN_CRITICAL:
            status |= ChainStatus.HasNotSupportedCriticalExtension | ChainStatus.InvalidExtension  # [R]
    return status | _decoding_status(certificate)


def _decoding_status(certificate: Certificate) -> ChainStatus:
    status = ChainStatus.NoError
    try:
        _ = certificate.basic_constraints, certificate.key_usage
        if _APPLICATION_POLICIES not in certificate.extensions:  # they replace it, decodable or not [R]
            _ = certificate.extended_key_usage
    except der.DerError:
        status |= ChainStatus.InvalidExtension  # [I]
    if certificate.subject_alt_names.fault is not None:
        status |= ChainStatus.InvalidExtension  # [I]
    for oid, read in _POLICY_READERS.items():
        try:
            certificate.extension(oid, read)
        except der.DerError:
            status |= ChainStatus.InvalidExtension | ChainStatus.InvalidPolicyConstraints  # [R]
    return status
