"""ConvertTo-Json output as records: one object, arrays, several documents, half-written files.

The top level is walked by hand, so that a record has its line and a broken one costs no other.
"""

from __future__ import annotations

import json
import re

from probe.exchange.exports.decoding import Lines
from probe.exchange.exports.record import Field, Nested, Raw, Record
from probe.exchange.problem import Place, Problems

#: Records of one file; two hundred servers with ten certificates each make 2,000.
MAX_RECORDS = 5_000
#: Lists in lists that are followed; the recommended export has one.
MAX_DEPTH = 8

#: What may stand between records: the array's own marks, and the byte order mark of an appended file.
_BETWEEN = re.compile("[\\s,\\[\\]\N{ZERO WIDTH NO-BREAK SPACE}]*")
_NEXT_RECORD = re.compile(r"\}[\s,\]]*(?=\{)")
_START = re.compile('[\\s\N{ZERO WIDTH NO-BREAK SPACE}]*(?:\\[\\s*)*(?:\\{\\s*["}]|\\[\\s*\\])')
_LONGEST_INTEGER = 20  # digits; 64 bits


def looks_like_json(text: str) -> bool:
    """Whether a text begins as ConvertTo-Json output does (an NDR's ``[{LED=`` does not)."""
    return _START.match(text) is not None


def read_json(text: str, problems: Problems) -> list[Record]:
    """Return the records of a JSON export; what cannot be parsed is a problem, and skipped."""
    lines = Lines(text)
    decoder = json.JSONDecoder(strict=False, parse_int=_integer)
    records: list[Record] = []
    at = _skip(text, 0)
    while at < len(text) and len(records) < MAX_RECORDS and not problems.full:
        try:
            value, end = decoder.raw_decode(text, at)
        except RecursionError:
            problems.add("is nested too deeply to be read any further.", line=lines.at(at))
            break
        except json.JSONDecodeError as error:
            problems.add(f"is not JSON here ({error.msg}); this record is skipped.", line=lines.at(error.pos))
            following = _NEXT_RECORD.search(text, max(error.pos, at + 1))
            at = following.end() if following else len(text)
            continue
        for found in _objects(value):
            source = Place(problems.source, lines.at(at), len(records) + 1)
            records.append(Record(source, _fields(found, text, at, end, lines)))
        at = _skip(text, end)
    if len(records) >= MAX_RECORDS:
        problems.add(f"holds more than {MAX_RECORDS} records; the others are not read.")
        del records[MAX_RECORDS:]
    return records


def _skip(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else text


def _objects(value: object, depth: int = 0) -> list[dict[str, object]]:
    """The objects of a document, out of ``{"value": [...], "Count": n}`` and of lists."""
    if isinstance(value, dict):
        inner = value.get("value")
        if not isinstance(inner, list) or not set(value) <= {"value", "Count", "@odata.context"}:
            return [value]
        value = inner
    if not isinstance(value, list) or depth >= MAX_DEPTH:
        return []
    return [found for item in value for found in _objects(item, depth + 1)]


def _fields(found: dict[str, object], text: str, at: int, end: int, lines: Lines) -> dict[str, Field]:
    fields = {}
    for name, value in found.items():
        position = text.find(f'"{name}"', at, end)
        if position < 0:  # written with escapes: searching on for each name would cost the square of the size
            end = at
        at = max(at, position)
        fields[name.lower()] = Field(_raw(value), lines.at(at))
    return fields


def _raw(value: object, depth: int = 0) -> Raw:
    if isinstance(value, dict):
        return _raw_object(value, depth)
    if isinstance(value, list):
        if depth >= MAX_DEPTH:
            return Nested("a deeply nested list")
        return tuple(_raw(item, depth + 1) for item in value)
    return value if isinstance(value, (str, bool, int, float)) else None


def _raw_object(value: dict[str, object], depth: int) -> Raw:
    """An array in PowerShell's wrapper, an enumeration as name and number, or something unknown."""
    inner = value.get("value")
    if isinstance(inner, list) and set(value) == {"value", "Count"}:
        return _raw(inner, depth + 1)
    if isinstance(named := value.get("Value"), str):
        return named
    return Nested("an object (export it with the lines of `eop-probe exchange export`)")
