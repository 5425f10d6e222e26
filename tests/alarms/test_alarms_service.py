"""From results to messages at real receivers, through the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from queue import Queue

import pytest
from msgspec import json
from sqlalchemy import select

from probe.alarms import outbox
from probe.alarms.channels.kinds import Channel, Webhook
from probe.alarms.document import Document, Notice
from probe.alarms.policy import Policy, hours_of
from probe.alarms.seen import Seen, look_of
from probe.alarms.service import Alarms
from probe.eop.expectations import Expectation
from probe.history.alarm_tables import DELIVERIES, MESSAGES
from probe.history.database import Database
from probe.history.write import write_batch
from tests.alarms.results import ENDING, HEALTHY, NOW, PRIVATE, RENEWED, seen
from tests.alarms.servers import Http, Smtp
from tests.alarms.test_alarms_channels import letters
from tests.net.scripted import Peer, ScriptedServer
from tests.schemas import validate

HOUR = timedelta(hours=1)
AT_ONCE = Policy(fail_after=1, recover_after=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(str(tmp_path / "history.sqlite"))
    yield opened
    opened.close()


class Clock:
    """The time, as the test has it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def documents(database: Database) -> list[Document]:
    """Every message, in the order they were made; each is as the schema says."""
    query = select(MESSAGES.c.body).order_by(MESSAGES.c.at)
    bodies = database.run(lambda connection: list(connection.scalars(query)))
    for body in bodies:
        validate(json.decode(body))
    return [json.decode(body, type=Document) for body in bodies]


def notices(database: Database) -> list[Notice]:
    return [notice for document in documents(database) for notice in document.notices]


def states(database: Database) -> list[tuple[str, str, int, str]]:
    """The channel, state, tries and last words of every delivery."""
    columns = (DELIVERIES.c.channel, DELIVERIES.c.state, DELIVERIES.c.tries, DELIVERIES.c.said)
    query = select(*columns).order_by(DELIVERIES.c.at, DELIVERIES.c.channel)
    return database.run(lambda connection: [tuple(row) for row in connection.execute(query)])


def take(database: Database, *results: Seen, now: datetime = NOW, policy: Policy = AT_ONCE) -> None:
    """One round, that of the history first."""
    records = [each.record for each in results]
    database.run(lambda connection: write_batch(connection, str(now), now, records), write=True)
    Alarms(database, policy, ()).take(results, now)


class TestWhatIsTold:
    def test_a_verdict_with_the_certificates_after_and_before(self, database: Database) -> None:
        take(database, seen(HEALTHY))
        take(database, seen(PRIVATE, at=NOW + HOUR), now=NOW + HOUR)
        take(database, seen(RENEWED, at=NOW + 2 * HOUR), now=NOW + 2 * HOUR)
        raised, recovered = notices(database)
        assert (raised.event, raised.rule, raised.outcome) == ("raised", "untrusted-root", "rejected")
        assert raised.since == NOW + HOUR
        assert raised.certificate
        assert raised.certificate_before
        assert raised.certificate.sha256 == PRIVATE.sha256
        assert raised.certificate_before.sha256 == HEALTHY.sha256
        assert [step.shell for step in raised.remedy if step.shell]
        assert raised.reply
        assert "UntrustedRoot" in raised.reply
        assert recovered.event == "recovered"
        assert recovered.certificate
        assert recovered.certificate_before
        assert (recovered.certificate.sha256, recovered.certificate_before.sha256) == (
            RENEWED.sha256,
            PRIVATE.sha256,
        )

    def test_an_endpoint_that_cannot_be_reached_had_a_certificate(self, database: Database) -> None:
        take(database, seen(HEALTHY))
        take(database, seen(None, at=NOW + HOUR), now=NOW + HOUR)
        [notice] = notices(database)
        assert (notice.rule, notice.certificate) == ("unreachable", None)
        assert notice.certificate_before
        assert notice.certificate_before.sha256 == HEALTHY.sha256

    def test_one_certificate_at_fifty_endpoints(self, database: Database) -> None:
        take(database, *(seen(ENDING, host=f"mail{n}.contoso.test") for n in range(50)))
        [document] = documents(database)
        [notice] = document.notices
        assert (notice.rule, notice.subject, len(notice.endpoints)) == ("expires-soon", "certificate", 50)
        assert notice.certificate
        assert notice.certificate.sha256 == ENDING.sha256

    def test_what_is_expected_is_a_rule_of_its_own(self, database: Database) -> None:
        pinned = Expectation(sha256=(HEALTHY.sha256,))
        take(database, seen(RENEWED, expected=pinned))
        take(database, seen(None, expected=pinned, at=NOW + HOUR), now=NOW + HOUR)
        take(database, seen(HEALTHY, expected=pinned, at=NOW + 2 * HOUR), now=NOW + 2 * HOUR)
        told = [(notice.event, notice.rule or notice.former_rule) for notice in notices(database)]
        assert told[0] == ("raised", "unexpected-certificate")
        assert told[1] == ("raised", "unreachable")
        assert sorted(told[2:]) == [("recovered", "unexpected-certificate"), ("recovered", "unreachable")]

    def test_an_outcome_that_is_not_expected_is_told_once(self, database: Database) -> None:
        take(database, seen(PRIVATE, expected=Expectation(outcome=seen().assessment.outcome)))
        assert [notice.rule for notice in notices(database)] == ["untrusted-root"]

    def test_many_are_one_digest(self, database: Database) -> None:
        results = [seen(PRIVATE, host=f"mail{n}.contoso.test") for n in range(6)]
        take(database, *results[:5], policy=Policy(digest_over=5))
        assert len(documents(database)) == 5
        more = [seen(PRIVATE, host=f"edge{n}.contoso.test", at=NOW + HOUR) for n in range(6)]
        take(database, *more, now=NOW + HOUR, policy=Policy(digest_over=5))
        assert [len(each.notices) for each in documents(database)] == [1] * 5 + [6]

    def test_a_digest_is_bounded(self, database: Database) -> None:
        take(database, *(seen(None, host=f"mail{n}.contoso.test") for n in range(outbox.MAX_NOTICES + 3)))
        [document] = documents(database)
        assert (len(document.notices), document.more_notices) == (outbox.MAX_NOTICES, 3)

    def test_a_quiet_night_ends_with_one_message(self, database: Database) -> None:
        quiet = Policy(quiet=(hours_of("11:00-13:00", NOW.tzinfo),))
        take(database, *(seen(PRIVATE, host=f"mail{n}.contoso.test") for n in range(3)), policy=quiet)
        assert documents(database) == []
        Alarms(database, quiet, ()).take((), NOW + 2 * HOUR)
        [document] = documents(database)
        assert (document.held, len(document.notices)) == (True, 3)

    def test_a_batch_that_comes_again_is_taken_once(self, database: Database) -> None:
        looks = [look_of(seen(PRIVATE))]
        for _ in range(3):
            database.run(
                lambda connection: outbox.take(connection, "one", looks, AT_ONCE, ["a"], NOW), write=True
            )
        assert len(documents(database)) == len(states(database)) == 1


def hook(server: ScriptedServer, name: str = "hook", timeout_s: float = 20) -> Webhook:
    return Webhook(name=name, url=f"http://127.0.0.1:{server.port}/alarms", timeout_s=timeout_s)


def service(database: Database, clock: Clock, *channels: Channel) -> Alarms:
    """Alarms of which the test itself lets the couriers deliver."""
    return Alarms(database, AT_ONCE, channels, now=clock)


class TestDelivery:
    def test_500_then_200_is_delivered_once_after_its_pause(self, database: Database) -> None:
        receiver, clock = Http("500 Out of order", "200 OK"), Clock()
        with ScriptedServer(receiver) as server:
            alarms = service(database, clock, hook(server))
            alarms.take([seen(PRIVATE)], NOW)
            [courier] = alarms.couriers
            courier.deliver()
            assert states(database) == [("hook", "waiting", 1, "HTTP 500 Out of order")]
            courier.deliver()
            assert len(receiver.posted) == 1
            clock.now += outbox.FIRST_PAUSE
            courier.deliver()
            courier.deliver()
        assert states(database) == [("hook", "sent", 2, "HTTP 200 OK")]
        assert len(receiver.posted) == 2
        assert len({posted.headers["idempotency-key"] for posted in receiver.posted}) == 1

    def test_a_recipient_who_is_refused_for_now_gets_it_later_and_the_others_once(
        self, database: Database
    ) -> None:
        receiver = Smtp(
            refuses="late@", refusals=[b"451 4.7.1 come later", b"250 2.1.5 fine", b"250 2.1.5 fine"]
        )
        clock, said = Clock(), list[str]()
        with ScriptedServer(receiver) as server:
            mail = letters(server.port, recipients=("ops@contoso.test", "late@contoso.test"))
            alarms = Alarms(database, AT_ONCE, [mail], now=clock, say=said.append)
            alarms.take([seen(PRIVATE)], NOW)
            [courier] = alarms.couriers
            courier.deliver()
            assert [state for _, state, _, _ in states(database)] == ["waiting"]
            # The channel has no pause: what comes next goes out, to both.
            alarms.take([seen(PRIVATE, host="other.contoso.test")], NOW)
            courier.deliver()
            clock.now += outbox.FIRST_PAUSE
            courier.deliver()
            courier.deliver()
        assert {state for _, state, _, _ in states(database)} == {"sent"}
        asked = [line.split(b":")[1].strip(b"<>\r\n") for line in receiver.clear if line.startswith(b"rcpt")]
        both = [b"ops@contoso.test", b"late@contoso.test"]
        assert asked == [*both, *both, both[1]]
        told = "250 2.0.0 queued as 4711; refused: late@contoso.test: 451 4.7.1 come later"
        assert said == [f"channel operators: a message was not sent to all, it will be tried again: {told}"]

    def test_pauses_grow_to_their_bound(self) -> None:
        pauses = [outbox.pause(tries) for tries in range(1000)]
        first = outbox.FIRST_PAUSE
        assert pauses[:3] == [first, 2 * first, 4 * first]
        assert set(pauses[10:]) == {outbox.LONGEST_PAUSE}

    def test_a_day_later_it_is_given_up(self, database: Database) -> None:
        receiver, clock, said = Http("503 Not now"), Clock(), []
        with ScriptedServer(receiver) as server:
            alarms = Alarms(database, AT_ONCE, [hook(server)], now=clock, say=said.append)
            alarms.take([seen(PRIVATE)], NOW)
            alarms.couriers[0].deliver()
            clock.now += outbox.TRIED - timedelta(seconds=1)
            alarms.couriers[0].deliver()
            assert states(database)[0][1] == "waiting"
            clock.now += outbox.LONGEST_PAUSE
            alarms.couriers[0].deliver()
            clock.now += outbox.LONGEST_PAUSE
            alarms.couriers[0].deliver()
        assert states(database) == [("hook", "given-up", 3, "HTTP 503 Not now")]
        assert len(receiver.posted) == 3
        assert said == [
            "channel hook: a message was not sent, it will be tried again: HTTP 503 Not now",
            "channel hook: a message was not sent, given up: HTTP 503 Not now",
        ]

    def test_a_restart_sends_each_once(self, database: Database, tmp_path: Path) -> None:
        receiver, clock = Http("200 OK", "500 Out of order", "200 OK"), Clock()
        with ScriptedServer(receiver) as server:
            first = service(database, clock, hook(server))
            first.take([seen(PRIVATE, host=f"mail{n}.contoso.test") for n in range(3)], NOW)
            first.couriers[0].deliver()
            assert sorted(state for _, state, _, _ in states(database)) == ["sent", "waiting", "waiting"]
            again = Database(str(tmp_path / "history.sqlite"))
            clock.now += outbox.FIRST_PAUSE
            second = service(again, clock, hook(server))
            second.couriers[0].deliver()
            second.couriers[0].deliver()
            again.close()
        assert {state for _, state, _, _ in states(database)} == {"sent"}
        answered = [posted.headers["idempotency-key"] for posted in receiver.posted]
        assert (len(answered), len(set(answered))) == (4, 3)  # one twice: it had got a 500

    def test_a_dead_channel_delays_nobody(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        arrived: Queue[None] = Queue()
        receiver = Http()

        def tells(peer: Peer) -> None:
            receiver(peer)
            arrived.put(None)

        monkeypatch.setattr("probe.alarms.service.GRACE_S", 0.5)  # else the end waits for the dead one
        with ScriptedServer(Peer.hold) as dead, ScriptedServer(tells) as alive:
            channels = [hook(dead, "dead", 60), hook(alive, "alive")]
            with Alarms(database, AT_ONCE, channels, now=Clock()) as alarms:
                for number in range(3):
                    alarms.take([seen(PRIVATE, host=f"mail{number}.contoso.test")], NOW)
                    arrived.get(timeout=30)
                while [state for channel, state, _, _ in states(database) if channel == "alive"] != [
                    "sent"
                ] * 3:
                    pass  # what arrived is noted a moment later
        told = states(database)
        assert [state for channel, state, _, _ in told if channel == "dead"] == ["waiting"] * 3

    def test_what_cannot_be_read_of_the_outbox_is_said_and_ends_no_channel(self, database: Database) -> None:
        said: Queue[str] = Queue()
        with ScriptedServer(Http()) as server:
            service(database, Clock(), hook(server)).take([seen(PRIVATE)], NOW)
            spoiled = MESSAGES.update().values(body="{")
            database.run(lambda connection: connection.execute(spoiled), write=True)
            with Alarms(database, AT_ONCE, [hook(server)], now=Clock(), say=said.put) as alarms:
                assert said.get(timeout=30) == "channel hook: DecodeError while sending; it goes on"
                assert alarms.couriers[0].alive

    def test_messages_for_a_channel_that_is_gone_are_given_up(self, database: Database) -> None:
        clock, said = Clock(), []
        with ScriptedServer(Http()) as server:
            service(database, clock, hook(server)).take([seen(PRIVATE)], NOW)
            with Alarms(database, AT_ONCE, (), now=clock, say=said.append):
                pass
        assert [(state, words) for _, state, _, words in states(database)] == [
            ("given-up", "there is no such channel any more")
        ]
        assert said == ["messages for channel hook are given up: there is no such channel any more"]


def test_the_certificate_before_is_looked_for_in_so_many_spans(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans that show nothing, more than are looked through, hide what was shown before them."""
    for number in range(outbox.MAX_SPANS + 1):
        at = NOW + number * HOUR
        state = seen(HEALTHY if number == 0 else None, at=at).record
        fault = replace(state, state=replace(state.state, reply=str(number)), at=at)
        database.run(
            lambda connection, f=fault, n=number: write_batch(connection, str(n), NOW, [f]), write=True
        )
    assert before(database) is None
    monkeypatch.setattr(outbox, "MAX_SPANS", outbox.MAX_SPANS + 1)
    assert before(database) == HEALTHY.sha256


def before(database: Database) -> str | None:
    """The SHA-256 of the certificate before the one that an endpoint does not show now."""
    look = look_of(seen(None))
    found = database.run(lambda connection: outbox._before(connection, look.key, None))
    return found.sha256 if found else None


class TestAway:
    def test_what_is_seen_meanwhile_is_taken_once_it_is_back(self, database: Database) -> None:
        said: list[str] = []
        alarms = Alarms(database, AT_ONCE, (), say=said.append)
        database.run(
            lambda connection: connection.exec_driver_sql("ALTER TABLE alarms RENAME TO away"), write=True
        )
        alarms.take([seen(PRIVATE)], NOW)
        alarms.take([seen(HEALTHY)], NOW + HOUR)
        assert len(said) == 1
        database.run(
            lambda connection: connection.exec_driver_sql("ALTER TABLE away RENAME TO alarms"), write=True
        )
        alarms.take((), NOW + HOUR)
        assert [notice.event for notice in notices(database)] == ["raised", "recovered"]

    def test_no_more_than_the_bound_waits(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("probe.alarms.service.MAX_WAITING", 2)
        said: list[str] = []
        alarms = Alarms(database, AT_ONCE, (), say=said.append)
        database.run(
            lambda connection: connection.exec_driver_sql("ALTER TABLE alarms RENAME TO away"), write=True
        )
        for number in range(3):
            alarms.take([seen(PRIVATE, host=f"mail{number}.contoso.test")], NOW)
        assert said[1:] == ["1 result came to no alarm: the history is away for too long"]
        alarms.close()
        assert said[-1] == "2 results came to no alarm: the history is away"
