"""One table of a fleet's description, key by key: msgspec names the first mistake only, and a person wants all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, time
from difflib import get_close_matches
from typing import Any

from msgspec import Struct, ValidationError, convert

from probe.fleet.keys import KEYS, ChannelKeys, Key, Options, TargetKeys
from probe.fleet.mistakes import Mistakes, Place
from probe.text import printable

_SECRET = re.compile(r"passw|passphrase|secret|token|credential|api[-_]?key|private", re.IGNORECASE)

Table = dict[str, Any]


def checked(
    table: object, shape: type[Struct], place: Place, mistakes: Mistakes, *, strict: bool = True
) -> Table:
    """The keys of a table that are as `shape` wants them; what is wrong with the others is noted.

    Not `strict`: numbers and truth values may be written as texts.
    """
    if not isinstance(table, dict):
        mistakes.add(place, f"this is {shown(table)}, but it takes a table")
        return {}
    given = {key: value for key, value in table.items() if value is not None}
    try:
        convert(given, shape, strict=strict)
    except ValidationError:
        keys = KEYS[shape]
        for name in (name for name in given if name not in keys):
            mistakes.add(place.at(name), _unknown(name, shape))
        known = {name: given[name] for name in given if name in keys}
        return {
            name: value
            for name, value in known.items()
            if _fits(value, keys[name], place.at(name), mistakes, strict=strict)
        }
    return given


def _fits(value: object, key: Key, place: Place, mistakes: Mistakes, *, strict: bool) -> bool:
    """Whether a value is what its key wants; of a list or a table each element that is not is noted."""
    before = mistakes.count
    if key.type in KEYS and isinstance(value, dict):
        checked(value, key.type, place, mistakes, strict=strict)
    elif key.is_list and isinstance(value, list):
        for number, item in enumerate(value):
            _convert(item, key.item, key, place.at(number), mistakes, strict=strict)
    elif key.is_table and isinstance(value, dict):
        for name, item in value.items():
            _convert({name: item}, key.type, key, place.at(name), mistakes, strict=strict)
    if mistakes.count == before:
        _convert(value, key.type, key, place, mistakes, strict=strict)
    return mistakes.count == before


def _convert(
    value: object, kind: object, key: Key, place: Place, mistakes: Mistakes, *, strict: bool
) -> None:
    try:
        convert(value, kind, strict=strict)
    except ValidationError:
        alone = next(iter(value.values())) if isinstance(value, dict) and value else value
        given = "something else" if key.secret else shown(alone)
        mistakes.add(place, f"this is {given}, but it takes {key.needed}")


_WORDS = ((list | tuple, "a list"), (dict, "a table"), (date | time, "a date or a time"))


def shown(value: object) -> str:
    """A value as it may stand in a sentence."""
    if isinstance(value, str):
        return f'"{printable(value, 60)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return "a number of that size" if abs(value) >= 1e18 else str(value)
    return next((words for kind, words in _WORDS if isinstance(value, kind)), "nothing")


def _unknown(name: str, shape: type[Struct]) -> str:
    if _SECRET.search(name) and shape is ChannelKeys:
        return (
            "no secret belongs in this file; name what holds it: a variable or a file, as password-env has it"
        )
    if _SECRET.search(name):
        return "no secret belongs in a file of targets, and no key takes one"
    known = KEYS[shape]
    if shape is not TargetKeys and name in KEYS[TargetKeys] and issubclass(shape, Options):
        return "this is a key of a [[target]] only"
    return "there is no such key here" + nearest(name.replace("_", "-").lower(), known)


def nearest(name: str, known: Iterable[str]) -> str:
    """A suggestion for a name that is not known, or nothing."""
    meant = get_close_matches(name, known, n=1)
    return f"; did you mean {meant[0]}?" if meant else ""
