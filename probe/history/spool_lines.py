"""The content of a spool's file, as JSON lines: how many records it has, and then they."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from probe.report.record import Record

_SCHEMA = "eop-probe/spool/1"


class _Head(msgspec.Struct, forbid_unknown_fields=True):
    records: int
    schema: str = _SCHEMA


_HEAD, _RECORD = msgspec.json.Decoder(_Head), msgspec.json.Decoder(Record)


def encoded(records: Sequence[Record]) -> list[bytes]:
    """The lines of a file; raises ValueError or OverflowError for a text or a number that JSON has not."""
    return [msgspec.json.encode(line) + b"\n" for line in (_Head(len(records)), *records)]


def decoded(content: bytes) -> list[Record]:
    """The records of a file; raises ValueError where it is broken."""
    head, *lines = content.splitlines() or [b""]
    try:
        found, records = _HEAD.decode(head), [_RECORD.decode(line) for line in lines]
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError(str(error)) from None
    if (found.schema, found.records) != (_SCHEMA, len(records)):
        raise ValueError(f"{len(records)} of {found.records} records, {found.schema}")
    return records
