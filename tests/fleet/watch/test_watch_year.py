"""A year of a watched fleet by a clock of our own: what was planted is in the history and was told once, nothing else.

Schedule, second looks, database, changes and alarms are those of `fleet watch`; only the servers are made up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from probe.alarms.document import Facts
from probe.alarms.policy import Policy
from probe.alarms.seen import VERDICT, Look
from probe.alarms.step import step
from probe.eop.vocabulary import Outcome
from probe.fleet.watch.confirm import Known, Looks
from probe.fleet.watch.schedule import Schedule
from probe.history.database import Database
from probe.history.read import spans
from probe.history.write import write_batch
from probe.report.changes import Kind, changes
from probe.report.record import Endpoint, Record, State
from tests.alarms.looks import shown
from tests.report.lives import BEGIN, Leaf, certificates, down, endpoint, plain, records, shows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ENDPOINTS, DAYS = 200, 365
DAY, INTERVAL_S, RECHECK_S = 86_400, 86_400, 60
#: What has been shown for so many days is what it is: a state lasts longer than what damps it.
SETTLED_DAYS = 12

#: What one connection shows on the day that is given; the number tells connections of one look apart.
Shows = Callable[[int], State]


def always(state: State) -> Shows:
    return lambda _: state


@dataclass(frozen=True, slots=True)
class Event:
    """From a day on an endpoint shows something else; `kinds` are the changes, `alarms` what is told."""

    day: int
    shows: Shows
    kinds: tuple[Kind, ...]
    alarms: tuple[str, ...] = ()


@dataclass(slots=True)
class Server:
    """An endpoint with what was planted there."""

    of: Endpoint
    first: Shows
    events: list[Event] = field(default_factory=list)

    def at(self, day: float) -> Shows:
        begun = [event.shows for event in self.events if event.day <= day]
        return begun[-1] if begun else self.first


def turns(one: Leaf, other: Leaf) -> Shows:
    """A balancer in front of two servers, which takes them in turn."""
    return lambda number: shows((one, other)[number % 2])


def planted(number: int, random: Random) -> Server:
    """One endpoint in four lives through something, each kind of thing some times."""
    leaf = Leaf(key=number, serial=number, days=3_000)
    server = Server(endpoint(f"mail{number}.contoso.test", f"192.0.2.{number}"), always(shows(leaf)))
    if number % 4:
        return server
    day = random.randrange(SETTLED_DAYS, DAYS - 4 * SETTLED_DAYS)
    back = day + random.randrange(SETTLED_DAYS, 2 * SETTLED_DAYS)
    good, renewed = server.first, replace_leaf(leaf, key=number + 1_000, serial=number + 1_000)
    raised, recovered = ("raised",), ("recovered",)
    stories: list[list[Event]] = [
        [Event(day, always(shows(renewed)), (Kind.RENEWED,))],
        [Event(day, always(shows(replace_leaf(renewed, issuer=1))), (Kind.ISSUER_CHANGED,))],
        [
            Event(
                day, always(shows(replace_leaf(leaf, serial=number + 2_000))), (Kind.RENEWED, Kind.KEY_REUSED)
            )
        ],
        [
            Event(day, always(plain()), (Kind.STARTTLS_GONE, Kind.VERDICT), raised),
            Event(back, good, (Kind.STARTTLS_BACK, Kind.VERDICT), recovered),
        ],
        [
            Event(day, always(down()), (Kind.OUTAGE,), raised),
            Event(back, good, (Kind.OUTAGE_OVER,), recovered),
        ],
        [
            Event(day, always(shows(leaf, accepted=False)), (Kind.VERDICT,), raised),
            Event(back, good, (Kind.VERDICT,), recovered),
        ],
        [Event(day, turns(leaf, renewed), (Kind.MIXED,)), Event(back, good, (Kind.MIXED_OVER,))],
    ]
    server.events = stories[number // 4 % len(stories)]
    return server


def replace_leaf(leaf: Leaf, **changed: int) -> Leaf:
    return leaf._replace(**changed)


def met(server: Server, now: float, samples: int) -> Record:
    """What a look with so many connections comes to."""
    at = timedelta(seconds=now)
    show = server.at(now / DAY)
    # Which server a balancer takes first is chance; it is not the same each day.
    first = int(now) // 7
    states = [show(first + number) for number in range(samples)]
    leaves = {chain for state in states for chain in state.chains}
    state = states[0]
    if len(leaves) > 1:
        state = replace(shows(mixed=True), chains=tuple(sorted(leaves)))
    [record] = records(server.of, [state], BEGIN + at)
    found = {sha256 for chain in state.chains for sha256 in chain}
    kept = {sha256: one.der for sha256 in found if (one := certificates(sha256)) is not None}
    return replace(record, certificates=kept)


def look(record: Record) -> Look:
    """What the alarms get of a result that counts."""
    state = record.state

    def facts(rule: str | None) -> Facts:
        return Facts(
            target=record.target,
            direction="to-eop",
            outcome=state.outcome.value,
            rule=rule,
            verdict="",
            summary="",
            certificate=shown(1) if state.chains else None,
        )

    return Look(
        key=record.endpoint.host,
        name=record.endpoint.host,
        host=record.endpoint.host,
        labels={},
        at=record.at,
        facts=facts(state.rule),
        problems={VERDICT: facts(state.rule)} if state.outcome is not Outcome.ACCEPTED else {},
        ending={},
        shows=bool(state.chains),
    )


class Year:
    """The watch of a year, turned by hand."""

    def __init__(self, servers: list[Server], database: Database) -> None:
        self.told: Counter[tuple[str, str]] = Counter()
        self.looked = 0
        self._servers = {server.of.host: server for server in servers}
        self._database, self._known = database, Known(10_000)
        self._looks = {host: Looks() for host in self._servers}
        self._alarms: dict[str, object] = {}
        self._records: list[Record] = []
        self._batches = 0

    def run(self) -> None:
        schedule = Schedule()
        schedule.keep(dict.fromkeys(self._servers, INTERVAL_S), 0.0)
        now, ends = 0.0, float(DAYS * DAY)
        while now < ends:
            while (host := schedule.take(now)) is not None:
                self._look(schedule, host, now)
            now += max(1.0, schedule.wait_s(now) or 1.0)
        self._write()

    def _look(self, schedule: Schedule, host: str, now: float) -> None:
        looks = self._looks[host]
        self.looked += 1
        settled = looks.take(met(self._servers[host], now, looks.samples()), self._known)
        self._records += settled.records
        if settled.counts is not None:
            self._tell(settled.counts)
        gone = looks.end()
        if gone is None:
            schedule.again(host, now + RECHECK_S)
        else:
            self._records += gone
            schedule.settle(host, now)
        if len(self._records) >= 1_000:
            self._write()

    def _tell(self, record: Record) -> None:
        made = step(self._alarms, [look(record)], Policy(repeat=None, recover_after=1), record.at)  # type: ignore[arg-type]
        self._alarms = dict(made.alarms)
        assert not made.late
        self.told.update((told.notice.target, told.notice.event) for told in made.notices)

    def _write(self) -> None:
        batch, self._records = self._records, []
        self._batches += 1
        name = f"batch {self._batches}"
        assert self._database.run(lambda c: write_batch(c, name, BEGIN, batch), write=True)


def expected(servers: list[Server]) -> Iterator[tuple[str, str, int]]:
    for server in servers:
        for event in server.events:
            yield from ((server.of.host, kind.value, event.day) for kind in event.kinds)


def test_every_change_of_a_year_is_found_and_told_once_and_no_other(tmp_path: Path) -> None:
    random = Random(2026)  # noqa: S311 - the same year in each run
    servers = [planted(number, random) for number in range(ENDPOINTS)]
    database = Database(str(tmp_path / "year.sqlite"))
    year = Year(servers, database)
    year.run()
    assert year.looked >= ENDPOINTS * (DAYS - 1)
    found = database.run(lambda c: changes(list(spans(c)), certificates))
    # Planted at midnight, found by the day's look; what is mixed may show one side at first, by chance.
    late = {Kind.MIXED.value: 4, Kind.MIXED_OVER.value: SETTLED_DAYS}
    seen = [(one.endpoint.host, one.kind.value, (one.at - BEGIN).total_seconds() / DAY) for one in found]
    planned = sorted(expected(servers))
    assert sorted((host, kind) for host, kind, _ in seen) == [(host, kind) for host, kind, _ in planned]
    days = {(host, kind, day) for host, kind, day in planned}
    for host, kind, at in seen:
        assert any(h == host and k == kind and 0 <= at - day <= late.get(k, 1) for h, k, day in days), (
            host,
            kind,
            at,
        )
    alarms = Counter(
        (server.of.host, event) for server in servers for each in server.events for event in each.alarms
    )
    assert year.told == alarms
    assert len(planned) > 60
    assert len(alarms) > 30
