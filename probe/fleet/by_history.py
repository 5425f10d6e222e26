"""What a history holds, by the configured target that it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

from probe.check.endpoints import Host, without_address
from probe.check.options import CheckOptions
from probe.fleet.entries import Entry
from probe.report.record import Endpoint


class Kept(Protocol):
    """Something of an endpoint, under the name by which it was looked at."""

    @property
    def target(self) -> str: ...
    @property
    def endpoint(self) -> Endpoint: ...


T = TypeVar("T", bound=Kept)


class _Way(NamedTuple):
    """A domain's text, or a host and its port, and how it is asked."""

    place: str | tuple[str, int]
    direction: str
    variant: str


class ByHistory(Generic[T]):
    """A domain is found by its name, a host by its place: a history calls it by whatever it was looked at for.

    `domains` are the others for which an endpoint was looked at, as `probe.history.read.domains` has them.
    """

    def __init__(self, kept: Iterable[T], domains: Mapping[Endpoint, Iterable[str]]) -> None:
        self._found: dict[_Way, list[T]] = {}
        for one in kept:
            endpoint = one.endpoint
            places: set[str | tuple[str, int]] = {(endpoint.host, endpoint.port), *domains.get(endpoint, ())}
            if one.target[:3].lower() == "mx:":
                places.add(one.target)
            for place in places:
                way = _Way(place, endpoint.direction, endpoint.variant)
                self._found.setdefault(way, []).append(one)

    def of(self, entry: Entry, base: CheckOptions) -> Iterator[T]:
        """What is of a target whose check is based on `base`."""
        job = entry.job(0, base)
        target, options = job.target, job.options
        place: str | tuple[str, int] = target.text
        if not target.mx:
            host = without_address(target, options, Host(target.host))
            place = host.host, host.port
        found = self._found.get(_Way(place, options.direction.value, options.variant(target.host)), ())
        return (one for one in found if not job.addresses or one.endpoint.address in job.addresses)
