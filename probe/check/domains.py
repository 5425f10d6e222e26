"""Domains whose exchangers are judged together: what is known of each, and the assessments that wait for it."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from probe.check.endpoints import Host
from probe.check.names import Names
from probe.check.options import CheckOptions
from probe.check.work import Domain, Plan
from probe.eop.vocabulary import ConnectorMode, Direction
from probe.errors import NoSuchNameError, NullMxError

if TYPE_CHECKING:
    from probe.exchange.outbound.facts import DomainFacts
    from probe.report.assessment import Assessment


class Deliver(Protocol):
    """Who takes the endpoints of a domain once they are judged."""

    def __call__(self, plan: Plan, index: int, assessment: Assessment, *, last: bool) -> None:
        """Take one; `last`: none of the plan follows."""


class Domains:
    """Has the facts of domains gathered beside their connections; calls `deliver` for each endpoint of one at a time.

    In threads of their own: a policy that is slow to come must not keep names waiting.
    """

    def __init__(self, loop: AbstractEventLoop, deliver: Deliver, most: int) -> None:
        self._names, self._deliver = Names(loop, most), deliver
        self._waiting: set[Plan] = set()
        self.forget, self.close = self._names.forget, self._names.close

    def begin(self, plan: Plan, hosts: Sequence[Host]) -> None:
        """Ask about the domain of a plan, if Exchange Online as the sender would, once its exchangers are known.

        Where none is, DNSSEC may be why.
        """
        _, target, options, _, _ = plan.job
        outbound = target.mx and options.direction is Direction.FROM_EOP
        if not outbound or options.connector_mode is ConnectorMode.NONE:
            return
        failure = hosts[0].failure
        # A resolver that validates gives no MX records that are bogus: whether they are is asked all the same.
        if failure and (
            options.dnssec_resolver is None or isinstance(failure, NullMxError | NoSuchNameError)
        ):
            return
        plan.domain = Domain()
        self._waiting.add(plan)
        if plan.job.asked is not None:
            plan.job.asked.hurry = partial(self._hurry, plan, plan.domain)
        question = (
            target.host,
            options.nameserver,
            options.dnssec_resolver,
            options.connector_mode,
            options.public_only,
            options.stores,
        )
        self._names.ask(question, partial(_gathered, target.host, options), partial(self._informed, plan))

    def take(self, plan: Plan, domain: Domain, index: int, assessment: Assessment) -> None:
        """Take in what was judged of one endpoint alone."""
        domain.waiting[index] = assessment
        self._settle(plan, domain)

    def undecided(self) -> None:
        """Deliver what waits as it was judged alone: the run ends before the others are done."""
        for plan in self._waiting:
            for index, assessment in plan.domain.waiting.items() if plan.domain else ():
                self._deliver(plan, index, assessment, last=False)

    def _hurry(self, plan: Plan, domain: Domain) -> None:
        """Whoever waits does no longer: judge by what is known; hosts as judged alone, where others are missing."""
        if plan not in self._waiting:
            return
        if not plan.left and domain.facts is None:
            from probe.exchange.outbound.facts import DomainFacts

            failure = "what the domain publishes was not known within the time there was"
            self._informed(plan, DomainFacts(domain=plan.job.target.host, failure=failure))
            return
        self._waiting.discard(plan)
        plan.domain = None
        for index, assessment in domain.waiting.items():
            self._deliver(plan, index, assessment, last=False)

    def _informed(self, plan: Plan, found: DomainFacts) -> None:
        if (
            plan.domain is None or plan not in self._waiting
        ):  # a defect over its names, or nobody waits any more
            self._waiting.discard(plan)
            return
        plan.domain.facts = found
        self._settle(plan, plan.domain)

    def _settle(self, plan: Plan, domain: Domain) -> None:
        """Judge every endpoint in sight of the domain, once all that is needed for it has come."""
        if plan.left or not domain.waiting or domain.facts is None:
            return
        from probe.check.outbound import settled

        self._waiting.discard(plan)
        waiting = sorted(domain.waiting.items())
        judged = settled([each for _, each in waiting], domain.facts, plan.job.options.connector_mode)
        for place, assessment in enumerate(judged, 1):
            self._deliver(plan, waiting[place - 1][0], assessment, last=place == len(judged))


def _gathered(domain: str, options: CheckOptions) -> DomainFacts:
    # In a thread, and not before there is one: it takes a while to load.
    from probe.check.outbound import gathered

    return gathered(domain, options)
