"""The one place that asks what time it is; everybody else takes the time as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a scale that never goes back; only differences mean anything."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Do nothing for so many seconds (none if that is not positive)."""
    if seconds > 0:
        time.sleep(seconds)
