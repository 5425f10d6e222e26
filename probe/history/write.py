"""Records written to the history: what repeats is referred to, what did not change extends its span."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, func, select, text

from probe.history.rows import Row, Rows, certificate_row, insert_into, rows_of, seconds
from probe.history.tables import (
    BATCHES,
    CERTIFICATES,
    DOMAINS,
    ENDPOINTS,
    LISTS,
    PRESENTATIONS,
    PRESENTED,
    SPANS,
    VERDICTS,
)
from probe.report.record import Record

#: The lock of PostgreSQL that writers share, and that whoever removes what nothing refers to has alone.
WRITERS = 7094202

#: What a look changes of a span that goes on.
_MOVING = ("last", "looks", "lists_id", "elapsed_ms", "error")
_EXTEND = SPANS.update().where(SPANS.c.id == bindparam("span")).values({n: bindparam(n) for n in _MOVING})

#: A gap between looks: at least so many seconds, and so many times what usually lies between two.
GAP, GAPS = 2 * 24 * 3600, 4

#: Rows by their digest.
_Known = dict[bytes, int]


def write_batch(connection: Connection, name: str, at: datetime, records: Sequence[Record]) -> bool:
    """Write records in their order; False, and nothing is written, where a batch of this name was before.

    `name` is the sender's: so a batch whose commit was in doubt can be sent again.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock_shared({WRITERS})"))
    if not _insert(connection, BATCHES, [{"name": name, "at": seconds(at)}], BATCHES.c.name):
        return False
    rows = [rows_of(each) for each in records]
    endpoints = _endpoints(connection, rows)
    _call_by_domain(connection, rows, endpoints)
    presentations = _presentations(connection, records, rows)
    verdicts = _same(connection, VERDICTS, [row.verdict for row in rows])
    lists = _same(connection, LISTS, [row.lists for row in rows])
    looks = [
        row.look
        | {
            "endpoint_id": endpoints[row.endpoint["digest"]],
            "verdict_id": verdicts[row.verdict["digest"]],
            "presentation_id": presentations[row.chains] if row.chains else None,
            "lists_id": lists[row.lists["digest"]],
        }
        for row in rows
    ]
    longer, new = joined(looks, _last_spans(connection, endpoints.values()))
    if longer:
        connection.execute(
            _EXTEND, [{"span": each["id"], **{name: each[name] for name in _MOVING}} for each in longer]
        )
    if new:
        connection.execute(SPANS.insert(), new)
    return True


def joined(looks: Iterable[Row], last: Mapping[int, Row]) -> tuple[list[Row], list[Row]]:
    """The spans of before that go on, and those that begin; `last` is each endpoint's span of before, by its row.

    A clock that was set back moves nothing: looks stand in the order in which they came.
    """
    newest, longer, new = dict(last), {}, []
    for look in looks:
        endpoint = look["endpoint_id"]
        before = newest.get(endpoint)
        if before:
            look |= {"first": max(look["first"], before["last"]), "last": max(look["last"], before["last"])}
        if before and _goes_on(before, look):
            now = before | {name: look[name] for name in _MOVING} | {"looks": before["looks"] + 1}
            before.update(now)
            if "id" in before:
                longer[endpoint] = before
        else:
            new.append(look)
            newest[endpoint] = look
    return list(longer.values()), new


def _goes_on(before: Row, look: Row) -> bool:
    """Whether a look is alike and follows soon: after a gap it begins a span, or the gap would leave no trace."""
    alike = all(before[name] == look[name] for name in ("verdict_id", "presentation_id"))
    spacing = (before["last"] - before["first"]) // max(before["looks"] - 1, 1)
    return alike and look["last"] - before["last"] <= max(GAP, GAPS * spacing)


def _insert(
    connection: Connection, table: Table, rows: Sequence[Row], *answer: Column[Any]
) -> list[tuple[Any, ...]]:
    """Insert what is not there yet; the columns `answer` of the rows that are new."""
    if not rows:
        return []
    statement = insert_into(connection, table).on_conflict_do_nothing().returning(*answer)
    return [tuple(row) for row in connection.execute(statement, rows)]


def _find(connection: Connection, column: Column[bytes], wanted: Iterable[bytes], *, lock: bool) -> _Known:
    number = column.table.c.id
    asked = select(column, number).where(column.in_(wanted)).order_by(number)
    return {
        bytes(each): found for each, found in connection.execute(asked.with_for_update() if lock else asked)
    }


def _known(
    connection: Connection,
    column: Column[bytes],
    wanted: Iterable[bytes],
    made: Callable[[bytes], Row],
    *,
    lock: bool = False,
) -> tuple[_Known, _Known]:
    """The row of each digest, and of those that this transaction made.

    In one order everywhere, so that of two writers one waits for the other and never both.
    """
    digests = sorted(set(wanted))
    known = _find(connection, column, digests, lock=lock) if digests else {}
    missing = [digest for digest in digests if digest not in known]
    rows = [made(digest) for digest in missing]
    new = {bytes(d): n for d, n in _insert(connection, column.table, rows, column, column.table.c.id)}
    known |= new
    if late := [digest for digest in missing if digest not in new]:
        # Another writer made it while this one waited.
        known |= _find(connection, column, late, lock=lock)
    return known, new


def _same(connection: Connection, table: Table, rows: Sequence[Row], *, lock: bool = False) -> _Known:
    by_digest = {row["digest"]: row for row in rows}
    return _known(connection, table.c.digest, by_digest, by_digest.__getitem__, lock=lock)[0]


def _endpoints(connection: Connection, rows: Sequence[Rows]) -> _Known:
    """The row of each endpoint, locked: two writers never both extend what they saw last."""
    return _same(connection, ENDPOINTS, [row.endpoint for row in rows], lock=True)


def _call_by_domain(connection: Connection, rows: Sequence[Rows], endpoints: _Known) -> None:
    """Keep each domain that an endpoint is looked at for: what is said of that domain's mail is of the host, too.

    Whoever was looked at by name and now for a domain is called by the domain.
    """
    called = [(endpoints[row.endpoint["digest"]], row.endpoint["target"]) for row in reversed(rows)]
    pairs = {(number, target) for number, target in called if target[:3].lower() == "mx:"}
    if not pairs:
        return
    targets = {number: target for number, target in called if (number, target) in pairs}
    known = select(DOMAINS.c.endpoint_id, DOMAINS.c.target).where(DOMAINS.c.endpoint_id.in_([*targets]))
    new = sorted(pairs.difference(map(tuple, connection.execute(known))))
    _insert(
        connection, DOMAINS, [{"endpoint_id": one, "target": target} for one, target in new], DOMAINS.c.target
    )
    by_name = ENDPOINTS.c.id.in_([*targets]) & ENDPOINTS.c.target.not_ilike("mx:%")
    for number in connection.scalars(select(ENDPOINTS.c.id).where(by_name)).all():
        connection.execute(ENDPOINTS.update().where(ENDPOINTS.c.id == number).values(target=targets[number]))


def _presentations(connection: Connection, records: Sequence[Record], rows: Sequence[Rows]) -> _Known:
    wanted = {row.chains: each.state.chains for each, row in zip(records, rows, strict=True) if row.chains}
    known, new = _known(connection, PRESENTATIONS.c.digest, wanted, lambda digest: {"digest": digest})
    if new:
        ders = {bytes.fromhex(sha256): der for each in records for sha256, der in each.certificates.items()}
        made, _ = _known(
            connection, CERTIFICATES.c.sha256, ders, lambda each: certificate_row(each, ders[each])
        )
        connection.execute(
            PRESENTED.insert(),
            [
                {
                    "presentation_id": number,
                    "chain": place,
                    "position": position,
                    "certificate_id": made[bytes.fromhex(sha256)],
                }
                for digest, number in new.items()
                for place, chain in enumerate(wanted[digest])
                for position, sha256 in enumerate(chain)
            ],
        )
    return known


def _last_spans(connection: Connection, endpoints: Iterable[int]) -> dict[int, Row]:
    # A seek for each endpoint, however many spans it has.
    inner = SPANS.alias()
    newest = select(
        select(func.max(inner.c.id)).where(inner.c.endpoint_id == ENDPOINTS.c.id).scalar_subquery()
    ).where(ENDPOINTS.c.id.in_(list(endpoints)))
    rows = connection.execute(select(SPANS).where(SPANS.c.id.in_(newest))).mappings()
    return {row["endpoint_id"]: dict(row) for row in rows}
