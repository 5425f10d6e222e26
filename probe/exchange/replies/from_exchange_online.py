"""What Exchange Online says when it is the sender, most specific first."""

from __future__ import annotations

from probe import powershell
from probe.exchange.replies import wording
from probe.exchange.replies.entry import Entry, Flow
from probe.exchange.replies.sources import DIGICERT, NDR, TEAM
from probe.powershell import Command, Shell
from probe.statement import Confidence

_317 = "Microsoft: fix error code 450 4.4.317 UntrustedRoot (17 April 2024)"
_NO_SESSION = "Exchange Online gets no TLS session with your server."
#: Network codes, and their twins once the message has expired: a reason in brackets or parentheses decides.
_CODES = tuple(f"{kind}.4.{code}" for kind in "45" for code in (312, 315, 316, 317, 318))
_REASON = r".{0,300}?(?:\[ ?Message ?= ?|\( ?)"
_NETWORK = "The network or the DNS, not a certificate."

#: What most of these have in common.
_FROM_EOP = Entry(
    flow=Flow.FROM_EOP,
    judge="Exchange Online refuses the certificate that your server presents.",
    check=powershell.PROBE_FROM_EOP,
)

UNTRUSTED_ROOT = _FROM_EOP._replace(
    id="from-eop-untrusted-root",
    title="Exchange Online does not trust your server's certificate",
    meaning=(
        "The outbound connector asks for a valid certificate, and Exchange Online could not build the chain to a "
        "root Microsoft trusts. The article describes the same fault for mail to Exchange Online, too."
    ),
    causes=(
        "The server does not send its intermediate certificate; Exchange Online fetches none.",
        "The certificate is self-signed or of an internal CA.",
    ),
    remedy=(
        "Send the full chain.",
        *powershell.IMPORT_INTERMEDIATE,
        "Present a certificate of a public CA: TlsCertificateName of the Receive connector names it.",
    ),
    check=(*powershell.PROBE_FROM_EOP, powershell.RECEIVE_CONNECTOR, powershell.OUTBOUND_CONNECTOR),
    references=(_317, NDR),
    examples=(
        wording.UNTRUSTED_FROM_EOP,
        (
            f"[{{LED={wording.UNTRUSTED_FROM_EOP} [LastAttemptedServerName=mail.contoso.com] "
            "[LastAttemptedIP=192.0.2.10:25] [SmtpSecurity=-1;-1]};{MSG=UntrustedRoot};"
            "{FQDN=mail.contoso.com};{IP=192.0.2.10};{LRT=11/3/2026 9:14:02 AM}]"
        ),
    ),
    codes=_CODES,
    words=_REASON + r"(?P<token>UntrustedRoot)\b",
    rule="untrusted-root",
)

SUBJECT_MISMATCH = _FROM_EOP._replace(
    id="from-eop-subject-mismatch",
    title="The name in your server's certificate is not the one expected",
    meaning="The outbound connector's TlsDomain does not occur among the names of the certificate presented.",
    causes=(
        "The Receive connector presents another certificate, often the self-signed one.",
        "TlsDomain of the outbound connector is wrong.",
    ),
    remedy=(
        "Present the certificate with that name: TlsCertificateName of the Receive connector names it.",
        "Or let the outbound connector expect the certificate's name:",
        Command(
            "Set-OutboundConnector '<name of the outbound connector>' -TlsDomain '<name in the certificate>'",
            Shell.EXCHANGE_ONLINE,
        ),
    ),
    check=(powershell.RECEIVE_CONNECTOR, powershell.OUTBOUND_CONNECTOR, *powershell.PROBE_FROM_EOP),
    references=(TEAM,),
    examples=(
        (
            "LED=450 4.4.317 Cannot connect to remote server [Message=SubjectMismatch Expected Subject: "
            "*.contoso.com. Presented Subject: CN=ExchangeServer01. Thumbprint:D0AC0000] "
            "[LastAttemptedServerName=mail.contoso.com] [LastAttemptedIP=192.0.2.10:25] [SmtpSecurity=-1;-1]"
        ),
    ),
    codes=_CODES,
    words=_REASON + r"(?P<token>SubjectMismatch)\b",
    rule="name-mismatch",
)

#: The older code of the same fault, known from a report only.
OLDER_SUBJECT_MISMATCH = SUBJECT_MISMATCH._replace(
    id="from-eop-subject-mismatch-older",
    title="The name in your server's certificate is not the one expected (older form)",
    label=Confidence.REPORTED,
    references=("A report of 2017",),
    examples=(
        (
            "LED=450 4.7.320 Certificate validation failed [Message=SubjectMismatch] "
            "[LastAttemptedServerName=mail.contoso.com]};{MSG=SubjectMismatch};"
        ),
    ),
    codes=("4.7.320", "5.7.320"),
)

STARTTLS_REQUIRED = _FROM_EOP._replace(
    id="from-eop-starttls-required",
    title="Your server offered no TLS, and the connector requires it",
    judge=_NO_SESSION,
    meaning="The outbound connector requires TLS, and no STARTTLS was offered on the way to your server.",
    causes=(
        "A firewall or gateway takes STARTTLS out.",
        "The Receive connector has no usable certificate (event 12014) or lacks TLS in AuthMechanism.",
    ),
    remedy=(
        "Switch SMTP inspection off on the path.",
        "Give the Receive connector a certificate for its name.",
    ),
    check=(*powershell.PROBE_FROM_EOP, powershell.RECEIVE_CONNECTOR),
    references=(TEAM, DIGICERT),
    examples=(
        wording.STARTTLS_REQUIRED,
        (
            "450 4.4.317 Cannot establish session with remote server [Message=451 5.7.3 STARTTLS is required, "
            "5.7.0 Must issue a STARTTLS command first]"
        ),
    ),
    codes=_CODES,
    words=_REASON + r"(?:451 5\.7\.3 )?(?:STARTTLS is required|Must issue a STARTTLS)",
    rule="no-starttls",
)

TLS_FAILED = _FROM_EOP._replace(
    id="from-eop-tls-failed",
    title="TLS with your server failed",
    judge=_NO_SESSION,
    label=Confidence.REPORTED,
    meaning="The TLS handshake between Exchange Online and your server broke; the text names how Windows saw it.",
    causes=("The server speaks only TLS 1.0 or 1.1.", "A device on the path breaks or alters TLS."),
    remedy=(powershell.ENABLE_TLS,),
    references=("Reports of practitioners",),
    examples=(
        f"{wording.OLD_TLS_FROM_EOP} [SmtpSecurity=-2;-2]",
        "450 4.4.317 Cannot connect to remote server [Message=451 4.4.0 Security status IllegalMessage]",
        "450 4.4.317 Cannot connect to remote server [Message=451 4.4.0 Security status InvalidToken]",
    ),
    codes=_CODES,
    words=_REASON
    + r"(?:451 4\.4\.0 )?(?:TLS negotiation failed with error|Security status) (?P<token>\w{1,64})",
    rule="tls-failed",
)

RENEGOTIATE = TLS_FAILED._replace(
    id="from-eop-renegotiate",
    title="Exchange Online breaks the TLS 1.3 handshake: a session ticket came too early",
    meaning=(
        "Exchange Online's TLS 1.3 client aborts where a NewSessionTicket arrives before it has sent its own "
        "Finished. Whether Microsoft has changed this is not known."
    ),
    causes=("A mail server, many of them written in Go, sends its session tickets early.",),
    remedy=("Update the mail server, or switch its session tickets off.",),
    references=(wording.RENEGOTIATE_REPORTS,),
    examples=(
        wording.RENEGOTIATE,
        f"450 4.4.317 Cannot connect to remote server [Message={wording.RENEGOTIATE}]",
    ),
    rule="early-session-ticket",
    codes=("451 4.4.0", *_CODES),
    words=r".{0,300}?(?P<token>Security status Renegotiate)\b",
)

VALIDATION_OTHER = _FROM_EOP._replace(
    id="from-eop-certificate-other",
    title="Exchange Online refuses your server's certificate",
    label=Confidence.REPORTED,
    meaning="An older form of the refusal; only SubjectMismatch is known in it, others are shown as they came.",
    causes=("The message names it.",),
    remedy=("Check names, dates, intermediates and root of the certificate presented.",),
    check=(*powershell.PROBE_FROM_EOP, powershell.OUTBOUND_CONNECTOR),
    references=("A report of 2017",),
    examples=("450 4.7.320 Certificate validation failed [Message=SomethingNew]",),
    codes=("4.7.320", "5.7.320"),
    words=r".{0,20}?Certificate validation failed(?:.{0,40}?\[ ?Message ?= ?(?P<token>\w{1,64}))?",
)

CANNOT_CONNECT = _FROM_EOP._replace(
    id="from-eop-cannot-connect",
    title="Exchange Online gets no session with your server",
    judge=_NO_SESSION,
    label=Confidence.INFERRED,
    meaning="4.4.317 with a message that is not explained publicly; it is shown as it came.",
    causes=("The message names it.",),
    remedy=("Look at the certificate, the TLS versions and the path to the server.",),
    check=(*powershell.PROBE_FROM_EOP, powershell.OUTBOUND_CONNECTOR),
    references=(_317, NDR),
    examples=("450 4.4.317 Cannot connect to remote server [Message=SomethingNew]",),
    codes=("4.4.317", "5.4.317"),
    # Of an expired message only where a reason is there.
    words=r"(?=(?!.{0,10}?Message expired)|.{0,120}?\([A-Za-z])"
    f"(?:{_REASON}" + r"(?P<token>[^\])\r\n]{1,120}))?",
)

REFUSED = _FROM_EOP._replace(
    id="from-eop-refused",
    title="Your server refused the connection",
    judge="Your server, or a firewall before it, refuses Exchange Online's connection.",
    meaning="Not about certificates: nothing answered on port 25 (socket error 10061 is a refused connection).",
    causes=("The service is down, or a firewall lets Exchange Online's addresses not through.",),
    remedy=("Open port 25 for the addresses of Microsoft 365 (endpoint set 10).",),
    references=(NDR,),
    examples=("450 4.4.316 Connection refused [Message=Socket error code 10061]",),
    codes=("4.4.316", "5.4.316"),
    words=r".{0,40}?Connection refused(?: ?(?:\[ ?Message ?= ?|\( ?)(?P<token>[^\])\r\n]{1,120}))?",
    rule="unreachable",
)

NO_CONNECTION = REFUSED._replace(
    id="from-eop-no-connection",
    title="Exchange Online could not open a TCP connection to your server",
    judge="Nobody refuses: no connection came about.",
    meaning=(
        f"{_NETWORK} The Winsock code says how: 10060 timed out, 10061 was refused, 10054 was reset, 995 was "
        "given up."
    ),
    causes=("Port 25 is closed to Exchange Online's addresses, the host is down, or the address is wrong.",),
    remedy=(
        *REFUSED.remedy,
        "See that the outbound connector's smart host or the MX leads to the right address.",
    ),
    references=(NDR, "Microsoft: mail flow codes 450 4.4.312 to 4.4.318"),
    examples=(
        (
            "450 4.4.317 Cannot connect to remote server [Message=Failed to connect. Winsock error code: 10060, "
            "Win32 error code: 10060] [LastAttemptedIP=192.0.2.10:25]"
        ),
    ),
    codes=_CODES,
    words=_REASON + r"(?:Failed to connect\. )?(?P<token>(?:Winsock|Socket) error code:? ?\d{3,5})",
)

TIMED_OUT = NO_CONNECTION._replace(
    id="from-eop-timed-out",
    title="The connection of Exchange Online to your server timed out",
    meaning=f"{_NETWORK} The host did not answer, or stopped answering, in time.",
    examples=(
        "450 4.4.315 Connection timed out [Message=Socket error code 10060]",
        "550 5.4.315 Message expired, connection timed out(Socket error code 10060)",
    ),
    codes=("4.4.315", "5.4.315"),
    words=f"(?:{_REASON}" + r"(?P<token>[^\])\r\n]{1,120}))?",
    rule="timeout",
)

DNS_FAILED = NO_CONNECTION._replace(
    id="from-eop-dns-failed",
    title="The DNS of the recipient's domain failed",
    judge="Nobody refuses: Exchange Online does not learn where to connect to.",
    meaning=f"{_NETWORK} Exchange Online found no usable MX or address record for the recipient's domain.",
    causes=(
        "The domain's MX or address records are missing, or its name servers do not answer.",
        "Its DNSSEC signatures are wrong, where the reason says so.",
    ),
    remedy=("Correct the DNS records of the recipient's domain, or the name of the smart host.",),
    examples=(
        "450 4.4.312 DNS query failed [Message=DNS server returned answer with no data]",
        "550 5.4.312 Message expired, DNS query failed(ServerFailure)",
    ),
    codes=("4.4.312", "5.4.312"),
    words=TIMED_OUT.words,
)

CLOSED = NO_CONNECTION._replace(
    id="from-eop-closed",
    title="Your server closed the connection abruptly",
    judge="Your server, or a device before it, breaks Exchange Online's connection.",
    meaning=f"{_NETWORK} The connection was opened and then reset, before or within the SMTP session.",
    causes=("A firewall, a limit on connections, or a filter on the server ends the session.",),
    remedy=("Look in the server's and the firewall's log at that minute for connections of Microsoft 365.",),
    examples=(
        "450 4.4.318 Connection was closed abruptly (SuspiciousRemoteServerError)",
        "550 5.4.318 Message expired, connection reset(SuspiciousRemoteServerError)",
    ),
    codes=("4.4.318", "5.4.318"),
    words=TIMED_OUT.words,
)

EXPIRED = _FROM_EOP._replace(
    id="from-eop-message-expired",
    title="Exchange Online gave the message up",
    judge="Exchange Online ends its attempts to reach your server.",
    meaning="The message expired after repeated errors; the reason stands in the error that came before this one.",
    causes=("As named by the last 450 error.",),
    remedy=("Find the last error (LED=...) in the report and explain that one.",),
    references=(NDR,),
    examples=("550 5.4.317 Message expired, cannot connect to remote server",),
    codes=tuple(code for code in _CODES if code[0] == "5"),
    words=r".{0,10}?Message expired",
)

ENTRIES = (
    UNTRUSTED_ROOT, SUBJECT_MISMATCH, OLDER_SUBJECT_MISMATCH, STARTTLS_REQUIRED, RENEGOTIATE, TLS_FAILED,
    VALIDATION_OTHER, REFUSED, TIMED_OUT, DNS_FAILED, CLOSED, NO_CONNECTION, CANNOT_CONNECT,
)  # fmt: skip
