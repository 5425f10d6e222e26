"""One target, from its text to its assessments: resolve, connect, observe, weigh, judge.

A check begins to connect before it imports what TLS, certificates and stores need: the kernel
completes the connection and keeps the greeting meanwhile. This module therefore imports nothing
heavy at its top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from probe.check.concurrent import concurrently
from probe.check.endpoints import Endpoint, endpoints
from probe.check.options import CheckOptions
from probe.net import clock
from probe.net.stream import begin_connect
from probe.net.target import Target, parse_target

if TYPE_CHECKING:
    from probe.report.assessment import Assessment


def assess(target: str | Target, options: CheckOptions) -> tuple[Assessment, ...]:
    """Probe and judge every address of one target, in the resolver's order.

    Raises TargetError for an unusable text and StoreError for an unusable store; what a peer does
    never raises, it becomes a finding.
    """
    parsed = parse_target(target) if isinstance(target, str) else target
    return tuple(assessment for _, assessment in sorted(run((parsed,), options), key=lambda pair: pair[0]))


def run(targets: Sequence[Target], options: CheckOptions) -> Iterator[tuple[tuple[int, int], Assessment]]:
    """Probe many targets at once; yields ((target index, address index), assessment) as each is done."""
    lists = dict(concurrently(lambda target: endpoints(target, options), dict(enumerate(targets))))
    planned = {(i, j): endpoint for i, found in lists.items() for j, endpoint in enumerate(found)}
    yield from concurrently(lambda endpoint: assess_endpoint(endpoint, options), planned)


def assess_endpoint(endpoint: Endpoint, options: CheckOptions) -> Assessment:
    """Probe and judge one address."""
    started_at, started = clock.now(), clock.monotonic()
    pending = begin_connect(endpoint.address, endpoint.port) if endpoint.address else None
    # Only now what is heavy: the connection is on its way.
    try:
        from probe.check import judge, observe

        stores = tuple(options.stores())
    except BaseException:
        if pending is not None:
            pending.close()
        raise
    found = observe.captures(endpoint, options, pending, started)
    evidence, verdict = judge.judge_captures(found, endpoint, options, stores, options.at or started_at)
    elapsed = timedelta(seconds=clock.monotonic() - started)
    return judge.assessment(endpoint, started_at, elapsed, evidence, verdict, stores)
