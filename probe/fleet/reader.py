"""fleet.toml and what it includes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import convert

from probe.files import open_file
from probe.fleet.alarms import ALARM_TABLES, Described, described
from probe.fleet.entries import Entry, Inherited, entry_of, make_sense
from probe.fleet.keys import FleetFile, Group, Options, Watch
from probe.fleet.lines import Lines
from probe.fleet.mistakes import Mistakes, Place
from probe.fleet.streams import STREAM_SUFFIXES, Stream
from probe.fleet.tables import Table, checked, shown

#: Bytes of one TOML file: it is held whole.
MAX_FILE_BYTES = 4 << 20
#: Targets of the TOML files of one fleet together: they are held; those of streams are not.
MAX_TARGETS = 10_000
#: Files that include one another, and files of one fleet.
MAX_DEPTH = 8
MAX_FILES = 100

_SYNTAX = re.compile(r"(.*?)\s*\(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)


class Reader:
    """Reads a fleet's files: `entries` are the targets of TOML files, `streams` what is read as it is probed."""

    def __init__(self, mistakes: Mistakes) -> None:
        self.entries: list[Entry] = []
        self.streams: list[Stream] = []
        self.alarms: Described | None = None
        """Who is told of what, where the file says so."""
        self.ways: dict[str, Inherited] = {}
        """What a target takes that names no group (""), or one of these."""
        self.watch = Watch()
        """How the whole fleet is watched: what the file says that includes the others."""
        self._mistakes = mistakes
        self._seen: dict[tuple[object, ...], Place] = {}
        self.files: set[Path] = set()

    def read(self, name: str, around: Inherited, place: Place, within: tuple[Path, ...] = ()) -> None:
        """Read one file, `place` being where it is named and `within` the files that include it."""
        if name == "-":
            self.streams.append(Stream(None, around, place))
            return
        path = around.folder / name
        real = path.resolve()
        if refused := self._refused(real, within):
            self._mistakes.add(place, refused)
            return
        if path.suffix.lower() in STREAM_SUFFIXES:
            self.add_stream(path, around, place)
            return
        self.files.add(real)
        if (text := self._text(path, place, within)) is not None:
            self._read_text(path, text, around, (*within, real))

    def add_stream(self, path: Path, around: Inherited, place: Place) -> None:
        """Note a file of targets, whatever its name."""
        self.files.add(path.resolve())
        self.streams.append(Stream(path, around, place))

    def _refused(self, real: Path, within: tuple[Path, ...]) -> str:
        if real in within:
            return f"{shown(real.name)} includes itself"
        if real in self.files:
            return f"{shown(real.name)} is included already"
        if len(within) > MAX_DEPTH:
            return f"at most {MAX_DEPTH} files include one another"
        return f"a fleet is at most {MAX_FILES} files" if len(self.files) >= MAX_FILES else ""

    def _text(self, path: Path, place: Place, within: tuple[Path, ...]) -> str | None:
        try:
            with open_file(path) as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError) and not within
            hint = "; eop-probe fleet init writes an example" if missing else ""
            self._mistakes.add(place, f"{shown(str(path))} cannot be read: {error.strerror or error}{hint}")
            return None
        if len(data) > MAX_FILE_BYTES:
            self._mistakes.add(
                Place(str(path)),
                f"a TOML file has at most {MAX_FILE_BYTES:,} bytes; more targets go into CSV or JSON lines",
            )
            return None
        return data.decode("utf-8-sig", "surrogateescape")

    def _read_text(self, path: Path, text: str, around: Inherited, within: tuple[Path, ...]) -> None:
        document = self._parsed(str(path), text)
        if document is None:
            return
        lines = Lines(text)
        whole = Place(str(path), line_of=lines.top)
        # Tables are looked at one by one below: here only that there are such keys, and of which kind.
        kinds = {
            key: type(value)()
            if key in ("defaults", "group", "target", "watch", *ALARM_TABLES)
            and isinstance(value, list | dict)
            else value
            for key, value in document.items()
        }
        checked(kinds, FleetFile, whole, self._mistakes)
        around = self._surroundings(document, lines, path, around)
        for name in ("", *(around.groups or ())):
            self.ways.setdefault(name, around)
        if ALARM_TABLES & document.keys():
            self._read_alarms(document, lines, path, whole, alone=len(within) == 1)
        if isinstance(given := document.get("watch"), dict):
            self._read_watch(given, _place("watch", lines, path), within)
        for place, table in _tables(document, "target", lines, path):
            self._add(table, around, place)
        for number, name in enumerate(_list(document, "include")):
            if isinstance(name, str) and name:
                self.read(name, around, whole.at("include").at(number), within)

    def _read_alarms(self, document: Table, lines: Lines, path: Path, whole: Place, *, alone: bool) -> None:
        if not alone:
            key = next(key for key in document if key in ALARM_TABLES)
            self._mistakes.add(whole.at(key), "this stands in the file that includes the others only")
            return
        given = document.get("alarms")
        table = (_place("alarms", lines, path), given if isinstance(given, dict) else {})
        self.alarms = described(
            table,
            list(_tables(document, "channel", lines, path)),
            list(_tables(document, "maintenance", lines, path)),
            path.parent,
            self._mistakes,
        )

    def _read_watch(self, given: Table, place: Place, within: tuple[Path, ...]) -> None:
        if len(within) > 1:
            self._mistakes.add(place, "this stands in the file that includes the others only")
        else:
            self.watch = convert(checked(given, Watch, place, self._mistakes), Watch)

    def _parsed(self, file: str, text: str) -> dict[str, Any] | None:
        try:
            text.encode("utf-8")
            return tomllib.loads(text.replace("\r\n", "\n"))
        except UnicodeEncodeError as error:
            line = Place(file, text.count("\n", 0, error.start) + 1)
            self._mistakes.add(line, "this is not UTF-8, in which TOML is written")
        except RecursionError:
            self._mistakes.add(Place(file), "its values are nested too deeply")
        except ValueError as error:
            found = _SYNTAX.fullmatch(str(error))
            at = int(found[2]) if found and found[2] else text.count("\n") + 1 if found else None
            self._mistakes.add(Place(file, at), f"this is not TOML: {found[1] if found else error}")
        return None

    def _surroundings(self, document: Table, lines: Lines, path: Path, around: Inherited) -> Inherited:
        """What targets of this file inherit: from the file that includes it, its defaults, its groups."""
        around = around._replace(folder=path.parent)
        place = _place("defaults", lines, path)
        given = document.get("defaults")
        defaults = checked(given, Options, place, self._mistakes) if isinstance(given, dict) else {}
        make_sense(defaults, around, place, self._mistakes)
        groups = dict(around.groups or {})
        for here, table in _tables(document, "group", lines, path):
            group = checked(table, Group, here, self._mistakes)
            make_sense(group, around, here, self._mistakes)
            name = group.get("name")
            if name is None and "name" not in table:
                self._mistakes.add(here, "a group needs a name")
            elif name in groups:
                self._mistakes.add(here.at("name"), f"there is a group {shown(name)} already")
            elif name is not None:
                groups[name] = group
        return Inherited(path.parent, around.judges, {**around.defaults, **defaults}, groups)

    def _add(self, table: object, around: Inherited, place: Place) -> None:
        entry = entry_of(table, around, place, self._mistakes)
        if entry is None:
            return
        first = self._seen.setdefault(entry.identity, place)
        if first is not place:
            where = f"line {first.line}" if first.file == place.file and first.line else str(first)
            self._mistakes.add(place, f"this is the same target as {first.path} ({where})")
        elif len(self.entries) == MAX_TARGETS:
            self._mistakes.add(
                place,
                f"a fleet has at most {MAX_TARGETS:,} targets in TOML; include the others as CSV or JSON lines",
            )
        if len(self.entries) < MAX_TARGETS + 1:
            self.entries.append(entry)


def _place(name: str, lines: Lines, path: Path) -> Place:
    """Where the only table of a name stands."""
    line, line_of = lines.of(name, 0, 1)
    return Place(str(path), line, name, line_of)


def _list(document: Table, key: str) -> list[Any]:
    value = document.get(key)
    return value if isinstance(value, list) else []


def _tables(document: Table, name: str, lines: Lines, path: Path) -> Iterator[tuple[Place, Any]]:
    """Every table of a list of tables, with its place."""
    every = _list(document, name)
    for index, table in enumerate(every):
        line, line_of = lines.of(name, index, len(every))
        yield Place(str(path), line, f"{name}[{index}]", line_of), table
