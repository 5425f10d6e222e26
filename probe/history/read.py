"""What the history holds, as the values it was written from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, select

from probe.eop.vocabulary import Outcome
from probe.history.tables import CERTIFICATES, ENDPOINTS, LISTS, PRESENTED, SPANS, VERDICTS
from probe.report.record import Endpoint, ListUsed, Said, Span, State

#: Presentations asked for at once: a statement takes 32,766 parameters on SQLite, twice that on PostgreSQL.
AT_ONCE = 10_000

_Chains = tuple[tuple[str, ...], ...]


def spans(connection: Connection, *where: ColumnElement[bool]) -> Iterator[Span]:
    """The spans that meet the conditions, those of an endpoint together and in their order."""
    own = [ENDPOINTS.c[name] for name in ("target", *Endpoint._fields)]
    asked = (
        select(SPANS, *own, VERDICTS.c.body.label("verdict"), LISTS.c.body.label("lists"))
        .join(ENDPOINTS, ENDPOINTS.c.id == SPANS.c.endpoint_id)
        .join(VERDICTS, VERDICTS.c.id == SPANS.c.verdict_id)
        .join(LISTS, LISTS.c.id == SPANS.c.lists_id)
        .where(*where)
        .order_by(SPANS.c.endpoint_id, SPANS.c.id)
    )
    rows = connection.execute(asked).mappings().all()
    chains = _chains(connection, {row["presentation_id"] for row in rows} - {None})
    states: dict[tuple[int, int | None], State] = {}
    endpoints: dict[int, Endpoint] = {}
    lists: dict[int, tuple[ListUsed, ...]] = {}
    for row in rows:
        verdict, presentation = row["verdict_id"], row["presentation_id"]
        if (verdict, presentation) not in states:
            states[verdict, presentation] = _state(row["verdict"], chains.get(presentation, ()))
        if row["lists_id"] not in lists:
            lists[row["lists_id"]] = _lists(row["lists"])
        if row["endpoint_id"] not in endpoints:
            endpoints[row["endpoint_id"]] = Endpoint(*(row[name] for name in Endpoint._fields))
        yield Span(
            number=row["id"],
            target=row["target"],
            endpoint=endpoints[row["endpoint_id"]],
            state=states[verdict, presentation],
            first=moment(row["first"]),
            last=moment(row["last"]),
            looks=row["looks"],
            elapsed_ms=row["elapsed_ms"],
            lists=lists[row["lists_id"]],
            error=row["error"],
        )


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


def _chains(connection: Connection, presentations: set[int]) -> dict[int, _Chains]:
    """The chains of what was presented."""
    found: dict[int, dict[int, list[str]]] = {}
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
