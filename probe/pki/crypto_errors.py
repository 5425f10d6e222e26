"""What cryptography raises for bytes it will not read: not all of it is ValueError."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

#: To be caught around every parse of bytes from outside; `x509` has exceptions of its own for some faults.
REFUSALS: tuple[type[Exception], ...] = (
    ValueError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
