"""A watch as a test runs it: on real servers, with a clock that leaps to the next event while nothing is under way."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probe.alarms.seen import Seen
from probe.check.options import CheckOptions
from probe.check.pace import Pace
from probe.fleet.entries import Judges
from probe.fleet.source import Fleet
from probe.fleet.watch.described import Described, described
from probe.fleet.watch.keeper import Keeper, stored
from probe.fleet.watch.schedule import slot
from probe.fleet.watch.systemd import Systemd
from probe.fleet.watch.watch import Told, Watch
from probe.history.claim import Claim
from probe.history.database import Database
from probe.history.read import spans
from probe.history.recorder import Recorder
from probe.net import clock
from probe.report.record import Span, State
from probe.stores import load_judges
from tests.cli.running import NOW

#: Where the clock of a watch begins: when the certificates of the tests are valid.
START = NOW.timestamp()


class _Leaping(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # whichever there is
    """Waits for sockets as ever; where there is none to wait for, the clock is put forward."""

    leapt = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        alone = len(self.get_map()) <= 1  # the loop's own
        if alone and timeout:
            self.leapt += timeout
            timeout = 0
        return super().select(timeout)


class Leaping(asyncio.SelectorEventLoop):
    """An event loop whose time leaps."""

    def __init__(self) -> None:
        self.selector = _Leaping()
        super().__init__(self.selector)

    def time(self) -> float:
        return super().time() + self.selector.leapt


class Watching:
    """A fleet that is watched for a while, as often as a test wants; `said` is what it has to say."""

    def __init__(self, folder: Path, targets: list[dict[str, Any]], store: str, **keys: Any) -> None:  # noqa: ANN401 - TOML
        self.folder, self.store = folder, store
        self.history = str(folder / "history.sqlite")
        self.said: list[str] = []
        self.status = ""
        self.describe(targets, **keys)
        # Half an interval before the first target's turn, so that no look lies on an edge.
        key, interval = next(iter(self.described().intervals.items()))
        self.now = slot(key, interval, START) + interval / 2

    def describe(self, targets: list[dict[str, Any]], **keys: Any) -> None:  # noqa: ANN401 - TOML
        """Write the description; `keys` are those of [watch]."""
        (self.folder / "t.jsonl").write_text("".join(json.dumps(one) + "\n" for one in targets))
        lines = "".join(f"{key.replace('_', '-')} = {json.dumps(value)}\n" for key, value in keys.items())
        (self.folder / "fleet.toml").write_text(f'include = ["t.jsonl"]\n[watch]\n{lines}')

    def described(self) -> Described:
        return self.describing()()

    def describing(self, *, hold: bool = False) -> Callable[[], Described]:
        """Read the files, and say what they describe."""

        def loader(names: tuple[str, ...]) -> Callable[[], Any]:
            judges = load_judges(names, stand_in=Path(self.store), warn=self.said.append)
            return lambda: judges

        judges = Judges(loader)
        fleet = Fleet(str(self.folder / "fleet.toml"), judges, hold=hold)
        return lambda: described(fleet.entries(), CheckOptions(stores=judges.of(())), fleet.watch)

    def run(
        self,
        seconds: float,
        *events: tuple[float, Callable[[Watch], object]],
        environment: Mapping[str, str] = {},
        keep: bool = True,
    ) -> list[Seen]:
        """Watch for so many seconds, in which each event comes at its own; what counted, unless nobody keeps it."""
        counted: list[Seen] = []

        def result(seen: Seen, _: State | None) -> None:
            if keep:
                counted.append(seen)

        def show(text: str) -> None:
            self.status = text

        loop, database = Leaping(), Database(self.history)
        began, start = loop.time(), self.now
        claim = Claim(database, "")

        def now() -> float:
            return start + loop.time() - began

        with Recorder(self.history, self.folder / "spool", note=self.said.append) as recorder:
            what, before = self.described(), stored(database, "")
            if not before.due:
                # As if it had been watched before: a new target's first look comes at no slot of its own.
                slots = {key: slot(key, interval, start) for key, interval in what.intervals.items()}
                before = before._replace(due=slots)
            watch = Watch(
                what,
                Keeper(database, claim, recorder, ""),
                Told(result, self.said.append, show),
                now=now,
                stored=before,
                systemd=Systemd(environment),
            )
            watch.reload = self.described

            def end() -> None:
                watch.signals.asked = True
                loop.stop()

            for at, event in events:
                loop.call_later(at, event, watch)
            loop.call_later(seconds, end)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(clock, "now", lambda: datetime.fromtimestamp(now(), UTC))
                patch.setattr(clock, "monotonic", loop.time)
                watch.run(Pace(), loop)
        claim.close()
        database.close()
        self.now = start + seconds
        return counted

    def spans(self) -> list[Span]:
        """Every span of the history, in the order of its beginning."""
        database = Database(self.history)
        found = database.run(lambda c: list(spans(c)))
        database.close()
        return sorted(found, key=lambda span: (span.first, span.number))
