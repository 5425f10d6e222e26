"""Records written to the history: what repeats is referred to, what did not change extends its span."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from probe.history.tables import (
    BATCHES,
    CERTIFICATES,
    ENDPOINTS,
    LISTS,
    PRESENTATIONS,
    PRESENTED,
    SPANS,
    VERDICTS,
)
from probe.pki.certificate import Certificate, parse
from probe.report.record import Endpoint, Record, State

Row = dict[str, Any]


def write_batch(connection: Connection, name: str, at: datetime, records: Sequence[Record]) -> bool:
    """Write records in their order; False, and nothing is written, where a batch of this name was before.

    `name` is the sender's: so a batch whose commit was in doubt can be sent again.
    """
    if not _insert(connection, BATCHES, [{"name": name, "at": seconds(at)}], [BATCHES.c.name]):
        return False
    endpoints = _endpoints(connection, records)
    certificates = _certificates(connection, records)
    presentations = _presentations(connection, records, certificates)
    verdicts = _by_digest(connection, VERDICTS, (_verdict(each.state) for each in records))
    lists = _by_digest(connection, LISTS, (_lists(each) for each in records))
    last = _last_spans(connection, endpoints.values())
    changed: dict[int, Row] = {}
    new: list[Row] = []
    for record in records:
        endpoint = endpoints[record.endpoint]
        chains = record.state.chains
        look: Row = {
            "endpoint_id": endpoint,
            "verdict_id": verdicts[_verdict(record.state)["digest"]],
            "presentation_id": presentations[_digest_of_chains(chains)] if chains else None,
            "lists_id": lists[_lists(record)["digest"]],
            "first": seconds(record.at),
            "last": seconds(record.at),
            "looks": 1,
            "elapsed_ms": record.elapsed_ms,
            "error": record.error,
        }
        before = last.get(endpoint)
        if before is not None:
            # A clock that was set back moves nothing: the order of the looks is theirs.
            look["first"] = look["last"] = max(look["last"], before["last"])
        if before is not None and all(before[key] == look[key] for key in ("verdict_id", "presentation_id")):
            before.update({key: look[key] for key in ("last", "lists_id", "elapsed_ms", "error")})
            before["looks"] += 1
            if "id" in before:
                changed[endpoint] = before
        else:
            new.append(look)
            last[endpoint] = look
    if changed:
        update = SPANS.update().where(SPANS.c.id == bindparam("span"))
        keys = ("last", "looks", "lists_id", "elapsed_ms", "error")
        connection.execute(
            update, [{"span": row["id"], **{key: row[key] for key in keys}} for row in changed.values()]
        )
    if new:
        connection.execute(SPANS.insert(), new)
    return True


def seconds(moment: datetime) -> int:
    """An instant as it is stored."""
    return int(moment.timestamp())


def _insert(connection: Connection, table: Table, rows: Sequence[Row], answer: Sequence[Any]) -> list[Any]:
    """Insert what is not there yet; the columns `answer` of the rows that are new."""
    if not rows:
        return []
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing().returning(*answer)
    return list(connection.execute(statement, rows).all())


def _endpoints(connection: Connection, records: Iterable[Record]) -> dict[Endpoint, int]:
    """The row of each endpoint, locked: two writers never both extend what they saw last."""
    targets = {each.endpoint: each.target for each in records}
    wanted = sorted(targets)
    _insert(
        connection,
        ENDPOINTS,
        [{**each._asdict(), "target": targets[each]} for each in wanted],
        [ENDPOINTS.c.id],
    )
    found = {}
    for each in wanted:
        same = [ENDPOINTS.c[name] == value for name, value in each._asdict().items()]
        found[each] = connection.execute(select(ENDPOINTS.c.id).where(*same).with_for_update()).scalar_one()
    return found


def _by_digest(connection: Connection, table: Table, rows: Iterable[Row]) -> dict[bytes, int]:
    wanted = {row["digest"]: row for row in rows}
    found = connection.execute(select(table.c.digest, table.c.id).where(table.c.digest.in_(wanted))).all()
    known = {bytes(digest): number for digest, number in found}
    missing = [row for digest, row in wanted.items() if digest not in known]
    known.update((bytes(d), n) for d, n in _insert(connection, table, missing, [table.c.digest, table.c.id]))
    return known


def _certificates(connection: Connection, records: Iterable[Record]) -> dict[str, int]:
    wanted = {bytes.fromhex(sha256): der for each in records for sha256, der in each.certificates.items()}
    column = CERTIFICATES.c.sha256
    found = connection.execute(select(column, CERTIFICATES.c.id).where(column.in_(wanted))).all()
    known = {bytes(sha256).hex(): number for sha256, number in found}
    missing = [_certificate(sha256, der) for sha256, der in wanted.items() if sha256.hex() not in known]
    known.update(
        (bytes(s).hex(), n)
        for s, n in _insert(connection, CERTIFICATES, missing, [column, CERTIFICATES.c.id])
    )
    return known


def _certificate(sha256: bytes, der: bytes) -> Row:
    read = parse(der)
    return {
        "sha256": sha256,
        "der": der,
        "not_after": seconds(read.not_after) if isinstance(read, Certificate) else None,
        "spki_sha256": hashlib.sha256(read.spki).digest() if isinstance(read, Certificate) else None,
    }


def _digest_of_chains(chains: tuple[tuple[str, ...], ...]) -> bytes:
    return _digest(json.dumps(chains))


def _presentations(
    connection: Connection, records: Iterable[Record], certificates: dict[str, int]
) -> dict[bytes, int]:
    wanted = {
        _digest_of_chains(each.state.chains): each.state.chains for each in records if each.state.chains
    }
    column = PRESENTATIONS.c.digest
    found = connection.execute(select(column, PRESENTATIONS.c.id).where(column.in_(wanted))).all()
    known = {bytes(digest): number for digest, number in found}
    missing = [{"digest": digest} for digest in wanted if digest not in known]
    made = {bytes(d): n for d, n in _insert(connection, PRESENTATIONS, missing, [column, PRESENTATIONS.c.id])}
    rows = [
        {
            "presentation_id": number,
            "chain": place,
            "position": position,
            "certificate_id": certificates[sha256],
        }
        for digest, number in made.items()
        for place, chain in enumerate(wanted[digest])
        for position, sha256 in enumerate(chain)
    ]
    if rows:
        connection.execute(PRESENTED.insert(), rows)
    return known | made


def _verdict(state: State) -> Row:
    body = {
        "outcome": state.outcome.value,
        "rule": state.rule,
        "reply": state.reply,
        "critical": state.critical,
        "findings": state.findings,
        "starttls": state.starttls,
        "tls": state.tls,
        "phase": state.phase,
        "fault": state.fault,
    }
    text = json.dumps(body)
    return {"digest": _digest(text), "outcome": state.outcome.value, "body": text}


def _lists(record: Record) -> Row:
    body = [(each.name, seconds(each.dated) if each.dated else None, each.trusted) for each in record.lists]
    text = json.dumps(body)
    return {"digest": _digest(text), "body": text}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _last_spans(connection: Connection, endpoints: Iterable[int]) -> dict[int, Row]:
    newest = (
        select(func.max(SPANS.c.id))
        .where(SPANS.c.endpoint_id.in_(list(endpoints)))
        .group_by(SPANS.c.endpoint_id)
    )
    rows = connection.execute(select(SPANS).where(SPANS.c.id.in_(newest))).mappings()
    return {row["endpoint_id"]: dict(row) for row in rows}
