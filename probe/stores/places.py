"""Where this user's copies of Microsoft's lists are kept, and the history, by each platform's rules."""

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
    return _folder(environment, platform, home, "Caches", ("XDG_CACHE_HOME", ".cache"))


def state_directory(
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
    home: Callable[[], Path] = Path.home,
) -> Path:
    """The folder for what has to survive, as the history; it need not exist.

    ``%LOCALAPPDATA%`` on Windows, ``~/Library/Application Support`` on macOS, else ``$XDG_STATE_HOME`` or
    ``~/.local/state``.
    """
    return _folder(environment, platform, home, "Application Support", ("XDG_STATE_HOME", ".local/state"))


def history_file() -> Path:
    """The file of this user's history, where no other is named."""
    return state_directory() / "history.sqlite"


def _folder(
    environment: Mapping[str, str],
    platform: str,
    home: Callable[[], Path],
    in_library: str,
    elsewhere: tuple[str, str],
) -> Path:
    try:
        at_home = home()
    except RuntimeError:  # a user without a home, as in many a container: nothing is found or kept there
        at_home = Path("/nonexistent")
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        base = Path(local) if local else at_home / "AppData" / "Local"
    elif platform == "darwin":
        base = at_home / "Library" / in_library
    else:
        variable, usual = elsewhere
        base = Path(environment.get(variable, ""))
        base = base if base.is_absolute() else at_home / usual
    return base / _NAME
