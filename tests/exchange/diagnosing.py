"""Evidence for the tests of diagnosis and of the command line: made-up certificates, exports, and logs of sessions."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.authority import Authority, Issued

SAMPLES = Path(__file__).parent.parent / "samples"
PUB = "F5770C7F9A5EB836EE4670B72C25B24001E522D3"
INT = "5CACF68C83CB082D1C34D4956D1C248080B611E5"
SELF = "DBE6567B43527985A0378E028639238F449053A6"

NOW = datetime(2026, 11, 3, 9, 14, tzinfo=UTC)
DAY = timedelta(days=1)
HOST = "mail.contoso.com"
EOP = "220 XX1EUR00FT001.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready"
UNTRUSTED = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
DENIED = "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"
QUEUED = "250 2.6.0 Queued mail for delivery"

CA = Authority(now=NOW, name="diagnosis")
ROOT = CA.root("CN=Fabrikam Public Root,O=Fabrikam")
ISSUING = CA.intermediate(ROOT, "CN=Fabrikam TLS CA,O=Fabrikam")
OTHER_ISSUING = CA.intermediate(ROOT, "CN=Fabrikam TLS CA 2,O=Fabrikam")
PRIVATE_ROOT = CA.root("CN=Contoso Root,DC=local")
PRIVATE = CA.intermediate(PRIVATE_ROOT, "CN=Contoso Issuing,DC=local")


def leaf(issuer: Issued, *names: str, begins: float = -50, days: float = 200, **more: object) -> Issued:
    """A certificate for `names`, valid from `begins` days from NOW for so many days."""
    return CA.leaf(
        issuer,
        *(names or (HOST,)),
        not_before=NOW + begins * DAY,
        not_after=NOW + (begins + days) * DAY,
        **more,
    )


OLD = leaf(ISSUING)
NEW_PRIVATE = leaf(PRIVATE, begins=-1, days=730)
RENEWED = leaf(ISSUING, begins=-0.5)
SWITCHED = leaf(OTHER_ISSUING, begins=-0.5)


def listed(
    *certificates: Issued, server: str = "EX01.contoso.com", services: str = "SMTP", root: str = "ThirdParty"
) -> str:
    """Get-ExchangeCertificate as the recommended JSON."""
    return json.dumps(
        [
            {
                "Identity": f"{server}\\{one.sha1.upper()}",
                "Thumbprint": one.sha1.upper(),
                "Services": services,
                "RootCAType": root,
                "Status": "Valid",
                "HasPrivateKey": True,
                "RawData": base64.b64encode(one.der).decode(),
            }
            for one in certificates
        ]
    )


def send_connector(name: str = "To EOP", **more: object) -> dict[str, object]:
    return {
        "Name": name,
        "Enabled": True,
        "AddressSpaces": "smtp:*;1",
        "SmartHosts": "contoso-com.mail.protection.outlook.com",
        "SourceTransportServers": "EX01",
        "Fqdn": HOST,
        "TlsCertificateName": "",
        "TlsAuthLevel": "CertificateValidation",
        "IgnoreSTARTTLS": False,
        **more,
    }


def receive_connector(name: str = "Default Frontend EX01", **more: object) -> dict[str, object]:
    return {
        "Identity": f"EX01\\{name}",
        "Name": name,
        "Enabled": True,
        "AuthMechanism": "Tls, Integrated",
        "Bindings": "0.0.0.0:25",
        "Fqdn": HOST,
        "TlsCertificateName": "",
        **more,
    }


def inbound_connector(name: str = "From on-premises", **more: object) -> dict[str, object]:
    return {
        "Name": name,
        "Enabled": True,
        "ConnectorType": "OnPremises",
        "SenderDomains": ["smtp:*;1"],
        "SenderIPAddresses": [],
        "RequireTls": True,
        "TlsSenderCertificateName": HOST,
        **more,
    }


def domain(name: str = "contoso.com", *, default: bool = True) -> dict[str, object]:
    return {"Name": name, "DomainName": name, "DomainType": "Authoritative", "Default": default}


def session(
    certificate: Issued | None,
    *exchange: tuple[str, str],
    connector: str = "To EOP",
    number: int = 1,
    at: datetime = NOW,
    banner: str = EOP,
) -> str:
    """The rows of one Send session; `exchange` holds events and data after TLS."""
    rows = [("+", "", ""), ("<", banner, ""), (">", "EHLO mail.contoso.com", "")]
    rows += [("<", "250  XX1 Hello [203.0.113.25] SIZE 157286400 STARTTLS", ""), (">", "STARTTLS", "")]
    rows += [("<", "220 2.0.0 SMTP server ready", "")]
    if certificate is not None:
        rows += [
            ("*", "", "Sending certificate"),
            ("*", f"CN={HOST}", "Certificate subject"),
            ("*", certificate.sha1.upper(), "Certificate thumbprint"),
            ("*", HOST, "Certificate alternate names"),
        ]
    rows += [(event, data, "") for event, data in exchange]
    rows += [("-", "", "Local")]
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return "".join(
        f'{stamp},{connector},08DE1A94C37B{number:04X},{place},192.0.2.10:41873,198.51.100.36:25,{event},"{data}",{context}\n'
        for place, (event, data, context) in enumerate(rows)
    )


def mail(
    reply: str, sender: str = "anna@contoso.com", recipient: str = "ben@fabrikam.com"
) -> list[tuple[str, str]]:
    """One message and what is said to its recipient; a 2xx lets it be delivered."""
    rows = [
        ("*", "sending message with RecordId 1 and InternetMessageId <m1@EX01.contoso.com>"),
        (">", f"MAIL FROM:<{sender}> SIZE=10"),
        ("<", "250 2.1.0 Sender OK"),
        (">", f"RCPT TO:<{recipient}>"),
        ("<", reply),
    ]
    return rows if reply[0] != "2" else [*rows, (">", "BDAT 10 LAST"), ("<", QUEUED)]


HEADER = (
    "#Software: Microsoft Exchange Server\n#Version: 15.0.0.0\n#Log-type: SMTP Send Protocol Log\n"
    "#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\n"
)


class Desk:
    """A folder of evidence that a test puts files into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, content: str | bytes | Sequence[object]) -> str:
        """Write a file: text, bytes, or records as JSON; returns its path."""
        path = self.folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def log(self, *sessions: str, name: str = "SEND20261103-1.LOG") -> str:
        return self.put(name, HEADER + "".join(sessions))
