"""The event loops that checks run on, and which of a shared loop's errors are other people's."""

from __future__ import annotations

import asyncio


def new_loop() -> asyncio.AbstractEventLoop:
    """The fastest loop there is here; Windows' usual one cannot watch sockets."""
    try:
        import uvloop
    except ImportError:
        return asyncio.SelectorEventLoop()
    return uvloop.new_event_loop()


def of_others(error: BaseException) -> bool:
    """Whether what was raised came from code of those who share the loop."""
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if module.startswith("probe."):
            return module.startswith("probe.serve.")
        trace = trace.tb_next
    return True
