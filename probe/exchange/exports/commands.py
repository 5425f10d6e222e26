"""The PowerShell lines that export evidence: read-only, nothing secret, private keys never leave the server.

Inferred from the cmdlets' documentation; not run on an Exchange server. ConvertTo-Json would print
enumerations as numbers, lists as objects and dates in local time, hence the calculated properties.
"""

from __future__ import annotations

from typing import NamedTuple

from probe.exchange.exports.read import ExportKind
from probe.exchange.traces.report import TraceKind
from probe.powershell import Command, Shell

#: Where the lines for each shell are to be pasted.
PLACES = {
    Shell.EXCHANGE: "Exchange Management Shell, on each Exchange server",
    Shell.EXCHANGE_ONLINE: Shell.EXCHANGE_ONLINE.value,
}


class ExportCommand(NamedTuple):
    """One line to paste, what it exports, and the file it writes."""

    kind: ExportKind | TraceKind
    file: str
    command: Command


#: How a property is made into something that JSON keeps.
_FORMS = {
    "text": '"$($_.{0})"',
    "list": "$_.{0} -join ';'",
    "utc": "$_.{0}.ToUniversalTime().ToString('o')",
    # Traces are in UTC without saying so, and a conversion would take them as local time.
    "iso": "$_.{0}.ToString('o')",
    "message": "$message.{0}",
    "base64": "[Convert]::ToBase64String($_.{0})",
}


def _property(name: str) -> str:
    """``Name`` as it is, ``Name:text`` as a calculated property."""
    name, _, form = name.partition(":")
    return f"@{{n='{name}';e={{{_FORMS[form].format(name)}}}}}" if form else name


def _line(cmdlet: str, properties: str, file: str) -> str:
    chosen = ",".join(map(_property, properties.split()))
    quoted = f'"{file}"' if "$" in file else file
    return (
        f"{cmdlet} | Select-Object {chosen} | ConvertTo-Json -Depth 4 | Set-Content -Encoding UTF8 {quoted}"
    )


def _command(
    kind: ExportKind | TraceKind, shell: Shell, cmdlet: str, file: str, properties: str
) -> ExportCommand:
    return ExportCommand(kind, file, Command(_line(cmdlet, properties, file), shell))


#: Of the last two days: a question may be about ten, and is answered with 5,000 rows at most.
_TRACE = "Get-MessageTraceV2 -StartDate (Get-Date).AddDays(-2) -EndDate (Get-Date) {}"

COMMANDS: tuple[ExportCommand, ...] = (
    _command(
        ExportKind.CERTIFICATES, Shell.EXCHANGE, "Get-ExchangeCertificate",
        # Each server lists its own certificates: the name keeps the files apart.
        "exchange-certificates-$env:COMPUTERNAME.json",
        "Identity:text FriendlyName Thumbprint Subject Issuer SerialNumber NotBefore:utc NotAfter:utc "
        "Status:text RootCAType:text IsSelfSigned HasPrivateKey PublicKeySize Services:text "
        "CertificateDomains:list RawData:base64",
    ),
    _command(
        ExportKind.SEND_CONNECTORS, Shell.EXCHANGE, "Get-SendConnector", "send-connectors.json",
        "Name Enabled AddressSpaces:list SmartHosts:list SourceTransportServers:list Fqdn:text "
        "TlsCertificateName:text TlsAuthLevel:text TlsDomain:text RequireTLS CloudServicesMailEnabled "
        "DNSRoutingEnabled FrontendProxyEnabled IgnoreSTARTTLS DomainSecureEnabled Port ProtocolLoggingLevel:text",
    ),
    _command(
        ExportKind.RECEIVE_CONNECTORS, Shell.EXCHANGE, "Get-ReceiveConnector", "receive-connectors.json",
        "Identity:text Name Enabled Bindings:list AuthMechanism:text Fqdn:text TlsCertificateName:text "
        "TlsDomainCapabilities:list RequireTLS ProtocolLoggingLevel:text",
    ),
    _command(
        ExportKind.INBOUND_CONNECTORS, Shell.EXCHANGE_ONLINE, "Get-InboundConnector", "inbound-connectors.json",
        "Name Enabled ConnectorType:text ConnectorSource:text SenderDomains SenderIPAddresses "
        "AssociatedAcceptedDomains RequireTls TlsSenderCertificateName RestrictDomainsToCertificate "
        "RestrictDomainsToIPAddresses CloudServicesMailEnabled TreatMessagesAsInternal TrustedOrganizations",
    ),
    _command(
        ExportKind.OUTBOUND_CONNECTORS, Shell.EXCHANGE_ONLINE, "Get-OutboundConnector", "outbound-connectors.json",
        "Name Enabled ConnectorType:text ConnectorSource:text RecipientDomains SmartHosts TlsSettings:text "
        "TlsDomain CloudServicesMailEnabled SmtpDaneMode:text MtaStsMode:text IsValidated LastValidationTimestamp:iso",
    ),
    _command(
        ExportKind.ACCEPTED_DOMAINS, Shell.EXCHANGE_ONLINE, "Get-AcceptedDomain", "accepted-domains.json",
        "Name DomainName DomainType:text Default MatchSubDomains",
    ),
    _command(
        TraceKind.MESSAGES, Shell.EXCHANGE_ONLINE, _TRACE.format("-ResultSize 5000"), "message-trace.json",
        "Received:iso SenderAddress RecipientAddress Status:text FromIP ToIP MessageId MessageTraceId:text",
    ),
    _command(
        TraceKind.EVENTS, Shell.EXCHANGE_ONLINE,
        # A hundred questions are answered in five minutes.
        f"{_TRACE.format('-Status Failed,Pending -ResultSize 90')} | ForEach-Object {{ $message = $_; "
        "Get-MessageTraceDetailV2 -MessageTraceId $_.MessageTraceId -RecipientAddress $_.RecipientAddress }",
        "message-trace-details.json",
        "Date:iso Event Action Detail Data MessageId MessageTraceId:text SenderAddress:message "
        "RecipientAddress:message",
    ),
    _command(
        TraceKind.SERVERS, Shell.EXCHANGE_ONLINE, "Get-OnPremServerReportInfo", "on-premises-servers.json",
        "@{n='Cmdlet';e={'Get-OnPremServerReportInfo'}} *",
    ),
)  # fmt: skip
"""Every line, the servers' before the tenant's."""
