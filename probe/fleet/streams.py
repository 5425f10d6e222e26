"""Targets read one by one and never held: JSON lines, CSV with a header, or a target a line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from probe.errors import TargetError
from probe.files import open_file
from probe.fleet.entries import Entry, Inherited, entry_of
from probe.fleet.keys import KEYS, Expect, TargetKeys
from probe.fleet.mistakes import Mistakes, Place
from probe.fleet.tables import Table, checked, shown
from probe.net.target import parse_target

#: Characters of one line.
MAX_LINE = 65_536

STREAM_SUFFIXES = frozenset({".csv", ".json", ".jsonl", ".ndjson", ".txt"})

_Line = tuple[int, str]


class Stream(NamedTuple):
    """A file of targets (`path` None: standard input) named at `place`, read anew each time it is asked for entries.

    `content` takes the file's place: what it once held, compressed.
    """

    path: Path | None
    around: Inherited
    place: Place
    content: bytes | None = None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "standard input" if self.path is None else str(self.path)

    def entries(self, mistakes: Mistakes, standard_input: BinaryIO | None = None) -> Iterator[Entry]:
        """Every entry; what is wrong with the others, or with the file, is noted."""
        try:
            if self.path is None:
                yield from self._read(standard_input or sys.stdin.buffer, mistakes)
                return
            with open_file(self.path) if self.content is None else _expanded(self.content) as file:
                yield from self._read(file, mistakes)
        except OSError as error:
            mistakes.add(self.place, f"{shown(self.name)} cannot be read: {error.strerror or error}")

    def held(self) -> Stream:
        """The same, with what the file holds now, if it can be read."""
        if self.path is None:  # standard input, which is read once
            return self
        compressed = io.BytesIO()
        try:
            with open_file(self.path) as file, gzip.open(compressed, "wb", 1) as to:
                shutil.copyfileobj(file, to)
        except OSError:
            return self
        return self._replace(content=compressed.getvalue())

    def _read(self, file: BinaryIO, mistakes: Mistakes) -> Iterator[Entry]:
        lines = _lines(file, self.name, mistakes)
        first = next(lines, None)
        if first is None:
            mistakes.add(Place(self.name), "it holds no target")
            return
        every = chain((first,), lines)
        columns = _columns(first[1])
        json_lines = first[1].startswith("{")
        if not (columns or json_lines) and re.search(r"[,;\t]", first[1].partition("#")[0].strip()):
            mistakes.add(Place(self.name, first[0]), "this looks like CSV, but its header has no host or mx")
            return
        if json_lines:
            tables = _json(every, self.name, mistakes)
        elif columns:
            tables = _csv(lines, columns, Place(self.name, first[0]), mistakes)
        else:
            tables = _plain(every, self.name, mistakes)
        for place, table in tables:
            if entry := entry_of(table, self.around, place, mistakes, strict=not columns):
                yield entry


def _expanded(content: bytes) -> BinaryIO:
    return io.BufferedReader(gzip.open(io.BytesIO(content)))


def _lines(file: BinaryIO, name: str, mistakes: Mistakes) -> Iterator[_Line]:
    """The lines that hold something, numbered; one that is too long is noted and left out."""
    mark = file.peek(2)[:2] if isinstance(file, io.BufferedReader) else b""
    encoding = "utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = io.TextIOWrapper(file, encoding, errors="backslashreplace")
    number = 0
    try:
        while line := text.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                mistakes.add(Place(name, number), f"a line has at most {MAX_LINE:,} characters")
                while line and not line.endswith("\n"):
                    line = text.readline(MAX_LINE)
            elif (bare := line.strip()) and not bare.startswith("#"):
                yield number, bare
    finally:
        text.detach()


def _json(lines: Iterator[_Line], name: str, mistakes: Mistakes) -> Iterator[tuple[Place, Any]]:
    decode = msgspec.json.Decoder().decode
    repeated: list[str] = []
    # msgspec takes the last of equal keys and says nothing.
    look = json.JSONDecoder(object_pairs_hook=partial(_note_repeated, repeated), parse_int=str).decode
    for number, line in lines:
        place = Place(name, number)
        try:
            table = decode(line)
            look(line)
            while repeated:
                mistakes.add(place.at(repeated.pop(0)), "this key stands twice")
            yield place, table
        except (msgspec.DecodeError, RecursionError) as error:
            mistakes.add(place, f"this is no line of JSON: {error}")


def _note_repeated(found: list[str], pairs: list[tuple[str, object]]) -> None:
    """Take in the keys that one object has more than once."""
    if len(pairs) > len(dict(pairs)):
        found.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)


def _plain(lines: Iterator[_Line], name: str, mistakes: Mistakes) -> Iterator[tuple[Place, Any]]:
    """A target a line, as `check @FILE` has it."""
    for number, line in lines:
        place = Place(name, number)
        try:
            target = parse_target(line.partition("#")[0].strip())
        except TargetError as error:
            mistakes.add(place, str(error))
            continue
        yield place, {("mx" if target.mx else "host"): target.host, "port": target.port}


class _Columns(NamedTuple):
    delimiter: str
    names: Sequence[str]


def _columns(line: str) -> _Columns | None:
    """The columns of a header, which has to have one for the host or the domain; None where it is none."""
    for delimiter in ",;\t":
        names = [name.strip().strip('"') for name in line.split(delimiter)]
        if {"host", "mx"} & set(names):
            return _Columns(delimiter, names)
    return None


def _csv(
    lines: Iterator[_Line], columns: _Columns, place: Place, mistakes: Mistakes
) -> Iterator[tuple[Place, Any]]:
    """Each row as a table; what no column is for is told once, at the header."""
    keys = KEYS[TargetKeys]
    inner = {f"expect.{key}" for key in KEYS[Expect]}
    known = {name for name in columns.names if name in keys or name in inner or name.startswith("labels.")}
    for name, times in Counter(columns.names).items():
        if times > 1:
            mistakes.add(place.at(name), "this column stands twice")
        if name not in known:
            checked({name: ""}, TargetKeys, place, mistakes)
    number = place.line

    def texts() -> Iterator[str]:
        nonlocal number
        for number, line in lines:  # noqa: B007 - told to the loop below
            yield line

    try:
        for row in csv.reader(texts(), delimiter=columns.delimiter, strict=True):
            here = Place(place.file, number)
            if len(row) != len(columns.names):
                mistakes.add(here, f"the header has {len(columns.names)} columns, this row {len(row)}")
                continue
            yield here, _row({n: v for n, v in zip(columns.names, row, strict=True) if n in known})
    except csv.Error as error:
        mistakes.add(Place(place.file, number), f"this is not CSV: {error}")


def _row(cells: dict[str, str]) -> Table:
    """A row as a table: an empty cell says nothing, blanks part the values of a list."""
    table: Table = {}
    for name, cell in cells.items():
        value = cell.strip()
        if not value:
            continue
        outer, dot, key = name.partition(".")
        kind = KEYS[Expect][key] if outer == "expect" and dot else KEYS[TargetKeys][outer]
        read = value.split() if kind.is_list else value
        if dot:
            table.setdefault(outer, {})[key] = read
        else:
            table[name] = read
    return table
