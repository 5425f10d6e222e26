"""How many connections begin within a second: to one address, to one network, to one operator of exchangers."""

from __future__ import annotations

import math
from ipaddress import IPv6Network

from probe.check.endpoints import Endpoint
from probe.check.pace import Pace

#: Keys that are remembered before those are looked for whose second is over.
MIN_KEPT = 1024
# Second-level names under which registries of two-letter domains register (co.uk, com.au): no list of all is at hand.
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "gob", "gouv", "gov", "ne", "net", "or", "org"})


class Rate:
    """At most `per_second` starts within any second for each key; below 1 one start in so many seconds."""

    def __init__(self, per_second: float) -> None:
        self._starts: dict[str, list[float]] = {}  # an empty deque has 0.6 KB, and most have one start
        self._kept = MIN_KEPT
        self.change(per_second)

    def change(self, per_second: float) -> None:
        """Keep to another rate from now on; what was begun counts."""
        self._count = max(1, int(min(per_second, 1e6)))
        self._span = self._count / per_second if per_second < math.inf else 0.0
        for starts in self._starts.values():
            del starts[: -self._count]

    def free_at(self, key: str, now: float) -> float:
        """The instant from which another start is allowed."""
        starts = self._starts.get(key)
        return max(now, starts[0] + self._span) if starts and len(starts) == self._count else now

    def note(self, key: str, now: float) -> None:
        """Count a start."""
        starts = self._starts.get(key)
        if starts is None:
            starts = self._starts[key] = []
            if len(self._starts) > self._kept:
                self._starts = {k: s for k, s in self._starts.items() if not s or s[-1] + self._span > now}
                self._kept = 2 * len(self._starts) + MIN_KEPT
        starts.append(now)
        del starts[: -self._count]


class Rates:
    """Every rate that an endpoint's connections keep to."""

    def __init__(self, pace: Pace) -> None:
        self._rates = tuple(map(Rate, pace.rates))

    def keep_to(self, pace: Pace) -> None:
        """Keep to another pace from now on."""
        for rate, per_second in zip(self._rates, pace.rates, strict=True):
            rate.change(per_second)

    def held(self, keys: tuple[str, ...], now: float) -> tuple[float, int]:
        """The instant from which another connection may begin, and the place of the rate that holds it longest."""
        found = (now, 0)
        for place, (rate, key) in enumerate(zip(self._rates, keys, strict=False)):
            at = rate.free_at(key, now)
            if at > now and at >= found[0]:
                found = (at, place)
        return found

    def note(self, keys: tuple[str, ...], now: float) -> None:
        """Count a connection that begins."""
        for rate, key in zip(self._rates, keys, strict=False):
            rate.note(key, now)


def keys_of(endpoint: Endpoint, address: str) -> tuple[str, ...]:
    """The address, its network, and for an exchanger its operator."""
    network = (
        str(IPv6Network((address.partition("%")[0], 64), strict=False))
        if ":" in address
        else address.rpartition(".")[0]
    )
    if not endpoint.target.mx:
        return (address, network)
    return (address, network, operator_of(endpoint.host))


def operator_of(host: str) -> str:
    """The registered domain of a host, as far as its labels show it."""
    labels = host.split(".")
    registry = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _REGISTRIES
    return ".".join(labels[-3 if registry else -2 :])
