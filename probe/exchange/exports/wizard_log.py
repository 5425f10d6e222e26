r"""Certificate names picked out of log files of the Hybrid Configuration Wizard.

The format of these logs (under ``%AppData%\Microsoft\Exchange Hybrid Configuration``) is not documented,
so only the parameters' own names are looked for, and the line is kept as proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from probe.exchange.connector import Pin, read_pin
from probe.exchange.exports.decoding import Lines
from probe.text import printable

#: Characters of one line that are searched; the wizard logs whole objects as XML or JSON on one line.
MAX_LINE = 64 * 1024
#: Values taken from one file; the wizard sets a few for each run.
MAX_VALUES = 10_000
#: Characters of a line that are kept as proof, around the value.
MAX_PROOF = 400

_PARAMETER = re.compile(r"(?P<name>TlsSenderCertificateName|TlsCertificateName)\b", re.IGNORECASE)
#: What stands between a parameter's name and its value: blanks, a quote (JSON), then "=" or ":" or ">" (XML).
_BETWEEN = re.compile(r"""["']?\s{0,40}[=:>]\s{0,40}|\s{0,40}""")
#: Where a value that is not quoted ends: the next parameter, field or tag.
_BARE_END = re.compile(r"\s+-[A-Za-z]|(?<!&lt)(?<!&gt)(?<!&amp);|\||\t|\s{2,}|</|}|$")
#: After a mere blank only one word is the value.
_WORD_END = re.compile(r"\s|$")
_NOTHING = frozenset({"", "$null", "null", "{}", "''", '""'})
_CANONICAL = {name.lower(): name for name in ("TlsSenderCertificateName", "TlsCertificateName")}


class HcwValue(NamedTuple):
    """One value of a parameter: `value` is "" where it is cleared; `line` counts from 1."""

    parameter: str
    value: str
    file: str
    line: int
    proof: str

    @property
    def pin(self) -> Pin | None:
        """The value taken apart, where it is an ``<I>issuer<S>subject``."""
        return read_pin(self.value)


class HcwChange(NamedTuple):
    """A parameter whose value in the log differs from the one before it."""

    before: HcwValue
    after: HcwValue

    def __str__(self) -> str:
        old, new = (value.value or "(not set)" for value in self)
        where = f"{self.after.file}, line {self.after.line}"
        return f"{self.after.parameter} changed from {old} to {new} ({where})."


def scan(name: str, text: str) -> Iterator[HcwValue]:
    """Pick the values out of one log, in order, at most `MAX_VALUES`; a line may hold several."""
    return islice(_scan(name, text), MAX_VALUES)


def _scan(name: str, text: str) -> Iterator[HcwValue]:
    lines, at = Lines(text, "\n"), 0
    while found := _PARAMETER.search(text, at):
        begin = max(at, text.rfind("\n", at, found.start()) + 1)
        at = text.find("\n", begin) + 1 or len(text)
        yield from _values(text[begin : min(at, begin + MAX_LINE)].rstrip(), name, lines.at(begin))


def _values(line: str, name: str, number: int) -> Iterator[HcwValue]:
    position = 0
    while match := _PARAMETER.search(line, position):
        position = match.end()
        if (found := _value(line, match)) is not None:
            text, position = found  # nothing is searched twice
            parameter = _CANONICAL[match["name"].lower()]
            begin = max(0, match.start() - MAX_PROOF // 4)
            proof = printable(line[begin : begin + MAX_PROOF].strip())
            yield HcwValue(parameter, printable(text), name, number, proof)


def changes(values: Iterable[HcwValue]) -> tuple[HcwChange, ...]:
    """Each parameter's changes in the order of `values`."""
    last: dict[str, HcwValue] = {}
    found: list[HcwChange] = []
    for value in values:
        known = last.get(value.parameter)
        if known is not None and known.value != value.value:
            found.append(HcwChange(known, value))
        last[value.parameter] = value
    return tuple(found)


def _value(line: str, found: re.Match[str]) -> tuple[str, int] | None:
    """The text after a parameter's name and where it ends; None for prose and closing tags, which hold none."""
    between = _BETWEEN.match(line, found.end())
    begin = between.end() if between is not None else found.end()
    before, separator = line[found.start() - 1 : found.start()], line[found.end() : begin]
    blank = not separator.strip()  # as in ``-TlsCertificateName value``
    if before == "/" or (blank and (before != "-" or not separator)):
        return None
    first = line[begin : begin + 1]
    if first in {"'", '"'}:
        text, end = _quoted(line, begin + 1, first)
    else:
        stop = _WORD_END if blank and first != "<" else _BARE_END
        ending = stop.search(line, begin)
        end = ending.start() if ending is not None else len(line)
        text = line[begin:end]
    text = text.strip().strip("{},").strip()
    return "" if text.lower() in _NOTHING else text.replace("&lt;", "<").replace("&gt;", ">"), end


def _quoted(line: str, begin: int, quote: str) -> tuple[str, int]:
    """Up to the closing quote, and where that stands; a doubled or escaped one is part of the value."""
    position, value = begin, []
    while position < len(line):
        character = line[position]
        if character in {"\\", "`", quote} and line[position + 1 : position + 2] == quote:
            value.append(quote)
            position += 2
        elif character == quote:
            break
        else:
            value.append(character)
            position += 1
    return "".join(value), position
