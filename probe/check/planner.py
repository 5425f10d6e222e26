"""What jobs lead to: their names looked up, and the facts of their domains gathered beside."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from functools import partial
from itertools import chain
from typing import Protocol

from probe.check.domains import Deliver, Domains
from probe.check.endpoints import Endpoint, Host, addresses, endpoints, hosts, known
from probe.check.names import Names
from probe.check.work import Plan
from probe.errors import ResolveError


class Planned(Protocol):
    """Who takes what a job leads to."""

    def __call__(self, plan: Plan, found: tuple[Endpoint, ...] | Exception) -> None:
        """Take its endpoints, or the defect met on the way to them."""


class Planner:
    """Calls `planned` for each job: at once, or once its names are known; `deliver` as Domains does.

    At most so many names, and `most` domains, are asked about at once.
    """

    def __init__(self, loop: AbstractEventLoop, planned: Planned, deliver: Deliver, most: int) -> None:
        self._planned = planned
        self._names = Names(loop, most)
        self.domains = Domains(loop, deliver, most)

    def forget(self) -> None:
        """Look up names anew from now on."""
        self._names.forget()
        self.domains.forget()

    def close(self) -> None:
        """Look up nothing more."""
        self._names.close()
        self.domains.close()

    def plan(self, plan: Plan) -> None:
        """Find the endpoints of a job."""
        _, target, options, given, _ = plan.job
        if given:
            self._planned(plan, endpoints(target, options, Host(target.host), given))
        elif target.mx:
            question = ("MX", target.host, options.nameserver)
            self._names.ask(question, partial(hosts, target, options), partial(self._named, plan))
        else:
            self._named(plan, hosts(target, options))

    def _named(self, plan: Plan, found: tuple[Host, ...] | Exception) -> None:
        if isinstance(found, Exception):
            self._planned(plan, found)
            return
        options = plan.job.options
        plan.found, plan.unknown = [()] * len(found), len(found)
        self.domains.begin(plan, found)
        for place, host in enumerate(found):
            then = partial(self._resolved, plan, place, host)
            if host.failure is not None:
                then(host.failure)
            elif known(host.name, options):
                then(addresses(host.name, options))
            else:
                question = ("A", host.name, options.nameserver)
                self._names.ask(question, partial(addresses, host.name, options), then)

    def _resolved(self, plan: Plan, place: int, host: Host, found: tuple[str, ...] | Exception) -> None:
        if plan.unknown < 0:  # a defect over another of its hosts was all that is reported
            return
        if isinstance(found, Exception) and not isinstance(found, ResolveError):
            plan.unknown = -1
            self._planned(plan, found)
            return
        plan.found[place] = endpoints(plan.job.target, plan.job.options, host, found)
        plan.unknown -= 1
        if plan.unknown == 0:
            every, plan.found = tuple(chain.from_iterable(plan.found)), []
            self._planned(plan, every)
