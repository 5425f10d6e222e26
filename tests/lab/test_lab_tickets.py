"""Session tickets that come before the client's Finished has left: seen of those servers that send them so."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from probe import load_store
from probe.check.options import CheckOptions
from probe.check.pace import Pace
from probe.check.run import Job, assess, run_jobs
from probe.eop.vocabulary import Direction, Outcome
from probe.net.target import parse_target
from probe.report.assessment import Assessment
from tests.lab.running import START_SECONDS, Lab, said

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 240)]

TRIES, TRIES_OF_GNUTLS = 50, 16
#: Of a container, on the engine's own network.
ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
#: The second has no loop of events.
DRIVERS = ("asyncio", "blocking")
AT_ONCE = Pace(per_address_rate=math.inf, per_network_rate=math.inf)
Probed = Callable[[str, CheckOptions], Iterator[Assessment]]


def options(
    lab: Lab, direction: Direction = Direction.FROM_EOP, *, implicit_tls: bool = False
) -> CheckOptions:
    roots = [load_store(str(lab.root))]
    # GnuTLS' server says nothing after the handshake.
    timeout_s = 0.5 if implicit_tls else 30.0
    return CheckOptions(
        stores=lambda: roots, direction=direction, implicit_tls=implicit_tls, timeout_s=timeout_s
    )


def found(driver: str, lab: Lab, service: str, options: CheckOptions) -> Iterator[Assessment]:
    """What a driver finds, again and again."""
    return found_at(driver, f"127.0.0.1:{lab.port(service)}", options)


def found_at(driver: str, where: str, options: CheckOptions) -> Iterator[Assessment]:
    target = parse_target(where)
    if driver == "asyncio":
        jobs = (Job(number, target, options) for number in range(TRIES))
        yield from (done.assessment for done in run_jobs(jobs, AT_ONCE))
    else:
        for _ in range(TRIES):
            yield from assess(target, options)


def seen(assessments: Iterator[Assessment]) -> Counter[bool | None]:
    return Counter(each.capture.tls and each.capture.tls.early_ticket for each in assessments)


@pytest.mark.parametrize("driver", DRIVERS)
def test_go_is_always_seen(lab: Lab, driver: str) -> None:
    assert seen(found(driver, lab, "tickets", options(lab))) == {True: TRIES}


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("service", ["tickets-ask", "tickets-none", "healthy", "tls10"])
def test_others_never_are(lab: Lab, service: str, driver: str) -> None:
    """A client certificate is asked for, tickets are off, OpenSSL's come later, TLS 1.0 has no such tickets."""
    expected = None if service == "tls10" else False
    assert seen(found(driver, lab, service, options(lab))) == {expected: TRIES}


@pytest.mark.parametrize("driver", DRIVERS)
def test_gnutls_is_seen_at_least_every_other_time(lab: Lab, driver: str) -> None:
    """It writes its ticket by itself, still before it reads: a race, which Docker's proxy would make closer.

    It is won four of five times, or three of five, less on a busy machine: a dozen throws deceive, but not six times.
    """
    own = said("docker", "inspect", "--format", ADDRESS, lab.container("tickets-gnutls")).strip()
    some = (
        islice(found_at(driver, f"{own}:25", options(lab, implicit_tls=True)), TRIES_OF_GNUTLS)
        for _ in range(6)
    )
    assert any(seen(each)[True] >= TRIES_OF_GNUTLS / 2 for each in some)


def test_the_finding(lab: Lab) -> None:
    [one] = assess(f"127.0.0.1:{lab.port('tickets')}", options(lab))
    [finding] = (each for each in one.findings if each.rule == "early-session-ticket")
    assert finding.confidence.value == "reported"
    assert one.outcome is not Outcome.ACCEPTED


def test_nobody_looks_towards_exchange_online(lab: Lab) -> None:
    [one] = assess(f"127.0.0.1:{lab.port('tickets')}", options(lab, Direction.TO_EOP))
    assert one.capture.tls is not None
    assert one.capture.tls.early_ticket is None
    assert all(each.rule != "early-session-ticket" for each in one.findings)
