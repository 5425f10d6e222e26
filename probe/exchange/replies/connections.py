"""What an on-premises Exchange server says where no session came about, or one broke."""

from __future__ import annotations

from probe import powershell
from probe.exchange.replies.entry import Entry
from probe.exchange.replies.sources import KB_4051498
from probe.powershell import Command
from probe.statement import Confidence

UNABLE = Entry(
    id="unable-to-connect",
    title="Your server could not connect, or could not use its certificate",
    judge="Nobody refuses: your own server gave up before a message was offered.",
    label=Confidence.REPORTED,
    meaning=(
        "Exchange writes this itself where no session came about. It is also the known mask of NoCredentials and "
        "UnknownCredentials: only the Send protocol log shows them."
    ),
    causes=(
        "The certificate of the Send connector cannot be used (NoCredentials, UnknownCredentials in the log).",
        "Port 25 to that host is closed, or the smart host's name leads nowhere.",
    ),
    remedy=(
        "Read the Send protocol log of the same minute: with one of these tokens it is the certificate.",
        "Without a token, look at firewall, DNS and the smart host's name.",
    ),
    check=(*powershell.READ_LOG, powershell.SEND_CONNECTOR),
    references=("Reports of practitioners",),
    examples=("421 4.2.1 Unable to connect",),
    codes=("421 4.2.1",),
    words=r".{0,10}?Unable to connect",
)

NO_TCP = UNABLE._replace(
    id="no-tcp-connection",
    title="Your server could not open a TCP connection",
    judge="Nobody refuses: no connection came about.",
    meaning=(
        "The network, not a certificate. The Winsock code says how: 10060 timed out, 10061 was refused, 10051 and "
        "10065 have no route, 10054 was reset."
    ),
    causes=("Port 25 to that host is closed (a firewall, the provider), or the host is down.",),
    remedy=(
        "Open TCP port 25 from this server to that host, and see that its name leads to the right address.",
    ),
    examples=(
        (
            '441 4.4.1 Error encountered while communicating with primary target IP address: "Failed to connect. '
            'Winsock error code: 10060, Win32 error code: 10060."'
        ),
    ),
    codes=("441 4.4.1", "451 4.4.0", "421 4.4.1"),
    words=r".{0,160}?(?P<token>Winsock error code:? ?\d{3,5})",
    phrase=r"Failed to connect\. (?P<token>Winsock error code:? ?\d{3,5})",
    rule="unreachable",
)

AUTHENTICATION = UNABLE._replace(
    id="authentication-required",
    title="The smart host or the connector asks for basic authentication",
    judge="Not told by the text.",
    meaning="Not about certificates: a user name and password were expected for this route.",
    causes=(
        "SmartHostAuthMechanism of the Send connector does not fit what the smart host offers after TLS.",
    ),
    remedy=("Compare SmartHostAuthMechanism of the Send connector with what the smart host asks for.",),
    check=(
        *powershell.READ_LOG,
        Command("Get-SendConnector | fl Name,SmartHosts,SmartHostAuthMechanism,RequireTLS"),
    ),
    references=("mailcow-dockerized issue 2301",),
    examples=("451 5.7.3 Require basic authentication",),
    codes=("451 5.7.3",),
    words=r".{0,10}?Require basic authentication",
)

TIMED_OUT = Entry(
    id="connection-timed-out",
    title="The connection timed out",
    judge="Nobody refuses: no connection came about.",
    meaning=(
        "Mostly the network. KB 4051498 shows it in the queue while the protocol log has "
        "UnknownCredentials: the log decides."
    ),
    causes=("Port 25 is blocked or the host is down.", "The certificate in use lacks SMTP (KB 4051498)."),
    remedy=("Read the protocol log of the same minute before changing anything.",),
    check=powershell.READ_LOG,
    references=(KB_4051498,),
    examples=("421 4.4.1 Connection timed out",),
    codes=("421 4.4.1",),
    words=r".{0,10}?Connection timed out",
    rule="timeout",
)

DROPPED = Entry(
    id="connection-dropped",
    title="The connection was dropped: the network, not a certificate",
    judge="Nobody refuses: the connection broke.",
    label=Confidence.REPORTED,
    meaning="The connection ended before an answer came. This is no verdict about a certificate.",
    causes=("A timeout on the path or on the other side.",),
    remedy=("Look at firewalls, inspection devices and the load of the other side.",),
    check=powershell.READ_LOG,
    references=("Reports of practitioners",),
    examples=(
        "421 4.4.2 Connection dropped due to TimedOut",
        "421 4.4.2 Connection dropped due to ConnectionReset",
    ),
    codes=("421 4.4.2",),
    words=r".{0,40}?Connection dropped due to (?P<token>\w{1,64})",
)

PROXY_LAYER = Entry(
    id="proxy-layer",
    title="An internal proxy step failed",
    judge="Nobody refuses: one Exchange component could not reach another.",
    label=Confidence.REPORTED,
    meaning="PRX codes come from Exchange's own proxying and say nothing about certificates.",
    causes=("Not told by the text.",),
    remedy=("Look at the transport services of the server that answered; leave the certificates alone.",),
    check=(Command("Test-ServiceHealth"),),
    references=("Reports of practitioners",),
    examples=("451 4.7.0 Temporary server error. Please try again later. PRX5",),
    codes=("451 4.7.0",),
    words=r".{0,160}?\b(?P<token>PRX\d{1,3})\b",
)

ENTRIES = (NO_TCP, TIMED_OUT, UNABLE, DROPPED, AUTHENTICATION, PROXY_LAYER)
