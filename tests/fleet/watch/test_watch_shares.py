"""Who takes over a share, and which targets come with it; on a real PostgreSQL: tests/lab/test_lab_shares.py."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from probe.errors import ConfigurationError
from probe.fleet.entries import Judges
from probe.fleet.selection import Selection, Shard
from probe.fleet.source import Fleet
from probe.fleet.watch.confirm import SAMPLES, Looks
from probe.fleet.watch.described import Described
from probe.fleet.watch.keeper import Keeper, Stored, stored
from probe.fleet.watch.shares import Leases, heir
from probe.fleet.watch.watch import Turn, Watch
from probe.history.claim import Claim
from probe.history.database import Database
from probe.history.recorder import Recorder
from probe.history.tables import ENDPOINTS
from tests.cli.running import Cli
from tests.fleet.watch.test_watch_loop import INTERVAL, Changing, Served, refuse, served, target
from tests.fleet.watch.watching import START, Watching
from tests.net.scripted import ScriptedServer

pytest_plugins = ("tests.cli.conftest",)
__all__ = ["served"]

NOTHING = Stored({}, ())


@pytest.mark.parametrize(
    ("one", "living", "expected"),
    [(2, {1, 3}, 3), (3, {1, 2}, 1), (1, {3}, 3), (1, {2, 3}, 2), (2, {1}, 1), (4, {2, 3, 9}, 9)],
)
def test_the_next_one_that_lives_going_up_and_round(one: int, living: set[int], expected: int) -> None:
    assert heir(one, living, 9 if 9 in living else 3) == expected


def test_every_target_has_one_share_and_one_taken_over_comes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'{{"host": "mail{number}.contoso.test"}}\n' for number in range(90)))
    entries = list(Fleet(str(path), Judges(lambda _: tuple)).entries())

    def selected(number: int, *beside: int) -> set[str]:
        chosen = Selection({}, Shard(number, 3), frozenset(beside))
        return {entry.target.text for entry in chosen.of(entries)}

    every = {entry.target.text for entry in entries}
    first, second, third = selected(1), selected(2), selected(3)
    assert first | second | third == every
    assert len(first) + len(second) + len(third) == len(every) == 90
    assert selected(1, 2) == first | second != every
    assert selected(3, 1, 2) == every


class TestLeases:
    """Of the second of four shares, with a lease of 60 seconds."""

    @staticmethod
    def leases() -> Leases:
        return Leases(Shard(2, 4), 60)

    def test_a_share_is_taken_over_once_nobody_looked_at_it_for_the_whole_lease(self) -> None:
        leases = self.leases()
        assert leases.hear({3, 4}, {3, 4}, 1000.0) == []
        assert leases.hear({3, 4}, {3, 4}, 1059.9) == []
        assert leases.hear({3, 4}, {1, 3, 4}, 1060.0) == [], "somebody looks at it"
        assert leases.hear({3, 4}, {3, 4}, 1070.0) == [], "so the lease begins again"
        assert leases.hear({1, 3, 4}, {3, 4}, 1100.0) == [], "its owner waits for it"
        assert leases.hear({3, 4}, {3, 4}, 1110.0) == []
        assert leases.hear({3, 4}, {3, 4}, 1169.9) == []
        assert leases.hear({3, 4}, {3, 4}, 1170.0) == [1]
        leases.lease_s = 61
        assert leases.hear({3, 4}, {3, 4}, 1170.0) == []

    def test_the_next_one_that_lives_takes_it_over(self) -> None:
        for owned, falls_here in (({1, 3, 4}, []), ({1}, []), ({4}, [1]), (set(), [3, 4, 1]), ({3}, [4, 1])):
            leases = self.leases()
            leases.hear(owned, owned, 0.0)
            assert leases.hear(owned, owned, 60.0) == falls_here

    def test_a_share_whose_owner_is_back_is_looked_at_no_more_and_given_back_once_it_is_done_with(
        self,
    ) -> None:
        leases = self.leases()
        for one in (1, 3):
            leases.take_over(one, NOTHING)
        assert (leases.beside, leases.leaving) == ({1, 3}, set())
        assert leases.words == "share 1/4 and share 2/4 and share 3/4"
        assert leases.hear({4}, {1, 3, 4}, 0.0) == []
        assert leases.beside == {1, 3}, "their owners are not back"
        assert leases.let_go({1}) == set(), "nobody wants it back"
        leases.hear({1, 4}, {1, 3, 4}, 0.0)
        assert (leases.beside, leases.leaving) == ({3}, {1})
        assert leases.let_go(()) == set()
        assert leases.let_go({3, 4}) == set()
        assert (leases.beside, leases.leaving) == ({3}, {1}), "not before it is done with"
        leases.hear({1, 3, 4}, {1, 3, 4}, 0.0)
        assert (leases.beside, leases.leaving) == (set(), {1, 3})
        assert leases.let_go({1}) == {1}
        assert leases.leaving == {3}
        assert leases.words == "share 2/4"

    def test_a_share_that_is_being_given_back_is_not_taken_over_although_its_owner_is_gone_again(
        self,
    ) -> None:
        leases = self.leases()
        leases.take_over(1, NOTHING)
        leases.hear({1, 3, 4}, {1, 3, 4}, 0.0)
        assert leases.hear({3, 4}, {1, 3, 4}, 100.0) == []
        assert (leases.beside, leases.leaving) == (set(), {1})
        assert leases.let_go({1}) == {1}
        assert leases.hear({3, 4}, {3, 4}, 100.0) == []
        assert leases.hear({3, 4}, {3, 4}, 160.0) == [1]

    def test_without_its_locks_it_has_its_own_share_alone(self) -> None:
        leases = self.leases()
        for one in (1, 3):
            leases.take_over(one, NOTHING)
        leases.hear({1}, {1, 3}, 0.0)
        leases.lose()
        assert (leases.beside, leases.leaving, leases.words) == (set(), set(), "share 2/4")


class Handed:
    """A watch of the first of two shares; a target of the other one is at a server of its own."""

    def __init__(self, folder: Path, store: str, own: ScriptedServer, other: ScriptedServer) -> None:
        self.both = [target(own), target(other)]
        self.leases = Leases(Shard(1, 2), 60)
        self.watching = Watching(folder, self.both, store)
        self.before = self.watching.describing(hold=True)

    def join(self, watch: Watch) -> None:
        watch.shares, watch.before = self.leases, self.before

    def take_over(self, _: object) -> None:
        database = Database(self.watching.history)
        self.leases.take_over(2, stored(database, ""))
        database.close()

    def owner_returns(self, _: object) -> None:
        self.leases.hear({2}, {2}, 0.0)

    def describe(self, *targets: dict[str, object]) -> Callable[[object], None]:
        return lambda _: self.watching.describe(list(targets))

    def spoil(self, _: object) -> None:
        (self.watching.folder / "t.jsonl").write_text("{broken\n")

    def call(self, name: str, port: int) -> None:
        """Let the history call an endpoint so, as it does once it was looked at for a domain."""
        database = Database(self.watching.history)
        renamed = ENDPOINTS.update().where(ENDPOINTS.c.port == port).values(target=name)
        database.run(lambda c: c.execute(renamed), write=True)
        database.close()


@pytest.mark.parametrize("name", ["", "mx:contoso.test", "mail.contoso.test:25"])
def test_what_comes_with_a_share_is_known_whatever_its_history_calls_it(
    tmp_path: Path, cli: Cli, served: Served, name: str
) -> None:
    """A failure that is known is looked at once, not twice; the control is one that nobody has looked at yet."""
    _, server = served
    with ScriptedServer(Changing(refuse)) as other:
        handed = Handed(tmp_path, cli.store, server, other)
        handed.watching.run(2 * INTERVAL)
        assert len(other.peers) == 1 + SAMPLES + 1
        if name:
            handed.call(name, other.port)
        handed.watching.describe(handed.both[:1])
        handed.watching.run(
            2 * INTERVAL, (0, handed.join), (1, handed.describe(*handed.both)), (2, handed.take_over)
        )
        assert len(other.peers) == 1 + SAMPLES + 1 + 2


def test_shares_change_hands_although_the_files_have_mistakes_meanwhile(
    tmp_path: Path, cli: Cli, served: Served
) -> None:
    """By what they said before; this is said once."""
    _, server = served
    with ScriptedServer(Changing(refuse)) as other:
        handed = Handed(tmp_path, cli.store, server, other)
        handed.watching.describe(handed.both[:1])
        handed.watching.run(
            6 * INTERVAL,
            (0, handed.join),
            (1, handed.spoil),
            (2, handed.take_over),
            (3 * INTERVAL, handed.owner_returns),
        )
        assert other.peers
        assert len(server.peers) == 6
    first, taken, given = handed.watching.said
    assert "t.jsonl:1: This is no line of JSON: " in first
    assert first.endswith("\nshares change hands by what was watched before")
    assert taken == "looking at share 1/2 and share 2/2 now: 2 targets"
    assert given.startswith("looking at share 1/2 now: ")


def test_a_share_is_done_with_once_no_look_at_it_may_come_any_more(
    tmp_path: Path, cli: Cli, served: Served
) -> None:
    _, server = served
    watching = Watching(tmp_path, [target(server)], cli.store)
    told: list[frozenset[int]] = []

    def nowhere() -> Described:
        raise ConfigurationError("it cannot be read")

    def give_back(watch: Watch) -> None:
        [(key, entry)] = watching.described().entries.items()
        share = Shard(1, 2).number_of(entry.target.text)
        leases = Leases(Shard(3 - share, 2), 60)
        watch.before = watch.reload
        leases.take_over(share, NOTHING)
        told.append(watch._share(leases))
        leases.hear({share}, {share}, 0.0)
        watch.reload = watch.before = nowhere
        told.append(watch._share(leases))
        watch.reload = watching.described
        watch._under_way[99] = Turn(key, entry, Looks())
        told.append(watch._share(leases))
        del watch._under_way[99]
        told.append(watch._share(leases))
        assert told == [frozenset(), frozenset(), frozenset(), {share}]

    watching.run(INTERVAL / 4, (1, give_back))
    assert len(told) == 4


class Asking(Claim):
    """Sees what the history has at the moment when a share is given back."""

    seen: tuple[object, ...] = ()

    def let_go(self, done: object) -> None:
        database = self._database
        self.seen += (done, dict(stored(database, "").due))


def test_a_share_is_given_back_after_what_was_seen_of_it_is_written(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "h.sqlite"))
    claim = Asking(database, "")
    with Recorder(str(tmp_path / "h.sqlite"), tmp_path / "spool") as recorder:
        keeper = Keeper(database, claim, recorder, "")
        keeper.settle("a", int(START))
        keeper.turn(START, frozenset({2}))
        keeper.close(START)
        assert claim.seen[:2] == ({2}, {"a": int(START)})
        keeper.turn(START + 1, frozenset({3}))
        keeper.close(START + 1)
        assert claim.seen[-2] == {3}, "although there is nothing new to write"
    claim.close()
    database.close()


@pytest.mark.parametrize("ahead", [300, -300])
def test_watches_whose_clocks_differ(tmp_path: Path, cli: Cli, served: Served, ahead: int) -> None:
    """A share changes hands twice: the heir's clock is wrong by five minutes, of an interval of an hour."""
    changing, server = served
    watching = Watching(tmp_path, [target(server, interval="1h")], cli.store)
    hour, real = 3600, []
    for skew, script in ((0, changing.script), (ahead, refuse), (0, changing.script)):
        watching.now += skew
        changing.becomes(script)(None)
        real += [seen.record.at.timestamp() - skew for seen in watching.run(5 * hour)]
        watching.now -= skew
    gaps = [later - sooner for sooner, later in pairwise(real)]
    assert len(real) == 15
    assert min(gaps) >= hour / 2 - abs(ahead) - 60
    assert max(gaps) <= 1.5 * hour + abs(ahead) + 60
    outcomes = [span.state.outcome.value for span in watching.spans()]
    assert outcomes == ["accepted", "unknown", "accepted"]
