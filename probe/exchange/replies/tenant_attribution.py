"""What Exchange Online answers where it cannot tie a connection to a tenant, most specific first."""

from __future__ import annotations

from probe import powershell
from probe.exchange.replies import wording
from probe.exchange.replies.entry import Entry, Flow
from probe.exchange.replies.sources import TEAM
from probe.powershell import Command, Shell
from probe.statement import Confidence

_ATTRIBUTION = "Microsoft KB 4051495 and KB 3212877: 550 5.7.64 TenantAttribution"
_ATTR36 = "Microsoft KB 4019940 and KB 3169958: relay access denied, ATTR36"
_REGION = "Microsoft Learn: Configure Multi-Geo In-Region Routing"

#: What most of these have in common.
_REFUSED = Entry(flow=Flow.TO_EOP, judge="Exchange Online cannot tie your connection to your tenant.")

ATTR36 = _REFUSED._replace(
    id="to-eop-attr36",
    title="Neither the sender's domain nor the certificate's is yours",
    meaning=(
        "Neither the envelope sender's domain nor a domain in the certificate is an accepted domain of the "
        "tenant. The connector itself may well match."
    ),
    causes=(
        "The certificate's host name is not an accepted domain nor immediately below one.",
        "The envelope sender is empty (out-of-office, reports) or of a foreign domain (forwarded mail).",
    ),
    remedy=(
        "Register the domain in the certificate as an accepted domain, or",
        (
            "use a certificate whose name is an accepted domain or immediately below one, and set "
            "TlsSenderCertificateName to it."
        ),
    ),
    check=(powershell.ACCEPTED_DOMAINS, powershell.INBOUND_CONNECTOR),
    references=(_ATTR36,),
    examples=(wording.RELAY_DENIED_ATTR36, "550 5.7.64 Relay Access Denied ATT36"),
    codes=("550 5.7.64",),
    words=r".{0,200}?\b(?P<token>ATTR?36)\b(?!\.\d)",
    rule="not-an-accepted-domain",
)

TENANT_ATTRIBUTION = _REFUSED._replace(
    id="to-eop-tenant-attribution",
    title="No inbound connector matches your certificate or address",
    meaning=(
        "No enabled inbound connector of the tenant matches the certificate or the address of this "
        "connection, or the certificate's chain was not sent."
    ),
    causes=(
        "The certificate was renewed under another name, or the connector expects another one.",
        "The server's public address has changed.",
        "The connector is disabled.",
        "The server does not send the intermediate certificate (KB 3212877).",
        "No client certificate was sent (reported: where it lacks clientAuth, Windows may leave it out).",
    ),
    remedy=(
        "Compare TlsSenderCertificateName (or SenderIPAddresses) of the inbound connector with what is sent.",
        *powershell.expect_name(powershell.NAME),
        "Enable the connector where it is disabled:",
        powershell.enable_inbound(),
        *powershell.IMPORT_INTERMEDIATE,
    ),
    check=(powershell.INBOUND_CONNECTOR, *powershell.READ_LOG, *powershell.PROBE),
    references=(_ATTRIBUTION,),
    examples=(
        wording.RELAY_DENIED,
        (
            "550 5.7.64 TenantAttribution; Relay Access Denied "
            "[XX1EUR00FT001.eop-EUR00.prod.protection.outlook.com]"
        ),
        "550 5.7.64 TenantAttribution: Relay Access Denied [XX1PR00MB0001.prod.outlook.com]",
        "550 5.7.64 TenantAttribution; Smtp negato per l'accesso di inoltro.",
    ),
    codes=("550 5.7.64",),
    words=r".{0,200}?\b(?P<token>TenantAttribution)\b",
    phrase=r"\b(?P<token>TenantAttribution) ?[;:] ?\w",
    rule="tenant-attribution",
)

RELAY_DENIED = _REFUSED._replace(
    id="to-eop-relay-denied",
    title="Relaying refused, without a reason we know",
    label=Confidence.INFERRED,
    meaning="Attribution to a tenant failed; the reply names neither TenantAttribution nor ATTR36.",
    causes=("As for TenantAttribution and ATTR36; the text does not say which.",),
    remedy=("Compare the inbound connector and the accepted domains with the certificate that was sent.",),
    check=(powershell.INBOUND_CONNECTOR, powershell.ACCEPTED_DOMAINS, *powershell.READ_LOG),
    references=(_ATTRIBUTION, _ATTR36),
    examples=("550 5.7.64 Relay Access Denied ATTR99", "550 5.7.64 Relay Access Denied"),
    codes=("550 5.7.64",),
    words=r"(?:.{0,200}?\b(?P<token>ATTR?\d+(?:\.\d+)?)\b)?",
    rule="tenant-attribution",
)

WRONG_REGION = _REFUSED._replace(
    id="to-eop-wrong-region",
    title="Attributed to the wrong Microsoft 365 region",
    meaning=(
        "Exchange Online attributed the connection to a tenant in another region. Microsoft's page on printers "
        "and applications lists it next to 5.7.64: the certificate or the address no longer matches."
    ),
    causes=("The address or the certificate has changed, or several tenants share it.",),
    remedy=("Give each tenant its own certificate domain; correct the connector's certificate or address.",),
    check=(powershell.INBOUND_CONNECTOR, "Is the smart host the MX name of your own tenant?"),
    references=(_REGION, "Microsoft: printers, scanners and applications that send email"),
    examples=("451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information",),
    codes=("451 4.4.62",),
    words=r"(?:.{0,200}?\b(?P<token>ATTR35)\b)?",
    rule="tenant-attribution",
)

NOT_SUBSCRIBED = _REFUSED._replace(
    id="to-eop-no-subscription",
    title="The recipient's tenant has no mail subscription",
    judge="Exchange Online refuses mail for a tenant without mail-enabled subscriptions.",
    meaning="Not about certificates: the tenant that owns the recipient's domain has no mail subscription.",
    causes=("No licence with mail in the tenant, or the domain stands in the wrong tenant.",),
    remedy=("Check the tenant's subscriptions and in which tenant the recipient's domain is registered.",),
    check=(powershell.ACCEPTED_DOMAINS,),
    references=(_REGION,),
    examples=(
        (
            "550 4.4.4 Mail received as unauthenticated, incoming to a recipient domain configured in a hosted "
            "tenant which has no mail-enabled subscriptions. ATTR5"
        ),
    ),
    codes=("550 4.4.4",),
    words=r".{0,250}?\b(?P<token>ATTR5)\b(?!\.\d)",
)

ATTRIBUTION_BUSY = _REFUSED._replace(
    id="to-eop-attribution-temporary",
    title="Exchange Online could not look the tenant up just now",
    judge="Exchange Online puts the message off.",
    meaning="A temporary fault in attribution on Microsoft's side. Retry; nothing to correct.",
    causes=("Temporary.",),
    remedy=("Wait: the sending server tries again by itself.",),
    check=("Does it go on for hours? Then look at the service health page.",),
    references=(_REGION,),
    examples=(
        "451 4.3.2 Temporary server error. Please try again later ATTR55",
        "451 4.4.3 Temporary server error. Please try again later ATTR55.1",
    ),
    codes=("451 4.3.2", "451 4.4.3"),
    words=r".{0,200}?\b(?P<token>ATTR55(?:\.\d+)?)\b",
)

PARTNER_RESTRICTION = _REFUSED._replace(
    id="to-eop-partner-restriction",
    title="A partner connector's restriction is not met",
    judge="Exchange Online refuses a connection that a Partner inbound connector restricts.",
    meaning=(
        "A Partner inbound connector covers the recipient's domain and accepts only given addresses or a given "
        "certificate; this connection has neither."
    ),
    causes=(
        (
            "The Send connector presents another certificate than the partner connector names "
            "(wrong TlsCertificateName or Fqdn)."
        ),
        "The sending address is not on the list.",
    ),
    remedy=(
        (
            "Present the certificate that the connector names, or correct TlsSenderCertificateName "
            "or SenderIPAddresses on it."
        ),
    ),
    check=(powershell.INBOUND_CONNECTOR, *powershell.READ_LOG),
    references=(TEAM,),
    examples=(wording.PARTNER_RESTRICTED,),
    codes=("550 5.7.51",),
    words=r".{0,200}?(?:\b(?P<token>TenantInboundAttribution)\b|partner connector)",
    rule="tenant-attribution",
)

DIRECT_SEND = _REFUSED._replace(
    id="to-eop-direct-send",
    title="Direct Send is switched off for the tenant",
    meaning="RejectDirectSend is on, and the message was not attributed to a connector.",
    causes=("The certificate or address does not match the inbound connector.", "A device sends directly."),
    remedy=("Make the connection match an inbound connector, by certificate or address.",),
    check=(
        powershell.INBOUND_CONNECTOR,
        Command("Get-OrganizationConfig | fl RejectDirectSend", Shell.EXCHANGE_ONLINE),
    ),
    references=("Exchange Team blog: Reject Direct Send",),
    examples=(
        (
            "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from "
            "unauthorized sources"
        ),
    ),
    codes=("550 5.7.68",),
    words=r".{0,200}?(?:\b(?P<token>TenantInboundAttribution)\b|Direct Send not allowed)",
)

OTHER_ATTR = _REFUSED._replace(
    id="to-eop-attr-other",
    title="A tenant attribution code, without a reply that explains it",
    label=Confidence.INFERRED,
    meaning=(
        "ATTR codes come from the attribution of a connection to a tenant. This one is shown as it came, "
        "without a reply code that would tell what was refused."
    ),
    causes=(
        "ATTR36: neither the sender's domain nor the certificate's is an accepted domain (KB 4019940).",
        "ATTR35: attribution to the wrong Microsoft 365 region.",
        "Others: unknown, unless the whole reply says more; give it all.",
    ),
    remedy=("Compare the inbound connector and the accepted domains with the certificate that was sent.",),
    check=(powershell.INBOUND_CONNECTOR, powershell.ACCEPTED_DOMAINS),
    references=(_REGION, _ATTR36),
    examples=("Access denied ATTR77",),
    phrase=r"\b(?P<token>ATTR?\d{1,4}(?:\.\d{1,2})?)\b",
)

ENTRIES = (
    ATTR36, TENANT_ATTRIBUTION, RELAY_DENIED, WRONG_REGION, NOT_SUBSCRIBED, ATTRIBUTION_BUSY,
    PARTNER_RESTRICTION, DIRECT_SEND,
)  # fmt: skip
