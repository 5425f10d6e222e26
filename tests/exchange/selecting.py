"""Short ways to write certificates, connectors and servers for the tests of selection and attribution."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from probe.exchange.connector import ReceiveConnector, SendConnector
from probe.exchange.exports.joining import Gathered, gather
from probe.exchange.exports.read import read
from probe.exchange.inventory import ExchangeCertificate, Inventory, RootCAType, Services, Status
from probe.exchange.problem import Place

NOW = datetime(2026, 11, 3, 9, 14, tzinfo=UTC)
DAY = timedelta(days=1)
HERE = Place("test.json")
SERVER = "EX01.contoso.com"
HOST = "mail.contoso.com"
SAMPLES = Path(__file__).parent.parent / "samples"
PUB = "f5770c7f9a5eb836ee4670b72c25b24001e522d3"
INT = "5cacf68c83cb082d1c34d4956d1c248080b611e5"
SELF = "dbe6567b43527985a0378e028639238f449053a6"


def cert(  # noqa: PLR0913 - every fact of a certificate can be the one that decides
    tag: str,
    *names: str,
    days: tuple[float, float] | None = (-50, 150),
    services: Services | None = Services.SMTP,
    self_signed: bool | None = False,
    key: bool | None = True,
    complete: bool = True,
    issuer: str | None = "CN=Fabrikam CA 1",
    subject: str | None = f"CN={HOST}",
    status: Status | None = Status.VALID,
    root: RootCAType | None = RootCAType.THIRD_PARTY,
    server: str | None = SERVER,
) -> ExchangeCertificate:
    """A certificate whose thumbprint ends in `tag` (hex), valid from and to so many days from NOW."""
    return ExchangeCertificate(
        source=HERE,
        thumbprint=tag.rjust(40, "0"),
        server=server,
        subject=subject,
        issuer=issuer,
        not_before=None if days is None else NOW + days[0] * DAY,
        not_after=None if days is None else NOW + days[1] * DAY,
        names=names or (HOST,),
        names_complete=complete,
        services=services,
        status=status,
        root_ca_type=root,
        has_private_key=key,
        is_self_signed=self_signed,
    )


def stock(*certificates: ExchangeCertificate) -> Inventory:
    return Inventory(certificates=certificates)


def send(pin: str | None = "", fqdn: str | None = HOST, **more: object) -> SendConnector:
    return SendConnector(source=HERE, name="Outbound", tls_certificate_name=pin, fqdn=fqdn, **more)


def receive(
    pin: str | None = "",
    fqdn: str | None = HOST,
    auth: tuple[str, ...] | None = ("Tls",),
    **more: object,
) -> ReceiveConnector:
    return ReceiveConnector(
        source=HERE, name="Inbound", tls_certificate_name=pin, fqdn=fqdn, auth_mechanism=auth, **more
    )


def samples() -> Gathered:
    """The sample exports in JSON, read together."""
    names = ("get-exchangecertificate", "get-sendconnector", "get-inboundconnector", "get-accepteddomain")
    files = [SAMPLES / f"{name}.json" for name in names]
    return gather(read(file.name, file.read_bytes()) for file in files)
