"""Commands to paste: for which shell, how a name is quoted in them, and the steps that several remedies share.

A name comes from a certificate, a log or an export of anybody's making, and what is printed here is
pasted with administrator's rights. So nothing but this module puts a name into a command.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias


class Shell(enum.Enum):
    """Where a command is to be pasted."""

    EXCHANGE = "Exchange Management Shell"
    EXCHANGE_ONLINE = "Exchange Online PowerShell"
    ANY = "PowerShell or POSIX shell"
    ZONE = "DNS zone"
    """No shell: a line of a zone file."""


class Command(NamedTuple):
    """One line to be run as it stands, and the shell it is for."""

    text: str
    shell: Shell = Shell.EXCHANGE

    def __str__(self) -> str:
        return self.text

    def filled(self, values: dict[str, str]) -> Command:
        """Put names in place of placeholders such as ``<name>``, quoted as the shell needs it."""
        quote = _both if self.shell is Shell.ANY else quoted
        known = {quoted(placeholder): quote(value) for placeholder, value in values.items()}
        if not known:
            return self
        found = "|".join(map(re.escape, known))
        return self._replace(text=re.sub(found, lambda match: known[match[0]], self.text))


class SubStep(str):
    """A sentence that belongs to the step before it: one way of several to do it, or what to mind."""

    __slots__ = ()


#: One step of a remedy: a sentence, or a command.
Step: TypeAlias = str | Command
Steps: TypeAlias = tuple[Step, ...]

#: Stands for a name that holds what cannot be pasted on one line, or not into every shell alike.
UNSAFE = "<type this name yourself: it cannot be pasted safely>"

#: What diagnosis fills in; see `Command.filled`.
CONNECTOR = "<name of the Send connector>"
RECEIVING = "<SERVER\\name of the Receive connector>"
INBOUND = "<name of the inbound connector>"
NAME = "<name in the certificate>"
PUBLIC = "<thumbprint of the public certificate>"
LOG_FOLDER = "<folder of the SmtpSend protocol logs>"
SERVER = "<server>"
MX_HOST = "<name of the MX host>"
KEY_DIGEST = "<SHA-256 of the key>"

# about_Quoting_Rules: PowerShell takes the typographic quotes for the plain ones.
_SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"
_DOUBLE_QUOTES = '"\u201c\u201d\u201e'
# What is no mere text between double quotes in PowerShell or in a POSIX shell (bash expands "!" interactively).
_EXPANDED = frozenset(_DOUBLE_QUOTES + "$`\\!")
# A word that no shell reads anything into. It begins with no digit: PowerShell has numbers with units.
_BARE = re.compile(r"[A-Za-z./][A-Za-z0-9._:/@=+-]*")

# What a zone file reads as one name.
_HOST = re.compile(r"\w[\w-]*(?:\.\w[\w-]*)*", re.ASCII)


def quoted(text: str) -> str:
    """`text` as a PowerShell single-quoted string of one line: nothing in it is expanded or ends it."""
    if not text.isprintable():
        text = UNSAFE
    return "'" + "".join(c * 2 if c in _SINGLE_QUOTES else c for c in text) + "'"


def eop_probe(command: str, *words: str, **options: str | None) -> Command:
    """A call of this program that PowerShell and POSIX shells read alike, whatever the names given hold.

    `options` become ``--name value``; those that are None are left out; ``with_`` is ``--with``.
    """
    # A file's name that begins with a dash would be an option.
    parts = [_both(UNSAFE if word.startswith("-") else word) for word in words]
    for name, value in options.items():
        if value is not None:
            parts += [f"--{name.strip('_').replace('_', '-')}", _both(value)]
    return Command(" ".join(("eop-probe", command, *parts)), Shell.ANY)


def _both(text: str) -> str:
    """`text` as one word to both kinds of shell, or a placeholder: they escape a quote differently.

    Windows PowerShell loses a plain double quote, and what follows a last backslash, on the way to a program.
    """
    if _BARE.fullmatch(text):
        return text
    if text and text.isprintable() and '"' not in text and not text.endswith("\\"):
        if not any(c in text for c in _SINGLE_QUOTES):
            return f"'{text}'"
        if _EXPANDED.isdisjoint(text):
            return f'"{text}"'
    return f"'{UNSAFE}'"


def tlsa_record(host: str = MX_HOST, digest: str = KEY_DIGEST) -> Command:
    """The TLSA record of a mail server whose key has this SHA-256 digest (RFC 7672 3.1.1: 3 1 1 is the one to take)."""
    name = host if host == MX_HOST or _HOST.fullmatch(host) else UNSAFE
    return Command(f"_25._tcp.{name}. IN TLSA 3 1 1 {digest}", Shell.ZONE)


def pin(issuer: str, subject: str) -> str:
    """The TlsCertificateName that names a certificate; names in Windows' form."""
    return f"<I>{issuer}<S>{subject}"


def _thumbprint(text: str) -> str:
    return text if text.isascii() and text.isalnum() else quoted(text)


def name_on_connector(
    thumbprint: str = PUBLIC, connector: str | None = None, *, what: str = "it", receive: bool = False
) -> Steps:
    """The documented way to fix a connector's certificate (Exchange Team blog, 4 June 2025)."""
    kind, known = ("Receive", RECEIVING) if receive else ("Send", CONNECTOR)
    name = '"<I>$($cert.Issuer)<S>$($cert.Subject)"'
    return (
        f"Name {what} on the {kind} connector, so that no other certificate can win:",
        Command(f"$cert = Get-ExchangeCertificate -Thumbprint {_thumbprint(thumbprint)}"),
        Command(f"Set-{kind}Connector {quoted(connector or known)} -TlsCertificateName {name}"),
    )


def enable_for_smtp(thumbprint: str = PUBLIC, *, what: str = "the certificate of a public CA") -> Steps:
    """Enable a certificate; the question that comes up is answered before it is asked (KB 4051498)."""
    return (
        f"Enable {what} for SMTP. Answer No when asked to replace the default certificate:",
        Command(f"Enable-ExchangeCertificate -Thumbprint {_thumbprint(thumbprint)} -Services SMTP"),
    )


def import_certificate() -> Steps:
    """Bring a new certificate and its key to an Exchange server."""
    return (
        "Where it is not there yet, import it with its private key, on every server that is to present it:",
        Command(
            "Import-ExchangeCertificate -FileData ([System.IO.File]::ReadAllBytes('<path of the PFX file>')) "
            "-Password (Read-Host 'Password of the PFX file' -AsSecureString)"
        ),
    )


def retry_queue(connector: str | None = None) -> Steps:
    """Let mail go that waits since the fault; its queue is the connector's."""
    return (
        "After the repair, on every server of the connector, let the mail that waits in its queue go at once:",
        Command(f"$connector = Get-SendConnector {quoted(connector or CONNECTOR)}"),
        Command("Retry-Queue -Filter \"NextHopConnector -eq '$($connector.Guid)' -and Status -eq 'Retry'\""),
    )


def services_of(thumbprint: str) -> Command:
    """What a certificate is bound to."""
    return Command(
        f"Get-ExchangeCertificate -Thumbprint {_thumbprint(thumbprint)} | fl FriendlyName,Services"
    )


def named_by(value: str) -> Steps:
    """How to list the connectors whose TlsCertificateName is `value`."""
    return tuple(
        Command(f'Get-{kind}Connector | ? {{ "$($_.TlsCertificateName)" -eq {quoted(value)} }} | fl {shown}')
        for kind, shown in (("Send", "Name"), ("Receive", "Identity"))
    )


def show_connector(connector: str | None) -> Command:
    """What a Send connector goes by."""
    name = quoted(connector or CONNECTOR)
    return Command(f"Get-SendConnector {name} | fl Name,Fqdn,TlsCertificateName,ProtocolLoggingLevel")


READ_LOG: Steps = (
    "See in the protocol log which certificate was really sent:",
    eop_probe("exchange log", LOG_FOLDER),
    "Where there is no log, turn it on first:",
    Command(f"Set-SendConnector {quoted(CONNECTOR)} -ProtocolLoggingLevel Verbose"),
)
PROBE: Steps = ("See which chain the server shows, and what would be said to it:", eop_probe("check", SERVER))
PROBE_FROM_EOP: Steps = (PROBE[0], eop_probe("check", SERVER, direction="from-eop"))
ENABLE_TLS = "Enable TLS 1.2 on the server, and look for a device that inspects SMTP."
LIST_CERTIFICATES = Command(
    "Get-ExchangeCertificate | fl Thumbprint,Subject,Issuer,NotBefore,NotAfter,Services,RootCAType"
)
CHOOSE_PUBLIC: Steps = (
    *enable_for_smtp(),
    *name_on_connector(),
    "Do the same on every server that sends through this connector.",
    *retry_queue(),
)
UNBINDING = (
    "KB 2888788 would run Enable-ExchangeCertificate without SMTP on the untrusted certificate; by the cmdlet's "
    "documentation services are additive and cannot be taken away, so expect SMTP to stay and do not rely on that step."
)
IMPORT_INTERMEDIATE: Steps = (
    "Import the missing intermediate on every server that presents this certificate (KB 3212877):",
    Command(
        "Import-Certificate -FilePath 'C:\\import\\intermediate.cer' -CertStoreLocation Cert:\\LocalMachine\\CA"
    ),
)
INBOUND_CONNECTOR = Command(
    "Get-InboundConnector | fl Name,Enabled,ConnectorType,TlsSenderCertificateName,SenderIPAddresses",
    Shell.EXCHANGE_ONLINE,
)
OUTBOUND_CONNECTOR = Command(
    "Get-OutboundConnector | fl Name,Enabled,TlsSettings,TlsDomain,SmartHosts", Shell.EXCHANGE_ONLINE
)
ACCEPTED_DOMAINS = Command("Get-AcceptedDomain | fl DomainName", Shell.EXCHANGE_ONLINE)
REQUIRE_TLS = Command(f"Set-SendConnector {quoted(CONNECTOR)} -RequireTLS $true -IgnoreSTARTTLS $false")
SEND_CONNECTOR = Command("Get-SendConnector | fl Name,Enabled,Fqdn,TlsCertificateName,TlsAuthLevel,TlsDomain")
RECEIVE_CONNECTOR = Command("Get-ReceiveConnector | fl Identity,Fqdn,TlsCertificateName,AuthMechanism")


def filled(steps: Steps, values: Mapping[str, str | None]) -> Steps:
    """Steps with what is known in place of placeholders."""
    known = {placeholder: value for placeholder, value in values.items() if value}
    return tuple(step.filled(known) if isinstance(step, Command) else step for step in steps)


def expect_name(name: str, connector: str = INBOUND) -> Steps:
    """Let an inbound connector ask for `name`; a wildcard with the warning it needs before it."""
    warning = (
        SubStep("Mind that a wildcard stands for all subdomains and can catch other clients' mail too:"),
    )
    command = f"Set-InboundConnector {quoted(connector)} -TlsSenderCertificateName {quoted(name)}"
    return (*(warning if "*" in name else ()), Command(command, Shell.EXCHANGE_ONLINE))


def enable_inbound(connector: str = INBOUND) -> Command:
    """Let an inbound connector take part again."""
    return Command(f"Set-InboundConnector {quoted(connector)} -Enabled $true", Shell.EXCHANGE_ONLINE)
