"""What Exchange Online looks at as the sender: gathered once for a domain, and what follows for each of its exchangers.

An endpoint alone cannot tell whether mail is blocked: the verdicts of one domain wait for each other, and for the
facts of DNS and HTTPS, which are asked for beside the connections. So a fleet, a history and `serve`, which take
endpoint by endpoint, see what holds for the domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.check.options import CheckOptions
from probe.eop.evidence import Evidence
from probe.eop.forecast import Forecast
from probe.eop.outbound.host import look
from probe.eop.outbound.verdict import DomainVerdict, HostVerdict, Outbound
from probe.eop.verdict import Decision, judge
from probe.eop.vocabulary import ConnectorMode
from probe.errors import ProbeError
from probe.exchange.outbound.facts import DomainFacts, Sts
from probe.net import clock
from probe.net.http import TIMEOUT_S, Reach
from probe.net.mta_sts import Judge
from probe.net.mta_sts import look as policy_of
from probe.report.assessment import Assessment
from probe.report.failed import Guard


def gathered(domain: str, options: CheckOptions) -> DomainFacts:
    """Ask DNS and the policy's server; what goes wrong on the way is told among the facts."""
    try:
        with Guard() as guard:
            return _gathered(domain, options)
    except ProbeError as error:
        return DomainFacts(domain=domain, failure=str(error))
    return _unknown(domain, guard)


def _gathered(domain: str, options: CheckOptions) -> DomainFacts:
    """Within three quarters of the time of one connection: whoever waits no longer has every result by then."""
    facts = DomainFacts(domain=domain)
    if options.dnssec_resolver is not None:
        from probe.net.dnssec import TIMEOUT_S as DNSSEC_S
        from probe.net.dnssec import domain_facts

        facts = domain_facts(domain, options.dnssec_resolver, timeout_s=min(options.timeout_s / 4, DNSSEC_S))
    mandatory = options.connector_mode is ConnectorMode.MANDATORY  # MTA-STS knows no such mode
    return facts if mandatory else replace(facts, sts=_policy(domain, options))


def _unknown(domain: str, guard: Guard) -> DomainFacts:
    return DomainFacts(domain=domain, failure=f"a defect of eop-probe: {guard.failure}")


def settled(
    assessments: Sequence[Assessment], facts: DomainFacts, mode: ConnectorMode
) -> tuple[Assessment, ...]:
    """The assessments of every endpoint of a domain, each judged once more in sight of the domain.

    A defect met here, or while the facts were gathered, costs nothing but what follows from these.
    """
    with Guard() as guard:
        return _settled(assessments, facts, mode)
    with guard:
        return _settled(assessments, _unknown(facts.domain, guard), mode)
    return tuple(assessments)


def _settled(
    assessments: Sequence[Assessment], facts: DomainFacts, mode: ConnectorMode
) -> tuple[Assessment, ...]:
    hosts = tuple(_verdict(each.evidence, facts, mode) for each in assessments)
    left_out = sum(len(each.names) for one in assessments for each in one.evidence.left_out)
    domain = DomainVerdict(facts=facts, mode=mode, hosts=hosts, left_out=left_out)
    return tuple(_again(each, Outbound(domain, place)) for place, each in enumerate(assessments))


def _verdict(evidence: Evidence, facts: DomainFacts, mode: ConnectorMode) -> HostVerdict:
    if evidence.failure is not None:
        return HostVerdict(host=evidence.capture.host, address=evidence.capture.address)
    return look(evidence, facts, mode)


def _again(assessment: Assessment, outbound: Outbound) -> Assessment:
    evidence = replace(assessment.evidence, outbound=outbound)
    verdict = judge(evidence)
    made, forecast = verdict.prediction, assessment.forecast
    if isinstance(forecast, Forecast):
        forecast = forecast.again(evidence, Decision(made.outcome, made.rule))
    return replace(
        assessment,
        outcome=made.outcome,
        predictions=(made,),
        findings=verdict.findings,
        evidence=evidence,
        forecast=forecast,
    )


def _policy(domain: str, options: CheckOptions) -> Sts:
    reach = Reach(
        allow_private=not options.public_only,
        overrides=options.overrides,
        nameserver=options.nameserver,
        ip_version=options.ip_version,
        timeout_s=min(options.timeout_s / 2, TIMEOUT_S),
    )
    return policy_of(domain, Judge(options.stores()[0], options.at or clock.now()), reach)
