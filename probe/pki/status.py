"""What Windows says of a chain: the flags of .NET's X509ChainStatusFlags and what they are for.

Numbers: Microsoft, X509ChainStatusFlags and CERT_TRUST_STATUS (one numbering for both).
"""

from __future__ import annotations

import enum
import functools


class ChainStatus(enum.Flag):
    """Faults of a chain or of one of its elements; several at once are normal."""

    NoError = 0
    NotTimeValid = 0x1
    NotTimeNested = 0x2
    Revoked = 0x4
    NotSignatureValid = 0x8
    NotValidForUsage = 0x10
    UntrustedRoot = 0x20
    RevocationStatusUnknown = 0x40
    Cyclic = 0x80
    InvalidExtension = 0x100
    InvalidPolicyConstraints = 0x200
    InvalidBasicConstraints = 0x400
    InvalidNameConstraints = 0x800
    HasNotSupportedNameConstraint = 0x1000
    HasNotDefinedNameConstraint = 0x2000
    HasNotPermittedNameConstraint = 0x4000
    HasExcludedNameConstraint = 0x8000
    PartialChain = 0x10000
    CtlNotTimeValid = 0x20000
    CtlNotSignatureValid = 0x40000
    CtlNotValidForUsage = 0x80000
    HasWeakSignature = 0x100000
    OfflineRevocation = 0x1000000
    NoIssuanceChainPolicy = 0x2000000
    ExplicitDistrust = 0x4000000
    HasNotSupportedCriticalExtension = 0x8000000

    def names(self) -> tuple[str, ...]:
        """The names of the flags set, in the order .NET lists them; empty for NoError."""
        return _names(self._value_)


# In the order .NET lists them.
_LISTING_ORDER = (
    "NotSignatureValid", "UntrustedRoot", "PartialChain", "Cyclic", "Revoked", "NotValidForUsage",
    "CtlNotValidForUsage", "NotTimeValid", "CtlNotTimeValid", "InvalidNameConstraints",
    "HasNotSupportedNameConstraint", "HasNotDefinedNameConstraint", "HasNotPermittedNameConstraint",
    "HasExcludedNameConstraint", "InvalidPolicyConstraints", "NoIssuanceChainPolicy", "InvalidExtension",
    "InvalidBasicConstraints", "NotTimeNested", "RevocationStatusUnknown", "OfflineRevocation",
    "CtlNotSignatureValid", "ExplicitDistrust", "HasNotSupportedCriticalExtension", "HasWeakSignature",
)  # fmt: skip


@functools.lru_cache(maxsize=256)  # reports ask for the same few a dozen times a chain
def _names(value: int) -> tuple[str, ...]:
    return tuple(name for name in _LISTING_ORDER if ChainStatus[name].value & value)


class Unevaluated(enum.Enum):
    """What of a certificate was not evaluated, so that the chain is not called trusted."""

    SIGNATURE = "signature"
    """By an algorithm that Windows does not have, or that nobody here can check."""
    KEY = "key"
    """The end certificate's own key is of a kind that Windows does not have [I]."""
    BOUND = "bound"
    """A signature or names that this engine gave up for its own bounds."""


class Purpose(enum.Enum):
    """What a chain is wanted for; the value is the extended key usage (RFC 5280 4.2.1.12)."""

    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"

    # There is one of each: by identity, and not by a method in Python, for it is in every key of what is remembered.
    __hash__ = object.__hash__
