"""Where the tables and keys of a TOML file stand: the parser of the standard library does not tell."""

from __future__ import annotations

import re
from collections.abc import Callable

_HEADER = re.compile(r"\s*\[(\[?)\s*([\w-]+)\s*(?:\.\s*[\"']?([\w-]+))?")
_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*[=.]")


class Lines:
    """The lines of a TOML file by table and key; what stands in no usual way is not found."""

    def __init__(self, text: str) -> None:
        self._keys: list[dict[str, int]] = [{}]
        self._tables: dict[str, list[tuple[int, dict[str, int]]]] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.match(line):
                self._open(number, header[2], header[3], several=bool(header[1]))
            elif key := _KEY.match(line):
                self._keys[-1].setdefault(key[1], number)

    def _open(self, number: int, name: str, inner: str | None, *, several: bool) -> None:
        found = self._tables.setdefault(name, [])
        if inner is None or not found:
            found.append((number, {}))
        keys = found[-1][1]
        if inner is not None and not several:
            keys.setdefault(inner, number)
            keys = {}  # those of a table inside stand at its header
        self._keys.append(keys)

    def top(self, key: str) -> int | None:
        """The line of a key above all tables, or of the first table of that name."""
        tables = self._tables.get(key)
        return self._keys[0].get(key) or (tables[0][0] if tables else None)

    def of(self, name: str, index: int, total: int) -> tuple[int | None, Callable[[str], int | None]]:
        """The line of the table `index` of the `total` of that name, and what tells the lines of its keys."""
        found = self._tables.get(name, [])
        if len(found) != total:
            return self._keys[0].get(name), lambda _: None
        line, keys = found[index]
        return line, keys.get
