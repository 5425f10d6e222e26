"""The history in a real PostgreSQL: what SQLite's tests ask, and what befalls a server."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import psycopg
import pytest
from sqlalchemy import Connection, select, text

from probe.alarms.service import Alarms
from probe.errors import ConfigurationError
from probe.history.alarm_tables import ALARMS
from probe.history.claim import Claim
from probe.history.database import Database, HistoryError
from probe.history.doctor import examine
from probe.history.locks import Locks
from probe.history.tables import METADATA
from probe.history.write import write_batch
from tests.alarms.results import ENDING, NOW, seen
from tests.alarms.test_alarms_service import AT_ONCE, notices
from tests.history.faults import Crashes, Faults, batches, looks, opened, write
from tests.history.records import HOUR, START, round_of
from tests.history.test_history_database import OPEN
from tests.history.test_history_write import (
    test_a_batch_is_written_whole_or_not_at_all,
    test_a_certificate_is_kept_as_it_was_sent_with_its_end_and_its_key,
    test_a_change_is_a_span_of_its_own_and_the_way_back_too,
    test_an_endpoint_that_does_not_change_is_one_span,
    test_what_no_database_takes_is_kept_as_its_escape,
)
from tests.lab.cut import cut_to
from tests.lab.running import COMMAND_SECONDS, START_SECONDS, Lab, run, said, until
from tests.lab.services import greets
from tests.lab.situations import SERVICES

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 120)]
__all__ = [
    "test_a_batch_is_written_whole_or_not_at_all",
    "test_a_certificate_is_kept_as_it_was_sent_with_its_end_and_its_key",
    "test_a_change_is_a_span_of_its_own_and_the_way_back_too",
    "test_an_endpoint_that_does_not_change_is_one_span",
    "test_what_no_database_takes_is_kept_as_its_escape",
]
(SERVICE,) = (each for each in SERVICES if each.name == "postgres")

_END = "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE %s IN (pid::text, datname::text)"


@dataclass(slots=True, kw_only=True)
class Server:
    """The server's port, and its container."""

    port: int
    container: str

    def url(self, name: str, port: int | None = None) -> str:
        return f"postgresql://lab@127.0.0.1:{port or self.port}/{name}"

    def wait(self) -> None:
        until(
            lambda: greets(self.port, SERVICE.asks, SERVICE.says),
            "the server's return",
            lambda: said("docker", "logs", "--tail", "20", self.container),
        )

    def end(self, sessions: str) -> None:
        """End those of a database or a process, and wait until they are gone with all their locks."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(_END, (COMMAND_SECONDS * 1000, sessions))

    def say(self, *statements: str, name: str = "postgres") -> None:
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            for each in statements:
                connection.execute(each)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(lab: Lab) -> Server:
    return Server(port=lab.port("postgres"), container=lab.container("postgres"))


@pytest.fixture
def name(server: Server) -> Iterator[str]:
    """A database of its own for each test."""
    made = f"test_{uuid.uuid4().hex}"
    server.say(f"CREATE DATABASE {made}")
    yield made
    server.say(f"DROP DATABASE IF EXISTS {made} WITH (FORCE)")


@pytest.fixture
def url(server: Server, name: str) -> str:
    return server.url(name)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with opened(url) as one:
        yield one


@pytest.fixture
def filled(server: Server, name: str) -> Iterator[Callable[[Database], Callable[[], None]]]:
    """The tables on the small disk, which is full but for a little."""
    ballast = "SELECT md5(n::text) || md5((n + 1)::text) AS text FROM generate_series(1, 10000) AS n"

    def fill(_: Database) -> Callable[[], None]:
        server.say("CREATE TABLESPACE small LOCATION '/small/space'")
        tables = [table.name for table in METADATA.sorted_tables]
        server.say(*(f"ALTER TABLE {each} SET TABLESPACE small" for each in tables), name=name)
        server.say(f"CREATE TABLE room TABLESPACE small AS {ballast}", name=name)
        server.say(f"CREATE TABLE ballast TABLESPACE small AS {ballast}", name=name)
        with pytest.raises(psycopg.errors.DiskFull):
            server.say(*[f"INSERT INTO ballast {ballast}"] * 100, name=name)
        server.say("DROP TABLE room", name=name)
        return lambda: server.say("DROP TABLE ballast", name=name)

    yield fill
    server.say(f"DROP DATABASE {name} WITH (FORCE)", "DROP TABLESPACE small")


class TestCrashes(Crashes):
    pass


class TestFaults(Faults):
    pass


def test_made_once_by_many(url: str) -> None:
    starting = [subprocess.Popen([sys.executable, "-c", OPEN, url]) for _ in range(3)]
    assert [each.wait() for each in starting] == [0, 0, 0]
    with opened(url) as database:
        assert examine(database).problems == ()
        assert examine(database).system.startswith("PostgreSQL 15.")


def test_a_commit_whose_answer_is_lost(server: Server, name: str) -> None:
    with cut_to(server.port) as cut, opened(server.url(name, cut.server.getsockname()[1])) as database:
        assert write(database, "one", round_of(5, START))
        cut.armed = True
        # The batch was there when it was sent again.
        assert not write(database, "two", round_of(5, START + HOUR))
        assert cut.cuts == 1
        assert (batches(database), looks(database)) == ({"one", "two"}, 10)


def test_a_connection_that_ends_in_a_batch(server: Server, url: str) -> None:
    ended = []

    def interrupted(connection: Connection) -> bool:
        if not ended:
            ended.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            write_batch(connection, "one", START, round_of(5, START))
            server.end(str(ended[0]))
        return write_batch(connection, "one", START, round_of(5, START))

    with opened(url) as database:
        assert database.run(interrupted, write=True)
        assert (batches(database), looks(database)) == ({"one"}, 5)


def test_a_server_that_is_killed_and_comes_back(server: Server, url: str) -> None:
    with opened(url) as database:
        written = [(str(number), round_of(5, START + number * HOUR)) for number in range(4)]
        reported = [name for name, records in written[:2] if write(database, name, records)]
        with away(server):
            for _ in range(2):
                with pytest.raises(HistoryError, match="cannot be used"):
                    write(database, *written[2])
        reported += [name for name, records in written[2:] if write(database, name, records)]
        assert (reported, batches(database)) == (["0", "1", "2", "3"], set("0123"))
        assert looks(database) == 4 * 5


def test_a_server_that_is_restarted_is_not_noticed(server: Server, url: str) -> None:
    with opened(url) as database:
        assert write(database, "one", round_of(5, START))
        with away(server):
            pass
        assert write(database, "two", round_of(5, START))
        assert looks(database) == 10


@contextmanager
def away(server: Server) -> Iterator[None]:
    run("docker", "kill", "--signal", "KILL", server.container)
    try:
        yield
    finally:
        run("docker", "start", server.container)
        server.wait()


def test_the_alarms_of_two_watches_at_once(url: str) -> None:
    """Shards of a fleet with one certificate in common: it is told once, with every endpoint."""
    hosts = [f"mail{number}.contoso.test" for number in range(20)]

    def rounds(database: Database, shard: list[str]) -> None:
        alarms = Alarms(database, AT_ONCE, ())
        for host in shard:
            alarms.take([seen(ENDING, host=host)], NOW)

    with opened(url) as one, opened(url) as other:
        shards = [
            Thread(target=rounds, args=(database, hosts[at::2])) for at, database in enumerate((one, other))
        ]
        for each in shards:
            each.start()
        for each in shards:
            each.join()
        assert [notice.event for notice in notices(one)] == ["raised"]
        [kept] = one.run(lambda connection: list(connection.scalars(select(ALARMS.c.body))))
        assert sorted(place["host"] for place in json.loads(kept)["places"].values()) == sorted(hosts)


def test_one_watch_at_a_time(url: str) -> None:
    with opened(url) as one, opened(url) as other:
        first = Claim(one, "berlin")
        with pytest.raises(ConfigurationError, match="another"):
            Claim(other, "berlin")
        Claim(other, "munich").close()
        first.close()
        Claim(other, "berlin").close()


def test_what_was_given_up_is_free_at_once(url: str) -> None:
    with opened(url) as one, opened(url) as other:
        waiting = Locks(other)
        assert waiting.take("another")
        for name in map(str, range(50)):
            leaving = Locks(one)
            assert leaving.take(name)
            leaving.close()
            assert waiting.take(name)
        waiting.close()
