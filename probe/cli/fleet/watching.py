"""What `fleet watch` and `serve` share: a watch with its history, its alarms, and what it says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, ParamSpec

from probe.cli import options as shared
from probe.cli.exit_codes import finish, say
from probe.cli.fleet.common import Opened, Wanted, opened
from probe.cli.output import render_options, write_out
from probe.cli.recording import writable
from probe.cli.waiting import Waiting
from probe.errors import ConfigurationError

if TYPE_CHECKING:
    from probe.alarms.seen import Seen
    from probe.fleet.watch.described import Described
    from probe.fleet.watch.keeper import Keeper, Stored
    from probe.fleet.watch.shares import Shares
    from probe.fleet.watch.signals import Signals
    from probe.fleet.watch.watch import Watch
    from probe.history.database import Database
    from probe.report.record import State

_Given = ParamSpec("_Given")

#: Columns of a line of a log: nothing is wrapped.
_LINE = 1_000


class Begun(NamedTuple):
    """What a watch begins with; `read` says what the description is now, `before` what it was without a mistake."""

    what: Described
    read: Callable[[], Described]
    before: Callable[[], Described]
    stored: Stored
    database: Database


@contextmanager
def watching(
    file: str, wanted: Wanted, stores: shared.Stores, history: str, vantage: str, status: Status
) -> Iterator[tuple[Watch, Begun]]:
    """A watch of the fleet, ready to run, which hears the signals; raises ConfigurationError."""
    from probe.check.pace import too_few_files
    from probe.fleet.watch.keeper import stored
    from probe.fleet.watch.signals import Signals
    from probe.fleet.watch.systemd import Systemd
    from probe.fleet.watch.watch import Told, Watch
    from probe.net import clock

    word, signals = status.around(say), Signals()
    found = _opened(file, wanted, stores)
    what = _described(found)
    if said := too_few_files(wanted.pace().concurrency):
        word(said)
    with (
        signals.watched(),
        _kept(history, vantage, wanted, what.takeover_s, word, signals) as (keeper, database, shares),
        closing(_Notified(keeper, database, word)) as notified,
    ):
        known = stored(database, vantage)
        watched = Watch(
            notified.follow(what),
            keeper,
            Told(status.around(_changed), word, status.show),
            now=lambda: clock.now().timestamp(),
            stored=known,
            vantage=vantage,
            systemd=Systemd(),
        )
        read = _Reading(found, partial(_opened, file, wanted, stores), shares, notified)
        watched.signals, watched.shares = signals, shares
        watched.reload, watched.before = read.anew, read.before
        yield watched, Begun(what, read.anew, read.before, known, database)


def described(file: str, wanted: Wanted, stores: shared.Stores) -> Described:
    """What the files say now; raises ConfigurationError."""
    return _described(_opened(file, wanted, stores))


def _opened(file: str, wanted: Wanted, stores: shared.Stores) -> Opened:
    found = opened(file, wanted, stores, None, hold=wanted.shard is not None)
    if found.fleet.count is None:
        raise ConfigurationError("a watch reads its targets from files, not from standard input")
    return found


def _described(found: Opened, beside: frozenset[int] = frozenset()) -> Described:
    """What is watched of a fleet, with shares taken over; raises ConfigurationError."""
    from probe.fleet.watch.described import described

    what = described(
        found._replace(selection=found.selection._replace(beside=beside)).entries(),
        found.base,
        found.fleet.watch,
        found.fleet.alarms,
        found.fleet.ways(),
        shares=1 + len(beside),
    )
    # A share may be empty now: the next reload may bring it targets, and it takes over those of a watch that is gone.
    if not what.entries and found.selection.shard is None:
        raise ConfigurationError("no target to watch")
    return what


class _Reading:
    """The description as the files have it, or as they had it the last time that they could be used."""

    def __init__(
        self, found: Opened, read: Callable[[], Opened], shares: Shares | None, notified: _Notified
    ) -> None:
        self._found, self._read, self._shares, self._notified = found, read, shares, notified

    def anew(self) -> Described:
        """As the files have it now; raises ConfigurationError, and then nothing has changed."""
        found = self._read()
        what = self._notified.follow(self._of(found))
        self._found = found
        if self._shares:
            self._shares.lease_s = what.takeover_s
        return what

    def before(self) -> Described:
        """As they had it, with the shares of now; raises ConfigurationError where these are too large."""
        return self._of(self._found)

    def _of(self, found: Opened) -> Described:
        return _described(found, self._shares.beside if self._shares else frozenset())


@contextmanager
def _kept(
    history: str,
    vantage: str,
    wanted: Wanted,
    takeover_s: float,
    tell: Callable[[str], None],
    signals: Signals,
) -> Iterator[tuple[Keeper, Database, Shares | None]]:
    """The history, which no other watch has but for the shares of others, and what writes to it."""
    from probe.fleet.watch.keeper import Keeper, stored
    from probe.fleet.watch.shares import Shares
    from probe.fleet.watch.watch import TURN
    from probe.history.claim import Claim
    from probe.history.database import Database
    from probe.history.recorder import Recorder, spool_folder

    name, spool = writable(history), spool_folder(history)
    shard, shares = wanted.selection().shard, None
    with closing(Database(history)) as database, ExitStack() as claimed:
        claim: Claim | Shares
        if shard is None or shard.total == 1:
            claim = Claim(database, vantage)
        elif database.sqlite:
            claim = Claim(database, " ".join(filter(None, (vantage, wanted.shard))))
            tell(
                "shares are taken over in PostgreSQL alone: here nobody looks at that of a watch that is gone"
            )
        else:
            claim = shares = Shares(database, vantage, shard, partial(stored, database, vantage), takeover_s)
        claimed.callback(claim.close)
        if shares:
            shares.begin(partial(_wait, signals), tell)
        recorder = Recorder(history, spool, note=tell)
        try:
            with recorder:
                keeper = Keeper(database, claim, recorder, vantage)
                keeper.renewal_s = TURN if shares else keeper.renewal_s
                yield keeper, database, shares
        finally:
            tell(recorder.kept.sentence(name, spool))


def _wait(signals: Signals, seconds: float) -> None:
    """Wait, unless the watch is to end: then it ends before it has begun."""
    from probe.net import clock

    clock.pause(seconds)
    if signals.asked:
        finish(0)


class _Notified:
    """Who is told of what counts."""

    def __init__(self, keeper: Keeper, database: Database, tell: Callable[[str], None]) -> None:
        self._keeper, self._database, self._tell = keeper, database, tell

    def follow(self, what: Described) -> Described:
        """Tell from now on whom the description names; raises ConfigurationError, and then nothing has changed."""
        from probe.alarms.service import Alarms

        channels = what.alarms.every_channel(os.environ) if what.alarms else ()
        self.close()
        if what.alarms and channels:
            alarms = self._keeper.alarms = Alarms(
                self._database, what.alarms.policy(), channels, say=self._tell
            )
            alarms.start()
        return what

    def close(self) -> None:
        """Tell nobody any more; what was not sent is sent by the next one."""
        alarms, self._keeper.alarms = self._keeper.alarms, None
        if alarms is not None:
            alarms.close()


def _changed(seen: Seen, before: State | None) -> None:
    """Say what is new of an endpoint."""
    from probe.fleet.watch.confirm import changed
    from probe.render.report.facts import instant
    from probe.render.report.line import render

    if (what := changed(before, seen.record.state)) is not None:
        line = render(seen.assessment, replace(render_options(), width=_LINE)).rstrip()
        write_out(f"{instant(seen.record.at)}  {line}{what and f' ({what})'}")


class Status(Waiting):
    """How the watch stands, on a terminal's standard error."""

    def __init__(self) -> None:
        super().__init__("watching")

    def _show(self) -> None:
        """Nothing by itself: `show` is told when."""

    def show(self, text: str) -> None:
        """Draw this in the place of what is drawn."""
        with self._lock:
            if not self._over:
                self._write(f"eop-probe: {text}"[: shutil.get_terminal_size().columns - 1])

    def around(self, write: Callable[_Given, None]) -> Callable[_Given, None]:
        """The same function, with room made for what it writes to the same terminal."""

        def written(*given: _Given.args, **named: _Given.kwargs) -> None:
            with self._lock:
                drawn = self._shown
                self._write("")
                write(*given, **named)
                self._write(drawn)

        return written
