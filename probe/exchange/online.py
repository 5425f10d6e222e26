"""Hosts that are Exchange Online's: the one list of its clouds.

Source: Microsoft's mail flow pages for each cloud; ``mx.microsoft`` since domains can be secured with DNSSEC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: TlsDomain of a Send connector, and the domain of a Receive connector's capability, in the worldwide cloud.
EOP_DOMAIN = "mail.protection.outlook.com"

#: The domains of inbound hosts, and the cloud where it is not the worldwide one.
CLOUDS = {
    EOP_DOMAIN: "",
    "mail.eo.outlook.com": "",
    "mx.microsoft": "",
    "mail.protection.office365.us": "GCC High or DoD",
    "mail.protection.partner.outlook.cn": "21Vianet",
}

_DOMAINS = "|".join(map(re.escape, CLOUDS))
#: A host of one of them in a text, as a log or an answer names it.
HOST = re.compile(
    rf"(?<![\w.-])(?:[\w-]{{1,63}}\.){{1,6}}(?:{_DOMAINS})(?![\w-]|\.(?!pem\b)\w)", re.IGNORECASE | re.ASCII
)

#: A host that it sends with.
SENDING_HOST = re.compile(
    r"(?:[\w-]{1,63}\.){1,4}outbound\.protection\.(?:outlook\.com|office365\.us|partner\.outlook\.cn)",
    re.IGNORECASE | re.ASCII,
)


def domain_of(host: str) -> str | None:
    """The domain of `CLOUDS` that a host, or the domain itself, belongs to; None for any other host."""
    name = host.lower().strip("[]").rstrip(".").removeprefix("*.")
    return next((domain for domain in CLOUDS if name == domain or name.endswith(f".{domain}")), None)


def cloud_of(hosts: Iterable[str]) -> str:
    """The cloud that hosts belong to in words, "" for the worldwide one and for others' hosts."""
    return next(filter(None, (CLOUDS.get(domain_of(host) or "", "") for host in hosts)), "")
