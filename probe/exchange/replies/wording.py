"""The replies, word for word, as Microsoft documents them or practitioners report them."""

from __future__ import annotations

STALE_PIN = (
    "454 4.7.5 The certificate specified in TlsCertificateName of the SendConnector could not be found."
)
UNKNOWN_CREDENTIALS = "TLS negotiation failed with error UnknownCredentials"
#: Exchange Team blog, 4 June 2025 (documented).
PARTNER_RESTRICTED = (
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's "
    "recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate "
    "set"
)
#: KB 2888788 (documented for a certificate from a CA Exchange Online does not trust).
UNTRUSTED_TO_EOP = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
#: A report of 2016: the sender used no TLS at all (reported).
NO_TLS = "454 4.7.0 Failed to establish appropriate TLS channel: Access Denied"
#: Microsoft, "Fix error code 450 4.4.317" (documented).
UNTRUSTED_FROM_EOP = "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]"
#: Exchange Team blog, June 2025 (documented where TLS is required), as a sender is told.
STARTTLS_REQUIRED_OF_SENDER = "451 5.7.3 STARTTLS is required to send mail"
#: Exchange Team blog, June 2025 (documented).
STARTTLS_REQUIRED = f"450 4.4.317 Cannot connect to remote server [Message={STARTTLS_REQUIRED_OF_SENDER}]"
#: Microsoft, "Send or receive e-mail: SocketError" (documented): the sender offers TLS 1.0 or 1.1 only.
OLD_TLS_TO_EOP = "421 4.4.2 Connection dropped due to SocketError"
#: Seen in practice (reported).
OLD_TLS_FROM_EOP = (
    "450 4.4.317 Cannot connect to remote server "
    "[Message=451 4.4.0 TLS negotiation failed with error SocketError]"
)
#: Seen in practice (reported), where a session ticket came too early; by whom:
RENEGOTIATE = "451 4.4.0 Security status Renegotiate"
RENEGOTIATE_REPORTS = "golang/go issue 70232; mox issue 237, maddy issue 730, chasquid issue 64"
#: Microsoft, non-delivery reports in Exchange Online (documented, for MTA-STS and DANE), each as 4.x, then as 5.x.
STARTTLS_DANE = "4.7.321 starttls-not-supported: Destination mail server must support TLS to receive mail."
EXPIRED_DANE = "4.7.322 certificate-expired: Destination mail server's certificate is expired."
INVALID_DANE = "4.7.323 tlsa-invalid: The domain failed DANE validation."
INVALID_DNSSEC = "4.7.324 dnssec-invalid: Destination domain returned invalid DNSSEC records"
NAME_DANE = (
    "4.7.325 certificate-host-mismatch: Remote certificate MUST have a common name or subject alternative name that "
    "matches the hostname (DANE)"
)
HOST_MTA_STS = "4.4.8 MX hosts of {domain} failed MTA-STS validation"
CERTIFICATE_MTA_STS = "4.7.5 Remote certificate failed MTA-STS validation. Reason: {status}"
#: KB 3212877, KB 4051495 (documented).
RELAY_DENIED = "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
#: KB 4019940, KB 3169958 (documented; the tail varies).
RELAY_DENIED_ATTR36 = (
    "550 5.7.64 Relay Access Denied ATTR36. For more details please refer to: "
    "https://support.microsoft.com/kb/3169958"
)
