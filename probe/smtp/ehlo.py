"""The argument of EHLO: what a client may call itself (RFC 5321 4.1.1.1, 4.1.2, 4.1.3)."""

from __future__ import annotations

import functools
import re

_DOMAIN_CHARACTERS = 255
"""RFC 5321 4.5.3.1.2, in octets; a label has 63 (RFC 1035 2.3.4)."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ADDRESS = re.compile(r"([0-9A-Fa-f:.]+)(?:%[A-Za-z0-9._-]+)?")
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]", re.IGNORECASE)
_NUMERIC = re.compile(r"[0-9.]+")


@functools.lru_cache(maxsize=16)  # a fleet introduces itself alike everywhere
def ehlo_argument(name_or_address: str) -> str:
    """Return what to say after EHLO: a domain as it is, an IP address as an address literal.

    "mail.example" stays; "192.0.2.1" becomes "[192.0.2.1]" and "2001:db8::1" becomes "[IPv6:2001:db8::1]";
    literals are taken too. Raises ValueError with one sentence for anything else, first of all for line
    breaks and blanks, which would smuggle in a command.
    """
    literal = _LITERAL.fullmatch(name_or_address)
    name = literal[1] if literal else name_or_address.removesuffix(".")
    if literal or ":" in name or _NUMERIC.fullmatch(name):
        return _address_literal(name)
    if len(name) > _DOMAIN_CHARACTERS or not _DOMAIN.fullmatch(name):
        raise ValueError(f"not a domain name or IP address to say EHLO with: {name_or_address!a}")
    return name


def _address_literal(text: str) -> str:
    # Imported here: two milliseconds that the usual name does not need.
    from ipaddress import IPv4Address, IPv6Address

    # The zone of a link-local address (RFC 4007 11) means something on this host only.
    match = _ADDRESS.fullmatch(text)
    address = match[1] if match else ""
    try:
        return f"[IPv6:{IPv6Address(address)}]" if ":" in address else f"[{IPv4Address(address)}]"
    except ValueError:
        raise ValueError(f"not a domain name or IP address to say EHLO with: {text!a}") from None
