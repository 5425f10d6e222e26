"""What the engine knows of a job, and of each endpoint on its way."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from probe.capture import Capture
from probe.check.endpoints import Endpoint
from probe.check.run import Job
from probe.check.turns import Place
from probe.net.observe import Attempt, Steps
from probe.report.failed import Guard

if TYPE_CHECKING:
    from collections.abc import Collection

    from probe.check.connection import Connection
    from probe.exchange.outbound.facts import DomainFacts
    from probe.report.assessment import Assessment


class Domain:
    """A domain whose exchangers are judged together: what is known of it, and the assessments that wait for that."""

    __slots__ = ("facts", "waiting")

    def __init__(self) -> None:
        self.facts: DomainFacts | None = None
        self.waiting: dict[int, Assessment] = {}


class Plan:
    """A job whose names are being looked up, and then what is still to be reported of it."""

    __slots__ = ("domain", "found", "job", "left", "unknown")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.domain: Domain | None = None
        self.found: list[tuple[Endpoint, ...]] = []
        self.unknown = self.left = 0


class Work:
    """One endpoint on its way."""

    __slots__ = (
        "attempt",
        "connection",
        "ended",
        "endpoint",
        "guard",
        "index",
        "keys",
        "place",
        "plan",
        "started",
        "started_at",
        "steps",
        "waited_s",
    )

    def __init__(self, plan: Plan, index: int, endpoint: Endpoint, place: Place = (0, 0)) -> None:
        self.plan, self.index, self.endpoint, self.place = plan, index, endpoint, place
        self.guard = Guard()
        self.keys: tuple[str, ...] = ()
        self.steps: Steps[tuple[Capture, ...]] | None = None
        self.attempt: Attempt | None = None
        self.connection: Connection | None = None
        self.started_at: datetime | None = None
        self.started = self.ended = self.waited_s = 0.0

    @property
    def connected(self) -> bool:
        """Whether it has a connection that has a descriptor."""
        return self.connection is not None and self.connection.open

    @property
    def has_time(self) -> bool:
        """Whether it began, when its last connection ended, less long ago than the next one may take."""
        return self.attempt is not None and self.ended - self.started < self.attempt.seconds

    def others_may_end(self, under_way: Collection[Work]) -> bool:
        """Whether others have descriptors, or may have had; of many that have none, none would ever end."""
        return (len(under_way) > 1 and self.has_time) or any(one.connected for one in under_way)
