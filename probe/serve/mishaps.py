"""What goes wrong in the server itself: told in one sentence, now and then, and the process goes on."""

from __future__ import annotations

import logging
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any

from probe.net import clock
from probe.report.failed import Guard

#: Seconds for which nothing more is told after something was.
QUIET_S = 10.0
#: What uvicorn logs as an error of answers that take longer than it waits at its end: that cuts them off on purpose.
CUT_OFF = "Cancel %s running task(s)"


class Mishaps(logging.Handler):
    """Hears of them from the loop and from the server's log; of what comes often the first is told."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._tell, self._quiet_until = tell, 0.0

    def watch(self, loop: AbstractEventLoop) -> None:
        """Listen."""
        loop.set_exception_handler(self._of_loop)
        for name in ("uvicorn.error", "asyncio"):
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [self], False

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of a log."""
        if str(record.msg).startswith(CUT_OFF):
            return
        self._note(record.exc_info[1] if record.exc_info else None, record.getMessage())

    def _of_loop(self, _: AbstractEventLoop, context: dict[str, Any]) -> None:
        self._note(context.get("exception"), context["message"])

    def _note(self, error: BaseException | None, message: str) -> None:
        with Guard() as guard:
            if error is not None:
                raise error
        self.say(f"the server met an error and goes on: {guard.failure or message.splitlines()[0]}")

    def say(self, sentence: str) -> None:
        """Tell of something, unless something was told a moment ago."""
        now = clock.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_S
            self._tell(sentence)
