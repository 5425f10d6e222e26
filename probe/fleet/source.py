"""A fleet as a person names it: fleet.toml, a file of targets, or standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from probe.fleet.entries import Entry, Inherited, Judges, entry_of
from probe.fleet.mistakes import Mistakes, Place
from probe.fleet.reader import Reader

DEFAULT_FILE = "fleet.toml"


class Fleet:
    """Targets in the order of their files; `count` is None where only the end of standard input will tell.

    `mistakes` goes on taking those of standard input, which is read once, while its targets are probed.
    """

    def __init__(self, word: str, judges: Judges, *, hold: bool = False) -> None:
        """Read what `word` names: a file, ``@FILE`` of targets, or ``-``; raises FleetError with every mistake.

        To `hold` it is to have the same entries later, whatever became of the files.
        """
        self.mistakes = Mistakes()
        reader = Reader(self.mistakes)
        bare = Inherited(Path(), judges, {})
        if word.startswith("@"):
            reader.add_stream(Path(word[1:]), bare, Place(word))
        else:
            reader.read(word, bare, Place(word))
        self._entries, self.files = reader.entries, reader.files
        self._streams = [one.held() for one in reader.streams] if hold else reader.streams
        self.alarms = reader.alarms
        self._ways = reader.ways
        self.watch = reader.watch
        self.count: int | None = len(reader.entries)
        for stream in self._streams:
            if stream.path is None:
                self.count = None
                if sys.stdin is None:  # closed by who started us
                    self.mistakes.add(stream.place, "there is no standard input to read from")
            else:
                found = sum(1 for _ in stream.entries(self.mistakes))
                self.count = None if self.count is None else self.count + found
        if not reader.entries and not reader.streams and not self.mistakes.count:
            self.mistakes.add(Place(word), "it holds no target")
        self.mistakes.settle()

    def entries(self, standard_input: BinaryIO | None = None) -> Iterator[Entry]:
        """Every target, those of streams read as they are asked for."""
        streams = (one.entries(self.mistakes, standard_input) for one in self._streams)
        return chain(self._entries, chain.from_iterable(streams))

    def ways(self) -> dict[str, Entry]:
        """How a target is probed that the fleet does not hold: by its defaults (""), and by each group's name."""
        made = {
            name: entry_of(
                {"host": "localhost"} | ({"group": name} if name else {}), around, Place(name), Mistakes()
            )
            for name, around in self._ways.items()
        }
        return {name: entry for name, entry in made.items() if entry}
