"""ConvertTo-Json output as records: one object, arrays, several documents, half-written files.

The top level is walked by hand, so that a record has its line, a broken one costs no other, and only one is ever
held as Python's lists and dicts, which take up to thirty times its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from probe.exchange.exports.decoding import Lines
from probe.exchange.exports.record import Field, Nested, Raw, Record, Records
from probe.exchange.problem import MAX_PROBLEMS, Problems

#: Characters of one record; a certificate with every property at PowerShell's own indentation has some 300,000.
MAX_RECORD = 1 << 19

#: What may stand between records: an array's own marks, the byte order mark of an appended file, and the objects that
#: PowerShell, Exchange Online and this product's own reports put around a list.
_BETWEEN = re.compile(
    r"[\s,\[\]}\N{ZERO WIDTH NO-BREAK SPACE}]++"
    r'|\{\s*+(?:(?:"@odata\.\w{1,20}"\s*+:\s*+(?:"[^"]{0,4000}"|\d{1,9})\s*+,\s*+){1,4}'
    r'|"schema"\s*+:\s*+"[^"]{1,64}"[^\[]{0,2000}?)?"(?:value|assessments)"\s*+:\s*+(?=\[)'
    r'|"Count"\s*+:\s*+\d++|"@odata\.\w{1,20}"\s*+:\s*+"[^"]{0,4000}"'
)
_NEXT_RECORD = re.compile(r"(?:\}[\s,\]]*+|\n)(?=\{)")
_NEXT_LINE = re.compile(r"\n(?=\{)")
_START = re.compile('[\\s\N{ZERO WIDTH NO-BREAK SPACE}]*+(?:\\[[\\s\\[]*+\\]|[\\s\\[]*+\\{\\s*+["}])')
_FEW = 64  # numbers that can be something else than the bytes of a certificate
_LONGEST_INTEGER = 20  # digits; 64 bits
_OBJECT = Nested("an object (export it with the lines of `eop-probe exchange export`)")
_LIST = Nested("a list")


class Found(NamedTuple):
    """An object of the top level, or what is wrong with it, and where: offsets of its text."""

    value: dict[str, object] | str
    at: int
    end: int


def looks_like_json(text: str) -> bool:
    """Whether a text begins as ConvertTo-Json output does (an NDR's ``[{LED=`` does not)."""
    return _START.match(text) is not None


def objects(text: str, at: int = 0) -> Iterator[Found]:
    """The objects of a text's documents, out of lists and what PowerShell puts around them; the first is at `at`."""
    broken, start, piece = 0, at, ""
    while (at := _skip(text, at)) < len(text):
        if not piece or at - start > MAX_RECORD:
            start, piece = at, text[at : at + 2 * MAX_RECORD]
        try:
            value, end = _object(piece, at - start)
        except RecursionError:
            yield Found("is nested too deeply to be read any further.", at, len(text))
            return
        except json.JSONDecodeError as error:
            ended = error.pos > len(piece) - 32 or "Unterminated" in error.msg
            cut = ended and start + len(piece) < len(text)
            why = f"has more than {MAX_RECORD} characters" if cut else f"is not JSON here ({error.msg})"
            yield Found(f"{why}; this record is skipped.", start + error.pos, len(text))
            broken += 1
            past = max(start + error.pos, at + 1)
            # A record that was cut off in a string swallows the beginning of the next line's.
            following = _NEXT_LINE.search(text, at, past + 1) or _NEXT_RECORD.search(text, past)
            at = following.end() if following and broken <= MAX_PROBLEMS else len(text)
        else:
            yield Found(value, at, start + end)
            at = start + end


def read_json(text: str, problems: Problems, pasted: int | None = None) -> list[Record]:
    """Return the records of a JSON export; what cannot be parsed is a problem, and skipped.

    Of one that was pasted into a text at the offset `pasted`, what is no JSON is the end.
    """
    records, lines = Records(problems), Lines(text, "\n")
    for found in objects(text, pasted or 0):
        if not isinstance(found.value, str):
            records.add(_fields(found.value, text, found, lines), lines.at(found.at))
        elif pasted is None:
            problems.add(found.value, line=lines.at(found.at))
        if records.full() or problems.full or (pasted is not None and isinstance(found.value, str)):
            break
    return records.found


def _object(text: str, at: int) -> tuple[dict[str, object], int]:
    """The object that begins at `at`, and its end; raises JSONDecodeError, and RecursionError."""
    if not text.startswith("{", at):
        raise json.JSONDecodeError("Expecting an object", text, at)
    found: tuple[dict[str, object], int] = _DECODER.raw_decode(text, at)
    return found


def _skip(text: str, at: int) -> int:
    while found := _BETWEEN.match(text, at):
        at = found.end()
    return at


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else text


_DECODER = json.JSONDecoder(strict=False, parse_int=_integer)


def _fields(values: dict[str, object], text: str, found: Found, lines: Lines[str]) -> dict[str, Field]:
    fields = {}
    at, end = found.at, found.end
    for name, value in values.items():
        position = text.find(f'"{name}"', at, end)
        if position < 0:  # written with escapes: searching on for each name would cost the square of the size
            end = at
        at = max(at, position)
        fields[name.lower()] = Field(_raw(value), lines.at(at))
    return fields


def _raw(value: object) -> Raw:
    """A value, also out of PowerShell's wrappers: those of an array, and of an enumeration's name and number."""
    if isinstance(value, dict) and set(value) == {"value", "Count"} and isinstance(value["value"], list):
        value = value["value"]
    if (
        isinstance(value, list)
        and len(value) > _FEW
        and all(isinstance(n, int) and 0 <= n <= 255 for n in value)
    ):
        return bytes(value)
    if isinstance(value, list):  # lists in lists mean nothing
        return tuple(_LIST if isinstance(item, list) else _scalar(item) for item in value)
    return _scalar(value)


def _scalar(value: object) -> Raw:
    if isinstance(value, dict):
        named = value.get("Value", value.get("value"))  # the latter of a date with more about it
        return named if isinstance(named, str) else _OBJECT
    return value if isinstance(value, (str, bool, int, float)) else None
