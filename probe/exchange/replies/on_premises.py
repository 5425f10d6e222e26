"""What an on-premises Exchange server says itself: in queues, in protocol logs, in its shell."""

from __future__ import annotations

from probe import powershell
from probe.exchange.replies import wording
from probe.exchange.replies.entry import Entry, EntryKind, Flow
from probe.exchange.replies.sources import KB_4051498, TEAM
from probe.powershell import Command, quoted
from probe.statement import Confidence

_NONE = "Microsoft KB 4495258: TLS negotiation failed with error NoCredentials"
#: Translated pages put other words around the token.
_IN_TLS = r"(?:TLS negotiation failed with error|\bTLS\b(?![^\r\n]{0,60}succeeded)[^\r\n]{0,120}?)"
_OWN = "Nobody refuses: your own server cannot use its certificate."

STALE_PIN = Entry(
    id="pin-not-found",
    title="TlsCertificateName names a certificate that is not there",
    flow=Flow.TO_EOP,
    judge=_OWN,
    meaning=(
        "TlsCertificateName of the Send connector holds an issuer and a subject, and no certificate on the "
        "server has exactly these two."
    ),
    causes=(
        "The certificate was renewed by another issuing CA, or under another subject (reported).",
        "The certificate is missing on this one of several source servers.",
    ),
    remedy=(
        *powershell.name_on_connector(what="the certificate to send"),
        "See that it is on every source server of the connector.",
        *powershell.import_certificate(),
        *powershell.retry_queue(),
    ),
    check=(powershell.SEND_CONNECTOR, powershell.LIST_CERTIFICATES),
    references=(TEAM, "Microsoft KB 3156771"),
    examples=(
        wording.STALE_PIN,
        "454 4.7.5 the certificate specified in the tlscertificatename of the send connector could not be found",
    ),
    codes=("454 4.7.5",),
    words=(
        r".{0,20}?The certificate specified in (?:the )?TlsCertificateName of the Send ?Connector "
        r"could not be found"
    ),
)

EOP_UNTRUSTED = Entry(
    id="on-premises-distrusts-server",
    title="Your server does not trust Exchange Online's certificate",
    flow=Flow.TO_EOP,
    judge="Your server refuses the certificate of the server it connects to.",
    label=Confidence.REPORTED,
    meaning=(
        "The opposite of 454 4.7.0: your server looked at the certificate of the host it sends to, and does "
        "not trust its root. Your own certificate has nothing to do with it."
    ),
    causes=(
        (
            "The root of Exchange Online's certificate (DigiCert Global Root G2 since 2026) is not in the "
            "server's store; automatic root updates are blocked."
        ),
        "A device between replaces the certificate.",
    ),
    remedy=("Let Windows update its roots, or import the root of Exchange Online's certificate.",),
    check=(Command("Get-ChildItem Cert:\\LocalMachine\\Root | ? Subject -like '*DigiCert Global Root G2*'"),),
    references=("Forum threads; Exchange Team blog, 2026: DigiCert Global Root G2",),
    examples=("454 4.7.5 Certificate validation failure, Reason:UntrustedRoot",),
    codes=("454 4.7.5",),
    words=r".{0,10}?Certificate validation failure, Reason: ?(?P<token>UntrustedRoot)\b",
)

EOP_INVALID = EOP_UNTRUSTED._replace(
    id="on-premises-refuses-server",
    title="Your server refuses the certificate of the host it sends to",
    label=Confidence.INFERRED,
    meaning="As for UntrustedRoot, with another reason; the reason is shown as it came.",
    causes=(
        "The reason names it: the host's name, its chain or its dates.",
        "TlsDomain does not fit the host.",
    ),
    remedy=("Compare TlsDomain and TlsAuthLevel of the Send connector with the host's certificate.",),
    check=(powershell.SEND_CONNECTOR,),
    references=("Forum threads",),
    examples=("454 4.7.5 Certificate validation failure, Reason:SubjectMismatch",),
    words=r".{0,10}?Certificate validation failure, Reason: ?(?P<token>\w{1,64})",
)

UNKNOWN_CREDENTIALS = Entry(
    id="tls-unknown-credentials",
    title="The certificate in use is not bound to SMTP, or unusable",
    kind=EntryKind.LOG,
    flow=Flow.TO_EOP,
    judge=_OWN,
    meaning="Exchange chose a certificate it cannot use: it lacks the SMTP service, or is damaged.",
    causes=("TlsCertificateName or the Fqdn leads to a certificate without the SMTP service.",),
    remedy=powershell.enable_for_smtp(),
    check=(powershell.LIST_CERTIFICATES, powershell.SEND_CONNECTOR),
    references=(KB_4051498,),
    examples=(wording.UNKNOWN_CREDENTIALS,),
    phrase=_IN_TLS + r" ?\b(?P<token>UnknownCredentials)\b",
)

NO_CREDENTIALS = UNKNOWN_CREDENTIALS._replace(
    id="tls-no-credentials",
    title="The private key is missing or cannot be read",
    meaning="Exchange could not use the private key of the certificate it chose.",
    causes=(
        "The certificate was imported without its private key.",
        "Exchange may not read the key.",
        "TlsCertificateName is wrong.",
    ),
    remedy=(
        "Import the certificate again, with its private key, on this server:",
        powershell.import_certificate()[1],
        *powershell.enable_for_smtp(),
    ),
    check=(
        Command("Get-ExchangeCertificate | fl Thumbprint,Subject,HasPrivateKey,Services"),
        powershell.SEND_CONNECTOR,
    ),
    references=(_NONE,),
    examples=("TLS negotiation failed with error NoCredentials",),
    phrase=_IN_TLS + r" ?\b(?P<token>NoCredentials)\b",
)

TLS_UNTRUSTED = EOP_UNTRUSTED._replace(
    id="tls-untrusted-root",
    title="A certificate was not trusted in the handshake; most likely your server did not trust the other side's",
    kind=EntryKind.LOG,
    flow=Flow.NEITHER,
    judge="Most likely your server: it logs what its own check of the other side's certificate said.",
    label=Confidence.INFERRED,
    meaning=(
        "The words do not say whose certificate it was. A server that logs this was the one that looked, so the "
        "root of the other side's certificate is missing here. 454 4.7.0 with UntrustedRoot is the opposite."
    ),
    examples=("TLS negotiation failed with error UntrustedRoot",),
    codes=(),
    words="",
    phrase=r"TLS negotiation failed with error (?P<token>UntrustedRoot)\b",
)

TLS_OTHER = Entry(
    id="tls-negotiation-other",
    title="TLS could not be agreed on, for another reason",
    kind=EntryKind.LOG,
    judge="Not told by the text.",
    label=Confidence.INFERRED,
    meaning="Documented reasons are NoCredentials, UnknownCredentials and SocketError; this one is shown as it came.",
    causes=("Unknown: no public statement explains this reason.",),
    remedy=("Look at the certificate that was sent and at the TLS versions both sides allow.",),
    check=(*powershell.READ_LOG, *powershell.PROBE),
    references=(KB_4051498, _NONE),
    examples=("TLS negotiation failed with error AlgorithmMismatch",),
    phrase=r"TLS negotiation failed with error (?P<token>\w{1,64})",
)

EMPTY_CERTIFICATE = Entry(
    id="client-certificate-missing",
    title="The client presented no certificate",
    kind=EntryKind.LOG,
    judge="Your server notes what the client presented.",
    label=Confidence.REPORTED,
    meaning="A receive log's note: the sender presented no client certificate.",
    causes=("Usual for ordinary senders; a fault only where a connector needs the certificate.",),
    remedy=("Nothing, unless this sender must be recognised by its certificate.",),
    check=(powershell.RECEIVE_CONNECTOR,),
    references=("Published receive logs",),
    examples=(
        "Client certificate chain validation status: 'EmptyCertificate'",
        "TlsDomainCapabilities='None'; Status='NoRemoteCertificate'",
    ),
    phrase=(
        r"(?:Client certificate chain validation status: '?(?P<token>EmptyCertificate)\b"
        r"|Status='NoRemoteCertificate')"
    ),
)

CLIENT_STATUS = EMPTY_CERTIFICATE._replace(
    id="client-certificate-status",
    title="What your server thinks of the client's certificate",
    judge="Your server judges the client's certificate.",
    meaning="A receive log's note; 'Valid' and 'EmptyCertificate' are known, others are shown as they came.",
    causes=("The status names it.",),
    remedy=("Nothing where it says Valid.",),
    examples=("Client certificate chain validation status: 'Valid'",),
    phrase=r"Client certificate chain validation status: '?(?P<token>\w{1,64})",
)

SCHANNEL_UNTRUSTED = Entry(
    id="capi2-untrusted-root",
    title="Windows on the sending server could not build its own chain",
    kind=EntryKind.EVENT,
    flow=Flow.TO_EOP,
    judge="Nobody refuses yet: the sending server's own Windows reports an untrusted root.",
    meaning=(
        "CAPI2 event 30 as in KB 3212877: lsass checked a chain (CERT_CHAIN_POLICY_SSL) and got 800B0109. There "
        "it went with a chain that was not sent, and with 550 5.7.64."
    ),
    causes=("The intermediate certificate is missing on the sending server.",),
    remedy=powershell.IMPORT_INTERMEDIATE,
    check=powershell.PROBE,
    references=("Microsoft KB 3212877: 550 5.7.64 TenantAttribution",),
    examples=('CertVerifyCertificateChainPolicy CERT_CHAIN_POLICY_SSL lsass.exe Result value="800B0109"',),
    phrase=r"CERT_CHAIN_POLICY_SSL\b.{0,2000}?\b(?P<token>800B0109)\b",
    rule="missing-intermediate",
)

CANNOT_REMOVE = Entry(
    id="certificate-tagged",
    title="The certificate cannot be removed: Send connectors name it",
    kind=EntryKind.LOG,
    judge="Your own server protects a certificate in use.",
    meaning="TlsCertificateName of the named Send connectors has this certificate's issuer and subject.",
    causes=("A renewal with the same issuer and subject makes old and new look the same to the connector.",),
    remedy=(
        "On every source server stop MSExchangeTransport, then:",
        Command(f"Set-SendConnector {quoted(powershell.CONNECTOR)} -TlsCertificateName $null"),
        "Remove the old certificate on every server.",
        *powershell.name_on_connector("<thumbprint of the new certificate>", what="the new one"),
        "Start the service again on every source server.",
    ),
    check=(powershell.SEND_CONNECTOR,),
    references=("Microsoft: cannot remove an installed certificate",),
    examples=(
        (
            "A special Rpc error occurs on server EX01: These certificates are tagged with following Send "
            "Connectors : Outbound to Office 365."
        ),
    ),
    phrase=r"These certificates are tagged with following Send Connectors ?:",
)

ENTRIES = (
    STALE_PIN, EOP_UNTRUSTED, EOP_INVALID, UNKNOWN_CREDENTIALS, NO_CREDENTIALS, TLS_UNTRUSTED, TLS_OTHER,
    CANNOT_REMOVE, SCHANNEL_UNTRUSTED, EMPTY_CERTIFICATE, CLIENT_STATUS,
)  # fmt: skip
