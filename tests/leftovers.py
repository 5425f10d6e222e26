"""What of a process all its tests share, and who leaves it otherwise than it was found."""

from __future__ import annotations

import _signal
import asyncio
import decimal
import gc
import locale
import logging
import os
import socket
import sys
import threading
import tracemalloc
import warnings
from pathlib import Path

#: Seconds within which a thread that was not waited for has to end by itself.
PATIENCE_S = 10.0

State = dict[str, object]


def quickly() -> State:
    """What is looked at around every test: some ten microseconds."""
    environment = os.environ._data.copy()  # type: ignore[attr-defined]  # decoding each value takes thrice as long
    environment.pop(b"PYTEST_CURRENT_TEST", None)
    root = logging.root
    return {
        "logging": (root.manager.disable, root.level, *root.handlers),
        "warnings.filters": warnings.filters[:],
        "environment": environment,
        "folder": os.getcwd(),  # noqa: PTH109 - Path.cwd() costs more than the rest
        "SIGINT": _signal.getsignal(_signal.SIGINT),
        "SIGTERM": _signal.getsignal(_signal.SIGTERM),
        "SIGHUP": _signal.getsignal(_signal.SIGHUP),
        "SIGPIPE": _signal.getsignal(_signal.SIGPIPE),
        "time limit of sockets": socket.getdefaulttimeout(),
        "sys.path": sys.path[:],
        "standard streams": (sys.stdin, sys.stdout, sys.stderr),
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook),
        "garbage collection": (gc.isenabled(), gc.get_threshold()),
        "tracemalloc": tracemalloc.is_tracing(),
    }


def thoroughly() -> State:
    """What is looked at around every file of tests."""
    context = decimal.getcontext()
    status = Path("/proc/self/status").read_text("ascii", "replace") if sys.platform == "linux" else ""
    return {
        "umask": [line for line in status.splitlines() if line.startswith("Umask")],
        "locale": locale.setlocale(locale.LC_ALL),
        "decimals": (context.prec, context.rounding, dict(context.traps)),
        "event loops": type(asyncio.get_event_loop_policy()),
        "recursion": sys.getrecursionlimit(),
    }


def modules() -> State:
    """Ours that are loaded; one that is loaded anew has other classes."""
    return {name: module for name, module in sys.modules.items() if name.startswith(("probe.", "tests."))}


def around_a_file() -> State:
    """All of it. Pytest puts the filters of warnings back after each test; a mark's are there before a file's first."""
    state = quickly() | thoroughly() | modules()
    del state["warnings.filters"]
    return state


def threads() -> set[threading.Thread]:
    """Those that hold up the end of the process."""
    return {thread for thread in threading.enumerate() if not thread.daemon}


def changed(before: State, after: State) -> list[str]:
    """What is otherwise."""
    return [
        f"{name}: {before[name]!r} became {after.get(name)!r}"
        for name in before
        if before[name] != after.get(name)
    ]


def running(before: set[threading.Thread]) -> list[str]:
    """Threads that were begun since, and do not end."""
    begun = threads() - before
    for thread in begun:
        thread.join(PATIENCE_S)
    return [f"still running: {thread}" for thread in begun if thread.is_alive()]
