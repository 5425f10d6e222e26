"""Shares of a fleet on one real PostgreSQL: that of a watch that is killed is taken over, and given back."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Barrier, Thread

import psycopg
import pytest
from sqlalchemy import StaticPool, create_engine

from probe.errors import ConfigurationError
from probe.fleet.selection import Shard
from probe.fleet.watch.keeper import stored
from probe.fleet.watch.shares import RETURN_S, Shares
from probe.history import locks
from probe.history.claim import Claim
from probe.history.database import Database, HistoryError
from probe.history.locks import Locks
from tests.cli.running import ROOT as ROOT_CERTIFICATE
from tests.fleet.clusters import Counted
from tests.history.faults import opened
from tests.lab.running import PATIENCE_SECONDS, ROOT, START_SECONDS, Lab, until
from tests.lab.test_lab_history import Server, name, server, url  # noqa: F401 - fixtures
from tests.net.scripted import ScriptedServer

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 300)]

BACK = "share 2/3 is looked at by another watch, which is giving it back"
PAIRS = (("1/3", "2/3", 1), ("2/3", "3/3", 3))
SHARES, TARGETS, INTERVAL = 3, 30, 8
#: Seconds after which a share is taken over; and within which what was seen is in the database (every five).
TAKEOVER, WRITTEN = 2, 15
_LOCKS = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND datname = current_database() GROUP BY pid"""
#: Of no target.
MARK = "127.61.250.1"


class Looks(Counted):
    """A server that counts who was looked at, and when, by the address that was connected to."""

    def since(self, moment: float) -> Counter[str]:
        with self._lock:
            return Counter(address for at, address in self.looks if at >= moment)

    def twice(self) -> list[tuple[float, str]]:
        """Looks that were followed by another one at the same target within half an interval."""
        with self._lock:
            looks = sorted((address, at) for at, address in self.looks)
        return [
            (at, address)
            for (address, at), (other, later) in itertools.pairwise(looks)
            if address == other and later - at < INTERVAL / 2 - 0.5
        ]


class Watches:
    """The watches of a fleet's shares, each a process of its own."""

    def __init__(self, folder: Path, history: str, port: int, root: Path) -> None:
        self.folder, self._history, self._root = folder, history, root
        self.processes: dict[int, subprocess.Popen[str]] = {}
        targets = "".join(
            f'[[target]]\nhost = "{address(number)}"\nport = {port}\ninterval = "{INTERVAL}s"\n'
            for number in range(TARGETS)
        )
        self.text = f'[watch]\ntakeover-after = "{TAKEOVER}s"\nrecheck-after = "1s"\n{targets}'
        self.describe(self.text)

    def describe(self, text: str) -> None:
        (self.folder / "fleet.toml").write_text(text)

    def start(self, number: int) -> None:
        with (self.folder / f"said-{number}").open("w") as said:
            self.processes[number] = subprocess.Popen(
            [sys.executable, "-m", "probe", "fleet", "watch", self.folder / "fleet.toml", "--stand-in", self._root,
             "--history", self._history, "--rate", "1000", "--shard", f"{number}/{SHARES}"],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=said, text=True,
            env={**os.environ, "XDG_STATE_HOME": str(self.folder / f"state-{number}")},
        )  # fmt: skip

    def said(self, number: int) -> str:
        return (self.folder / f"said-{number}").read_text()

    def words(self) -> list[str]:
        return [self.said(number) for number in self.processes]

    def settled(self) -> bool:
        """Whether every share has its own watch: each holds two locks, that it owns its share and works on it."""
        with psycopg.connect(self._history) as connection:
            return connection.execute(_LOCKS).fetchall() == [(2,)] * SHARES

    def kill(self, number: int) -> None:
        process = self.processes.pop(number)
        process.kill()
        process.wait()


@contextlib.contextmanager
def watches(*given: object) -> Iterator[Watches]:
    made = Watches(*given)  # type: ignore[arg-type]
    try:
        for number in range(1, SHARES + 1):
            made.start(number)
        yield made
    finally:
        for process in made.processes.values():
            process.terminate()
        try:
            codes = {process.wait(60) for process in made.processes.values()}
        finally:
            for process in made.processes.values():
                process.kill()
    assert codes == {0}, made.words()


def arrived(mail: ScriptedServer, counted: Counted) -> None:
    """Wait until everybody is counted who connected before: they are accepted in their order."""
    with socket.create_connection((MARK, mail.port), PATIENCE_SECONDS) as last:
        assert last.recv(1)
        number = len(mail.peers)
        until(lambda: len(counted.looks) >= number, "a look of each connection")


def address(number: int) -> str:
    return f"127.61.{number}.1"


def of_share(number: int, port: int) -> set[str]:
    """The targets of a share."""
    every = [address(one) for one in range(TARGETS)]
    return {one for one in every if Shard(1, SHARES).number_of(f"{one}:{port}") == number}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root.pem"
    path.write_text(ROOT_CERTIFICATE.pem)
    return path


def test_a_share_whose_watch_is_killed_is_taken_over_and_given_back(
    lab: Lab,
    url: str,  # noqa: F811 - the fixture
    tmp_path: Path,
    root: Path,
) -> None:
    del lab
    everybody = {address(number) for number in range(TARGETS)}
    counted = Looks()
    with ScriptedServer(counted, host="0.0.0.0") as mail, watches(tmp_path, url, mail.port, root) as made:
        lost = of_share(2, mail.port)
        assert 0 < len(lost) < TARGETS
        # One that starts late finds its share taken over by the others: it is given back before anybody is killed.
        until(made.settled, "the start of every watch", made.words)
        until(lambda: counted.since(0).keys() >= everybody, "a first look at every target", made.words)
        before = {number: len(made.said(number)) for number in (1, 3)}
        made.describe(made.text + "[[target]]\n")
        killed = time.monotonic()
        made.kill(2)
        arrived(mail, counted)
        alone = time.monotonic()
        until(lambda: lost <= counted.since(alone).keys(), "looks at the share of who was killed", made.words)
        assert not lost & (counted.since(alone) - counted.since(killed + TAKEOVER)).keys()
        assert [
            f"looking at share {one} and share {other} now" in made.said(by)[before[by] :]
            for one, other, by in PAIRS
        ] == [False, True], "by the next one that lives"
        assert "shares change hands by what was watched before" in made.said(3)
        made.describe(made.text)
        made.start(2)
        until(made.settled, "the owner's return", made.words)
        returned = time.monotonic()
        assert BACK in made.said(2)
        assert f"looking at share 3/{SHARES} now" in made.said(3)[before[3] :]
        until(lambda: everybody <= counted.since(returned).keys(), "looks at all of them again", made.words)
    # What the killed one saw and had not written yet is looked at twice rather than never.
    doubled = [one for one in counted.twice() if not (one[1] in lost and killed - WRITTEN < one[0] < alone)]
    assert not doubled


def shares(database: Database, number: int, lease_s: float = 0, total: int = 3) -> Shares:
    return Shares(database, "berlin", Shard(number, total), partial(stored, database, "berlin"), lease_s)


def no_wait(seconds: float) -> None:
    raise TimeoutError(seconds)


def cut(server: Server, name: str) -> None:  # noqa: F811 - fixtures
    """End every session of a database."""
    server.end(name)


def test_who_takes_over_and_who_gives_back(url: str) -> None:  # noqa: F811 - the fixture
    said: list[str] = []
    with opened(url) as one, opened(url) as other, opened(url) as third:
        first, second = shares(one, 1), shares(other, 2)
        first.begin(no_wait, said.append)
        first.renew()
        assert first.beside == {2, 3}, "nobody else lives"
        with pytest.raises(ConfigurationError, match="another fleet watch as berlin 1/3 has the history"):
            shares(third, 1).begin(no_wait, said.append)
        with pytest.raises(TimeoutError, match=f"^{RETURN_S}$"):
            second.begin(no_wait, said.append)
        assert said == [BACK]
        first.renew()
        assert (first.beside, first.leaving) == ({3}, {2})
        first.let_go(())
        assert first.leaving == {2}, "not before all is written"
        first.let_go({2})
        patient = shares(third, 2, 3600)
        second.close()
        patient.begin(no_wait, said.append)
        first.close()
        patient.renew()
        assert patient.beside == set(), "not before the lease is over"
        patient.lease_s = 0
        patient.renew()
        assert patient.beside == {1, 3}
        patient.close()


def test_a_fleet_is_divided_in_one_way(url: str) -> None:  # noqa: F811 - the fixture
    with opened(url) as one, opened(url) as other:
        first, fewer = shares(one, 1), shares(other, 1, total=2)
        first.begin(no_wait, print)
        divided = "as berlin has the history .*, in 3 shares of the fleet, not "
        with pytest.raises(ConfigurationError, match=f"{divided}2: all of those must end first"):
            fewer.begin(no_wait, print)
        with pytest.raises(ConfigurationError, match=f"{divided}1"):
            Claim(other, "berlin")
        Claim(other, "munich").close()
        first.close()
        fewer.begin(no_wait, print)
        with pytest.raises(ConfigurationError, match="in 2 shares of the fleet, not 3"):
            first.begin(no_wait, print)
        fewer.close()
        Claim(other, "berlin").close()


def test_of_those_that_divide_it_otherwise_at_the_same_moment_one_is_the_first(url: str) -> None:  # noqa: F811 - the fixture
    with opened(url) as one, opened(url) as other:
        for _ in range(20):
            both = [shares(one, 1, total=2), shares(other, 1, total=3)]
            together, refused = Barrier(2), []

            def begin(each: Shares, together: Barrier = together, refused: list[str] = refused) -> None:
                together.wait()
                try:
                    each.begin(no_wait, print)
                except ConfigurationError as error:
                    refused.append(str(error))

            threads = [Thread(target=begin, args=(each,)) for each in both]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(refused) == 1, refused
            assert "shares of the fleet, not " in refused[0]
            for each in both:
                each.close()


def test_who_hangs_while_it_divides_a_fleet_is_waited_for_a_while(
    url: str,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locks, "TURN_S", 0.2)
    with opened(url) as one, psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [locks._number("berlin divided")])
        first = shares(one, 1)
        with pytest.raises(HistoryError, match="is away"):
            first.begin(no_wait, print)
        other.commit()
        first.begin(no_wait, print)
        first.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_waits_for_its_share_ends_it_in_order(
    url: str,  # noqa: F811 - the fixture
    tmp_path: Path,
    root: Path,
    number: signal.Signals,
) -> None:
    """SIGHUP before that changes nothing."""
    with opened(url) as one:
        heir = Shares(one, "", Shard(1, 3), partial(stored, one, ""), 0)
        heir.begin(no_wait, print)
        heir.renew()
        made = Watches(tmp_path, url, 1, root)
        made.start(2)
        until(lambda: BACK in made.said(2), "the owner's return", made.words)
        for each in (signal.SIGHUP, number):
            made.processes[2].send_signal(each)
        assert made.processes[2].wait(60) == 0
        assert made.said(2) == f"eop-probe: {BACK}\n"
        again = Shares(one, "", Shard(2, 3), partial(stored, one, ""), 0)
        with pytest.raises(TimeoutError):
            again.begin(no_wait, print)
        again.close()
        heir.close()


def test_a_connection_that_a_pooler_lends_to_others_keeps_no_locks(url: str) -> None:  # noqa: F811 - the fixture
    """As pgbouncer's does in transaction mode; here it is SQLAlchemy that has one for all."""
    refused = "is reached through a pooler that lends its connections to others .*pool_mode = session"
    with opened(url) as one:
        own = one._engine
        one._engine = create_engine(own.url, poolclass=StaticPool)
        with pytest.raises(ConfigurationError, match=refused):
            Claim(one, "berlin")
        one._engine.dispose()
        one._engine = own
        held = Locks(one)
        assert held.take("a")
        assert held.alive()
        held._backend = 0  # as if the pooler had given it another one since
        with pytest.raises(ConfigurationError, match=refused):
            held.alive()
        anew = Locks(one)
        assert anew.take("a"), "nothing is left behind"
        anew.close()


def test_whose_session_is_lost_looks_at_its_own_share_alone(
    url: str,  # noqa: F811 - fixtures
    server: Server,  # noqa: F811
    name: str,  # noqa: F811
) -> None:
    with opened(url) as one, opened(url) as other:
        first = shares(one, 1)
        first.begin(no_wait, print)
        first.renew()
        assert first.beside == {2, 3}
        cut(server, name)
        second = shares(other, 2)
        second.begin(no_wait, print)
        first.renew()
        assert first.beside == {3}, "taken anew, as its owner is gone"
        cut(server, name)
        second.renew()
        with pytest.raises(ConfigurationError, match="another fleet watch as berlin 1/3"):
            first.renew()
        second.close()
