"""A fleet that is watched for hours and days on real servers, whose clock leaps while nothing is under way."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from probe.fleet.selection import Shard
from probe.fleet.watch.keeper import Stored
from probe.fleet.watch.shares import Leases
from tests.cli.running import CA, HEALTHY, HOST, ISSUING, LONELY, Cli
from tests.fleet.watch.watching import Watching
from tests.net.scripted import Peer, Script, ScriptedServer, starttls, tls_context

pytest_plugins = ("tests.cli.conftest",)

#: Seconds between two looks.
INTERVAL = 600
RENEWED = starttls(tls_context(CA.leaf(ISSUING, HOST), ISSUING))


def refuse(peer: Peer) -> None:
    """A server that is out of service."""
    peer.say(b"554 5.3.2 not in service\r\n")


class Changing:
    """Does what it is told at the time."""

    def __init__(self, script: Script) -> None:
        self.script = script

    def __call__(self, peer: Peer) -> None:
        self.script(peer)

    def becomes(self, script: Script) -> Callable[[object], None]:
        return lambda _: setattr(self, "script", script)


def target(server: ScriptedServer, **keys: Any) -> dict[str, Any]:  # noqa: ANN401 - TOML
    return {"host": HOST, "addresses": ["127.0.0.1"], "port": server.port, "interval": "10m", **keys}


Served = tuple[Changing, ScriptedServer]


@pytest.fixture
def served() -> Iterator[Served]:
    changing = Changing(HEALTHY)
    with ScriptedServer(changing) as server:
        yield changing, server


def test_each_interval_has_one_look(tmp_path: Path, cli: Cli, served: Served) -> None:
    _, server = served
    watching = Watching(tmp_path, [target(server)], cli.store)
    counted = watching.run(24 * INTERVAL)
    assert len(counted) == len(server.peers) == 24
    [span] = watching.spans()
    assert (span.looks, span.state.outcome.value) == (24, "accepted")
    assert watching.status.startswith("1 target: 1 accepted; the next in 0:")
    assert watching.said == []


def states(watching: Watching) -> list[tuple[str, str | None, int]]:
    return [(span.state.outcome.value, span.state.rule, span.looks) for span in watching.spans()]


class TestChanges:
    """Each is counted once, from its second look; what was seen is recorded."""

    def test_another_certificate(self, tmp_path: Path, cli: Cli, served: Served) -> None:
        changing, server = served
        watching = Watching(tmp_path, [target(server)], cli.store)
        counted = watching.run(5 * INTERVAL, (2 * INTERVAL, changing.becomes(RENEWED)))
        assert [span.looks for span in watching.spans()] == [2, 4]
        chains = [seen.record.state.chains for seen in counted]
        assert [len(set(chains[:2])), len(set(chains[2:])), len(chains)] == [1, 1, 5]
        assert len(server.peers) == 5 + 3

    def test_a_blip_is_recorded_and_does_not_count(self, tmp_path: Path, cli: Cli, served: Served) -> None:
        changing, server = served
        watching = Watching(tmp_path, [target(server)], cli.store, recheck_after="2m")
        due = INTERVAL * 1.5
        counted = watching.run(
            3 * INTERVAL, (due - 5, changing.becomes(refuse)), (due + 100, changing.becomes(HEALTHY))
        )
        assert [seen.record.state.outcome.value for seen in counted] == ["accepted"] * 3
        assert [outcome for outcome, _, _ in states(watching)] == ["accepted", "unknown", "accepted"]
        took = counted[1].record.at - counted[0].record.at
        assert (
            INTERVAL + 120 <= took.total_seconds() < INTERVAL + 200
        )  # real time counts, too, on a busy machine

    def test_an_outage_counts_once_a_look(self, tmp_path: Path, cli: Cli, served: Served) -> None:
        """A second look is there for what is new alone."""
        changing, server = served
        watching = Watching(tmp_path, [target(server)], cli.store)
        counted = watching.run(
            6 * INTERVAL, (2 * INTERVAL, changing.becomes(refuse)), (4 * INTERVAL, changing.becomes(HEALTHY))
        )
        assert [seen.record.state.outcome.value for seen in counted] == [
            "accepted", "accepted", "unknown", "unknown", "accepted", "accepted",
        ]  # fmt: skip
        assert [looks for _, _, looks in states(watching)] == [2, 3, 2]

    def test_servers_behind_one_balancer_that_differ_are_one_state(self, tmp_path: Path, cli: Cli) -> None:
        turns = [HEALTHY, LONELY]

        def balanced(peer: Peer) -> None:
            turns.append(turns.pop(0))
            turns[0](peer)

        with ScriptedServer(balanced) as server:
            watching = Watching(tmp_path, [target(server)], cli.store)
            watching.run(8 * INTERVAL)
            watching.run(8 * INTERVAL)
        [span] = watching.spans()
        assert (span.state.outcome.value, len(span.state.chains), span.looks) == ("rejected", 2, 16)

    def test_an_address_that_is_watched_twice_as_two_names(
        self, tmp_path: Path, cli: Cli, served: Served
    ) -> None:
        """Each has a state of its own."""
        _, server = served
        targets = [target(server), target(server, sni="other.contoso.test"), target(server)]
        watching = Watching(tmp_path, targets, cli.store)
        assert len(watching.run(3 * INTERVAL)) == 6
        assert sorted(span.endpoint.variant for span in watching.spans()) == ["", "sni=other.contoso.test"]


class TestRestart:
    def test_due_times_survive_and_what_was_missed_is_made_up_once(
        self, tmp_path: Path, cli: Cli, served: Served
    ) -> None:  # fmt: skip
        _, server = served
        watching = Watching(tmp_path, [target(server, interval="60m")], cli.store)
        watching.now += INTERVAL / 2  # no process ends as the target's turn comes
        for _ in range(12):
            watching.run(INTERVAL)  # twelve times a process that lives ten minutes
        assert len(server.peers) == 2
        watching.now += 5 * 86_400
        assert len(watching.run(60)) == 1
        assert watching.run(3 * INTERVAL) == []
        assert sum(span.looks for span in watching.spans()) == 3

    def test_what_was_known_is_known(self, tmp_path: Path, cli: Cli, served: Served) -> None:
        """So a failure that lasts is not looked at twice; the first time it was."""
        changing, server = served
        changing.script = refuse
        watching = Watching(tmp_path, [target(server)], cli.store)
        watching.run(INTERVAL)
        assert len(server.peers) == 1 + 3
        watching.run(INTERVAL)
        assert len(server.peers) == 1 + 3 + 1


class TestReload:
    def test_targets_come_and_go(self, tmp_path: Path, cli: Cli, served: Served) -> None:
        _, server = served
        with ScriptedServer(HEALTHY) as other:
            watching = Watching(tmp_path, [target(server)], cli.store)

            def change(watch: Any) -> None:  # noqa: ANN401
                watching.describe([target(other)])
                watch.signals.reload = True

            watching.run(6 * INTERVAL, (3 * INTERVAL, change))
        assert len(server.peers) == 3
        assert len(other.peers) in (3, 4)  # at once, and in each interval
        assert watching.said == ["the description was read again: 1 target"]

    def test_what_comes_with_a_share_at_that_moment_keeps_its_due_time(
        self, tmp_path: Path, cli: Cli, served: Served
    ) -> None:
        _, server = served
        with ScriptedServer(HEALTHY) as other:
            watching = Watching(tmp_path, [target(server)], cli.store)

            def change(watch: Any) -> None:  # noqa: ANN401
                watching.describe([target(server), target(other)])
                due = dict.fromkeys(watching.described().entries, int(watch._now() + 1.4 * INTERVAL))
                watch.shares = Leases(Shard(1, 2), 60)
                watch.shares.take_over(2, Stored(due, ()))
                watch._read_again(watching.described)

            watching.run(4 * INTERVAL, (3 * INTERVAL, change))
            assert not other.peers
            watching.run(INTERVAL)
            assert other.peers

    def test_mistakes_are_told_and_change_nothing(self, tmp_path: Path, cli: Cli, served: Served) -> None:
        _, server = served
        watching = Watching(tmp_path, [target(server)], cli.store)

        def spoil(watch: Any) -> None:  # noqa: ANN401
            watching.describe([target(server, prot=25)])
            watch.signals.reload = True

        assert len(watching.run(6 * INTERVAL, (3 * INTERVAL, spoil))) == 6
        [said] = watching.said
        assert "t.jsonl:1: prot: There is no such key here; did you mean port?" in said
        assert said.endswith("\nwhat was watched before goes on")


class TestRounds:
    def test_each_is_told_to_the_url_once_all_that_was_due_is_done(
        self, tmp_path: Path, cli: Cli, served: Served
    ) -> None:  # fmt: skip
        _, server = served

        def arrives(watch: Any) -> None:  # noqa: ANN401
            if watch._ping._thread:
                watch._ping._thread.join()

        def answer(peer: Peer) -> None:
            while peer.hear().strip():
                pass
            peer.say(b"HTTP/1.1 204 No Content\r\n\r\n")

        with ScriptedServer(answer) as switch:
            url = f"http://127.0.0.1:{switch.port}/secret"
            watching = Watching(tmp_path, [target(server)], cli.store, **{"ping.url": url})
            # The clock leaps, a ping takes its time: one is waited for before the next.
            watching.run(4.2 * INTERVAL, *((60.0 * minute, arrives) for minute in range(42)))
        assert len(switch.peers) in (4, 5)
        assert watching.said == []

    def test_a_url_that_does_not_answer_is_told_once(self, tmp_path: Path, cli: Cli, served: Served) -> None:
        _, server = served
        watching = Watching(
            tmp_path, [target(server)], cli.store, **{"ping.url": "http://127.0.0.1:1/secret"}
        )
        assert len(watching.run(4 * INTERVAL)) == 4
        assert watching.said == ["http://127.0.0.1:1/... could not be asked for: Connection refused"]


@pytest.mark.slow
def test_memory_does_not_grow(tmp_path: Path, cli: Cli, served: Served) -> None:
    """Our objects are counted after the first looks and after many more: failures, changes, second looks, reloads."""
    changing, server = served
    counts: list[int] = []

    def count(watch: Any) -> None:  # noqa: ANN401
        watch.signals.reload = True
        watching.said.clear()
        server.peers.clear()
        gc.collect()
        counts.append(sum(str(type(each).__module__).startswith("probe.") for each in gc.get_objects()))

    flips = [
        (minutes * 60.0, changing.becomes([HEALTHY, refuse, RENEWED][minutes // 10 % 3]))
        for minutes in range(10, 600, 10)
    ]
    watching = Watching(tmp_path, [target(server, interval="1m")], cli.store, recheck_after="10s")
    watching.run(600 * 60, *flips, *((60.0 * at, count) for at in (90, 210, 330, 450, 570)), keep=False)
    assert sum(span.looks for span in watching.spans()) > 600
    assert min(counts[3:]) - counts[0] < 50, counts  # of a look that is under way there may be more
