"""One record of an export, still raw, and the reading of its fields into values.

Every format becomes records first, so that what a field means is written once for all of them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from probe.exchange.exports import dates
from probe.exchange.problem import Place, Problems, quoted
from probe.text import printable

#: Records of one file; two hundred servers with ten certificates each make 2,000.
MAX_RECORDS = 5_000
#: Fields of one file, two items of a list counting as one; a certificate has about fifty.
MAX_FIELDS = 250_000
#: Characters of one list that are read.
MAX_LIST = 1 << 20


@dataclass(frozen=True, slots=True)
class Nested:
    """An object inside a record of which only what it is made of is known."""

    description: str


#: A field's value as its format delivers it; tuples are lists.
Raw: TypeAlias = "str | bool | int | float | bytes | Nested | tuple[Raw, ...] | None"
Choice = TypeVar("Choice", bound=enum.Enum)


class Numbers(NamedTuple, Generic[Choice]):
    """An enumeration and what its numbers mean: those observed in exports, and those concluded from their order."""

    kind: type[Choice]
    observed: Mapping[int, Choice] = {}
    inferred: Mapping[int, Choice] = {}


class Field(NamedTuple):
    """A raw value and the line it stands in (from 1), None where the format has no lines."""

    value: Raw
    line: int | None = None


class Record(NamedTuple):
    """Where a record stands, and its fields by lower-case name."""

    source: Place
    fields: Mapping[str, Field]

    def __contains__(self, name: object) -> bool:
        return name in self.fields


class Records:
    """The records of one file, as far as they are read."""

    def __init__(self, problems: Problems) -> None:
        self.found: list[Record] = []
        self._room = MAX_FIELDS
        self._problems = problems

    def add(self, fields: Mapping[str, Field], line: int | None) -> None:
        """Take one more record, which begins at `line`."""
        items = sum(len(one.value) for one in fields.values() if isinstance(one.value, tuple))
        self._room -= len(fields) + items // 2
        self.found.append(Record(Place(self._problems.source, line, len(self.found) + 1), fields))

    def full(self, line: int | None = None) -> bool:
        """Whether no more are read, which is then a problem at `line`."""
        if len(self.found) >= MAX_RECORDS:
            self._problems.add(f"holds more than {MAX_RECORDS} records; the others are not read.", line=line)
        elif self._room <= 0:
            self._problems.add(f"holds more than {MAX_FIELDS} fields; the others are not read.", line=line)
        else:
            return False
        return True


#: How `Format-List` and `Format-Table` mark that something was cut off; PowerShell 7 uses one character.
_ELLIPSES = ("...", "\N{HORIZONTAL ELLIPSIS}")
#: What PowerShell prints in place of an array or object that a format cannot hold.
_TYPE_NAME = re.compile(r"(?:System|Microsoft)\.[\w.`]+(?:\[[\w.,` \[\]]*\])?")
#: A ";" that ends an entry; the one before an address space's cost (``smtp:*;5``) does not.
_ENTRY_END = re.compile(r";(?!\s*\d+\s*(?:;|$))(?=[^;=]*(?:;|$))")
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "$true": True, "$false": False}
# What Excel makes of them in German, French, Spanish, Italian, Portuguese, Dutch and Polish where a CSV is saved again.
_TRUTH |= dict.fromkeys(("wahr", "vrai", "verdadero", "vero", "verdadeiro", "waar", "prawda"), True)
_TRUTH |= dict.fromkeys(("falsch", "faux", "falso", "onwaar", "fałsz"), False)


class Fields:
    """Reads the fields of one record; what cannot be read is None, and a problem.

    Each method returns None where the record has no such field. `inferred` and `incomplete` collect
    the Python names of values that rest on an inference, or were cut off by the export.
    """

    def __init__(self, record: Record, problems: Problems, *, month_first: bool | None = None) -> None:
        self.record = record
        self.inferred: list[str] = []
        self.incomplete: list[str] = []
        self._problems = problems
        self._month_first = month_first

    def note(self, name: str, sentence: str, *, once: bool = False) -> None:
        """Add a problem about the field `name`."""
        field = self.record.fields.get(name.lower())
        line = field.line if field is not None else self.record.source.line
        add = self._problems.add_once if once else self._problems.add
        add(sentence, line=line, field=name)

    def raw(self, name: str) -> Raw:
        """The value as the format delivered it, None where absent or null."""
        field = self.record.fields.get(name.lower())
        return field.value if field is not None else None

    def text(self, name: str) -> str | None:
        """A text, escaped; "" where the property is not set."""
        value = self.raw(name)
        if value is None:
            return "" if name.lower() in self.record else None
        if isinstance(value, tuple) and len(value) == 1:
            value = value[0]
        if _is_composite(value):
            self.note(name, f"holds {_described(value)} where a text was expected.")
            return None
        return printable(str(value).strip())

    def flag(self, name: str) -> bool | None:
        """True or False."""
        value = self.raw(name)
        if value is None or isinstance(value, bool):
            return value
        truth = _TRUTH.get(str(value).strip().lower())
        if truth is None and value != "":
            self.note(name, f"is {_described(value)} where True or False was expected.")
        return truth

    def number(self, name: str) -> int | None:
        """A whole number."""
        value = self.raw(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        text = str(value).strip()
        if re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
            return int(text)
        if text:
            self.note(name, f"is {_described(value)} where a number was expected.")
        return None

    def texts(self, name: str, key: str) -> tuple[str, ...] | None:
        """A list of texts from an array, ``{a, b...}`` or ``a;b``; `key` goes to `incomplete` if it was cut."""
        value = self.raw(name)
        if value is None:
            return () if name.lower() in self.record else None
        items = value if isinstance(value, tuple) else (value,)
        unreadable = next((item for item in items if _is_composite(item)), None)
        if unreadable is not None:
            self.note(name, f"holds {_described(unreadable)} where a list was expected.")
            return None
        found, cut = split_list(value)
        if cut:
            self.incomplete.append(key)
            self.note(name, "was cut off by the export, so the list is incomplete.")
        once: dict[str, str] = {}
        return tuple(once.setdefault(text, text) for text in map(printable, found))

    def instant(self, name: str, key: str) -> datetime | None:
        """An instant (aware UTC); `key` goes to `inferred` where a local time was taken as UTC."""
        value = self.raw(name)
        if value is None or value == "":
            return None
        reading = dates.read(str(value), month_first=self._month_first)
        if reading.instant is None:
            self.note(name, f"{_described(value)} is no date that can be read without knowing the culture.")
        elif reading.inferred:
            self.inferred.append(key)
            self.note(name, "has no time zone and was taken as UTC; it may be off by 14 hours.", once=True)
        return reading.instant

    def choice(self, name: str, key: str, numbers: Numbers[Choice]) -> Choice | None:
        """One of an enumeration by name or number; `key` goes to `inferred` for a number never observed."""
        value = self.raw(name)
        kind = numbers.kind
        if value is None:
            unset = (one for one in kind if one.value == "")
            return next(unset, None) if name.lower() in self.record else None
        text = str(value).strip()
        for one in kind:
            if str(one.value).lower() == text.lower():
                return one
        number = int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else -1
        if number in numbers.observed:
            return numbers.observed[number]
        if number in numbers.inferred:
            self.inferred.append(key)
            return numbers.inferred[number]
        if text:
            self.note(name, f"is {_described(value)}, a value that is not known.")
        return None


def split_list(value: Raw) -> tuple[list[str], bool]:
    """Split a list in any of its forms into stripped items, and say whether the export cut it off."""
    if isinstance(value, tuple):
        return [str(item).strip() for item in value if item not in {None, ""}], False
    text = str(value).strip()
    cut = len(text) > MAX_LIST
    text = text[:MAX_LIST]
    braces = text.startswith("{")
    if braces:
        text = text[1:].rstrip()
        text, closed = text.removesuffix("}").rstrip(), text.endswith("}")
        cut = not closed
    for ellipsis in _ELLIPSES:
        if text.endswith(ellipsis):
            text, cut = text.removesuffix(ellipsis), True
    parts = text.split(",") if braces else _ENTRY_END.split(text)
    return [part.strip() for part in parts if part.strip()], cut


def cut_off(text: str) -> bool:
    """Whether a table cut this text at the console's width."""
    return text.rstrip().endswith(_ELLIPSES)


def _is_composite(value: Raw) -> bool:
    """Whether a value is no text, number or truth, or only the name of the type that it had."""
    if isinstance(value, str):
        return _TYPE_NAME.fullmatch(value.strip()) is not None
    return isinstance(value, (Nested, tuple, bytes))


def _described(value: Raw) -> str:
    if isinstance(value, Nested):
        return value.description
    if isinstance(value, tuple):
        return "a list"
    return "bytes" if isinstance(value, bytes) else quoted(value)
