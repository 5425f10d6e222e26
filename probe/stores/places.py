"""Where this user's copies of Microsoft's lists are kept, by each platform's rules."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

_NAME = "eop-probe"


def cache_directory(
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
    home: Callable[[], Path] = Path.home,
) -> Path:
    """The folder for downloaded lists; it need not exist.

    ``%LOCALAPPDATA%`` on Windows, ``~/Library/Caches`` on macOS, else ``$XDG_CACHE_HOME`` or ``~/.cache``
    (XDG Base Directory Specification: a relative value is to be ignored).
    """
    try:
        at_home = home()
    except RuntimeError:  # a user without a home, as in many a container: nothing is found or kept there
        at_home = Path("/nonexistent")
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        base = Path(local) if local else at_home / "AppData" / "Local"
    elif platform == "darwin":
        base = at_home / "Library" / "Caches"
    else:
        base = Path(environment.get("XDG_CACHE_HOME", ""))
        base = base if base.is_absolute() else at_home / ".cache"
    return base / _NAME
