"""The replies a verdict can name, verbatim as Microsoft documents or practitioners report them."""

from __future__ import annotations

from probe.eop.vocabulary import Direction
from probe.exchange.replies.wording import (
    OLD_TLS_FROM_EOP,
    OLD_TLS_TO_EOP,
    UNTRUSTED_FROM_EOP,
    UNTRUSTED_TO_EOP,
)


def untrusted(direction: Direction) -> str:
    """The reply to a chain without a trusted root, told by who judges it."""
    return UNTRUSTED_TO_EOP if direction is Direction.TO_EOP else UNTRUSTED_FROM_EOP


def old_tls(direction: Direction) -> str:
    """The reply or log text where only TLS 1.0 or 1.1 is spoken."""
    return OLD_TLS_TO_EOP if direction is Direction.TO_EOP else OLD_TLS_FROM_EOP


def subject_mismatch(expected: str, subject: str, thumbprint: str) -> str:
    """The last error of an outbound connector with DomainValidation (Exchange Team blog, June 2025)."""
    return (
        f"450 4.4.317 Cannot connect to remote server [Message=SubjectMismatch Expected Subject: {expected}. "
        f"Presented Subject: {subject}. Thumbprint:{thumbprint}]"
    )
