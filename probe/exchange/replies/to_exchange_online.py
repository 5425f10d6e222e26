"""What Exchange Online answers to the TLS session of a server that sends to it, most specific first."""

from __future__ import annotations

from probe import powershell
from probe.exchange.replies import wording
from probe.exchange.replies.entry import Entry, EntryKind, Flow
from probe.exchange.replies.sources import DIGICERT
from probe.powershell import Command, Shell
from probe.statement import Confidence

_KB2888788 = "Microsoft KB 2888788: mail flow stops, event 2004"
_SOCKET = "Microsoft: send or receive email, SocketError"

#: What most of these have in common.
_TO_EOP = Entry(
    flow=Flow.TO_EOP,
    judge="Exchange Online refuses the certificate that your Send connector presents.",
    check=powershell.READ_LOG,
)

UNTRUSTED_ROOT = _TO_EOP._replace(
    id="to-eop-untrusted-root",
    title="Exchange Online does not trust your client certificate",
    meaning=(
        "The certificate that the Send connector presented does not lead to a root that Microsoft trusts. "
        "It is about the Send connector's client certificate, not about the one your server shows to others."
    ),
    causes=(
        (
            "Two certificates enabled for SMTP carry the name, and Exchange picked the one of an internal CA, "
            "for instance because it is newer (KB 2888788)."
        ),
        "The connector presents a self-signed certificate or one of an internal CA.",
        (
            "The server does not send the intermediate certificate; Exchange Online fetches none (inferred: "
            "the KB describes the private CA only)."
        ),
    ),
    remedy=(*powershell.CHOOSE_PUBLIC, powershell.UNBINDING),
    check=(*powershell.READ_LOG, *powershell.PROBE, powershell.LIST_CERTIFICATES),
    references=(_KB2888788,),
    examples=(
        f"{wording.UNTRUSTED_TO_EOP}.",
        "454 4.7.0 Non è stato possibile stabilire il canale TLS appropriato: UntrustedRoot: Accesso negato.",
        "454 4.7.0 Nie można ustanowić odpowiedniego kanału TLS: UntrustedRoot: Odmowa dostępu.",
        "SMTP 応答 454 4.7.0 で確認されました。適切な TLS チャネルの確立に失敗しました: UntrustedRoot: Access Denied。",
        "454 4.7.0 kon niet het juiste TLS-kanaal worden ingesteld: UntrustedRoot: toegang geweigerd.",
    ),
    codes=("454 4.7.0",),
    # Over a line's end only in words about TLS, as translated pages have them, or in a reply of several lines.
    words=(
        r"(?! ?Temporary authentication failure| ?TLS not available)(?:[^\r\n]{0,200}?|(?=.{0,150}?TLS|"
        r"[^\r\n]{0,200}[\r\n]{1,2}454.4\.7\.0).{0,200}?)\b(?P<token>UntrustedRoot)\b"
    ),
    phrase=r"Failed to establish appropriate TLS channel: (?P<token>UntrustedRoot)\b",
    rule="untrusted-root",
)

NO_TLS = _TO_EOP._replace(
    id="to-eop-no-tls",
    title="The sender used no TLS",
    judge="Exchange Online refuses a sender that did not start TLS.",
    label=Confidence.REPORTED,
    meaning="The reply names no reason: it was seen where the sender used no TLS at all, and went with TLS on.",
    causes=("The sending server or a device between delivers in plain text.",),
    remedy=(
        "Turn TLS on for this route (RequireTLS on the Send connector).",
        "Look for a firewall or gateway that takes STARTTLS out of the session.",
    ),
    references=("A report of 2016 with a Postfix relay; Microsoft does not describe it.",),
    examples=(wording.NO_TLS,),
    codes=("454 4.7.0",),
    words=r".{0,40}?Failed to establish appropriate TLS channel: Access Denied",
    phrase=r"Failed to establish appropriate TLS channel: Access Denied",
    rule="no-starttls",
)

UNKNOWN_TOKEN = _TO_EOP._replace(
    id="to-eop-tls-channel-other",
    title="Exchange Online refused the TLS channel for a reason not known publicly",
    label=Confidence.INFERRED,
    meaning="In this reply only UntrustedRoot is known publicly. The token is shown as it came.",
    causes=("Unknown: no public statement explains this token.",),
    remedy=("Check the whole chain of the Send connector's certificate: dates, names, intermediates, root.",),
    check=(*powershell.READ_LOG, *powershell.PROBE),
    references=(_KB2888788,),
    examples=("454 4.7.0 Failed to establish appropriate TLS channel: SomethingNew: Access Denied",),
    codes=("454 4.7.0",),
    words=r".{0,40}?Failed to establish appropriate TLS channel: (?P<token>\w{1,64}): Access Denied",
    phrase=r"Failed to establish appropriate TLS channel: (?P<token>\w{1,64}): Access Denied",
)

CUT_OFF = UNKNOWN_TOKEN._replace(
    id="to-eop-tls-channel-cut",
    title="Exchange Online refused the TLS channel; the reason was cut off",
    judge="Exchange Online refuses the TLS session of your server.",
    meaning="The reason stands after the words that are here, and decides.",
    causes=(
        "UntrustedRoot: Access Denied - the Send connector's certificate is not trusted.",
        "Access Denied without a reason before it - the sender used no TLS (reported).",
    ),
    remedy=("Find the whole reply: in event 2004, in the queue's LastError, or in the Send protocol log.",),
    check=powershell.READ_LOG,
    examples=(
        "454 4.7.0 Failed to establish appropriate TLS channel",
        "454 4.7.0 Failed to establish appropriate TLS",
    ),
    words=r".{0,40}?Failed to establish\b",
    phrase=r"Failed to establish appropriate TLS channel\b",
)

NOT_OFFERED = Entry(
    id="starttls-not-offered",
    title="The other side's EHLO reply does not offer STARTTLS",
    kind=EntryKind.LOG,
    judge="The other side takes no mail in plain text, and the way to TLS is hidden from your server.",
    label=Confidence.REPORTED,
    meaning=(
        "Without STARTTLS in the reply to EHLO the sender cannot start TLS, whatever its connector demands. "
        "Exchange Online offers it, so something on the path takes it out."
    ),
    causes=(
        "A firewall, gateway or provider inspects SMTP and removes STARTTLS.",
        "The address reached is not the host meant.",
    ),
    remedy=(
        "Switch SMTP inspection off on every device between, or let it pass STARTTLS; a provider may do it, too.",
        "Send from another address or line for a test: where STARTTLS is offered there, the path is the cause.",
    ),
    check=(*powershell.PROBE, *powershell.READ_LOG),
    references=("A report of stuck queues with 451 5.7.3 whose Send log shows the EHLO reply",),
    examples=("STARTTLS is not offered by remote",),
    phrase=r"STARTTLS is not offered by remote",
    rule="no-starttls",
)

MASKED = NOT_OFFERED._replace(
    id="starttls-masked",
    title="An SMTP inspection masks STARTTLS in the EHLO reply",
    meaning="Keywords overwritten with X (250-XXXXXXXA), or a banner of asterisks, are the mark of a Cisco device's "
    "ESMTP inspection: one of the keywords was STARTTLS.",
    causes=("ESMTP inspection on a Cisco ASA, PIX or FTD between the two hosts.",),
    remedy=("Switch ESMTP inspection off on that firewall, or allow TLS in it.", NOT_OFFERED.remedy[1]),
    examples=("250-XXXXXXXA",),
    phrase=r"\b250[\s-](?P<token>X{4,}[A-Z]?)\b",
)

OLD_TLS = _TO_EOP._replace(
    id="to-eop-socket-error",
    title="The connection broke during TLS: TLS 1.0 or 1.1 only",
    judge="Exchange Online refuses TLS 1.0 and 1.1.",
    meaning=(
        "TLS could not be agreed on. Towards Exchange Online Microsoft names one cause: the sender offers "
        "TLS 1.0 and 1.1 only. Towards other hosts it says only that the connection broke."
    ),
    causes=(
        "TLS 1.2 is off on the sending server, for Schannel or .NET.",
        "A device on the path breaks TLS.",
    ),
    remedy=("Enable TLS 1.2 on the sending server (Schannel client and .NET) and restart it.",),
    references=(_SOCKET,),
    examples=(wording.OLD_TLS_TO_EOP, "TLS negotiation failed with error SocketError"),
    codes=("421 4.4.2",),
    words=r".{0,40}?Connection dropped due to (?P<token>SocketError)\b",
    phrase=r"(?:TLS negotiation failed with error|\bTLS\b[^\r\n]{0,120}?) ?\b(?P<token>SocketError)\b",
    rule="old-tls",
)

STARTTLS_REQUIRED = _TO_EOP._replace(
    id="to-eop-starttls-required",
    title="TLS is required and was not started",
    judge="The receiving side refuses mail in plain text.",
    meaning="A connector requires TLS, and the sender did not start it or could not agree on a version.",
    causes=(
        "TLS is off on the Send connector (IgnoreSTARTTLS) or filtered on the path.",
        "The sender offers only TLS 1.0 or 1.1.",
    ),
    remedy=(
        "Turn TLS on at the Send connector, and do not ignore STARTTLS:",
        powershell.REQUIRE_TLS,
        "Enable TLS 1.2 on the sending server.",
    ),
    references=(_SOCKET, DIGICERT),
    examples=(
        "451 5.7.3 STARTTLS is required, 5.7.0 Must issue a STARTTLS command first",
        f"{wording.STARTTLS_REQUIRED_OF_SENDER} [XX1EUR00FT001.mail.protection.outlook.com]",
        "451 5.7.3 Must issue a STARTTLS command first",
    ),
    codes=("451 5.7.3", "5.7.0"),
    words=r".{0,10}?(?:STARTTLS is required|Must issue a STARTTLS command first)",
    rule="no-starttls",
)

CLOSED = _TO_EOP._replace(
    id="to-eop-handshake-closed",
    title="The connection ended in the TLS handshake",
    judge="The other side closed the connection after STARTTLS.",
    label=Confidence.REPORTED,
    meaning=(
        "Practitioners saw this with an expired or unusable client certificate; Microsoft has never confirmed "
        "the cause, and network devices can produce the same."
    ),
    causes=("An expired or unusable client certificate.", "A device between that inspects SMTP."),
    remedy=("Make sure that the client certificate is valid and of a public CA, and try again.",),
    check=(*powershell.READ_LOG, *powershell.PROBE),
    references=("MailCleaner issue 598 and a forum thread; no Microsoft source.",),
    examples=("403 4.7.0 TLS handshake failed", "Remote host closed connection in response to EHLO"),
    codes=("403 4.7.0",),
    words=r".{0,10}?TLS handshake failed",
    phrase=r"Remote host closed connection in response to EHLO\b",
    rule="tls-failed",
)

OUTDATED = _TO_EOP._replace(
    id="to-eop-outdated-server",
    title="Throttled or blocked for an outdated Exchange build",
    judge="Exchange Online slows down or blocks an Exchange server that is out of date.",
    meaning=(
        "Not about TLS or certificates: the build of the server that connects through an OnPremises connector "
        "is too old. Microsoft documents the throttling; the exact wording is reported."
    ),
    causes=("The Exchange version is out of support or lacks updates.",),
    remedy=(
        "Update the server to a supported build.",
        "An exemption of up to 90 days a year can be asked for (New-TenantExemptionInfo).",
    ),
    check=(Command("Get-OnPremServerReportInfo", Shell.EXCHANGE_ONLINE),),
    references=("Exchange Team blog: throttling and blocking of persistently vulnerable Exchange servers",),
    examples=(
        (
            "450 4.7.230 Connecting Exchange server version is out-of-date; connection to Exchange Online "
            "throttled for 5 mins/hr. For more information see https://aka.ms/BlockUnsafeExchange."
        ),
        (
            "550 5.7.230 Connecting Exchange server version is out-of-date; connection to Exchange Online blocked "
            "for 10 mins/hr."
        ),
    ),
    codes=("450 4.7.230", "550 5.7.230"),
    phrase=r"aka\.ms/BlockUnsafeExchange",
    rule="throttled",
)

ENTRIES = (
    UNTRUSTED_ROOT, NO_TLS, UNKNOWN_TOKEN, CUT_OFF, OLD_TLS, MASKED, NOT_OFFERED, STARTTLS_REQUIRED, CLOSED,
    OUTDATED,
)  # fmt: skip
