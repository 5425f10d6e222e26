"""What to probe and how: the options of a check, and a target's text turned into endpoints.

Light, for it runs before the first connection is begun: nothing of TLS or certificates is imported.
"""

from __future__ import annotations

from typing import NamedTuple

from probe.check.options import SUBMISSIONS_PORT, CheckOptions
from probe.eop.vocabulary import LeftOut, beyond
from probe.errors import ResolveError
from probe.net.resolver import MAX_ADDRESSES, MAX_EXCHANGERS, RESOLVE_TIMEOUT_S, mail_exchangers, resolve
from probe.net.target import SMTP_PORT, Target, is_ip_address


class Endpoint(NamedTuple):
    """One address to probe, or the reason why there is none."""

    target: Target
    host: str
    port: int
    address: str | None
    mx_preference: int | None = None
    failure: ResolveError | None = None
    left_out: tuple[LeftOut, ...] = ()
    """What is told at this endpoint of those that are not probed."""


class Host(NamedTuple):
    """A name whose addresses are to be probed, or the reason why a domain has none."""

    name: str
    mx_preference: int | None = None
    failure: ResolveError | None = None
    left_out: tuple[LeftOut, ...] = ()


def hosts(target: Target, options: CheckOptions) -> tuple[Host, ...]:
    """The target's host; for a domain every exchanger's, the preferred first. May ask the DNS."""
    if not target.mx:
        return (Host(target.host),)
    try:
        found = mail_exchangers(target.host, nameserver=options.nameserver, timeout_s=_patience(options))
    except ResolveError as error:
        return (Host(target.host, failure=error),)
    left = beyond("MX host", target.host, (each.host for each in found), MAX_EXCHANGERS)
    first, *more = (Host(each.host, each.preference) for each in found[:MAX_EXCHANGERS])
    return (first._replace(left_out=left), *more)


def addresses(host: str, options: CheckOptions) -> tuple[str, ...] | ResolveError:
    """Every address of a host in the resolver's order. Asks the DNS unless `known`."""
    try:
        return resolve(
            host, overrides=options.overrides, nameserver=options.nameserver, timeout_s=_patience(options)
        )
    except ResolveError as error:
        return error


def known(host: str, options: CheckOptions) -> bool:
    """Whether a host's addresses are known without the DNS."""
    return is_ip_address(host) or host in options.overrides


def without_address(target: Target, options: CheckOptions, host: Host) -> Endpoint:
    """What is to be probed of a host, without an address."""
    default = SUBMISSIONS_PORT if options.implicit_tls else SMTP_PORT
    return Endpoint(target, host.name, target.port or options.port or default, None, host.mx_preference)


def endpoints(
    target: Target, options: CheckOptions, host: Host, found: tuple[str, ...] | ResolveError
) -> tuple[Endpoint, ...]:
    """What to probe of a host.

    A name that cannot be resolved is an endpoint too, without an address: it belongs in the report. So is one whose
    addresses must not be probed; what is judged here is the address that is connected to.
    """
    plain = without_address(target, options, host)._replace(left_out=host.left_out)
    if isinstance(found, ResolveError):
        return (plain._replace(failure=found),)
    fitting = [one for one in found if options.ip_version in (None, 6 if ":" in one else 4)]
    if not fitting:
        missing = ResolveError(f"the host {host.name} has no IPv{options.ip_version} address")
        return (plain._replace(failure=missing),)
    public = [one for one in fitting if not options.public_only or _public(one)]
    probed = [plain._replace(address=one, left_out=()) for one in public[:MAX_ADDRESSES]]
    if len(public) < len(fitting):
        inside = ResolveError(f"the host {host.name} has an address that is not public, which is not probed")
        probed.append(plain._replace(failure=inside, left_out=()))
    left = (*host.left_out, *beyond("address", host.name, public, MAX_ADDRESSES))
    return (probed[0]._replace(left_out=left), *probed[1:])


def _public(address: str) -> bool:
    from probe.net.public_addresses import is_public  # no check of one's own targets needs it

    return is_public(address)


def _patience(options: CheckOptions) -> float:
    return min(options.timeout_s, RESOLVE_TIMEOUT_S)
