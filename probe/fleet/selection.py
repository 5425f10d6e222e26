"""Which targets of a fleet are probed: by label, and by share of the work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from probe.errors import ConfigurationError
from probe.fleet.entries import Entry
from probe.text import printable

_SHARD = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


class Shard(NamedTuple):
    """One share of `total`; a target's depends on its name and port alone, whatever else the fleet holds."""

    number: int
    total: int

    def number_of(self, target: str) -> int:
        """The share of a target, by its text."""
        digest = blake2b(target.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.total + 1


class Selection(NamedTuple):
    """Targets that have one of the values wanted of every label named, in the shard or one taken over `beside` it."""

    labels: dict[str, frozenset[str]]
    shard: Shard | None = None
    beside: frozenset[int] = frozenset()

    def of(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The entries selected."""
        for entry in entries:
            labels = entry.labels if self.labels else {}
            if all(labels.get(name) in values for name, values in self.labels.items()) and (
                self.shard is None
                or self.shard.number_of(entry.target.text) in {self.shard.number, *self.beside}
            ):
                yield entry


def selection(only: Iterable[str], shard: str | None) -> Selection:
    """Read ``--only LABEL=VALUE`` and ``--shard I/N``; raises ConfigurationError."""
    labels: dict[str, frozenset[str]] = {}
    for pair in only:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ConfigurationError(
                f'--only: "{printable(pair, 60)}" is not LABEL=VALUE, such as group=berlin'
            )
        labels[name] = labels.get(name, frozenset()) | {value}
    if shard is None:
        return Selection(labels)
    found = _SHARD.fullmatch(shard)
    if not found or int(found[1]) > int(found[2]):
        raise ConfigurationError(
            f'--shard: "{printable(shard, 60)}" is not I/N with I from 1 to N, N at most 999,999, such as 3/16'
        )
    return Selection(labels, Shard(int(found[1]), int(found[2])))
