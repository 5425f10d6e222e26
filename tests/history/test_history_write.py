"""What was recorded is found again, once, in its order, whatever its texts are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby, pairwise
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from probe.eop.vocabulary import Outcome
from probe.history import tables
from probe.history.database import Database
from probe.history.prune import prune
from probe.history.query import called
from probe.history.read import domains, spans
from probe.history.write import write_batch
from probe.report.record import Endpoint, Record, Span, State
from tests.authority import Authority
from tests.examples import examples
from tests.history.records import HOUR, START, endpoint, record, round_of


def write(database: Database, name: str, records: Sequence[Record]) -> bool:
    return database.run(lambda connection: write_batch(connection, name, START, records), write=True)


def found(database: Database) -> list[Span]:
    return database.run(lambda connection: list(spans(connection)))


def rows(database: Database, table: str) -> int:
    counted = select(func.count()).select_from(tables.METADATA.tables[table])
    return database.run(lambda connection: connection.execute(counted).scalar_one())


def test_an_endpoint_that_does_not_change_is_one_span(database: Database) -> None:
    for hour in range(5):
        assert write(database, f"hour {hour}", round_of(3, START + hour * HOUR))
    assert {(each.endpoint, each.first, each.last, each.looks) for each in found(database)} == {
        (endpoint(number), START, START + 4 * HOUR, 5) for number in range(3)
    }
    assert (rows(database, "certificates"), rows(database, "verdicts"), rows(database, "lists")) == (4, 1, 1)


def test_a_change_is_a_span_of_its_own_and_the_way_back_too(database: Database) -> None:
    looks = [record(1, START + hour * HOUR, leaf) for hour, leaf in enumerate(["old", "new", "new", "old"])]
    write(database, "first", looks[:2])
    write(database, "second", looks[2:])
    told = found(database)
    assert [each.looks for each in told] == [1, 2, 1]
    assert [each.state for each in told] == [looks[0].state, looks[1].state, looks[0].state]
    assert rows(database, "presentations") == 2


def test_after_a_gap_what_is_alike_is_a_span_of_its_own(database: Database) -> None:
    """Two days, or four times the usual: a name that led nowhere in March and in June did not do so in between."""
    hours = [0, 1, 2, 50, 99, 700]
    write(database, "all", [record(1, START + hour * HOUR) for hour in hours])
    assert [each.looks for each in found(database)] == [5, 1]
    write(database, "weekly", [record(2, START + 40 * day * HOUR) for day in range(9)])
    assert [each.looks for each in found(database)][2:] == [9]


def test_a_batch_that_is_sent_again_is_recorded_once(database: Database) -> None:
    assert write(database, "one", round_of(2, START))
    assert not write(database, "one", round_of(2, START))
    assert [each.looks for each in found(database)] == [1, 1]
    assert write(database, "another", round_of(2, START))
    assert [each.looks for each in found(database)] == [2, 2]


def _meant(word: str, connection: Connection) -> list[Span]:
    return list(spans(connection, called(connection, word)))


def test_who_is_looked_at_for_a_domain_belongs_to_it_from_then_on(database: Database) -> None:
    by_name = record(1, START)
    for_domain, for_another = (replace(by_name, target=f"mx:{name}.test") for name in ("contoso", "fabrikam"))
    targets = []
    for hour, looks in enumerate([[by_name], [for_domain, by_name], [by_name], [for_another]]):
        write(
            database,
            f"hour {hour}",
            [replace(each, at=START + hour * HOUR) for each in (*looks, record(2, START))],
        )
        targets.append([each.target for each in found(database)])
    assert [first for first, _ in targets] == ["mail1.contoso.test", *["mx:contoso.test"] * 3]
    assert {second for _, second in targets} == {"mail2.contoso.test"}
    both = ("mx:contoso.test", "mx:fabrikam.test")
    assert database.run(domains) == {by_name.endpoint: both}
    for word in (*both, "mail1.contoso.test"):
        assert {each.endpoint for each in database.run(partial(_meant, word))} == {by_name.endpoint}
    assert database.run(partial(_meant, "mx:tailspin.test")) == []
    prune(database, START + HOUR)
    assert database.run(domains) == {by_name.endpoint: both}
    prune(database, START + 99 * HOUR)
    assert (database.run(domains), rows(database, "domains"), rows(database, "endpoints")) == ({}, 0, 0)


def test_a_batch_is_written_whole_or_not_at_all(database: Database) -> None:
    def fails(connection: object) -> None:
        write_batch(connection, "one", START, round_of(2, START))  # type: ignore[arg-type]
        raise KeyError

    with pytest.raises(KeyError):
        database.run(fails, write=True)
    assert found(database) == []
    assert write(database, "one", round_of(2, START))


def test_a_clock_that_is_set_back_moves_nothing(database: Database) -> None:
    for number, (hours, leaf) in enumerate([(5, "a"), (2, "a"), (3, "b"), (6, "b")]):
        write(database, str(number), [record(1, START + hours * HOUR, leaf)])
    assert [(each.first, each.last, each.looks) for each in found(database)] == [
        (START + 5 * HOUR, START + 5 * HOUR, 2),
        (START + 5 * HOUR, START + 6 * HOUR, 2),
    ]


def test_a_certificate_is_kept_as_it_was_sent_with_its_end_and_its_key(database: Database) -> None:
    leaf = Authority(now=START).root("Lab Root")
    one = record(1, START, "x")
    chains = ((leaf.sha256,),)
    write(
        database,
        "one",
        [replace(one, state=replace(one.state, chains=chains), certificates={leaf.sha256: leaf.der})],
    )
    kept = database.run(lambda connection: connection.execute(select(tables.CERTIFICATES)).one())
    assert (kept.sha256.hex(), kept.der) == (leaf.sha256, leaf.der)
    assert kept.not_after == leaf.certificate.not_valid_after_utc.timestamp()
    assert len(kept.spki_sha256) == 32


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a\0b", "a\\x00b"), ("\ud800", "\\ud800"), ("\x1b[31m", "\\x1b[31m"), ("bücher", "bücher")],
)
def test_what_no_database_takes_is_kept_as_its_escape(database: Database, text: str, kept: str) -> None:
    at = endpoint(1)._replace(host=text, variant=text, vantage=text, port=2**70)
    odd = replace(record(1, START, "leaf"), target=text, endpoint=at, error=text, elapsed_ms=2**70)
    odd = replace(odd, state=replace(odd.state, reply=text, rule=text))
    write(database, "one", [odd, odd])
    (one,) = found(database)
    assert (one.target, one.endpoint.host, one.endpoint.variant, one.endpoint.vantage, one.error) == (
        kept,
    ) * 5
    assert (one.state.reply, one.state.rule) == (text, text)
    assert (one.elapsed_ms, one.looks) == (2**31 - 1, 2)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One history for all examples, each with a vantage of its own."""
    database = Database(str(tmp_path_factory.mktemp("many") / "history.sqlite"))
    yield database
    database.close()


looks = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(list(Outcome)),
        st.integers(-3, 2).map(lambda hours: hours * HOUR),
    ),
    max_size=20,
)


@settings(max_examples=examples(50))
@given(looks, st.lists(st.integers(0, 20), max_size=4))
def test_however_looks_are_batched_the_same_spans_are_found(
    many: Database, seen: list[tuple[int, str, Outcome, timedelta]], cuts: list[int]
) -> None:
    now, own = START, uuid4().hex
    records = []
    for number, leaf, outcome, step in seen:
        now += step
        one = record(number, now, *filter(None, [leaf]), outcome=outcome)
        records.append(replace(one, endpoint=one.endpoint._replace(vantage=own)))
    edges = [0, *sorted(cuts), len(records)]
    for begin, end in pairwise(edges):
        write(many, f"{own} {begin} {end}", records[begin:end])
    told = many.run(lambda connection: list(spans(connection, tables.ENDPOINTS.c.vantage == own)))
    # One endpoint's spans stand in their order, one endpoint after the other.
    wanted = sorted(expected(records), key=lambda span: span[0])
    assert (
        sorted(((e.endpoint, e.state, e.looks, e.first, e.last) for e in told), key=lambda span: span[0])
        == wanted
    )
    assert len([1 for _ in groupby(told, key=lambda span: span.endpoint)]) == len({e.endpoint for e in told})


def expected(records: Iterable[Record]) -> list[tuple[Endpoint, State, int, datetime, datetime]]:
    """Endpoint by endpoint, runs of equal states; an instant is never before the one before it."""
    told = []
    by_endpoint: dict[Endpoint, list[Record]] = {}
    for each in records:
        by_endpoint.setdefault(each.endpoint, []).append(each)
    for where, own in by_endpoint.items():
        latest = own[0].at
        for state, run in groupby(own, key=lambda one: one.state):
            times = []
            for one in run:
                latest = max(latest, one.at)
                times.append(latest)
            told.append((where, state, len(times), times[0], times[-1]))
    return told
