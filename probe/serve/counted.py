"""What the server tells of itself: metrics of the process, of requests, of probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from probe import __version__
from probe.eop.vocabulary import Outcome
from probe.net import clock
from probe.report.assessment import Assessment

#: Seconds of a probe; Prometheus waits ten unless told otherwise.
_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Counted:
    """Counters of one server."""

    def __init__(self, in_flight: Callable[[], float]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own lack
        self._registry = registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

        def name(rest: str) -> str:
            return f"eop_probe_serve_{rest}"

        Info("eop_probe_build", "Which eop-probe this is.", registry=registry).info({"version": __version__})
        self._read = Gauge(
            name("config_last_reload_successful"),
            "Whether the description of the fleet could be read when it was last to be.",
            registry=registry,
        )
        self._read_at = Gauge(
            name("config_last_reload_success_timestamp_seconds"),
            "When the description of the fleet that holds was read.",
            registry=registry,
        )
        with self.reading():
            pass
        probes = Counter(name("probes"), "Probes asked for, by outcome.", ["outcome"], registry=registry)
        self._probes = {each: probes.labels(each.value) for each in Outcome}
        requests = Counter(
            name("requests"), "Requests answered, by path and code.", ["path", "code"], registry=registry
        )
        self._requests = cache(requests.labels)
        self.refused = Counter(name("probes_refused"), "Probes refused with 503.", registry=registry)
        waiting = Gauge(name("probes_in_flight"), "Probes that wait or are made.", registry=registry)
        waiting.set_function(in_flight)
        self._seconds = Histogram(
            name("probe_duration_seconds"),
            "Time until a probe was answered.",
            buckets=_BUCKETS,
            registry=registry,
        )

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Note whether the description can be read in the block."""
        self._read.set(0)
        yield
        self._read.set(1)
        self._read_at.set(clock.now().timestamp())

    def probed(self, found: Sequence[Assessment], seconds: float) -> None:
        """Count a probe that was answered."""
        self._probes[Outcome.worst(tuple(each.outcome for each in found))].inc()
        self._seconds.observe(seconds)

    def answered(self, path: str, code: int) -> None:
        """Count a request; `path` is one of few."""
        self._requests(path, str(code)).inc()

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
