"""Tests that have to do with time, on a machine that others use, too."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

from probe.errors import ProbeError

T = TypeVar("T")

#: Seconds in which something is done that takes a tenth of the first, on a machine that has little else to do.
ENOUGH_S = (0.3, 3.0, 30.0)


def given_time(check: Callable[[float], T], *seconds: float) -> T:
    """What `check` comes to in the shortest of these times that suffices here; by default one of ENOUGH_S.

    A machine can only be too slow for what a test wants: what is wrong is so in all of them.
    """
    *shorter, last = seconds or ENOUGH_S
    for each in shorter:
        with contextlib.suppress(AssertionError, ProbeError):
            return check(each)
    return check(last)
