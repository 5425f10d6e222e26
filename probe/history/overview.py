"""How a fleet stands: the last look at each endpoint, and who shows which certificate, without reading every look."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, and_, func, select

from probe.eop.vocabulary import Outcome
from probe.history.query import BEFORE
from probe.history.read import AT_ONCE, moment
from probe.history.rows import endpoint_row, seconds
from probe.history.tables import CERTIFICATES, ENDPOINTS, PRESENTED, SPANS, VERDICTS
from probe.report.now import Held, Holder, Standing
from probe.report.periods import Verdict
from probe.report.record import Endpoint

#: Digits of an endpoint's digest that name it in a URL: of 100,000 endpoints two are alike once in four thousand million.
KEY = 16
#: Seconds between the last looks at two addresses of a host that are of one round.
TOGETHER_S = 600

_ENDPOINT = tuple(ENDPOINTS.c[name] for name in Endpoint._fields)


def key_of(endpoint: Endpoint) -> str:
    """What names an endpoint in a URL, in every history."""
    return str(endpoint_row(endpoint)["digest"].hex()[:KEY])


def keyed(key: str) -> ColumnElement[bool]:
    """The endpoint of a key; none where it is no key."""
    try:
        start = bytes.fromhex(key) if len(key) == KEY else b""
    except ValueError:
        start = b""
    rest = 32 - len(start)
    return ENDPOINTS.c.digest.between(start + bytes(rest), start + b"\xff" * (rest if start else 0))


def standings(connection: Connection, since: datetime, *where: ColumnElement[bool]) -> list[Standing]:
    """How each endpoint stood at its last look, where that was after an instant."""
    last = _last(func.max(SPANS.c.id))
    asked = (
        select(
            *(ENDPOINTS.c.id, ENDPOINTS.c.digest, ENDPOINTS.c.target, *_ENDPOINT),
            *(SPANS.c.last, SPANS.c.error, VERDICTS.c.outcome, SPANS.c.verdict_id),
        )
        .join(last, last.c.endpoint_id == ENDPOINTS.c.id)
        .join(SPANS, SPANS.c.id == last.c.id)
        .join(VERDICTS, VERDICTS.c.id == SPANS.c.verdict_id)
        .where(SPANS.c.last >= seconds(since), *where)
    )
    rows = connection.execute(asked).all()
    begun = _begun(connection, last)
    ends = _ends(connection)
    bodies = _bodies(connection, {row.verdict_id for row in rows})
    return [_standing(row, bodies[row.verdict_id], begun, ends) for row in rows]


def _last(number: ColumnElement[Any], *where: ColumnElement[bool]) -> Subquery:
    """One span of each endpoint."""
    found = select(SPANS.c.endpoint_id, number.label("id")).where(*where)
    return found.group_by(SPANS.c.endpoint_id).subquery()


def _begun(connection: Connection, last: Subquery) -> Mapping[int, int]:
    """When each endpoint's present outcome was first seen without another after it."""
    now = (
        select(last.c.endpoint_id, VERDICTS.c.outcome)
        .join(SPANS, SPANS.c.id == last.c.id)
        .join(VERDICTS, VERDICTS.c.id == SPANS.c.verdict_id)
        .subquery()
    )
    other = (
        select(SPANS.c.endpoint_id, func.max(SPANS.c.id).label("id"))
        .join(VERDICTS, VERDICTS.c.id == SPANS.c.verdict_id)
        .join(now, now.c.endpoint_id == SPANS.c.endpoint_id)
        .where(VERDICTS.c.outcome != now.c.outcome)
        .group_by(SPANS.c.endpoint_id)
        .subquery()
    )
    asked = (
        select(SPANS.c.endpoint_id, func.min(SPANS.c.first))
        .outerjoin(other, other.c.endpoint_id == SPANS.c.endpoint_id)
        .where(SPANS.c.id > func.coalesce(other.c.id, 0))
        .group_by(SPANS.c.endpoint_id)
    )
    return {number: first for number, first in connection.execute(asked)}


def _ends(connection: Connection) -> Mapping[int, int | None]:
    """When the end certificate that each endpoint showed last expires; of several the first."""
    shown = _last(func.max(SPANS.c.id), SPANS.c.presentation_id.is_not(None))
    asked = (
        select(shown.c.endpoint_id, func.min(CERTIFICATES.c.not_after))
        .join(SPANS, SPANS.c.id == shown.c.id)
        .join(PRESENTED, and_(PRESENTED.c.presentation_id == SPANS.c.presentation_id, PRESENTED.c.position == 0))
        .join(CERTIFICATES, CERTIFICATES.c.id == PRESENTED.c.certificate_id)
        .group_by(shown.c.endpoint_id)
    )
    return {number: at for number, at in connection.execute(asked)}


def _bodies(connection: Connection, numbers: set[int]) -> Mapping[int, dict[str, Any]]:
    found = {}
    ordered = sorted(numbers)
    for start in range(0, len(ordered), AT_ONCE):
        part = VERDICTS.c.id.in_(ordered[start : start + AT_ONCE])
        for number, body in connection.execute(select(VERDICTS.c.id, VERDICTS.c.body).where(part)):
            found[number] = json.loads(body)
    return found


def _standing(
    row: Any,  # noqa: ANN401 - a row of the statement above
    said: Mapping[str, Any],
    begun: Mapping[int, int],
    ends: Mapping[int, int | None],
) -> Standing:
    number, digest, target, *endpoint, last, error, outcome, _ = row
    expires = ends.get(number)
    rule = None if outcome == Outcome.ACCEPTED.value else said["rule"]
    return Standing(
        key=bytes(digest).hex()[:KEY],
        target=target,
        endpoint=Endpoint(*endpoint),
        verdict=Verdict(Outcome(outcome), rule),
        since=moment(begun[number]),
        last=moment(last),
        expires=None if expires is None else moment(expires),
        error=error,
        reply=said["reply"],
    )


def certificates_shown(connection: Connection, since: datetime, limit: int) -> tuple[list[Held], int]:
    """The certificates that the endpoints looked at after an instant showed last, and how many there are in all.

    The first to expire, `limit` of them, each with every endpoint that shows it; what cannot be read comes first.
    """
    shown = _last(func.max(SPANS.c.id), SPANS.c.presentation_id.is_not(None))
    lately = select(SPANS.c.endpoint_id).where(SPANS.c.last >= seconds(since))
    pairs = (
        select(PRESENTED.c.certificate_id, func.min(PRESENTED.c.position).label("place"), shown.c.endpoint_id)
        .select_from(shown)
        .join(SPANS, SPANS.c.id == shown.c.id)
        .join(PRESENTED, PRESENTED.c.presentation_id == SPANS.c.presentation_id)
        .where(shown.c.endpoint_id.in_(lately))
        .group_by(PRESENTED.c.certificate_id, shown.c.endpoint_id)
        .cte("pairs")
    )
    total = connection.scalar(select(func.count(pairs.c.certificate_id.distinct()))) or 0
    first = (
        select(CERTIFICATES.c.id, CERTIFICATES.c.sha256, CERTIFICATES.c.der)
        .where(CERTIFICATES.c.id.in_(select(pairs.c.certificate_id)))
        .order_by(CERTIFICATES.c.not_after.nulls_first(), CERTIFICATES.c.sha256)
        .limit(limit)
    )
    found = connection.execute(first).all()
    held = {number: (bytes(sha256).hex(), bytes(der), list[Any]()) for number, sha256, der in found}
    asked = (
        select(pairs.c.certificate_id, pairs.c.place, ENDPOINTS.c.digest, *_ENDPOINT)
        .join(ENDPOINTS, ENDPOINTS.c.id == pairs.c.endpoint_id)
        .order_by(ENDPOINTS.c.host, ENDPOINTS.c.address, ENDPOINTS.c.id)
    )
    for number, *of in connection.execute(asked):
        if number in held:
            held[number][2].append(of)
    return [_held(*one) for one in held.values()], total


def _held(sha256: str, der: bytes, of: Sequence[Any]) -> Held:
    holders = tuple(Holder(bytes(digest).hex()[:KEY], Endpoint(*endpoint)) for _, digest, *endpoint in of)
    return Held(sha256, der, end=any(place == 0 for place, *_ in of), holders=holders)


def hosts_moved(since: datetime) -> ColumnElement[bool]:
    """The endpoints of hosts that may have changed since an instant: of others `changes_since` finds nothing.

    Something else was seen of an address, the name led nowhere, or an address was not looked at while others were.
    """
    at = seconds(since)
    begun = select(ENDPOINTS.c.host).join(SPANS, SPANS.c.endpoint_id == ENDPOINTS.c.id).where(SPANS.c.first >= at)
    last = _last(func.max(SPANS.c.last))
    apart = (
        select(ENDPOINTS.c.host)
        .join(last, last.c.endpoint_id == ENDPOINTS.c.id)
        .where(last.c.id >= at - int(BEFORE.total_seconds()))
        .group_by(ENDPOINTS.c.host)
        .having(func.max(last.c.id) - func.min(last.c.id) > TOGETHER_S)
    )
    nowhere = select(ENDPOINTS.c.host).where(ENDPOINTS.c.address == "")
    return ENDPOINTS.c.host.in_(begun.union(apart, nowhere))
