"""What the history holds, as the values it was written from."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, inspect, select

from probe.eop.vocabulary import Outcome
from probe.history.tables import CERTIFICATES, DOMAINS, ENDPOINTS, LISTS, PRESENTED, SPANS, VERDICTS
from probe.report.record import Endpoint, ListUsed, Said, Span, State

#: Presentations asked for at once: a statement takes 32,766 parameters on SQLite, twice that on PostgreSQL.
AT_ONCE = 10_000

_Chains = tuple[tuple[str, ...], ...]


def spans(connection: Connection, *where: ColumnElement[bool]) -> Iterator[Span]:
    """The spans that meet the conditions, those of an endpoint together and in their order."""
    asked = (
        select(*(SPANS.c[name] for name in _COLUMNS))
        .join(ENDPOINTS, ENDPOINTS.c.id == SPANS.c.endpoint_id)
        .join(VERDICTS, VERDICTS.c.id == SPANS.c.verdict_id)
        .where(*where)
        .order_by(SPANS.c.endpoint_id, SPANS.c.id)
    )
    rows = list(map(_Row._make, connection.execute(asked).all()))
    # What many spans share is read once, not with each of them.
    chains = _chains(connection, {row.presentation_id for row in rows if row.presentation_id is not None})
    endpoints = {
        number: (target, Endpoint(*of))
        for number, target, *of in _by_id(connection, ENDPOINTS, {row.endpoint_id for row in rows}, _ENDPOINT)
    }
    bodies = dict(_by_id(connection, VERDICTS, {row.verdict_id for row in rows}, ("id", "body")))
    lists = {
        number: _lists(body)
        for number, body in _by_id(connection, LISTS, {row.lists_id for row in rows}, ("id", "body"))
    }
    pairs = {(row.verdict_id, row.presentation_id) for row in rows}
    states = {pair: _state(bodies[pair[0]], chains.get(pair[1], ())) for pair in pairs}
    for row in rows:
        target, endpoint = endpoints[row.endpoint_id]
        first = moment(row.first)
        yield Span(
            number=row.id,
            target=target,
            endpoint=endpoint,
            state=states[row.verdict_id, row.presentation_id],
            first=first,
            last=first if row.last == row.first else moment(row.last),
            looks=row.looks,
            elapsed_ms=row.elapsed_ms,
            lists=lists[row.lists_id],
            error=row.error,
        )


class _Row(NamedTuple):
    id: int
    endpoint_id: int
    verdict_id: int
    presentation_id: int | None
    lists_id: int
    first: int
    last: int
    looks: int
    elapsed_ms: int
    error: str | None


_COLUMNS = _Row._fields


def has_domains(connection: Connection) -> bool:
    """Whether a history has them: who reads one that was written before takes no step forward."""
    return inspect(connection).has_table(DOMAINS.name)


def domains(connection: Connection) -> dict[Endpoint, tuple[str, ...]]:
    """For whose mail each endpoint was looked at (``mx:contoso.com``), where it was for any."""
    if not has_domains(connection):
        return {}
    asked = select(DOMAINS.c.target, *(ENDPOINTS.c[name] for name in Endpoint._fields)).join(ENDPOINTS)
    found: dict[Endpoint, tuple[str, ...]] = {}
    for target, *of in connection.execute(asked.order_by(DOMAINS.c.target)):
        found[Endpoint(*of)] = (*found.get(Endpoint(*of), ()), target)
    return found


_ENDPOINT = ("id", "target", *Endpoint._fields)


def _by_id(
    connection: Connection, table: Table, numbers: Collection[int], columns: Sequence[str]
) -> Iterator[Any]:
    """The columns of these rows."""
    ordered = sorted(numbers)
    for start in range(0, len(ordered), AT_ONCE):
        part = table.c.id.in_(ordered[start : start + AT_ONCE])
        yield from connection.execute(select(*(table.c[name] for name in columns)).where(part))


def moment(stored: int) -> datetime:
    """An instant as it was stored."""
    return datetime.fromtimestamp(stored, UTC)


def _lists(body: str) -> tuple[ListUsed, ...]:
    return tuple(
        ListUsed(name, None if dated is None else moment(dated), trusted)
        for name, dated, trusted in json.loads(body)
    )


def _state(body: str, chains: _Chains) -> State:
    kept = json.loads(body)
    findings = tuple(Said(*each) for each in kept.pop("findings"))
    return State(**kept | {"outcome": Outcome(kept["outcome"]), "findings": findings, "chains": chains})


def _chains(connection: Connection, presentations: set[int]) -> dict[int | None, _Chains]:
    """The chains of what was presented."""
    found: dict[int | None, dict[int, list[str]]] = {}
    ordered = sorted(presentations)
    for start in range(0, len(ordered), AT_ONCE):
        asked = (
            select(PRESENTED, CERTIFICATES.c.sha256)
            .join(CERTIFICATES, CERTIFICATES.c.id == PRESENTED.c.certificate_id)
            .where(PRESENTED.c.presentation_id.in_(ordered[start : start + AT_ONCE]))
            .order_by(PRESENTED.c.presentation_id, PRESENTED.c.chain, PRESENTED.c.position)
        )
        for number, chain, _, _, sha256 in connection.execute(asked):
            found.setdefault(number, {}).setdefault(chain, []).append(bytes(sha256).hex())
    return {number: tuple(map(tuple, chains.values())) for number, chains in found.items()}
