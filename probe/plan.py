"""What to probe and how: the options of a check, and a target's text turned into endpoints.

Light, for it runs before the first connection is begun: nothing of TLS or certificates is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from probe.eop.settings import Settings
from probe.eop.vocabulary import Direction
from probe.errors import ResolveError
from probe.net.resolver import mail_exchangers, resolve
from probe.net.target import Target

if TYPE_CHECKING:
    from probe.pki.truststore import TrustStore

SMTP_PORT = 25
SUBMISSIONS_PORT = 465  # implicit TLS, RFC 8314 7.3


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """How to observe and by what to judge.

    `stores` answers the trust stores, the deciding one first; it is asked after the first
    connection was begun. `sni` is None for the host's name and "" for none at all. `timeout_s`
    is the total of one connection. `at` is None for the moment of the judgement.
    """

    stores: Callable[[], Sequence[TrustStore]]
    direction: Direction = Direction.TO_EOP
    settings: Settings = field(default_factory=Settings)
    at: datetime | None = None
    port: int | None = None
    ehlo_name: str | None = None
    sni: str | None = None
    timeout_s: float = 30.0
    implicit_tls: bool = False
    nameserver: str | None = None
    overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    thorough: bool = False
    samples: int | None = None
    revocation: bool = False
    revocation_allow_private: bool = False


class Endpoint(NamedTuple):
    """One address to probe, or the reason why there is none."""

    target: Target
    host: str
    port: int
    address: str | None
    mx_preference: int | None = None
    failure: ResolveError | None = None


def endpoints(target: Target, options: CheckOptions) -> tuple[Endpoint, ...]:
    """Every address of a target in the resolver's order; for a domain every exchanger's, the preferred first.

    A name that cannot be resolved is an endpoint too, without an address: it belongs in the report.
    """
    default = SUBMISSIONS_PORT if options.implicit_tls else SMTP_PORT
    port = target.port or options.port or default
    if not target.mx:
        return _addresses(target, target.host, port, None, options)
    try:
        exchangers = mail_exchangers(target.host, nameserver=options.nameserver, timeout_s=options.timeout_s)
    except ResolveError as error:
        return (Endpoint(target, target.host, port, None, failure=error),)
    return tuple(
        endpoint
        for exchanger in exchangers
        for endpoint in _addresses(target, exchanger.host, port, exchanger.preference, options)
    )


def _addresses(
    target: Target, host: str, port: int, preference: int | None, options: CheckOptions
) -> tuple[Endpoint, ...]:
    try:
        found = resolve(
            host, overrides=options.overrides, nameserver=options.nameserver, timeout_s=options.timeout_s
        )
    except ResolveError as error:
        return (Endpoint(target, host, port, None, preference, error),)
    return tuple(Endpoint(target, host, port, address, preference) for address in found)
