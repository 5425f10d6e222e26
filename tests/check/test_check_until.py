"""Whoever waits for a result has it in time: what takes longer is cut, and what was seen is not lost with it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import chain
from time import monotonic
from typing import NamedTuple

from probe.check.engine import Engine
from probe.check.interruption import Interruption
from probe.check.loops import new_loop
from probe.check.run import Job
from probe.eop.vocabulary import Outcome
from probe.net.target import parse_target
from probe.report.assessment import Assessment
from probe.serve.demand import Demand
from tests.check.test_check_domains import MX1, MX2, RIGHT, Domain, by_address, told, zone
from tests.check.test_check_engine import FAST, HEALTHY, OPTIONS
from tests.net.scripted import AUTHORITY, ISSUING, Peer, ScriptedServer, starttls, tls_context
from tests.net.validating import Reply
from tests.revoking import Web, places

#: Seconds for connections, and those in which what they showed is judged.
CONNECTIONS_S, JUDGING_S = 4.0, 4.0


class Came(NamedTuple):
    """What there was when the waiting ended, after so many seconds, and whether it was all."""

    found: tuple[Assessment, ...]
    seconds: float
    complete: bool


def asked(job: Job, connections_s: float = CONNECTIONS_S, *before: Job) -> Came:
    """What comes of a job for somebody who waits; `before` it others are begun."""
    loop, began, interruption = new_loop(), monotonic(), Interruption()
    demand = Demand(loop, 1)
    engine = Engine(chain(before, demand.jobs()), FAST, loop, interruption, shared=True)
    demand.hasten = engine.hasten

    async def ask() -> Came:
        asked = await demand.probe(job, connections_s, JUDGING_S, loop.create_future())
        found = Came(asked.found, monotonic() - began, complete=asked.complete)
        interruption.asked = True
        loop.stop()
        return found

    task = loop.create_task(ask())
    deque(engine.run(), 0)
    loop.close()
    return task.result()


def test_an_issuer_that_does_not_answer_costs_only_its_answer() -> None:
    with Web(ocsp=Peer.hold) as web:
        leaf = AUTHORITY.leaf(ISSUING, "mail.contoso.test", extra=places(web.url("ocsp")))
        with ScriptedServer(starttls(tls_context(leaf, ISSUING))) as server:
            options = replace(OPTIONS, revocation=True, revocation_allow_private=True)
            job = Job(0, parse_target(f"127.0.0.1:{server.port}"), options)
            came = asked(job)
            assert came.complete
            assert CONNECTIONS_S - 0.1 < came.seconds < CONNECTIONS_S + JUDGING_S
            [one] = came.found
            assert "revocation-unknown" in [each.rule for each in one.findings]
            assert one.capture.presented
            web.answers["ocsp"] = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
            assert asked(job, 30).seconds < 30, "the control: nothing is waited for"


def test_a_connection_that_had_to_wait_for_its_turn_ends_as_soon_as_the_others() -> None:
    """Both exchangers have one address, and its first connection is held: they are judged together, and so in time."""
    one = zone() | {(MX2, "A"): Reply("127.8.1.1")}
    with Domain(one, Peer.hold) as domain:
        came = asked(domain.job())
    assert came.complete
    assert came.seconds < CONNECTIONS_S + JUDGING_S
    assert [told(each) for each in came.found] == [
        (MX1, Outcome.UNKNOWN, "timeout"),
        (MX2, Outcome.UNKNOWN, "timeout"),
    ]


def test_what_a_domain_publishes_may_come_too_late() -> None:
    late = zone(RIGHT, RIGHT) | {(f"_25._tcp.{MX1}", "TLSA"): Reply(RIGHT, silent=99)}
    with Domain(late) as domain:
        came = asked(domain.job(timeout_s=60.0))
    assert came.complete
    assert [each.capture.host for each in came.found] == [MX1, MX2]
    [said] = [each.summary for each in came.found[0].findings if each.rule == "outbound-unknown"]
    assert said.endswith("what the domain publishes was not known within the time there was.")


def test_hosts_that_were_judged_are_told_without_the_one_whose_turn_did_not_come() -> None:
    """To its address somebody else has a connection, for longer."""
    with Domain(zone(), by_address(HEALTHY, Peer.hold)) as domain:
        job = domain.job()
        text = f"127.8.1.2:{job.target.port}"
        came = asked(job, CONNECTIONS_S, Job(1, parse_target(text), replace(OPTIONS, timeout_s=30.0)))
    assert not came.complete
    assert [told(each) for each in came.found] == [(MX1, Outcome.ACCEPTED, None)]
