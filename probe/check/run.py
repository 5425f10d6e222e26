"""One target, from its text to its assessments: resolve, connect, observe, weigh, judge.

A check begins to connect before it imports what TLS, certificates and stores need: the kernel
completes the connection and keeps the greeting meanwhile. This module therefore imports nothing
heavy at its top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

from probe.check.endpoints import Endpoint, Host, addresses, endpoints
from probe.check.options import CheckOptions
from probe.check.pace import DEFAULT_PACE, Pace
from probe.errors import ResolveError
from probe.net import clock
from probe.net.stream import begin_connect
from probe.net.target import Target, parse_target
from probe.report.failed import Guard, failed

if TYPE_CHECKING:
    from datetime import datetime

    from probe.capture import Capture
    from probe.check.interruption import Interruption
    from probe.report.assessment import Assessment


class Asked(Protocol):
    """Who waits for a job's results.

    `until`: the monotonic instant by which connections, and questions to issuers, have ended. `hurry` is called soon
    after it, where it is set: what still waits for something else is to be handed out as it is.
    """

    until: float
    hurry: Callable[[], None] | None

    def waits(self) -> bool:
        """Whether anybody still does."""

    def take(self, done: Done) -> None:
        """Take the next of them."""


class Job(NamedTuple):
    """A target to probe, with options of its own; `addresses`, where there are any, replace the DNS.

    What somebody `asked` for goes before what else waits, is not begun once nobody waits for it any more, and comes to
    who asked instead of out of the run.
    """

    key: int
    target: Target
    options: CheckOptions
    addresses: tuple[str, ...] = ()
    asked: Asked | None = None


class Later(NamedTuple):
    """No job now; whether there is one is to be asked again within so many seconds; `forget` what names led to."""

    seconds: float
    forget: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """The assessment of one address of a job: its place in the job, and whether it is the job's last to come."""

    job: Job
    index: int
    assessment: Assessment
    last: bool


def assess(target: str | Target, options: CheckOptions) -> tuple[Assessment, ...]:
    """Probe and judge every address of one target, in the resolver's order.

    Raises TargetError for an unusable text and StoreError for an unusable store; what a peer does
    never raises, it becomes a finding.
    """
    parsed = parse_target(target) if isinstance(target, str) else target
    return tuple(done.assessment for done in sorted(run((parsed,), options), key=lambda done: done.index))


def run(
    targets: Iterable[Target], options: CheckOptions, interruption: Interruption | None = None
) -> Iterator[Done]:
    """Probe many targets by the same options; a job's key is the target's place."""
    jobs = (Job(place, target, options) for place, target in enumerate(targets))
    return run_jobs(jobs, interruption=interruption)


def run_jobs(
    jobs: Iterable[Job], pace: Pace = DEFAULT_PACE, interruption: Interruption | None = None
) -> Iterator[Done]:
    """Probe and judge every address of every job; yields each as it is done. `jobs` are read as they are needed.

    Closing the iterator, or an interruption, ends what is under way. Raises ConfigurationError.
    """
    taken = interruption.until_asked(jobs) if interruption else iter(jobs)
    first = list(islice(taken, 2))
    if interruption or len(first) != 1 or first[0].target.mx:
        from probe.check.engine import Engine

        yield from Engine(chain(first, taken), pace, interruption=interruption).run()
        return
    # One address needs no event loop, which costs more time to load than the network takes.
    [job] = first
    host = Host(job.target.host)
    told = job.addresses or addresses(host.name, job.options)
    found = endpoints(job.target, job.options, host, told)
    if isinstance(told, ResolveError) or len(found) == 1:
        yield Done(job, 0, assess_endpoint(found[0], job.options), last=True)
        return
    from probe.check.engine import Engine

    known = job._replace(addresses=told)
    yield from (replace(done, job=job) for done in Engine([known], pace).run())


def assess_endpoint(endpoint: Endpoint, options: CheckOptions) -> Assessment:
    """Probe and judge one address."""
    started_at, started = clock.now(), clock.monotonic()
    pending = begin_connect(endpoint.address, endpoint.port) if endpoint.address else None
    if pending is not None:
        started = pending.began
    found: list[Capture] = []
    try:
        # Only now what is heavy: the connection is on its way.
        with Guard() as guard:
            from probe.check.observe import captures

            found += captures(endpoint, options, pending, started)
    finally:
        if pending is not None:
            pending.close()
    return concluded(endpoint, options, found, started_at, started, guard)


def concluded(
    endpoint: Endpoint,
    options: CheckOptions,
    found: Sequence[Capture],
    started_at: datetime,
    started: float,
    guard: Guard,
    by: Callable[..., Assessment] | None = None,
) -> Assessment:
    """Judge what was seen of one address, `by` what answers as `judge.assessed`; unknown where anything failed."""
    with guard:
        if not guard.failure:
            from probe.check.judge import assessed

            return (by or assessed)(found, endpoint, options, started_at, started)
    from probe.capture import Capture
    from probe.eop.evidence import weigh
    from probe.eop.vocabulary import Basis

    seen = found[0] if found else Capture(host=endpoint.host, address=endpoint.address, port=endpoint.port)
    evidence = weigh(
        seen,
        (),
        direction=options.direction,
        basis=Basis.RECEIVE_CONNECTOR,
        at=options.at or started_at,
        settings=options.settings,
    )
    elapsed_ms = round(1000 * (clock.monotonic() - started))
    return failed(guard.failure, endpoint.target.text, evidence, started_at, elapsed_ms)
