"""Where this user's copies of Microsoft's lists are kept, by each platform's rules."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_NAME = "eop-probe"


def cache_directory(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """The folder for downloaded lists; it need not exist.

    ``%LOCALAPPDATA%`` on Windows, ``~/Library/Caches`` on macOS, else ``$XDG_CACHE_HOME`` or ``~/.cache``
    (XDG Base Directory Specification: a relative value is to be ignored).
    """
    home = os.path.expanduser("~")
    if platform == "win32":
        base = environment.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        base = environment.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):
            base = os.path.join(home, ".cache")
    return os.path.join(base, _NAME)
