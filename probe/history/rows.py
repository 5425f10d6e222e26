"""A record as the rows it becomes, each under the digest by which it is found again."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from probe.pki.certificate import Certificate, parse
from probe.report.record import Endpoint, ListUsed, Record, State
from probe.text import visible

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

Row = dict[str, Any]

#: The greatest number that PostgreSQL's INTEGER takes.
_MOST = 2**31 - 1


class Rows(NamedTuple):
    """What one record refers to, and its look as the first one of a span; `chains` is None where none was seen."""

    endpoint: Row
    verdict: Row
    chains: bytes | None
    lists: Row
    look: Row


def rows_of(record: Record) -> Rows:
    """The rows of one record; texts and numbers are such as both databases take, whatever came from a peer."""
    at = seconds(record.at)
    return Rows(
        endpoint=_endpoint(record.endpoint) | {"target": visible(record.target)},
        verdict=_body(_said(record.state)) | {"outcome": record.state.outcome.value},
        chains=_digest(json.dumps(record.state.chains)) if record.state.chains else None,
        lists=_lists(record.lists),
        look={
            "first": at,
            "last": at,
            "looks": 1,
            "elapsed_ms": _number(record.elapsed_ms),
            # A lone surrogate or NUL breaks one database or the other.
            "error": None if record.error is None else visible(record.error),
        },
    )


def seconds(moment: datetime) -> int:
    """An instant as it is stored."""
    return int(moment.timestamp())


def certificate_row(sha256: bytes, der: bytes) -> Row:
    """A certificate, with what is asked of it without reading it."""
    read = parse(der)
    row: Row = {"sha256": sha256, "der": der, "not_after": None, "spki_sha256": None}
    if isinstance(read, Certificate):
        row |= {"not_after": seconds(read.not_after), "spki_sha256": hashlib.sha256(read.spki).digest()}
    return row


def _endpoint(endpoint: Endpoint) -> Row:
    row = {k: visible(v) if isinstance(v, str) else _number(v) for k, v in endpoint._asdict().items()}
    # No text of it holds a line's end any more.
    return row | {"digest": _digest("\n".join(map(str, row.values())))}


def _number(number: int) -> int:
    return min(max(number, 0), _MOST)


def _said(state: State) -> Row:
    """A state but for its chains."""
    return {
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


@lru_cache(maxsize=64)
def _lists(lists: tuple[ListUsed, ...]) -> Row:
    return _body([(e.name, seconds(e.dated) if e.dated else None, e.trusted) for e in lists])


def _body(content: object) -> Row:
    # ASCII only: what no database's text takes stands in it as an escape.
    text = json.dumps(content)
    return {"digest": _digest(text), "body": text}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def insert_into(connection: Connection, table: Table) -> Any:  # noqa: ANN401 - each dialect has its own
    """An INSERT that knows ON CONFLICT; the other database's dialect is not loaded, which takes 35 ms."""
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)
