"""What to probe and how: the options of a check, and a target's text turned into endpoints.

Light, for it runs before the first connection is begun: nothing of TLS or certificates is imported.
"""

from __future__ import annotations

from typing import NamedTuple

from probe.check.options import SUBMISSIONS_PORT, CheckOptions
from probe.errors import ResolveError
from probe.net.resolver import mail_exchangers, resolve
from probe.net.target import SMTP_PORT, Target


class Endpoint(NamedTuple):
    """One address to probe, or the reason why there is none."""

    target: Target
    host: str
    port: int
    address: str | None
    mx_preference: int | None = None
    failure: ResolveError | None = None


def endpoints(target: Target, options: CheckOptions, addresses: tuple[str, ...] = ()) -> tuple[Endpoint, ...]:
    """Every address of a target in the resolver's order; for a domain every exchanger's, the preferred first.

    `addresses`, where there are any, replace the DNS. A name that cannot be resolved is an endpoint too, without an
    address: it belongs in the report.
    """
    default = SUBMISSIONS_PORT if options.implicit_tls else SMTP_PORT
    port = target.port or options.port or default
    if addresses:
        return tuple(Endpoint(target, target.host, port, address) for address in addresses)
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
    fitting = [one for one in found if options.ip_version in (None, 6 if ":" in one else 4)]
    if not fitting:
        missing = ResolveError(f"the host {host} has no IPv{options.ip_version} address")
        return (Endpoint(target, host, port, None, preference, missing),)
    return tuple(Endpoint(target, host, port, address, preference) for address in fitting)
