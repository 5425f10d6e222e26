"""PowerShell: how a value is quoted, and the commands that several remedies share."""

from __future__ import annotations

READ_LOG = (
    "Which certificate was really sent: eop-probe exchange log <folder of the SmtpSend protocol logs> "
    "(Set-SendConnector '<name>' -ProtocolLoggingLevel Verbose turns them on)."
)


PROBE = "Which chain the server shows, and what would be said to it: eop-probe check <server>."


LIST_CERTIFICATES = (
    "PS> Get-ExchangeCertificate | fl Thumbprint,Subject,Issuer,NotBefore,NotAfter,Services,RootCAType",
)


ENABLE_PUBLIC = (
    "Enable the certificate of a public CA for SMTP (answer No when asked to replace the default one):",
    "PS> Enable-ExchangeCertificate -Thumbprint '<thumbprint of the public certificate>' -Services SMTP",
)


PIN = (
    "Name it on the Send connector, so that no other certificate can win:",
    "PS> $cert = Get-ExchangeCertificate -Thumbprint '<thumbprint of the public certificate>'",
    "PS> Set-SendConnector '<name>' -TlsCertificateName \"<I>$($cert.Issuer)<S>$($cert.Subject)\"",
)


CHOOSE_PUBLIC = (
    *ENABLE_PUBLIC,
    *PIN,
    "Do the same on every server that sends through this connector.",
    (
        "KB 2888788 would run Enable-ExchangeCertificate without SMTP on the untrusted certificate; the cmdlet's "
        "documentation says services are additive, so expect SMTP to stay and do not rely on that step."
    ),
)


IMPORT_INTERMEDIATE = (
    "PS> Import-Certificate -FilePath 'C:\\import\\intermediate.cer' "
    "-CertStoreLocation Cert:\\LocalMachine\\CA"
)


INBOUND_CONNECTOR = (
    "PS> Get-InboundConnector | fl Name,Enabled,ConnectorType,TlsSenderCertificateName,SenderIPAddresses",
)


SEND_CONNECTOR = ("PS> Get-SendConnector | fl Name,Enabled,Fqdn,TlsCertificateName,TlsAuthLevel,TlsDomain",)


RECEIVE_CONNECTOR = ("PS> Get-ReceiveConnector | fl Identity,Fqdn,TlsCertificateName,AuthMechanism",)


OUTBOUND_CONNECTOR = ("PS> Get-OutboundConnector | fl Name,Enabled,TlsSettings,TlsDomain,SmartHosts",)


# PowerShell takes the typographic single quotes for the plain one (about_Quoting_Rules).
_SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"


def quoted(text: str) -> str:
    """`text` as a PowerShell single-quoted string: nothing in it is expanded or ends it."""
    return "'" + "".join(c * 2 if c in _SINGLE_QUOTES else c for c in text) + "'"
