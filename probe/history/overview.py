"""What the pages of a fleet ask of its history, without reading every look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Subquery, func, select

from probe.eop.vocabulary import Outcome
from probe.history.query import BEFORE
from probe.history.read import moment
from probe.history.rows import seconds
from probe.history.tables import ENDPOINTS, SPANS, VERDICTS
from probe.report.record import Endpoint

#: Seconds between the last looks at two addresses of a host that are of one round.
_TOGETHER_S = 600

#: An outcome, and when it was first seen without another after it.
Lasting = tuple[Outcome, datetime]


def lasting(connection: Connection) -> Mapping[Endpoint, Lasting]:
    """Since when each endpoint has had its present outcome."""
    last = _last(func.max(SPANS.c.id))
    now = (
        select(last.c.endpoint_id, VERDICTS.c.outcome)
        .join(SPANS, SPANS.c.id == last.c.of)
        .join(VERDICTS, VERDICTS.c.id == SPANS.c.verdict_id)
        .subquery()
    )
    other = (
        select(SPANS.c.endpoint_id, func.max(SPANS.c.id).label("of"))
        .join(VERDICTS, VERDICTS.c.id == SPANS.c.verdict_id)
        .join(now, now.c.endpoint_id == SPANS.c.endpoint_id)
        .where(VERDICTS.c.outcome != now.c.outcome)
        .group_by(SPANS.c.endpoint_id)
        .subquery()
    )
    begun = (
        select(SPANS.c.endpoint_id, func.min(SPANS.c.first).label("at"))
        .outerjoin(other, other.c.endpoint_id == SPANS.c.endpoint_id)
        .where(SPANS.c.id > func.coalesce(other.c.of, 0))
        .group_by(SPANS.c.endpoint_id)
        .subquery()
    )
    asked = (
        select(now.c.outcome, begun.c.at, *(ENDPOINTS.c[name] for name in Endpoint._fields))
        .join(now, now.c.endpoint_id == ENDPOINTS.c.id)
        .join(begun, begun.c.endpoint_id == ENDPOINTS.c.id)
    )
    return {Endpoint(*of): (Outcome(outcome), moment(at)) for outcome, at, *of in connection.execute(asked)}


def hosts_moved(since: datetime) -> ColumnElement[bool]:
    """The endpoints of hosts that may have changed since an instant: of others `changes_since` finds nothing.

    Something else was seen of an address, the name led nowhere, or an address was not looked at while others were.
    """
    at = seconds(since)
    begun = (
        select(ENDPOINTS.c.host).join(SPANS, SPANS.c.endpoint_id == ENDPOINTS.c.id).where(SPANS.c.first >= at)
    )
    last = _last(func.max(SPANS.c.last))
    apart = (
        select(ENDPOINTS.c.host)
        .join(last, last.c.endpoint_id == ENDPOINTS.c.id)
        .where(last.c.of >= at - int(BEFORE.total_seconds()))
        .group_by(ENDPOINTS.c.host)
        .having(func.max(last.c.of) - func.min(last.c.of) > _TOGETHER_S)
    )
    nowhere = select(ENDPOINTS.c.host).where(ENDPOINTS.c.address == "")
    return ENDPOINTS.c.host.in_(begun.union(apart, nowhere))


def latest_spans(connection: Connection, where: ColumnElement[bool], limit: int) -> ColumnElement[bool]:
    """The last spans of the endpoints that are meant, `limit` of them."""
    of = select(ENDPOINTS.c.id).where(where)
    ordered = select(SPANS.c.id).where(SPANS.c.endpoint_id.in_(of)).order_by(SPANS.c.id.desc())
    first = connection.scalar(ordered.offset(limit - 1).limit(1)) or 0
    return SPANS.c.endpoint_id.in_(of) & (SPANS.c.id >= first)


def _last(of: ColumnElement[int]) -> Subquery:
    """The last of something, `of` each endpoint."""
    return select(SPANS.c.endpoint_id, of.label("of")).group_by(SPANS.c.endpoint_id).subquery()
