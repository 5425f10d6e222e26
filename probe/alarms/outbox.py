"""Alarms and messages in the database: both in one transaction, so that what is said is what is known."""

from __future__ import annotations

import hashlib
import json as plain
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import json
from msgspec.structs import replace
from sqlalchemy import Connection, delete, insert, select, text, update

from probe.alarms.alarm import Alarm
from probe.alarms.channels.kinds import Answer
from probe.alarms.document import MAX_NOTICES, Document, Notice, Shown, shown
from probe.alarms.policy import Policy
from probe.alarms.seen import Look
from probe.alarms.step import Told, step
from probe.history.alarm_tables import ALARMS, DELIVERIES, MESSAGES, TAKEN
from probe.history.read import spans
from probe.history.tables import CERTIFICATES, ENDPOINTS, SPANS
from probe.pki.certificate import Certificate, parse
from probe.report.record import Endpoint

#: How long messages are kept once they are sent or given up.
KEPT = timedelta(days=30)
#: How long a channel is tried with one message; the pauses between tries double from the first to the longest.
TRIED = timedelta(days=1)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
#: Spans of an endpoint in which the certificate before is looked for.
MAX_SPANS = 50

#: PostgreSQL's lock of those who move alarms: the shards of a fleet may have one history, and a certificate in common.
_LOCK = 7094203

WAITING, SENT, GIVEN_UP = "waiting", "sent", "given-up"


def take(
    connection: Connection,
    name: str,
    looks: Sequence[Look],
    policy: Policy,
    channels: Sequence[str],
    now: datetime,
) -> bool:
    """Move the alarms by `looks`, and put what is to be told into the outbox; whether something is held back.

    Nothing is done where a batch of this name was taken before: so it can be sent again after a doubtful commit.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    known = {row.key: json.decode(row.body, type=Alarm) for row in connection.execute(select(ALARMS))}
    if connection.scalar(select(TAKEN.c.name).where(TAKEN.c.name == name)) is None:
        at = int(now.timestamp())
        connection.execute(insert(TAKEN).values(name=name, at=at))
        alarms, notices, late = step(known, looks, policy, now)
        _keep(connection, known, alarms)
        batches = [*_batches(notices, policy.digest_over), *([late] if late else [])]
        for number, batch in enumerate(batches):
            told = tuple(_with_history(connection, one) for one in batch[:MAX_NOTICES])
            document = Document(
                id=hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:32],
                at=now.replace(microsecond=0),
                page_url=policy.page_url,
                held=batch is late,
                notices=told,
                more_notices=len(batch) - len(told),
            )
            put(connection, document, channels)
        _prune(connection, now)
        known = dict(alarms)
    return any(alarm.late for alarm in known.values())


def _batches(notices: Sequence[Told], digest_over: int) -> list[Sequence[Told]]:
    """What each message says: all in one where they are many."""
    return [notices] if len(notices) > digest_over else [[each] for each in notices]


def _keep(connection: Connection, known: Mapping[str, Alarm], alarms: Mapping[str, Alarm]) -> None:
    changed = {key: alarm for key, alarm in alarms.items() if known.get(key) != alarm}
    for key in (known.keys() - alarms.keys()) | (changed.keys() & known.keys()):
        connection.execute(delete(ALARMS).where(ALARMS.c.key == key))
    rows = [{"key": key, "body": json.encode(alarm).decode()} for key, alarm in changed.items()]
    if rows:
        connection.execute(insert(ALARMS), rows)


def put(connection: Connection, document: Document, channels: Sequence[str]) -> None:
    """Put a message into the outbox, for each channel."""
    at = int(document.at.timestamp())
    body = json.encode(document).decode()
    connection.execute(insert(MESSAGES).values(id=document.id, at=at, body=body))
    rows = [
        {
            "message": document.id,
            "channel": one,
            "at": at,
            "state": WAITING,
            "tries": 0,
            "due": at,
            "said": "",
        }
        for one in channels
    ]
    if rows:
        connection.execute(insert(DELIVERIES), rows)


def _prune(connection: Connection, now: datetime) -> None:
    old = int((now - KEPT).timestamp())
    connection.execute(delete(DELIVERIES).where(DELIVERIES.c.at < old, DELIVERIES.c.state != WAITING))
    waiting = select(DELIVERIES.c.message)
    connection.execute(delete(MESSAGES).where(MESSAGES.c.at < old, MESSAGES.c.id.not_in(waiting)))
    connection.execute(delete(TAKEN).where(TAKEN.c.at < old))


def _with_history(connection: Connection, told: Told) -> Notice:
    """A notice with the certificate that was seen before, where the alarm does not know it."""
    endpoint, notice = told
    if endpoint is None or notice.certificate_before is not None:
        return notice
    present = notice.certificate.sha256 if notice.certificate else None
    return replace(notice, certificate_before=_before(connection, endpoint, present))


def _before(connection: Connection, endpoint: str, present: str | None) -> Shown | None:
    """The last certificate in an endpoint's history that is not the present one."""
    same = [
        ENDPOINTS.c[name] == value
        for name, value in zip(Endpoint._fields, plain.loads(endpoint), strict=True)
    ]
    newest = (
        select(SPANS.c.id)
        .join(ENDPOINTS, ENDPOINTS.c.id == SPANS.c.endpoint_id)
        .where(*same)
        .order_by(SPANS.c.id.desc())
        .limit(MAX_SPANS)
    )
    numbers = list(connection.scalars(newest))
    for span in reversed(list(spans(connection, SPANS.c.id.in_(numbers)))):
        leaves = [chain[0] for chain in span.state.chains if chain]
        if leaves and present not in leaves:
            found = connection.scalar(
                select(CERTIFICATES.c.der).where(CERTIFICATES.c.sha256 == bytes.fromhex(leaves[0]))
            )
            read = parse(bytes(found)) if found else None
            return shown(read) if isinstance(read, Certificate) else None
    return None


def due(connection: Connection, channel: str, now: datetime) -> Iterator[tuple[Document, int]]:
    """The messages that are to be tried now through a channel, with their tries so far."""
    asked = (
        select(MESSAGES.c.body, DELIVERIES.c.tries)
        .join(DELIVERIES, DELIVERIES.c.message == MESSAGES.c.id)
        .where(DELIVERIES.c.channel == channel, DELIVERIES.c.state == WAITING)
        .where(DELIVERIES.c.due <= int(now.timestamp()))
        .order_by(DELIVERIES.c.due, DELIVERIES.c.at)
    )
    return ((json.decode(body, type=Document), tries) for body, tries in connection.execute(asked).all())


def settle(
    connection: Connection, channel: str, document: Document, tries: int, answer: Answer, now: datetime
) -> str:
    """Note what came of a try, and say the state after it."""
    state = SENT if answer.sent else GIVEN_UP if now - document.at >= TRIED else WAITING
    again = int((now + pause(tries)).timestamp())
    connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.message == document.id, DELIVERIES.c.channel == channel)
        .values(state=state, tries=tries + 1, due=again, said=answer.said)
    )
    return state


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries and one more."""
    return min(FIRST_PAUSE * (1 << min(tries, 20)), LONGEST_PAUSE)


def without(connection: Connection, channels: Sequence[str]) -> Sequence[str]:
    """Give up what waits for channels that are no longer there, and name these."""
    gone = list(
        connection.scalars(
            select(DELIVERIES.c.channel)
            .where(DELIVERIES.c.state == WAITING, DELIVERIES.c.channel.not_in(channels))
            .distinct()
        )
    )
    connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.state == WAITING, DELIVERIES.c.channel.in_(gone))
        .values(state=GIVEN_UP, said="there is no such channel any more")
    )
    return gone
