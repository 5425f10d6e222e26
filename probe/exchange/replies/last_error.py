"""The last-error record of message traces and reports: ``[{LED=..};{MSG=..};{FQDN=..};{IP=..};{LRT=..}]``.

The grammar is reported by practitioners. Values hold dots, colons and blanks, so they are cut at
``};{`` and nothing else; any field may be empty or missing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from probe.text import printable

#: Characters of one record; the longest published ones have some 600.
MAX_RECORD = 4000

#: Bracketed items of one LED value that are kept; published ones have five.
MAX_ITEMS = 16

_FIELD = re.compile(r"\{(LED|MSG|FQDN|IP|LRT) ?= ?", re.IGNORECASE | re.ASCII)
_ITEM = re.compile(r"\[ ?(\w{1,40}) ?= ?([^\]\[]{0,400})\]", re.ASCII)


class LastError(NamedTuple):
    """One record, escaped: what failed, its text, the host, its address, the local time as written.

    `items` are the bracketed ``[Key=Value]`` pairs inside `error` (Message, LastAttemptedServerName, ...).
    """

    error: str
    message: str = ""
    fqdn: str = ""
    address: str = ""
    at: str = ""
    items: tuple[tuple[str, str], ...] = ()


def read_last_error(text: str, start: int = 0) -> LastError | None:
    """The record whose ``LED=`` stands at or after `start`, or None."""
    window = text[start : start + MAX_RECORD]
    fields = list(_FIELD.finditer(window))
    if not fields or fields[0][1].upper() != "LED":
        return None
    values: dict[str, str] = {}
    for place, found in enumerate(fields):
        end = fields[place + 1].start() if place + 1 < len(fields) else len(window)
        if found[1].upper() in values:
            break  # the next record begins
        value = window[found.end() : end].partition("}")[0]
        values[found[1].upper()] = printable(" ".join(value.split()))
    error = values["LED"]
    message, fqdn, address, at = (values.get(name, "") for name in ("MSG", "FQDN", "IP", "LRT"))
    return LastError(error, message, fqdn, address, at, bracketed(error))


def bracketed(reply: str) -> tuple[tuple[str, str], ...]:
    """The ``[Key=Value]`` pairs of a reply."""
    return tuple((m[1], m[2].strip()) for m in _ITEM.finditer(reply))[:MAX_ITEMS]
