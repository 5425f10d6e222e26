"""What is known of a certificate's revocation: light values, for evidence and reports."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import NamedTuple

from probe.pki.certificate import Certificate


class Standing(enum.Enum):
    """What a responder or a list says of one certificate (RFC 6960 2.2)."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """Nobody says, or what is said cannot be relied on."""


class RevocationSource(enum.Enum):
    """Where the answer came from."""

    STAPLED = "stapled"
    """An OCSP response that the server sent along (RFC 6066 8)."""
    OCSP = "ocsp"
    CRL = "crl"


class Answer(NamedTuple):
    """What one source says; `detail` is a phrase that says why, where it is not plainly good."""

    standing: Standing
    detail: str = ""
    since: datetime | None = None
    """When it was revoked, where the source says so; on a GOOD one, from when on it will be."""


class CertificateStanding(NamedTuple):
    """One certificate of a path; `source` is None where no source gave an answer that counts."""

    certificate: Certificate
    answer: Answer
    source: RevocationSource | None = None
