"""A process that answers and watches nothing: its probes are those that are asked for."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable

from probe.check.engine import Engine
from probe.check.pace import Pace
from probe.errors import ConfigurationError
from probe.fleet.watch.signals import Signals
from probe.fleet.watch.systemd import Systemd
from probe.serve.demand import Demand


class Answering:
    """Runs until a signal comes; `run` once."""

    def __init__(self, demand: Demand, tell: Callable[[str], None]) -> None:
        self.signals = Signals()
        self.reload: Callable[[], object] | None = None
        """What reads the description anew; raises ConfigurationError."""
        self._demand, self._tell, self._systemd = demand, tell, Systemd()

    def run(self, pace: Pace, loop: AbstractEventLoop) -> None:
        """Make the probes that are asked for."""
        self._engine = Engine(self._demand.jobs(self._turn), pace, loop, self.signals, shared=True)
        self._demand.hasten = self._engine.hasten
        self._live(loop)
        self._systemd.ready()
        try:
            deque(self._engine.run(), 0)  # what is asked for comes out of no run
        finally:
            self._systemd.stopping()

    def _live(self, loop: AbstractEventLoop) -> None:
        if self._systemd.watchdog_s:
            self._systemd.alive()
            loop.call_later(self._systemd.watchdog_s / 2, self._live, loop)

    def _turn(self) -> None:
        if not self.signals.reload:
            return
        self.signals.reload = False
        self._systemd.reloading()
        try:
            if self.reload:
                self.reload()
                self._engine.forget()
                self._tell("the description was read again")
        except ConfigurationError as error:
            self._tell(f"{error}\nwhat was read before holds")
        self._systemd.ready()
