"""What the pages of a fleet ask of its history, against what reading every look says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from probe.eop.vocabulary import Outcome
from probe.history.database import Database
from probe.history.overview import hosts_moved, lasting, latest_spans
from probe.history.query import called, changes_since
from probe.history.read import spans
from probe.history.write import write_batch
from probe.report.changes import Kind
from probe.report.record import Record
from tests.report.lives import BEGIN, HOUR, Leaf, down, endpoint, plain, records, shows

DAY = timedelta(days=1)
OLD, NEW = Leaf(), Leaf(serial=2)
GONE = Leaf(names=("gone.contoso.test",))


def write(database: Database, *looks: list[Record]) -> None:
    every = [record for one in looks for record in one]
    database.run(lambda c: write_batch(c, "all", BEGIN, every), write=True)


def fill(database: Database) -> None:
    """Twenty days: hosts on which nothing, something and much happens, one of two addresses gone, a name lost."""
    steady = [shows(OLD)] * 480
    renewed = [*[shows(OLD)] * 100, *[shows(NEW)] * 380]
    turbulent = [
        *[shows(OLD)] * 90,
        *[down()] * 9,
        *[shows(OLD), shows(NEW)] * 60,
        *[plain()] * 30,
        *[shows(NEW)] * 231,
    ]
    write(
        database,
        records(endpoint("steady.contoso.test"), steady),
        records(endpoint("renewed.contoso.test", "192.0.2.2"), renewed),
        records(endpoint("turbulent.contoso.test", "192.0.2.3"), turbulent),
        records(endpoint("two.contoso.test", "192.0.2.4"), steady),
        records(endpoint("two.contoso.test", "192.0.2.5"), [shows(GONE)] * 300, BEGIN + timedelta(minutes=1)),
        records(
            endpoint("lost.contoso.test", "192.0.2.6"),
            [*[shows(OLD)] * 200, *[None] * 9, *[shows(OLD)] * 271],
        ),
        records(endpoint("lost.contoso.test", ""), [*[None] * 200, *[down("no-such-name")] * 9]),
    )


@pytest.mark.parametrize("days", range(0, 20, 2))
def test_no_change_is_missed_on_the_hosts_that_moved(database: Database, days: int) -> None:
    fill(database)
    since = BEGIN + days * DAY
    every, _ = database.run(lambda c: changes_since(c, since))
    assert database.run(lambda c: changes_since(c, since, hosts_moved(since)))[0] == every
    assert every or days > 12


def test_what_stands_still_is_not_read(database: Database) -> None:
    fill(database)
    since = BEGIN + 15 * DAY
    found = database.run(lambda c: list(spans(c, hosts_moved(since))))
    assert {span.endpoint.host for span in found} == {"two.contoso.test", "lost.contoso.test"}
    found = database.run(lambda c: list(spans(c, hosts_moved(BEGIN + 3 * DAY))))
    assert "steady.contoso.test" not in {span.endpoint.host for span in found}
    gone = database.run(lambda c: changes_since(c, BEGIN + 12 * DAY, hosts_moved(BEGIN + 12 * DAY)))[0]
    assert Kind.ADDRESS_REMOVED in {change.kind for change in gone}


def test_since_when_an_outcome_lasts(database: Database) -> None:
    refused = shows(OLD, accepted=False)
    lives = {
        "never": ([shows(OLD), shows(NEW), shows(OLD)], (Outcome.ACCEPTED, BEGIN)),
        "now": ([shows(OLD), shows(NEW), refused], (Outcome.REJECTED, BEGIN + 2 * HOUR)),
        "again": ([shows(OLD), refused, shows(OLD), shows(NEW)], (Outcome.ACCEPTED, BEGIN + 2 * HOUR)),
        "both": ([shows(OLD), refused, plain(), plain()], (Outcome.REJECTED, BEGIN + HOUR)),
    }
    write(database, *(records(endpoint(host), states) for host, (states, _) in lives.items()))
    found = database.run(lasting)
    assert {of.host: told for of, told in found.items()} == {host: told for host, (_, told) in lives.items()}


def test_the_last_spans_of_what_is_meant(database: Database) -> None:
    write(
        database, *(records(endpoint(host), [shows(OLD), shows(NEW)] * 10) for host in ("a.test", "b.test"))
    )
    found = database.run(lambda c: list(spans(c, latest_spans(c, called(c, "a.test"), 5))))
    assert [span.endpoint.host for span in found] == ["a.test"] * 5
    assert found[-1].last == BEGIN + 19 * HOUR
    assert len(database.run(lambda c: list(spans(c, latest_spans(c, called(c, "b.test"), 50))))) == 20
