"""Domains on workers: their exchangers are judged together, as the local engine does.

A fleet asks the system's resolver for exchangers; here the jobs name one on loopback.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from probe.check.interruption import Interruption
from probe.check.options import CheckOptions
from probe.check.pace import DEFAULT_PACE
from probe.check.run import Done, Job, run_jobs
from probe.eop.outbound.verdict import Mail
from probe.eop.vocabulary import ConnectorMode, Direction
from probe.fleet.dask.cluster import Cluster, Tls
from probe.fleet.dask.run import Run
from probe.net.target import parse_target
from tests.check.test_check_domains import HEALTHY, RIGHT, WRONG
from tests.check.test_check_engine import OPTIONS
from tests.fleet.clusters import Counted, cluster
from tests.net.scripted import ScriptedServer
from tests.net.validating import Reply, ValidatingServer

#: Of each domain what its two exchangers' TLSA records say, and what becomes of its mail.
DOMAINS = {
    "right.test": (RIGHT, RIGHT, Mail.GOES_ON),
    "one.test": (WRONG, RIGHT, Mail.GOES_ON),
    "none.test": (WRONG, WRONG, Mail.BLOCKED),
}


@pytest.fixture(scope="module")
def resolver() -> Iterator[str]:
    zone = {}
    for number, (domain, (*records, _)) in enumerate(DOMAINS.items(), 1):
        hosts = [f"mx{place}.{domain}" for place in (1, 2)]
        zone[domain, "MX"] = Reply(*(f"10 {host}." for host in hosts))
        for place, (host, record) in enumerate(zip(hosts, records, strict=True), 1):
            zone[host, "A"], zone[host, "AAAA"] = Reply(f"127.8.{number}.{place}"), Reply()
            zone[f"_25._tcp.{host}", "TLSA"] = Reply(record)
    with ValidatingServer(zone) as dns:
        yield dns.address


def jobs(resolver: str, port: int, **fields: object) -> list[Job]:
    options: CheckOptions = replace(
        OPTIONS, direction=Direction.FROM_EOP, nameserver=resolver, dnssec_resolver=resolver, **fields
    )
    return [Job(key, parse_target(f"mx:{domain}:{port}"), options) for key, domain in enumerate(DOMAINS)]


def by_workers(asked: list[Job]) -> list[Done]:
    with cluster() as made, Cluster(made.scheduler_address, Tls()) as reached:
        return list(Run(reached, asked, DEFAULT_PACE, Interruption(), print).run())


def said(done: Iterable[Done]) -> dict[tuple[int, int], object]:
    """What is said of each exchanger, by its job and place."""
    return {
        (one.job.key, one.index): (
            one.assessment.capture.host,
            one.assessment.outcome,
            one.assessment.predictions,
            one.assessment.findings,
            one.assessment.evidence.outbound,
        )
        for one in done
    }


def mail(done: Iterable[Done]) -> dict[str, set[Mail | None]]:
    found: dict[str, set[Mail | None]] = {}
    for one in done:
        outbound = one.assessment.evidence.outbound
        found.setdefault(one.job.target.host, set()).add(outbound and outbound.domain.mail)
    return found


def test_the_exchangers_of_a_domain_are_judged_together(
    resolver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One target is a batch: each worker has some of them."""
    monkeypatch.setattr("probe.fleet.dask.run.BATCH", 1)
    counted = Counted(0, HEALTHY)
    with ScriptedServer(counted, host="0.0.0.0") as server:
        asked = jobs(resolver, server.port)
        here, there = list(run_jobs(asked)), by_workers(asked)
    assert said(there) == said(here)
    assert mail(there) == {domain: {becomes} for domain, (*_, becomes) in DOMAINS.items()}
    assert len(counted.looks) == 2 * 2 * len(DOMAINS)
    # One value for the whole domain: a history keeps it once.
    domains = [one.assessment.evidence.outbound for one in there if one.job.key == 0]
    assert len({id(each and each.domain) for each in domains}) == 1


def test_where_nothing_holds_for_the_domain_each_is_judged_alone(resolver: str) -> None:
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
        asked = jobs(resolver, server.port, connector_mode=ConnectorMode.NONE)
        here, there = list(run_jobs(asked)), by_workers(asked)
    assert said(there) == said(here)
    assert mail(there) == {domain: {None} for domain in DOMAINS}
