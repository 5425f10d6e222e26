"""How fast many endpoints are asked: what their operators may expect of a stranger."""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

#: Files and sockets of the process beside its connections; where there can be no more, beside those it has open.
OTHER_FILES, SPARE_FILES = 64, 12


class Pace(NamedTuple):
    """Connections open at once, and how many may begin within any second.

    Never two at once to one address, whatever this says. `per_network_rate` is that of an IPv4 /24 or an IPv6 /64,
    `per_operator_rate` that of the exchangers of one registered domain; a rate below 1 is one connection in so many
    seconds. `jitter_s`: each address begins at a random moment within so many seconds. `total_s` bounds all
    connections to one address together; None leaves it to the options.
    """

    concurrency: int = 100
    per_address_rate: float = 10.0
    per_network_rate: float = 50.0
    per_operator_rate: float = 50.0
    jitter_s: float = 0.0
    total_s: float | None = None

    @property
    def rates(self) -> tuple[float, float, float]:
        """Those of an address, a network and an operator."""
        return (self.per_address_rate, self.per_network_rate, self.per_operator_rate)

    def share(self, of: int) -> Pace:
        """The pace of each of so many that begin connections side by side."""
        address, network, operator = (rate / of for rate in self.rates)
        return self._replace(per_address_rate=address, per_network_rate=network, per_operator_rate=operator)


DEFAULT_PACE = Pace()


def room_for(connections: int) -> int:
    """As many connections as the system lets this process have open, its limit of files raised as far as needed."""
    try:
        import resource
    except ImportError:  # Windows, whose select watches 512 sockets
        return min(connections, 500)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # Names, and what is asked of domains, may take as many as connections.
        free = (limit - _open_files() - SPARE_FILES) // 3
        return max(1, min(connections, max(limit - OTHER_FILES, free)))
    return connections


def _open_files() -> int:
    try:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 - pathlib costs milliseconds
    except OSError:
        return OTHER_FILES


def too_few_files(connections: int) -> str:
    """One sentence where the system lets this process have fewer connections open than are asked for; else nothing."""
    if (room := room_for(connections)) == connections:
        return ""
    allow = f"`ulimit -n {connections + OTHER_FILES}` allows them all"
    return (
        f"{room} connections at once at most, not {connections}: this process may open too few files; {allow}"
    )
