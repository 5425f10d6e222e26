"""Many endpoints at once: what the servers see of it, hostile ones among the healthy, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import signal
import socket
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import uvloop
from OpenSSL import SSL

from probe.capture import FaultKind
from probe.check.admission import LOOK_AHEAD
from probe.check.endpoints import Endpoint, _patience
from probe.check.engine import Engine
from probe.check.names import Names
from probe.check.options import TOTAL_SHARE, CheckOptions
from probe.check.pace import OTHER_FILES, Pace, room_for
from probe.check.rates import MIN_KEPT, Rate, keys_of, operator_of
from probe.check.run import Done, Job, assess, run_jobs
from probe.eop.vocabulary import Direction, Outcome
from probe.errors import ConfigurationError, StoreError
from probe.net.clock import monotonic
from probe.net.resolver import RESOLVE_TIMEOUT_S
from probe.net.target import parse_target
from probe.pki.certificate import Certificate, parse
from probe.pki.truststore import AnchorStore, ListRole, TrustStore
from tests.net.scripted import (
    CAPABILITIES,
    GO_AHEAD,
    GREETING,
    ISSUING,
    LEAF,
    NOW,
    ROOT,
    Peer,
    Script,
    ScriptedServer,
    starttls,
    tls_context,
)
from tests.net.test_net_resolver import NameServer
from tests.patience import given_time

Loop = Callable[[], asyncio.AbstractEventLoop]
HEALTHY = starttls(tls_context(LEAF, ISSUING))
FAST = Pace(per_address_rate=1e9, per_network_rate=1e9, per_operator_rate=1e9)


def _stores() -> list[TrustStore]:
    root = parse(ROOT.der)
    assert isinstance(root, Certificate)
    return [AnchorStore("roots", [root], role=ListRole.MICROSOFT)]


OPTIONS = CheckOptions(stores=_stores, at=NOW, timeout_s=60.0)


@pytest.fixture(params=[asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Loop:
    return request.param  # type: ignore[no-any-return]


def jobs(port: int, *hosts: str, options: CheckOptions = OPTIONS) -> Iterator[Job]:
    return (Job(key, parse_target(f"{host}:{port}"), options) for key, host in enumerate(hosts))


class Guests:
    """Wraps a script: who was there at once, when each came, and how each left, by the address called."""

    def __init__(self, script: Script = HEALTHY) -> None:
        self._script, self._lock = script, threading.Lock()
        self._now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.came: defaultdict[str, list[float]] = defaultdict(list)

    def __call__(self, peer: Peer) -> None:
        called = peer.socket.getsockname()[0]
        with self._lock:
            self._now[called] += 1
            self.most[called] = max(self.most[called], self._now[called])
            self.came[called].append(monotonic())
        try:
            self._script(peer)
        finally:
            with self._lock:
                self._now[called] -= 1


def test_never_two_connections_to_one_address_and_each_ends_with_quit(loop: Loop) -> None:
    guests = Guests()
    addresses = [f"127.7.1.{number % 6}" for number in range(24)]
    sampled = replace(OPTIONS, samples=2)
    with ScriptedServer(guests, host="0.0.0.0") as server:
        done = list(Engine(jobs(server.port, *addresses, options=sampled), FAST, loop()).run())
        server.join()
    assert sorted(each.job.key for each in done) == list(range(24))
    assert all(each.last and each.assessment.outcome is Outcome.ACCEPTED for each in done)
    assert guests.most == dict.fromkeys(addresses, 1)
    assert {called: len(times) for called, times in guests.came.items()} == dict.fromkeys(addresses, 8)
    assert [peer.inside for peer in server.peers] == [b"QUIT\r\n"] * 48


def test_connections_at_once_are_bounded(loop: Loop) -> None:
    """The first three wait for a fourth one, which does not come before they have gone."""
    numbers, fourth, came_early = itertools.count(), threading.Event(), []

    def script(peer: Peer) -> None:
        if next(numbers) < 3:
            came_early.append(fourth.wait(0.3))
        else:
            fourth.set()
        HEALTHY(peer)

    with ScriptedServer(script, host="0.0.0.0") as server:
        hosts = [f"127.7.2.{number}" for number in range(8)]
        done = list(Engine(jobs(server.port, *hosts), FAST._replace(concurrency=3), loop()).run())
    assert [each.assessment.outcome for each in done] == [Outcome.ACCEPTED] * 8
    assert came_early[0] is False
    assert fourth.is_set()


@pytest.mark.parametrize("held", ["per_address_rate", "per_network_rate", "per_operator_rate"])
def test_rates_are_kept_at_the_server(held: str) -> None:
    """The server may notice a connection late; where no rate is kept they come within milliseconds."""
    per_second = 2 if held == "per_address_rate" else 8
    overrides = {"mx1.contoso.test": ("127.7.3.1", "127.7.3.2", "127.7.3.3")}

    def check(_: float) -> None:
        guests = Guests()
        with ScriptedServer(guests, host="0.0.0.0") as server, NameServer() as names:
            options = replace(OPTIONS, samples=3, overrides=overrides, nameserver=f"127.0.0.1:{names.port}")
            job = Job(0, parse_target(f"mx:rates.contoso.test:{server.port}"), options)
            began = monotonic()
            done = list(run_jobs([job], FAST._replace(**{held: per_second})))
            assert monotonic() - began > 0.97
        came = sorted(itertools.chain(*guests.came.values()))
        assert (len(done), len(came)) == (3, 9)
        for times in guests.came.values() if held == "per_address_rate" else [came]:
            windows = [later - sooner for sooner, later in zip(times, times[per_second:], strict=False)]
            assert min(windows) > 0.2

    given_time(check)


def silent(peer: Peer) -> None:
    peer.hold()


def flood(peer: Peer) -> None:
    peer.say_in_pieces(itertools.repeat(b"220-" + b"x" * 500 + b"\r\n"))


def trickle(peer: Peer) -> None:
    peer.trickle()


def reset(peer: Peer) -> None:
    peer.to_starttls()
    peer.reset()


def garbage(peer: Peer) -> None:
    peer.to_starttls()
    peer.socket.recv(1)  # of the ClientHello: what comes with the 220 is dropped
    peer.say(b"this is no TLS record\r\n" * 20)
    peer.hold()


def deaf(peer: Peer) -> None:
    peer.say(GREETING)
    peer.hear()
    peer.say(CAPABILITIES)
    peer.hear()
    peer.say(GO_AHEAD)
    peer.hold()


HOSTILE = (silent, flood, trickle, reset, garbage, deaf)
SLOW = (silent, trickle, deaf)


def test_hostile_endpoints_take_nothing_from_the_healthy(loop: Loop) -> None:
    """All are reported: the slow ones at their deadline, a dead port, and the healthy ones as what they are."""
    brief = replace(OPTIONS, timeout_s=0.5)
    with contextlib.ExitStack() as stack:
        *bad, good = [
            stack.enter_context(ScriptedServer(script, host="0.0.0.0")) for script in (*HOSTILE, HEALTHY)
        ]
        plan = [
            Job(
                n,
                parse_target(f"127.7.5.{n}:{server.port}"),
                brief if n < len(HOSTILE) and HOSTILE[n] in SLOW else OPTIONS,
            )
            for n, server in enumerate([*bad, *[good] * 20])
        ]
        plan.append(Job(99, parse_target("127.7.5.99:1"), OPTIONS))
        began = monotonic()
        done = {each.job.key: each.assessment for each in Engine(plan, FAST, loop()).run()}
        took = monotonic() - began
    assert took < 50  # the deadline of the others is a minute
    healthy = [done[key].outcome for key in range(len(HOSTILE), len(HOSTILE) + 20)]
    assert healthy == [Outcome.ACCEPTED] * 20
    faults = [done[key].error for key in (*range(len(HOSTILE)), 99)]
    assert [fault.kind for fault in faults if fault] == [
        FaultKind.TIMEOUT,
        FaultKind.NOT_SMTP,
        FaultKind.TIMEOUT,
        FaultKind.TLS_FAILED,
        FaultKind.TLS_FAILED,
        FaultKind.TIMEOUT,
        FaultKind.UNREACHABLE,
    ]


def test_it_says_what_the_blocking_probe_says(loop: Loop) -> None:
    for script in (HEALTHY, flood, garbage, starttls(tls_context(LEAF))):
        with ScriptedServer(script) as server:
            [job] = jobs(server.port, "127.0.0.1")
            [alone] = assess(job.target, job.options)
            [done] = Engine([job], FAST, loop()).run()
        many = done.assessment
        assert (many.findings, many.error, many.capture.presented) == (
            alone.findings,
            alone.error,
            alone.capture.presented,
        )


def test_throttled_servers_are_asked_again(loop: Loop) -> None:
    def throttle(peer: Peer) -> None:
        peer.say(b"421 4.7.0 later\r\n")

    with ScriptedServer(throttle, HEALTHY) as server:
        [done] = Engine(jobs(server.port, "127.0.0.1"), FAST, loop()).run()
    assert done.assessment.outcome is Outcome.ACCEPTED
    assert len(server.peers) == 2


def test_closing_it_says_quit_and_ends_at_once(loop: Loop) -> None:
    stuck = threading.Barrier(3)

    def slow(peer: Peer) -> None:
        peer.say(GREETING)
        peer.hear()
        peer.say(CAPABILITIES)
        peer.hear()
        stuck.wait(60)
        peer.hold()

    def quick(peer: Peer) -> None:
        stuck.wait(60)
        HEALTHY(peer)

    with ScriptedServer(slow, host="0.0.0.0") as held, ScriptedServer(quick) as server:
        plan = [*jobs(held.port, "127.7.6.1", "127.7.6.2"), *jobs(server.port, "127.0.0.1")]
        running = Engine(plan, FAST, loop()).run()
        assert next(running).assessment.outcome is Outcome.ACCEPTED
        began = monotonic()
        running.close()
        held.join()
    assert monotonic() - began < 50
    assert [peer.heard.splitlines()[-1] for peer in held.peers] == [b"QUIT"] * 2


def test_a_pace_has_a_total_of_its_own() -> None:
    with ScriptedServer(silent) as server:
        began = monotonic()
        done = list(run_jobs(jobs(server.port, "127.0.0.1", "127.7.6.9"), FAST._replace(total_s=0.3)))
    assert monotonic() - began < 50
    assert all(each.assessment.error for each in done)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_done_before_a_signal_is_told(loop: Loop, number: signal.Signals) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, interrupt)
    try:
        with ScriptedServer(silent, host="0.0.0.0") as slow, ScriptedServer(HEALTHY) as quick:
            plan = [*jobs(slow.port, "127.7.6.3"), *jobs(quick.port, "127.0.0.1")]
            running = Engine(plan, FAST, loop()).run()
            found = [next(running)]
            timer = threading.Timer(0.1, os.kill, (os.getpid(), number))

            def interrupted() -> Iterator[Done]:
                timer.start()
                yield from running

            with pytest.raises(KeyboardInterrupt):
                found += interrupted()
            running.close()  # on a busy machine it came before anything was asked for
            timer.join()
            slow.join()
    finally:
        signal.signal(number, before)
    assert [each.assessment.outcome for each in found] == [Outcome.ACCEPTED]


def test_jobs_are_read_as_they_are_needed(loop: Loop) -> None:
    taken = 0

    def endless() -> Iterator[Job]:
        nonlocal taken
        for taken in itertools.count(1):
            yield Job(taken, parse_target(f"127.8.{taken // 250}.{1 + taken % 250}:{server.port}"), OPTIONS)

    with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
        running = Engine(endless(), FAST._replace(concurrency=4), loop()).run()
        done = list(itertools.islice(running, 20))
        running.close()
    assert all(each.assessment.outcome is Outcome.ACCEPTED for each in done)
    assert taken <= 20 + 4 * LOOK_AHEAD + 4


def test_one_networks_rate_holds_up_nobody_else(loop: Loop) -> None:
    """Many of a network that may be asked once in 20 seconds come first; the few behind them wait for none of these."""
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
        many = [f"127.7.20.{n}" for n in range(1, 60)]
        few = [f"127.7.{n}.1" for n in range(21, 27)]
        pace = FAST._replace(concurrency=2, per_network_rate=0.05)
        running = Engine(jobs(server.port, *many, *few), pace, loop()).run()
        done = [next(running).assessment.capture.address for _ in range(7)]
        running.close()
    assert sorted(map(str, done)) == [many[0], *few]


def test_one_operators_rate_holds_up_nobody_else() -> None:
    """Their names have to be looked up before it is known whose exchangers they are."""
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server, NameServer() as names:
        held = replace(
            OPTIONS,
            nameserver=f"127.0.0.1:{names.port}",
            overrides={"mx1.contoso.test": tuple(f"127.7.{n}.1" for n in range(30, 50))},
        )
        many = parse_target(f"mx:rates.contoso.test:{server.port}")
        plan = [Job(n, many, held) for n in range(10)]
        plan += [job._replace(key=10) for job in jobs(server.port, *(f"127.7.{n}.1" for n in range(50, 54)))]
        running = run_jobs(plan, FAST._replace(concurrency=1, per_operator_rate=0.05))
        assert sorted(next(running).job.key // 10 for _ in range(5)) == [0, 1, 1, 1, 1]


def test_one_slow_address_holds_up_nobody_else(loop: Loop) -> None:
    with ScriptedServer(silent) as slow, ScriptedServer(HEALTHY, host="0.0.0.0") as quick:
        plan = [*jobs(slow.port, *["127.0.0.1"] * 40), *jobs(quick.port, "127.7.0.1", "127.7.0.2")]
        running = Engine(plan, FAST._replace(concurrency=2), loop()).run()
        done = [next(running).assessment for _ in range(2)]
        running.close()
    assert [each.capture.address for each in done] == ["127.7.0.1", "127.7.0.2"]


def test_a_silent_server_is_asked_twice() -> None:
    options = replace(OPTIONS, timeout_s=0.2, samples=50, thorough=True)
    with ScriptedServer(silent) as server:
        [alone] = assess(f"127.0.0.1:{server.port}", options)
    assert len(server.peers) == 2
    said = [each.capture.fault.message for each in alone.evidence.observations if each.capture.fault]
    assert said[-1] == "No connection was made for this: 2 before it had met silence."
    assert (alone.outcome, len(said)) == (Outcome.UNKNOWN, 3)


def test_one_total_for_all_connections_to_an_address(loop: Loop) -> None:
    def late(peer: Peer) -> None:
        peer.socket.settimeout(0.12)
        try:
            peer.socket.recv(1)
        except TimeoutError:
            HEALTHY(peer)

    options = replace(OPTIONS, samples=50, total_s=0.4)
    with ScriptedServer(late) as server:
        [done] = Engine(jobs(server.port, "127.0.0.1", options=options), FAST, loop()).run()
    assert len(server.peers) < 8
    last = done.assessment.evidence.observations[-1].capture.fault
    assert last is not None
    assert last.message == "No time was left for this: the 0.4 s for all connections are over."


def test_the_total_where_none_is_asked_for() -> None:
    options = replace(OPTIONS, samples=50, timeout_s=0.2)
    with ScriptedServer(_refusing) as server:
        [alone] = assess(f"127.0.0.1:{server.port}", options)
    assert len(server.peers) < 20
    last = alone.evidence.observations[-1].capture.fault
    assert last is not None
    assert (
        last.message
        == f"No time was left for this: the {TOTAL_SHARE * 0.2:g} s for all connections are over."
    )


def _refusing(peer: Peer) -> None:
    peer.socket.sendall(b"554 5.7.1 not you\r\n")
    peer.socket.settimeout(0.1)
    with contextlib.suppress(TimeoutError):
        while peer.socket.recv(1024):
            pass


@pytest.mark.parametrize("others", [(), ("127.7.6.8",)], ids=["alone", "with another"])
def test_waiting_between_connections_counts_towards_the_total(others: tuple[str, ...]) -> None:
    options = replace(OPTIONS, samples=300, total_s=0.5)
    with ScriptedServer(_refusing, host="0.0.0.0") as server:
        began = monotonic()
        done = list(run_jobs(jobs(server.port, "127.7.6.7", *others, options=options)))
        took = monotonic() - began
    assert took < 25  # the pace lets ten begin within a second
    for each in done:
        last = each.assessment.evidence.observations[-1].capture.fault
        assert last is not None
        assert last.message == "No time was left for this: the 0.5 s for all connections are over."


def test_one_target_alone_keeps_the_rate_to_its_address() -> None:
    with ScriptedServer(HEALTHY) as server:
        began = monotonic()
        assess(f"127.0.0.1:{server.port}", replace(OPTIONS, samples=12))
    assert len(server.peers) == 12
    assert monotonic() - began > 1  # ten begin within a second; where no rate is kept all are done in a tenth


class TestNames:
    def test_exchangers_are_asked_together_within_one_bound(self) -> None:
        def check(seconds: float) -> None:
            with NameServer() as names:
                options = replace(OPTIONS, nameserver=f"127.0.0.1:{names.port}", timeout_s=seconds)
                began = monotonic()
                done = list(run_jobs([Job(0, parse_target("mx:quiet.contoso.test"), options)]))
            assert monotonic() - began < 6 * seconds  # one by one: eight times as long
            assert [each.index for each in sorted(done, key=lambda each: each.index)] == list(range(8))
            assert all(
                each.assessment.error and "did not answer" in each.assessment.error.message for each in done
            )

        given_time(check, 0.8, 3, 9)

    def test_a_name_is_asked_once_in_a_run(self) -> None:
        with NameServer() as names, ScriptedServer(HEALTHY, host="0.0.0.0") as server:
            options = replace(OPTIONS, nameserver=f"127.0.0.1:{names.port}")
            done = list(run_jobs(jobs(server.port, *["local.contoso.test"] * 5, options=options), FAST))
        assert len(done) == 10
        assert sorted(names.asked) == ["local.contoso.test. A", "local.contoso.test. AAAA"]
        assert Counter(each.last for each in done) == {True: 5, False: 5}

    def test_a_host_with_several_addresses_alone(self) -> None:
        with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
            options = replace(OPTIONS, overrides={"local.contoso.test": ("127.7.0.1", "127.7.0.2")})
            [job] = jobs(server.port, "local.contoso.test", options=options)
            done = sorted(run_jobs([job], FAST), key=lambda each: each.index)
        assert [(each.job, each.assessment.capture.address) for each in done] == [
            (job, "127.7.0.1"),
            (job, "127.7.0.2"),
        ]

    def test_addresses_given_replace_the_dns(self) -> None:
        with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
            target = parse_target(f"mail.contoso.test:{server.port}")
            plan = [Job(n, target, OPTIONS, (f"127.7.0.{n + 1}",)) for n in range(2)]
            done = list(run_jobs(plan, FAST))
        assert {each.assessment.capture.address for each in done} == {"127.7.0.1", "127.7.0.2"}
        assert {each.assessment.capture.host for each in done} == {"mail.contoso.test"}

    def test_a_lookup_ends_after_ten_seconds_whatever_a_connection_may_take(self) -> None:
        assert _patience(replace(OPTIONS, timeout_s=60.0)) == RESOLVE_TIMEOUT_S == 10.0
        assert _patience(replace(OPTIONS, timeout_s=2.0)) == 2.0

    @pytest.mark.parametrize("host", ["mail.contoso.test", "mx:contoso.test"])
    def test_what_is_wrong_with_the_options_ends_the_run(self, host: str) -> None:
        plan = [Job(n, parse_target(host), replace(OPTIONS, nameserver="no address")) for n in range(2)]
        with pytest.raises(ConfigurationError, match="name server"):
            list(run_jobs(plan))

    @pytest.mark.parametrize("host", ["mail.contoso.test", "mx:contoso.test"])
    def test_a_defect_is_one_targets(self, host: str) -> None:
        broken = replace(OPTIONS, nameserver=3)  # type: ignore[arg-type]
        with ScriptedServer(HEALTHY) as server:
            plan = [*jobs(server.port, "127.0.0.1"), Job(1, parse_target(host), broken)]
            done = {each.job.key: each.assessment for each in run_jobs(plan)}
        assert done[0].outcome is Outcome.ACCEPTED
        assert done[1].findings[0].rule == "assessment-failed"

    def test_what_is_asked_after_the_end_is_nobodys(self, loop: Loop) -> None:
        here, gate = loop(), threading.Event()
        names = Names(here)
        told: list[object] = []
        names.ask("slow", gate.wait, told.append)
        names.close()
        here.close()
        gate.set()
        assert told == []


def test_a_store_that_cannot_be_read_ends_the_run() -> None:
    def unusable() -> list[TrustStore]:
        raise StoreError("the list is damaged")

    with ScriptedServer(HEALTHY) as server, pytest.raises(StoreError):
        list(run_jobs(jobs(server.port, *["127.0.0.1"] * 2, options=replace(OPTIONS, stores=unusable))))


def test_what_is_remembered_for_rates_is_bounded() -> None:
    rate = Rate(2.0)
    for number in range(10 * MIN_KEPT):
        rate.note(str(number), float(number))
    assert len(rate._starts) <= 2 * MIN_KEPT
    rate = Rate(0.5)
    rate.note("a", 100.0)
    assert (rate.free_at("a", 101.0), rate.free_at("b", 101.0)) == (102.0, 101.0)
    unlimited = Rate(float("inf"))
    unlimited.note("a", 100.0)
    assert unlimited.free_at("a", 100.0) == 100.0


def test_whose_rates_count() -> None:
    def keys(target: str, host: str, address: str) -> tuple[str, ...]:
        return keys_of(Endpoint(parse_target(target), host, 25, address), address)

    assert keys("mail.contoso.test", "mail.contoso.test", "192.0.2.7") == ("192.0.2.7", "192.0.2")
    assert keys("mx:a.test", "mx1.mail.example.co.uk", "2001:db8:1:2:3::4%eth0")[1:] == (
        "2001:db8:1:2::/64",
        "example.co.uk",
    )
    assert operator_of("contoso-com.mail.protection.outlook.com") == "outlook.com"


def test_the_limit_of_files_is_raised_or_kept_to() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert room_for(300) == 300
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300 + OTHER_FILES
        assert room_for(10) == 10
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_jitter_spreads_the_beginnings() -> None:
    guests = Guests()
    with ScriptedServer(guests, host="0.0.0.0") as server:
        hosts = [f"127.7.9.{number}" for number in range(12)]
        list(run_jobs(jobs(server.port, *hosts), FAST._replace(jitter_s=0.5)))
    came = sorted(itertools.chain(*guests.came.values()))
    assert came[-1] - came[0] > 0.1


def test_no_conversation_waits_for_the_garbage_collector() -> None:
    """Else memory would grow with the number of targets until it comes round."""
    with ScriptedServer(HEALTHY, host="0.0.0.0") as server:
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for _ in run_jobs(jobs(server.port, *(f"127.7.10.{n}" for n in range(5))), FAST):
                pass
            gc.collect()
            left = {type(each).__name__ for each in gc.garbage}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert not left & {"_Work", "Connection", "ClientSession", "Stream", "TlsClient", "Capture", "Transcript"}


class FlightThenEnd:
    """A server whose last words of the handshake and whose end are there at once: `pause` holds up the loop."""

    def __init__(self) -> None:
        self._asked, self._waits, self._sent = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, peer: Peer) -> None:
        peer.to_starttls()
        tls = SSL.Connection(tls_context(LEAF, ISSUING), None)
        tls.set_accept_state()
        tls.bio_write(peer.socket.recv(65_536))
        with contextlib.suppress(SSL.WantReadError):
            tls.do_handshake()
        self._asked.set()
        self._waits.wait(10)
        peer.say(tls.bio_read(65_536))
        peer.socket.shutdown(socket.SHUT_WR)
        self._sent.set()
        peer.hold()

    def pause(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._asked.is_set():
            self._waits.set()
            self._sent.wait(10)
        else:
            loop.call_later(0.001, self.pause, loop)


def test_a_server_that_ends_right_after_its_flight_ends_no_run(loop: Loop) -> None:
    """Where its early tickets are looked for: the end comes while the look at them stands in the loop's queue."""
    own, script = loop(), FlightThenEnd()
    with ScriptedServer(script, HEALTHY) as server:
        own.call_soon(script.pause, own)
        options = replace(OPTIONS, direction=Direction.FROM_EOP)
        first, second = Engine(jobs(server.port, *["127.0.0.1"] * 2, options=options), FAST, own).run()
    assert (first.job.key, second.job.key, second.assessment.outcome) == (0, 1, Outcome.ACCEPTED)
    assert first.assessment.capture.leaf is not None
