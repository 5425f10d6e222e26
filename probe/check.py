"""One target, from its text to its assessments: resolve, connect, observe, weigh, judge.

A check begins to connect before it imports what TLS, certificates and stores need: the kernel
completes the connection and keeps the greeting meanwhile. This module therefore imports nothing
heavy at its top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from probe.eop.settings import Settings
from probe.eop.vocabulary import Direction
from probe.errors import ResolveError
from probe.net import clock
from probe.net.resolver import mail_exchangers, resolve
from probe.net.stream import begin_connect
from probe.net.target import Target, parse_target

if TYPE_CHECKING:
    from probe.assessment import Assessment
    from probe.pki.truststore import TrustStore

SMTP_PORT = 25
SUBMISSIONS_PORT = 465  # implicit TLS, RFC 8314 7.3

#: Connections open at once in one call of `check`; a fleet has a runner of its own.
MAX_CONCURRENT = 32


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


def assess(target: str | Target, options: CheckOptions) -> tuple[Assessment, ...]:
    """Probe and judge every address of one target, in the resolver's order.

    Raises TargetError for an unusable text and StoreError for an unusable store; what a peer does
    never raises, it becomes a finding.
    """
    parsed = parse_target(target) if isinstance(target, str) else target
    return tuple(assessment for _, assessment in sorted(run((parsed,), options), key=lambda pair: pair[0]))


def run(targets: Sequence[Target], options: CheckOptions) -> Iterator[tuple[tuple[int, int], Assessment]]:
    """Probe many targets at once; yields ((target index, address index), assessment) as each is done."""
    if len(targets) == 1:
        found = endpoints(targets[0], options)
        if len(found) == 1:
            yield (0, 0), assess_endpoint(found[0], options)
            return
        yield from _together({(0, index): endpoint for index, endpoint in enumerate(found)}, options)
        return
    # Loaded here, with the logging that it brings along: a check of one address needs no threads.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(MAX_CONCURRENT) as pool:
        lists = list(pool.map(lambda target: endpoints(target, options), targets))
    planned = {(i, j): endpoint for i, found in enumerate(lists) for j, endpoint in enumerate(found)}
    yield from _together(planned, options)


def _together(
    planned: Mapping[tuple[int, int], Endpoint], options: CheckOptions
) -> Iterator[tuple[tuple[int, int], Assessment]]:
    from concurrent.futures import ThreadPoolExecutor, as_completed

    with ThreadPoolExecutor(MAX_CONCURRENT) as pool:
        futures = {pool.submit(assess_endpoint, endpoint, options): key for key, endpoint in planned.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()


def assess_endpoint(endpoint: Endpoint, options: CheckOptions) -> Assessment:
    """Probe and judge one address."""
    started_at, started = clock.now(), clock.monotonic()
    pending = begin_connect(endpoint.address, endpoint.port) if endpoint.address else None
    # Only now what is heavy: the connection is on its way.
    try:
        from probe import judgement

        stores = tuple(options.stores())
    except BaseException:
        if pending is not None:
            pending.close()
        raise
    found = judgement.captures(endpoint, options, pending, started)
    evidence, verdict = judgement.judge_captures(found, endpoint, options, stores, options.at or started_at)
    elapsed = timedelta(seconds=clock.monotonic() - started)
    return judgement.assessment(endpoint, started_at, elapsed, evidence, verdict)
