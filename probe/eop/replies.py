"""The replies a verdict can name, verbatim as Microsoft documents or practitioners report them."""

from __future__ import annotations

from probe.eop.vocabulary import Direction
from probe.exchange import attribution

#: KB 2888788 (documented for a certificate from a CA Exchange Online does not trust).
UNTRUSTED_TO_EOP = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
#: Microsoft, "Fix error code 450 4.4.317" (documented).
UNTRUSTED_FROM_EOP = "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]"
RELAY_DENIED = attribution.RELAY_DENIED
RELAY_DENIED_ATTR36 = attribution.RELAY_DENIED_ATTR36
#: Exchange Team blog, June 2025 (documented).
STARTTLS_REQUIRED = (
    "450 4.4.317 Cannot connect to remote server [Message=451 5.7.3 STARTTLS is required to send mail]"
)
#: Exchange Team blog, June 2025 (documented where TLS is required), as a sender is told.
STARTTLS_REQUIRED_OF_SENDER = "451 5.7.3 STARTTLS is required to send mail"
#: Microsoft, "Send or receive e-mail: SocketError" (documented): the sender offers TLS 1.0 or 1.1 only.
OLD_TLS_TO_EOP = "421 4.4.2 Connection dropped due to SocketError"
#: Seen in practice (reported).
OLD_TLS_FROM_EOP = (
    "450 4.4.317 Cannot connect to remote server "
    "[Message=451 4.4.0 TLS negotiation failed with error SocketError]"
)
#: Microsoft, non-delivery reports in Exchange Online (documented, for MTA-STS and DANE).
EXPIRED_DANE = "4.7.322 certificate-expired: Destination mail server's certificate is expired."


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
