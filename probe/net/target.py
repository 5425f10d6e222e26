"""What a user types to say what is to be probed, and what it means."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

from probe.errors import ConfigurationError, TargetError
from probe.text import printable

#: Where servers of ours listen unless told otherwise.
LOOPBACK = "127.0.0.1"
SMTP_PORT = 25
DNS_PORT = 53
"""RFC 1035 4.2."""

NAME_CHARACTERS = 253
"""Characters of a host name without its trailing dot (RFC 1035 2.3.4 and 3.1: 255 octets on the wire)."""

TARGET_CHARACTERS = 1000
"""Characters of a target that are looked at: an internationalised name may be longer than its ASCII form."""

# RFC 1123 2.1; underscores appear in Windows host names and are served by DNS.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/@]*@)?([^/]*)")
_PORT = re.compile(r"[0-9]{1,5}")
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_FORMS = "give host, host:port, an IPv4 address, [IPv6]:port or mx:domain"


class Target(NamedTuple):
    """What to probe: the text as typed, a host name in lower case (IDNA: its ASCII form) or an IP address.

    `port` is None where none was given; with `mx` the host is a domain whose mail exchangers are meant.
    """

    text: str
    host: str
    port: int | None = None
    mx: bool = False

    @property
    def is_address(self) -> bool:
        """Whether `host` is an IP address already."""
        return is_ip_address(self.host)


def parse_target(text: str) -> Target:
    """Read a target; raises TargetError with one sentence that says what is wrong or what to type."""
    typed = text.strip()
    _reject_nonsense(typed)
    mx = typed[:3].lower() == "mx:"
    host, port = _split_port(typed[3:] if mx else typed)
    if not host:
        raise TargetError(f"no host in {_quoted(typed)}: {_FORMS}")
    if mx and is_ip_address(host):
        raise TargetError(f"{_quoted(typed)}: an address has no mail exchangers; give it without mx:")
    name = host if is_ip_address(host) else ascii_host(host)
    return Target(typed, name, _port(port, typed) if port is not None else None, mx)


def name_server(text: str) -> tuple[str, int]:
    """Return address and port of a name server, given as an IP address with or without a port.

    Raises ConfigurationError.
    """
    try:
        server = parse_target(text)
    except TargetError as error:
        raise ConfigurationError(f"not a name server's address: {error}") from error
    if server.mx or not server.is_address:
        raise ConfigurationError(f'a name server is given by its IP address, not as "{server.text}"')
    return server.host, server.port or DNS_PORT


def is_ip_address(text: str) -> bool:
    """Return whether `text` is an IPv4 address in four parts, or an IPv6 address with or without a zone."""
    address, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return False
    families = [socket.AF_INET6] if percent else [socket.AF_INET, socket.AF_INET6]
    for family in families:
        try:
            socket.inet_pton(family, address)
        except (OSError, ValueError):
            continue
        return True
    return False


def ascii_host(host: str) -> str:
    """Return a host name in lower case, in its ASCII form, without a trailing dot; raises TargetError.

    Internationalised names become A-labels by Python's IDNA 2003 codec (RFC 3490).
    """
    name = host.removesuffix(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise TargetError(f"not an internationalised host name: {_quoted(name)}") from None
    name = name.lower()
    labels = name.split(".")
    if len(name) > NAME_CHARACTERS:
        raise TargetError(f"a host name has at most {NAME_CHARACTERS} characters: {_quoted(host)}")
    if not all(map(_LABEL.fullmatch, labels)):
        raise TargetError(f"not a host name: {_quoted(host)}; {_FORMS}")
    if labels[-1].isdigit():
        # No top-level domain is a number (RFC 3696 2); resolvers would read 10.1 as 10.0.0.1.
        raise TargetError(f"not an IPv4 address: {_quoted(host)}; four numbers from 0 to 255 are needed")
    return name


def server_name(text: str) -> str:
    """Return the host name to ask for in TLS in its ASCII form, "" for ``none``; raises TargetError."""
    if text.lower() == "none":
        return ""
    if is_ip_address(text):
        raise TargetError(f"{text} is an address; TLS asks for host names only (or none)")
    return ascii_host(text)


def _reject_nonsense(typed: str) -> None:
    if not typed:
        raise TargetError(f"the target is empty: {_FORMS}")
    if len(typed) > TARGET_CHARACTERS:
        raise TargetError(f"a target has at most {TARGET_CHARACTERS} characters: {_quoted(typed)}")
    if typed.startswith("-"):
        raise TargetError(f"{_quoted(typed)} looks like an option, not like a target: {_FORMS}")
    if url := _URL.match(typed):
        # What follows the scheme may have any shape, and is shown as it would have to be typed.
        raise TargetError(f"{_quoted(typed)} is a URL; give {_quoted(url[2] or 'the host')} alone")
    if "@" in typed:
        domain = _quoted("mx:" + typed.rpartition("@")[2])
        raise TargetError(f"{_quoted(typed)} is a mail address; for its domain give {domain}")
    if " " in typed or not typed.isprintable():
        raise TargetError(f"a target has no blanks or control characters: {_quoted(typed)}")


def _split_port(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        inside, bracket, after = text[1:].partition("]")
        if not bracket or (after and not after.startswith(":")) or ":" not in inside:
            raise TargetError(f"not an IPv6 address in brackets: {_quoted(text)}; give [2001:db8::1]:25")
        return _ipv6(inside, text), after[1:] if after else None
    if text.count(":") > 1:
        return _ipv6(text, text), None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _ipv6(address: str, text: str) -> str:
    if not is_ip_address(address):
        raise TargetError(f"not an IPv6 address: {_quoted(text)}")
    return address.lower()


def _port(text: str, typed: str) -> int:
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= 65_535:
        raise TargetError(f"a port is a number from 1 to 65535, not {_quoted(text)} (in {_quoted(typed)})")
    return int(text)


def _quoted(text: str) -> str:
    return f'"{printable(text, 100)}"'
