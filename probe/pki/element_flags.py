"""What Windows would flag on one certificate of a path, whatever the rest of the path looks like.

Each rule carries its basis: [D] documented by Microsoft, [R] observed on Windows or reported,
[I] inferred by us.
"""

from __future__ import annotations

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
    "2.5.29.9", "2.5.29.14", "2.5.29.15", "2.5.29.16", "2.5.29.17", "2.5.29.18", "2.5.29.19", "2.5.29.30",
    "2.5.29.31", "2.5.29.32", "2.5.29.33", "2.5.29.35", "2.5.29.36", "2.5.29.37", "2.5.29.46", "2.5.29.54",
    "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.11", "1.3.6.1.5.5.7.1.24",
    "1.3.6.1.4.1.311.20.2", "1.3.6.1.4.1.311.21.1", "1.3.6.1.4.1.311.21.7", "1.3.6.1.4.1.311.21.10",
    "1.3.6.1.4.1.311.21.11", "1.3.6.1.4.1.311.21.12",
})  # fmt: skip
_BROKEN_ALGORITHMS = frozenset({"md2-rsa", "md5-rsa"})
_SHA1_ALGORITHMS = frozenset({"sha1-rsa", "sha1-ecdsa", "sha1-dsa"})
_WEAK = ChainStatus.HasWeakSignature | ChainStatus.NotSignatureValid


class ElementFlags:
    """Flags of single certificates under one end certificate, purpose and instant; each worked out once."""

    def __init__(
        self, leaf: Certificate, store: TrustStore, purpose: Purpose, at: datetime, *, refuse_sha1: bool
    ) -> None:
        self._leaf = leaf
        self._weak_algorithms = _BROKEN_ALGORITHMS | _SHA1_ALGORITHMS if refuse_sha1 else _BROKEN_ALGORITHMS
        self.work = Comparisons()
        self._store = store
        self._purpose = purpose.value
        # Valid up to and including notAfter [R], in whole seconds [I].
        self._second = at.replace(microsecond=0)
        self._issuers: dict[Certificate, ChainStatus] = {}
        self._names: dict[tuple[Certificate, Certificate], ChainStatus] = {}
        self.leaf_status = self._common(leaf) | self._leaf_only(leaf)
        #: A purpose the end certificate itself lacks is flagged on every element [R].
        self.leaf_misses_purpose = not self._allows_purpose(leaf)

    def weak_signature(self, certificate: Certificate) -> ChainStatus:
        """MD2 and MD5 are blocked; SHA-1 is for callers that opt in to that only [D]."""
        weak = certificate.signature_name in self._weak_algorithms
        return _WEAK if weak else ChainStatus.NoError

    def name_status(self, path: tuple[Certificate, ...], position: int) -> ChainStatus:
        """The flags the CA at `position` earns by the names below it; self-issued ones are free.

        Microsoft's definitions of the flags name the end certificate only [D]; that intermediates
        are bound too (RFC 5280 6.1.3) is [I].
        """
        authority = path[position]
        status = ChainStatus.NoError
        if NAME_CONSTRAINTS not in authority.extensions:
            return status
        for below, certificate in enumerate(path[:position]):
            if below == 0 or not certificate.self_issued:
                status |= self._violations(authority, certificate)
        return status

    def _violations(self, authority: Certificate, below: Certificate) -> ChainStatus:
        known = self._names.get((authority, below))
        if known is None:
            names = names_of(below, common_names=below is self._leaf)
            known = self._names[authority, below] = violations(authority, names, self.work)
        return known

    def issuer_status(self, certificate: Certificate) -> ChainStatus:
        """The flags of a certificate that stands above another one, apart from what depends on that."""
        known = self._issuers.get(certificate)
        if known is None:
            known = self._common(certificate) | self._issuer_only(certificate)
            self._issuers[certificate] = known
        return known

    def _common(self, certificate: Certificate) -> ChainStatus:
        status = _extension_status(certificate)
        if not certificate.not_before <= self._second <= certificate.not_after:
            status |= ChainStatus.NotTimeValid
        if _has_short_key(certificate):
            status |= _WEAK  # blocked [D]; these flags for it [I]
        if self._store.disallows(certificate):
            status |= ChainStatus.ExplicitDistrust  # [R]
        if not self._allows_purpose(certificate):
            status |= ChainStatus.NotValidForUsage  # [R]
        return status

    def _leaf_only(self, leaf: Certificate) -> ChainStatus:
        """CA:TRUE on a leaf is fine; CA:FALSE together with keyCertSign is not, in newer versions [R]."""
        try:
            constraints, usage = leaf.basic_constraints, leaf.key_usage
        except der.DerError:
            return ChainStatus.NoError  # flagged with the extensions
        signs = usage is not None and KeyUsage.KEY_CERT_SIGN in usage
        if signs and constraints is not None and not constraints.ca:
            return ChainStatus.NotValidForUsage
        return ChainStatus.NoError

    def _issuer_only(self, issuer: Certificate) -> ChainStatus:
        status = ChainStatus.NoError
        try:
            if issuer.key_usage is not None and KeyUsage.KEY_CERT_SIGN not in issuer.key_usage:
                status |= ChainStatus.NotValidForUsage  # no keyUsage at all is fine [R]
            constraints = issuer.basic_constraints
        except der.DerError:
            return status | ChainStatus.InvalidBasicConstraints  # [I], beside InvalidExtension
        if (constraints is None and not self._may_lack_constraints(issuer)) or (
            constraints is not None and not constraints.ca
        ):
            status |= ChainStatus.InvalidBasicConstraints  # [R]
        return status

    def _may_lack_constraints(self, issuer: Certificate) -> bool:
        """A version 1 root has no extensions to say it in; the root lists still hold such ones [I]."""
        return issuer.version == 1 and issuer.self_issued and issuer in self._store.roots(issuer.subject.der)

    def _allows_purpose(self, certificate: Certificate) -> bool:
        try:
            allowed = _purposes(certificate)
        except der.DerError:
            return True  # flagged with the extensions
        return allowed is None or self._purpose in allowed or not _ANY_PURPOSE.isdisjoint(allowed)


def path_length_exceeded(path: tuple[Certificate, ...], position: int) -> bool:
    """Whether the CA at `position` (the leaf is 0) allows fewer intermediates than stand below it.

    Self-issued ones do not count (RFC 5280 4.2.1.9); the root's own limit does [R].
    """
    try:
        constraints = path[position].basic_constraints
    except der.DerError:
        return False  # flagged with the extensions
    if constraints is None or constraints.path_length is None:
        return False
    return sum(not each.self_issued for each in path[1:position]) > constraints.path_length


def _purposes(certificate: Certificate) -> tuple[str, ...] | None:
    """Application policies replace the EKU; empty means nothing; None means everything [R]."""
    if _APPLICATION_POLICIES in certificate.extensions:
        return certificate.extension(_APPLICATION_POLICIES, policies.read_policies)
    return certificate.extended_key_usage


def _has_short_key(certificate: Certificate) -> bool:
    kind, _, size = certificate.key.partition("-")
    return kind == "rsa" and int(size) < MIN_RSA_BITS


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
        _ = certificate.basic_constraints, certificate.key_usage, certificate.extended_key_usage
    except der.DerError:
        status |= ChainStatus.InvalidExtension  # [I]
    if certificate.subject_alt_names.fault is not None:
        status |= ChainStatus.InvalidExtension  # [I]
    try:
        _purposes(certificate)
    except der.DerError:
        status |= ChainStatus.InvalidExtension | ChainStatus.InvalidPolicyConstraints  # [R]
    return status
