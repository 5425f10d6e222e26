"""How a watched fleet stands, as pages show it, while it is watched and by its history."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from probe.alarms.seen import Seen
from probe.fleet.watch.keeper import stored
from probe.fleet.watch.watch import Watch
from probe.history.database import Database
from probe.serve.standing import Standing, Stands
from probe.serve.told import follow, told
from tests.cli.running import Cli
from tests.fleet.watch.test_watch_loop import INTERVAL, Served, refuse, served, target
from tests.fleet.watch.watching import Watching
from tests.render.test_render_prometheus import series

pytest_plugins = ("tests.cli.conftest",)
__all__ = ["served"]


def by_history(watching: Watching) -> list[Stands]:
    database = Database(watching.history)
    found = database.run(lambda c: told(c, stored(database, "").spans))
    database.close()
    return found


class Shown:
    """A standing beside a watch."""

    def __init__(self, watching: Watching) -> None:
        self.standing = Standing(watching.described())
        [self.key] = self.standing.what.entries

    def join(self, watch: Watch) -> None:
        watch.onlooker = self.standing
        self.standing.looking = watch

    @property
    def endpoint(self) -> Stands:
        [target] = self.standing.watched()
        [endpoint] = target.endpoints
        return endpoint


def test_a_state_is_held_with_its_beginning(tmp_path: Path, cli: Cli, served: Served) -> None:
    changing, server = served
    watching = Watching(tmp_path, [target(server, labels={"customer": "contoso"})], cli.store)
    shown = Shown(watching)
    [before] = shown.standing.watched()
    assert before.endpoints == ()
    assert shown.standing.progress()[:2] == (1, 0)
    watching.run(4 * INTERVAL, (0, shown.join), (2 * INTERVAL, changing.becomes(refuse)))
    endpoint = shown.endpoint
    assert endpoint.span.state.rule == "smtp-refused"
    assert endpoint.span.looks == 2
    assert endpoint.span.last - endpoint.span.first >= timedelta(minutes=8)  # looks, an interval apart
    assert endpoint.certificates == ()
    [now] = shown.standing.watched()
    assert (now.interval_s, now.direction, now.labels) == (INTERVAL, "to-eop", {"customer": "contoso"})
    assert now.due
    assert now.due > endpoint.span.last
    assert shown.standing.progress()[:2] == (1, 1)
    [latest] = shown.standing.latest(shown.key)
    assert latest.outcome is endpoint.span.state.outcome


def test_what_the_history_says_is_what_was_seen(tmp_path: Path, cli: Cli, served: Served) -> None:
    _, server = served
    watching = Watching(tmp_path, [target(server)], cli.store)
    shown = Shown(watching)
    watching.run(2 * INTERVAL, (0, shown.join))
    seen = shown.endpoint
    again = Shown(watching)
    again.standing.tell(by_history(watching))
    by_then = again.endpoint
    assert by_then.span.state == seen.span.state
    assert by_then.certificates == seen.certificates
    assert [each.subject for each in seen.certificates][:1] == [
        shown.standing.latest(shown.key)[0].evidence.leaf.subject.short
    ]
    assert abs(by_then.span.first - seen.span.first) < timedelta(seconds=1)
    other = Shown(Watching(tmp_path, [target(server, sni="other.contoso.test")], cli.store))
    other.standing.tell(by_history(watching))
    assert other.standing.watched()[0].endpoints == ()
    # Metrics go on where they were, as far as they are told: no alert ends for a restart.
    told, looked = (series(each.standing.kept.text()) for each in (again, shown))
    assert "eop_probe_outcome" in {name for name, _ in told}
    assert {each for each in told if each[0] != "eop_probe_prediction_info"} < looked.keys()
    assert not other.standing.kept.text()
    again.standing.follow(other.standing.what)
    assert not again.standing.kept.text()


def test_what_another_process_writes_is_followed(tmp_path: Path, cli: Cli, served: Served) -> None:
    _, server = served
    watching = Watching(tmp_path, [target(server)], cli.store)
    shown, said = Shown(watching), list[str]()

    async def look() -> None:
        told_of = asyncio.Event()

        def tell(word: str) -> None:
            said.append(word)
            told_of.set()

        news = shown.standing.news(shown.standing.number)
        tasks = [asyncio.create_task(one) for one in (news, told_of.wait())]
        reading = asyncio.create_task(follow(shown.standing, watching.history, "", tell))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in (reading, *tasks):
            task.cancel()

    asyncio.run(look())
    assert said == [f"there is no history at {watching.history} yet: check --record and a watch write one"]
    said.clear()
    watching.run(2 * INTERVAL)
    asyncio.run(look())
    assert (said, shown.endpoint.span.looks) == ([], 2)
    assert shown.standing.progress()[:2] == (1, 1)


def test_a_look_out_of_turn(tmp_path: Path, cli: Cli, served: Served) -> None:
    _, server = served
    watching = Watching(tmp_path, [target(server)], cli.store)
    shown = Shown(watching)

    def look(watch: Watch) -> None:
        assert watch.look_now(shown.key)
        assert not watch.look_now("another")

    # The first turn comes after half an interval, and the next after more than half of one.
    watching.run(0.4 * INTERVAL, (0, shown.join), (0.2 * INTERVAL, look))
    assert len(server.peers) == 1
    assert shown.endpoint.span.looks == 1


def test_evidence_of_the_last_targets_alone_is_held(
    tmp_path: Path, cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.serve.standing.MAX_LATEST", 1)
    _, server = served
    targets = [target(server, labels={"n": str(n)}, sni=f"m{n}.contoso.test") for n in range(4)]
    watching = Watching(tmp_path, targets, cli.store)
    standing = Standing(watching.described())
    watching.run(1.1 * INTERVAL, (0, lambda watch: setattr(watch, "onlooker", standing)))
    latest = [standing.latest(key) for key in standing.what.entries]
    assert 1 <= sum(map(bool, latest)) <= 2
    assert all(one.endpoints for one in standing.watched())


def test_news_are_waited_for(tmp_path: Path, cli: Cli, served: Served) -> None:
    _, server = served
    standing = Standing(Watching(tmp_path, [target(server)], cli.store).described())

    async def news() -> int:
        waiting = asyncio.create_task(standing.news(standing.number))
        given_up = asyncio.create_task(standing.news(standing.number))
        await asyncio.sleep(0)
        assert not waiting.done()
        given_up.cancel()
        standing.follow(standing.what)
        return await waiting

    before = standing.number
    assert asyncio.run(news()) == before + 1


class Heard:
    """Who holds back what a watch says."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Seen]] = []

    def see(self, key: str, seen: Seen) -> None:
        self.seen.append((key, seen))

    def settle(self, key: str) -> None:
        """Held back, too."""


def heard(watching: Watching) -> tuple[str, Seen]:
    """What a watch says of its only look."""
    one = Heard()
    watching.run(INTERVAL, (0, lambda watch: setattr(watch, "onlooker", one)))
    [found] = one.seen
    return found


@pytest.mark.parametrize("left_out_first", [True, False])
def test_a_target_that_was_left_out_is_not_shown(
    tmp_path: Path, cli: Cli, served: Served, *, left_out_first: bool
) -> None:
    """Also where its look was under way."""
    _, server = served
    watching = Watching(tmp_path, [target(server)], cli.store)
    before, (key, seen) = watching.described(), heard(watching)
    after = Watching(tmp_path, [target(server, sni="other.contoso.test")], cli.store).described()
    standing = Standing(before)
    if left_out_first:
        standing.follow(after)
    standing.see(key, seen)
    standing.settle(key)
    assert (standing.progress().seen, len(standing.latest(key)), bool(standing.kept.text())) == (
        (0, 0, False) if left_out_first else (1, 1, True)
    )
    standing.follow(after)
    assert (standing.progress().seen, standing.latest(key), standing.kept.text()) == (0, (), "")


def test_an_address_that_is_gone_and_a_variant(tmp_path: Path, cli: Cli, served: Served) -> None:
    _, server = served
    watching = Watching(tmp_path, [target(server)], cli.store)
    standing, (key, seen) = Standing(watching.described()), heard(watching)
    gone, there = (
        replace(seen.record, endpoint=seen.record.endpoint._replace(**changed))
        for changed in ({"address": "192.0.2.1"}, {"variant": "sni=other.contoso.test"})
    )
    for record in (gone, there):
        standing.see(key, seen._replace(record=record))
        standing.settle(key)
        [shown] = standing.watched()
        assert [one.span.endpoint for one in shown.endpoints] == [record.endpoint]
        assert ('variant="sni=other.contoso.test"' in standing.kept.text()) == (record is there)


def test_what_a_history_tells_is_of_one_direction(tmp_path: Path, cli: Cli, served: Served) -> None:
    _, server = served
    watching = Watching(tmp_path, [target(server)], cli.store)
    watching.run(INTERVAL)
    found = by_history(watching)
    shown = {}
    for direction in ("to-eop", "from-eop"):
        asked = Watching(tmp_path, [target(server, direction=direction)], cli.store)
        standing = Standing(asked.described())
        standing.tell(found)
        shown[direction] = standing.progress().seen
    assert shown == {"to-eop": 1, "from-eop": 0}


def test_a_host_that_was_looked_at_for_its_domain_too(tmp_path: Path, cli: Cli, served: Served) -> None:
    """The history calls it by the domain then; another port, and an address that is not named, are none of it."""
    _, server = served
    watching = Watching(tmp_path, [target(server)], cli.store)
    watching.run(INTERVAL)
    by_name = by_history(watching)
    by_domain = [one._replace(span=replace(one.span, target="mx:contoso.test")) for one in by_name]
    told = []
    for found in (by_name, by_domain):
        standing = Standing(watching.described())
        standing.tell(found)
        [watched] = standing.watched()
        told.append((watched.endpoints, standing.kept.text()))
    assert told[0] == told[1]
    for other in ({"port": 2}, {"addresses": ["127.0.0.9"]}):
        standing = Standing(Watching(tmp_path, [target(server, **other)], cli.store).described())
        standing.tell(by_domain)
        assert standing.progress().seen == 0
