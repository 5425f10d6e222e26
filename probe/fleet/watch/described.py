"""What is watched: the targets of a fleet by a key of their own, and how often each is looked at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from probe.check.options import CheckOptions
from probe.errors import ConfigurationError
from probe.fleet.alarms import Described as Alarms
from probe.fleet.entries import Entry
from probe.fleet.keys import Watch as WatchKeys
from probe.fleet.keys import seconds

#: Targets of one watch, and as many of each share that it has taken over: they are held.
MAX_TARGETS = 100_000
INTERVAL = 6 * 3600
RECHECK_AFTER = 60
TAKEOVER_AFTER = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A fleet to be watched; `base` is common to its checks, `ways` how other targets would be probed, by group."""

    entries: dict[str, Entry]
    base: CheckOptions
    keys: WatchKeys
    alarms: Alarms | None = None
    ways: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def intervals(self) -> dict[str, int]:
        """Seconds between two looks at each target."""
        return {key: interval_s(entry) for key, entry in self.entries.items()}

    @property
    def recheck_s(self) -> int:
        """Seconds after which a doubtful result is looked at again."""
        return seconds(self.keys.recheck_after) if self.keys.recheck_after else RECHECK_AFTER

    @property
    def takeover_s(self) -> int:
        """Seconds after which the share of a watch that is gone is taken over."""
        return seconds(self.keys.takeover_after) if self.keys.takeover_after else TAKEOVER_AFTER

    @property
    def ping_url(self) -> str:
        """The URL of a dead man's switch, or nothing."""
        return (self.keys.ping and self.keys.ping.url) or ""


def described(
    entries: Iterable[Entry],
    base: CheckOptions,
    keys: WatchKeys,
    alarms: Alarms | None = None,
    ways: Mapping[str, Entry] = {},
    *,
    shares: int = 1,
) -> Described:
    """The description of what `entries` of so many shares hold, alike ones once; raises ConfigurationError."""
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(key_of(entry), entry)
        if len(found) > MAX_TARGETS * shares:
            raise ConfigurationError(f"a watch has at most {MAX_TARGETS:,} targets; share them with --shard")
    return Described(entries=found, base=base, keys=keys, alarms=alarms, ways=ways)


def key_of(entry: Entry) -> str:
    """What the due time of a target is kept by, whatever else its fleet holds."""
    return blake2b(json.dumps(entry.identity).encode(), digest_size=16).hexdigest()


def interval_s(entry: Entry) -> int:
    """Seconds between two looks at a target."""
    return seconds(entry.keys.interval) if entry.keys.interval else INTERVAL
