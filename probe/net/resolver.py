"""From a host name to every address it has, and from a domain to its mail exchangers, within a deadline.

The system's resolver is the default: it knows /etc/hosts and whatever else the administrator's programs see. Only
for a name server of the user's choice and for MX records is a DNS library loaded, and only then.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from probe.errors import NullMxError, ResolveError
from probe.net.target import is_ip_address

RESOLVE_TIMEOUT_S = 10.0
"""Seconds for one name; the usual resolver gives up after two tries of five seconds at its first server."""

MAX_ADDRESSES = 100
"""Addresses of one name that are probed, as many as a fleet file may name; Exchange Online's own have about a dozen."""

MAX_EXCHANGERS = 32
"""Mail exchangers of one domain that are probed; the largest senders list about ten."""

_REASONS = {
    "EAI_NONAME": "the name {host} does not exist",
    "EAI_NODATA": "the name {host} exists, but has no address",
    "EAI_ADDRFAMILY": "the name {host} exists, but has no address",
    "EAI_AGAIN": "the name service cannot answer for {host} at present",
    "EAI_FAIL": "the name service failed for {host}",
}


class MailExchanger(NamedTuple):
    """A host that takes mail for a domain; lower preferences come first (RFC 5321 5.1)."""

    preference: int
    host: str


def resolve(
    host: str,
    *,
    overrides: Mapping[str, tuple[str, ...]] | None = None,
    nameserver: str | None = None,
    timeout_s: float = RESOLVE_TIMEOUT_S,
) -> tuple[str, ...]:
    """Return every IPv4 and IPv6 address of `host` in the resolver's order, each once, at least one.

    An address passes through. `overrides` are keyed by names in lower case without a trailing dot. `nameserver`
    is an address with or without a port. Raises ResolveError, ConfigurationError for an unusable `nameserver`.
    """
    if is_ip_address(host):
        return (host,)
    name = host.lower().removesuffix(".")
    if overrides and name in overrides:
        found = overrides[name]
    elif nameserver is None:
        found = (_EARLY.pop(name, None) or _Question(name, lambda: _ask_system(name))).answer(timeout_s)
    else:
        from probe.net.nameserver import addresses

        found = addresses(name, nameserver, timeout_s)
    unique = tuple(dict.fromkeys(found))
    if not unique:
        raise ResolveError(f"the name {name} exists, but has no address")
    return unique


def mail_exchangers(
    domain: str, *, nameserver: str | None = None, timeout_s: float = RESOLVE_TIMEOUT_S
) -> tuple[MailExchanger, ...]:
    """Return the mail exchangers of `domain`, the preferred ones first.

    A domain without MX records is its own exchanger (RFC 5321 5.1). Raises ResolveError, also for a domain that
    takes no mail (RFC 7505), and ConfigurationError for an unusable `nameserver`.
    """
    from probe.net.nameserver import mx_records

    name = domain.lower().removesuffix(".")
    return preferred(name, mx_records(name, nameserver, timeout_s))


def preferred(name: str, records: Collection[tuple[int, str]]) -> tuple[MailExchanger, ...]:
    """Return what the MX records of a domain come to, as `mail_exchangers` does; raises NullMxError."""
    if not records:
        return (MailExchanger(0, name),)
    named = sorted({MailExchanger(preference, host) for preference, host in records if host})
    if not named:
        raise NullMxError(f"the domain {name} declares that it takes no mail (a null MX record)")
    return tuple(named)


class _Question:
    """A name asked in a thread of its own: the system's resolver cannot be told a deadline, nor interrupted."""

    def __init__(self, name: str, ask: Callable[[], tuple[str, ...]]) -> None:
        self._name, self._ask = name, ask
        self._answers: list[tuple[str, ...] | ResolveError] = []
        # A daemon: a resolver that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=f"resolve {name}", daemon=True)
        self._thread.start()

    def answer(self, timeout_s: float) -> tuple[str, ...]:
        self._thread.join(timeout_s)
        if not self._answers:
            raise ResolveError(f"the name service did not answer for {self._name} within {timeout_s:g} s")
        if isinstance(self._answers[0], ResolveError):
            raise self._answers[0]
        return self._answers[0]

    def _work(self) -> None:
        try:
            self._answers.append(self._ask())
        except ResolveError as error:
            self._answers.append(error)


_EARLY: dict[str, _Question] = {}


def begin_early(name: str, then: Callable[[str], object]) -> None:
    """Ask the system for a name on behalf of the next `resolve`; where it has one address only, `then` is told it."""

    def ask() -> tuple[str, ...]:
        found = _ask_system(name)
        if len(set(found)) == 1:
            then(found[0])
        return found

    _EARLY[name] = _Question(name, ask)


def _ask_system(name: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ResolveError(_reason(error, name)) from error
    except (OSError, UnicodeError) as error:
        raise ResolveError(f"the name {name} cannot be looked up: {error}") from error
    return tuple(str(entry[4][0]) for entry in found)


def _reason(error: socket.gaierror, name: str) -> str:
    for constant, sentence in _REASONS.items():
        # Which of them exist, and their numbers, differ between systems.
        if getattr(socket, constant, None) == error.errno:
            return sentence.format(host=name)
    return f"the name {name} cannot be looked up: {error.strerror}"
