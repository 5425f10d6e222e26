"""Windows events of Exchange's transport services about certificates and refused messages."""

from __future__ import annotations

from probe import powershell
from probe.exchange.replies.entry import Entry, EntryKind, Flow
from probe.exchange.replies.wrappers import WRAPPER
from probe.statement import Confidence

_TRANSPORT = "Microsoft: event of source MSExchangeTransport (or MSExchangeFrontEndTransport)"
_STARTTLS = "Microsoft Learn: inbound STARTTLS certificate selection (9 May 2025)"


#: What all events have in common.
_EVENT = Entry(
    kind=EntryKind.EVENT,
    judge="Nobody refuses: your own server reports on its certificates.",
    causes=("The event's text names it.",),
    check=(powershell.LIST_CERTIFICATES,),
    references=(_TRANSPORT,),
)


SEND_CONNECTOR = WRAPPER._replace(
    id="event-2004",
    title="A message was not delivered through a Send connector",
    label=Confidence.DOCUMENTED,
    meaning="The Send connector got an SMTP reply that refused the message; the reply stands at the end of the text.",
    examples=(
        (
            "Send connector Relay: Message delivery was not successful. The message with message ID <1@contoso.com> "
            "was acknowledged with SMTP response 452 4.3.1 Out of room."
        ),
    ),
    phrase=r"Send connector (?P<connector>[^\r\n]{1,200}?): Message delivery was not successful",
    events=(2004,),
    judge="The server that gave the reply refuses the message.",
    references=(_TRANSPORT,),
)
CONNECTION = SEND_CONNECTOR._replace(
    id="event-2005",
    title="A connection of a Send connector failed",
    meaning="The connection, not one message, got the SMTP reply that stands at the end of the text.",
    examples=(
        (
            "Send connector Relay: Errors occurred with the connection to 198.51.100.36. The connection was "
            "acknowledged with SMTP response 452 4.3.1 Out of room."
        ),
    ),
    phrase=r"Send connector (?P<connector>[^\r\n]{1,200}?): Errors occurred with the connection to\b",
    events=(2005,),
    judge="The server that gave the reply refuses the connection.",
)
NOT_FOUND = _EVENT._replace(
    id="event-12014",
    title="No certificate for a connector's name: no STARTTLS",
    meaning="No certificate in the computer's personal store carries the connector's name (or has the issuer and "
    "subject its TlsCertificateName names), so STARTTLS is not offered on that connector.",
    remedy=(
        "Enable a certificate with that name for SMTP, or correct Fqdn or TlsCertificateName of the connector.",
    ),
    examples=(
        (
            "Microsoft Exchange could not find a certificate that contains the domain name mail.contoso.com in the "
            "personal store on the local computer."
        ),
    ),
    phrase=r"could not find a certificate that contains the domain name (?P<token>\S{1,300})",
    events=(12014,),
    check=(powershell.LIST_CERTIFICATES, powershell.RECEIVE_CONNECTOR, powershell.SEND_CONNECTOR),
    references=(_TRANSPORT, _STARTTLS),
    rule="no-starttls",
)
EXPIRED = _EVENT._replace(
    id="event-12016",
    title="The certificate for a connector's name has expired",
    meaning="The certificate chosen for the name has expired. STARTTLS is still offered with it.",
    remedy=("Renew the certificate and enable the new one for SMTP.",),
    examples=(
        (
            "There is no valid SMTP Transport Layer Security (TLS) certificate for the FQDN of mail.contoso.com. The "
            "existing certificate for that FQDN has expired."
        ),
    ),
    phrase=r"There is no valid SMTP Transport Layer Security \(TLS\) certificate for the FQDN of (?P<token>\S{1,300})",
    events=(12016,),
    references=(_TRANSPORT, _STARTTLS),
    rule="expired",
)
EXPIRES_SOON = _EVENT._replace(
    id="event-12018",
    title="The STARTTLS certificate will expire soon",
    meaning="A certificate used for STARTTLS is near its end.",
    remedy=("Renew it; where issuer or subject change, set TlsCertificateName of the connectors again.",),
    examples=(
        (
            "The STARTTLS certificate will expire soon: subject: mail.contoso.com, thumbprint: "
            "F5770C7F9A5EB836EE4670B72C25B24001E522D3, hours remaining: 700."
        ),
    ),
    phrase=r"The STARTTLS certificate will expire soon",
    events=(12018,),
    rule="expires-soon",
)
INTERNAL = _EVENT._replace(
    id="event-12012-12013",
    title="The internal transport certificate is missing or unreadable",
    meaning="Mail between the organisation's own servers uses this certificate; Exchange Online never sees it.",
    remedy=("Create a new internal transport certificate.",),
    events=(12012, 12013),
)
INTERNAL_EXPIRED = INTERNAL._replace(
    id="event-12015",
    title="The internal transport certificate has expired",
    remedy=("Replace the internal transport certificate; never just remove it.",),
    examples=(
        "An internal transport certificate expired. Thumbprint:DBE6567B43527985A0378E028639238F449053A6",
    ),
    phrase=r"An internal transport certificate expired",
    events=(12015,),
)
INTERNAL_SOON = INTERNAL_EXPIRED._replace(
    id="event-12017",
    title="The internal transport certificate will expire soon",
    examples=(
        (
            "An internal transport certificate will expire soon. Thumbprint:DBE6567B43527985A0378E028639238F449053A6, "
            "hours remaining: 700"
        ),
    ),
    phrase=r"An internal transport certificate will expire soon",
    events=(12017,),
)
REMOTE = _EVENT._replace(
    id="event-12019",
    title="Another server's internal certificate has expired",
    meaning="Reported for the certificate of another server of the organisation.",
    remedy=("Renew the certificate on the server the event names.",),
    events=(12019,),
)
EPHEMERAL = _EVENT._replace(
    id="event-12024",
    title="Exchange fell back to a self-signed certificate of its own",
    meaning="No stored certificate could be used, so the service made a temporary self-signed one. Exchange Online "
    "does not trust such a certificate.",
    remedy=("Enable a certificate with the connector's name for SMTP.",),
    events=(12024,),
    rule="self-signed",
)
CAPABILITIES = _EVENT._replace(
    id="event-11022",
    title="Your server does not trust the certificate of the host that delivers to it",
    flow=Flow.FROM_EOP,
    judge="Your server refuses the other side's certificate, Exchange Online's in hybrid mail.",
    label=Confidence.REPORTED,
    meaning=(
        "The Receive connector could not confirm the capabilities of the domain named, because the certificate of "
        "the other side failed validation here: this server's own root store is out of date. Mail across the "
        "premises then counts as anonymous."
    ),
    causes=("A root of Exchange Online's certificate is missing here, or Windows may not update its roots.",),
    remedy=(
        "Let Windows update its roots, or import the root of the certificate that the other side presents.",
    ),
    check=(powershell.RECEIVE_CONNECTOR,),
    references=("Microsoft: MSExchangeTransport event 11022; reports of practitioners",),
    examples=(
        (
            "Failed to confirm domain capabilities 'mail.protection.outlook.com:AcceptCloudServicesMail' on connector "
            "'Default Frontend EX01' because validation of the Transport Layer Security (TLS) certificate failed with "
            "status 'UntrustedRoot'."
        ),
    ),
    phrase=r"Failed to confirm domain capabilities .{0,300}?failed with status '?(?P<token>\w{1,64})",
    events=(11022,),
)
SENT_TO = CAPABILITIES._replace(
    id="event-11005",
    title="Your server does not trust the certificate of the host it sends to",
    flow=Flow.NEITHER,
    judge="Your server refuses the certificate of the host it sends to, not the other way round.",
    meaning="The status in the event's text says why; UntrustedRoot means that a root is missing on this server.",
    causes=("A root is missing in this server's store, or a device between replaces the certificate.",),
    check=(powershell.SEND_CONNECTOR,),
    references=("Microsoft: MSExchangeTransport event 11005; reports of practitioners",),
    examples=(),
    phrase="",
    events=(11005,),
)
AUTHENTICATION = _EVENT._replace(
    id="event-1035-1036",
    title="Inbound authentication failed",
    meaning="A client failed to authenticate to this server. It is no statement about certificates in Exchange Online.",
    remedy=("Look at the client's address and the Receive connector's AuthMechanism.",),
    events=(1035, 1036),
    check=(powershell.RECEIVE_CONNECTOR,),
    judge="Your server refuses a client.",
)
UNPUBLISHED = _EVENT._replace(
    id="event-2017-12023",
    title="An event whose text is not published",
    meaning="The number is mentioned in connection with transport certificates; what it says is not known publicly.",
    remedy=("Read the event's own text, and explain the reply or the token in it.",),
    events=(2017, 12023),
    label=Confidence.INFERRED,
)

ENTRIES = (
    NOT_FOUND, EXPIRED, EXPIRES_SOON, INTERNAL_EXPIRED, INTERNAL_SOON, INTERNAL, REMOTE, EPHEMERAL,
    CAPABILITIES, SENT_TO, AUTHENTICATION, UNPUBLISHED, SEND_CONNECTOR, CONNECTION,
)  # fmt: skip
