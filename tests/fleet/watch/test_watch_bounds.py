"""What a watch holds at most, and how long its end takes."""

from __future__ import annotations

import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from probe.cli.exit_codes import UNKNOWN
from probe.cli.fleet import watching
from probe.cli.fleet.common import Wanted
from probe.cli.options import Stores
from probe.errors import ConfigurationError
from probe.fleet.selection import Shard
from probe.fleet.watch import described, keeper, watch
from probe.fleet.watch.described import Described
from probe.fleet.watch.keeper import Keeper, Stored, stored
from probe.fleet.watch.shares import Leases
from probe.fleet.watch.systemd import Systemd
from probe.fleet.watch.watch import Told, Watch
from probe.history.claim import Claim
from probe.history.database import Database
from probe.history.recorder import Recorder
from tests.cli.running import Cli
from tests.fleet.watch.watching import START, Watching

pytest_plugins = ("tests.cli.conftest",)


def ignored(*_: object) -> None:
    """Who hears of nothing."""


def test_more_targets_than_a_watch_holds(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(described, "MAX_TARGETS", 3)
    names = [{"host": f"{letter}.test"} for letter in "abcd"]
    Watching(tmp_path, names[:3], cli.store)
    (tmp_path / "t.jsonl").write_text("".join(f'{{"host": "{one["host"]}"}}\n' for one in names))
    ran = cli("fleet", "watch", str(tmp_path / "fleet.toml"), "--history", str(tmp_path / "h.sqlite"))
    assert (ran.code, ran.err) == (
        UNKNOWN, "eop-probe: a watch has at most 3 targets; share them with --shard\n"
    )  # fmt: skip


def test_a_share_that_is_taken_over_has_its_own_room(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    Watching(tmp_path, [{"host": f"{letter}.test"} for letter in "abcdefghij"], cli.store)
    monkeypatch.setattr(described, "MAX_TARGETS", 9)
    file, shard, stores = str(tmp_path / "fleet.toml"), Wanted(shard="1/2"), Stores()
    with pytest.raises(ConfigurationError, match="at most 9 targets"):
        watching.described(file, Wanted(), stores)
    found = watching._opened(file, shard, stores)
    assert 0 < len(watching._described(found).entries) < 10
    assert len(watching._described(found, frozenset({2})).entries) == 10


class Following:
    """Who is told of a description that is read."""

    def follow(self, what: Described) -> Described:
        return what


def test_a_share_comes_and_goes_by_the_files_as_they_were_without_a_mistake(tmp_path: Path, cli: Cli) -> None:
    """A file of TOML and one of JSON lines; SIGHUP reads the mistakes, and what was read before stays."""
    names = [f"{letter}.test" for letter in "abcdefghij"]
    Watching(tmp_path, [{"host": name} for name in names[1:]], cli.store)
    leases = Leases(Shard(1, 2), 60)
    read = partial(watching._opened, str(tmp_path / "fleet.toml"), Wanted(shard="1/2"), Stores())
    reading = watching._Reading(read(), read, leases, Following())  # type: ignore[arg-type]
    with (tmp_path / "fleet.toml").open("a") as file:
        file.write(f'takeover-after = "7s"\n[[target]]\nhost = "{names[0]}"\n')
    own = reading.anew().entries.keys()
    assert leases.lease_s == 7
    leases.take_over(2, Stored({}, ()))
    both = reading.anew().entries.keys()
    assert (len(both), own < both) == (10, True)
    for spoilt in ("t.jsonl", "fleet.toml"):
        (tmp_path / spoilt).write_text("{broken")
        with pytest.raises(ConfigurationError, match=spoilt):
            reading.anew()
        assert reading.before().entries.keys() == both
    (tmp_path / "t.jsonl").unlink()
    assert reading.before().entries.keys() == both
    leases.lose()
    assert reading.before().entries.keys() == own


def test_endpoints_whose_state_is_known(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MAX_KNOWN", 2)
    watching = Watching(tmp_path, [{"host": "a.test"}], cli.store)
    database = Database(watching.history)
    with Recorder(watching.history, tmp_path / "spool") as recorder, closing(Claim(database, "")) as claim:
        kept = Keeper(database, claim, recorder, "")
        one = Watch(
            watching.described(),
            kept,
            Told(ignored, ignored, ignored),
            now=lambda: START,
            stored=stored(database, ""),
            systemd=Systemd({}),
        )
        for number in range(9):
            one._known[number] = None  # type: ignore[index, assignment]  # any key
    assert len(one._known) <= 4
    database.close()


def test_the_end_waits_for_no_database_that_hangs(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control is a database that answers."""
    monkeypatch.setattr(keeper, "CLOSE_S", 0.2)
    watching = Watching(tmp_path, [{"host": "a.test"}], cli.store)
    database, held, go_on = Database(watching.history), threading.Event(), threading.Event()

    def hold(_: object) -> None:
        held.set()
        go_on.wait(60)

    with Recorder(watching.history, tmp_path / "spool") as recorder, closing(Claim(database, "")) as claim:
        kept = Keeper(database, claim, recorder, "")
        kept.settle("a", 1)
        kept.close(START)
        holder = threading.Thread(target=database.run, args=(hold,), kwargs={"write": True})
        holder.start()
        assert held.wait(30)
        kept.settle("b", int(START))
        began = monotonic()
        kept.close(START)
        assert monotonic() - began < 30
        go_on.set()
        holder.join()
    database.close()
