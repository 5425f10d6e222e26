"""``eop-probe serve``: probes over HTTP for Prometheus, and a dashboard."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.asking import Asking, advise
from probe.cli.declare import option
from probe.cli.exit_codes import finish, say
from probe.cli.fleet.common import Wanted
from probe.cli.recording import History, Vantage, own_history, writable
from probe.errors import ConfigurationError
from probe.net.target import LOOPBACK

if TYPE_CHECKING:
    import socket
    from asyncio import AbstractEventLoop, Task

    from probe.fleet.watch.described import Described
    from probe.serve.counted import Counted
    from probe.serve.demand import Demand
    from probe.serve.standing import Standing
    from probe.serve.targets import Targets
    from probe.serve.web import Web

app = new_app()


class Place(NamedTuple):
    """Where it listens, and how much at once."""

    host: shared.ListenHost = LOOPBACK
    port: Annotated[
        int, option("--port PORT", "Port to listen on.", variable="SERVE_PORT", min=0, max=65535)
    ] = 9825
    max_probes: Annotated[
        int,
        option(
            "--max-probes N", "Probes that may wait or be made at once; more get a 503.", min=1, max=10_000
        ),
    ] = 200

    def url(self, listening: socket.socket, scheme: str) -> str:
        """What a browser asks for."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{listening.getsockname()[1]}/"


@app.command()
def serve(
    *,
    config: Annotated[
        str | None, option("--config FILE", "The fleet: its targets may be asked for, and are watched.")
    ] = None,
    no_watch: Annotated[
        bool, option("--no-watch", "Only answer; another process watches, and writes the history.")
    ] = False,
    place: Place,
    asking: Asking,
    wanted: Wanted,
    history: History = None,
    vantage: Vantage = None,
    stores: shared.Stores,
) -> None:
    """Probe over HTTP what Prometheus asks for, and watch a fleet: /probe?target=HOST&module=to-eop, /metrics.

    SIGHUP reads the fleet anew, Ctrl-C and SIGTERM end it in order, with 0.
    """
    if not config and not asking.allow_any_target:
        raise ConfigurationError("nothing may be probed: name a fleet with --config, or --allow-any-target")
    try:
        from probe.serve.server import bound
    except ImportError:
        raise ConfigurationError("serve needs an extra: pip install 'eop-probe[serve]'") from None
    from probe.check.loops import new_loop
    from probe.serve.demand import Demand
    from probe.serve.web import Web

    web = Web(asking.web_config, say)
    listening = bound(place.host, place.port)
    advise(listening, web, say)
    kept_in = (history or own_history()) if config else ""
    loop = new_loop()
    url = place.url(listening, "https" if web.tls() else "http")
    server = _Server(listening, url, loop, Demand(loop, place.max_probes), [], asking, web)
    fleet = _Fleet(config or "", wanted, stores, kept_in, vantage or "", asking)
    with closing(loop), closing(listening):
        if config and not no_watch:
            writable(kept_in)
            server.watch(fleet)
        else:
            server.answer(fleet)
    finish(0)


def _followed(
    read: Callable[[], Described],
    standing: Standing,
    targets: Targets,
    reading: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Described:
    with reading():
        return targets.follow(standing.follow(read()))


class _Fleet(NamedTuple):
    """What may be asked for, and where its history is; `file` is empty where there is none."""

    file: str
    wanted: Wanted
    stores: shared.Stores
    history: str
    vantage: str
    asking: Asking

    def targets(self, what: Described) -> Targets:
        """Those that may be asked for."""
        from probe.serve.targets import Targets

        return Targets(what, any_target=self.asking.allow_any_target, private=self.asking.allow_private)

    def described(self) -> Described:
        """What the files say now; raises ConfigurationError."""
        from probe.check.options import CheckOptions
        from probe.cli.fleet.watching import described
        from probe.fleet.keys import Watch
        from probe.fleet.watch.described import Described

        if self.file:
            return described(self.file, self.wanted, self.stores)
        return Described(entries={}, base=CheckOptions(stores=self.stores.named()), keys=Watch())


class _Server(NamedTuple):
    """A server that listens, on the loop on which probes are made."""

    listening: socket.socket
    url: str
    loop: AbstractEventLoop
    demand: Demand
    tasks: list[Task[None]]
    asking: Asking
    web: Web

    def watch(self, fleet: _Fleet) -> None:
        """Watch the fleet, and answer."""
        from probe.cli.fleet.watching import Status, watching
        from probe.serve.counted import Counted
        from probe.serve.standing import Standing
        from probe.serve.told import told

        with (
            Status() as status,
            watching(fleet.file, fleet.wanted, fleet.stores, fleet.history, fleet.vantage, status) as (
                watch,
                begun,
            ),
        ):
            standing, targets = Standing(begun.what), fleet.targets(begun.what)
            standing.tell(begun.database.run(lambda c: told(c, begun.stored.spans)))
            standing.looking, watch.onlooker, watch.beside = watch, standing, self.demand
            counted = Counted(lambda: len(self.demand))
            watch.reload = partial(_followed, begun.read, standing, targets, counted.reading)
            watch.before = partial(_followed, begun.before, standing, targets)
            with self._served(targets, standing, counted, fleet.history, status.around(say)):
                watch.run(fleet.wanted.pace(), self.loop)

    def answer(self, fleet: _Fleet) -> None:
        """Answer; where there is a fleet, another process watches it."""
        from probe.serve.answering import Answering
        from probe.serve.counted import Counted
        from probe.serve.standing import Standing
        from probe.serve.told import follow

        what = fleet.described()
        targets, standing = fleet.targets(what), Standing(what)
        alone, counted = Answering(self.demand, say), Counted(lambda: len(self.demand))
        if fleet.file:
            alone.reload = partial(_followed, fleet.described, standing, targets, counted.reading)
        with alone.signals.watched(), self._served(targets, standing, counted, fleet.history, say):
            if fleet.file:
                history = follow(standing, fleet.history, fleet.vantage, say)
                self.tasks.append(self.loop.create_task(history))
            alone.run(fleet.wanted.pace(), self.loop)

    @contextmanager
    def _served(
        self,
        targets: Targets,
        standing: Standing,
        counted: Counted,
        history: str,
        tell: Callable[[str], None],
    ) -> Iterator[None]:
        from probe.serve.app import application
        from probe.serve.mishaps import Mishaps
        from probe.serve.pages import Dashboard
        from probe.serve.probing import Probing
        from probe.serve.server import served

        mishaps = Mishaps(tell)
        mishaps.watch(self.loop)
        dashboard = Dashboard(standing, history, mishaps.say)
        app = application(Probing(self.demand, targets, counted), counted, standing, dashboard.routes)
        guarded = self.asking.guarded(app, self.web, self.listening)
        # What a fleet of 10,000 consists of stays: to search it for cycles would stop the loop for 150 ms now and then.
        gc.freeze()
        with served(guarded, self.listening, self.loop, self.web):
            tell(f"listening on {self.url}")
            try:
                yield
            finally:
                self.demand.end()
                dashboard.close()
                for task in self.tasks:
                    task.cancel()
