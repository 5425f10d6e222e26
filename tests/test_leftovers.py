"""What a test leaves behind is told, and nothing where it leaves nothing."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Callable

import pytest

from tests import leftovers

LEFT: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "logging": lambda patch: patch.setattr(logging.root.manager, "disable", logging.CRITICAL),
    "warnings.filters": lambda patch: patch.setattr(warnings, "filters", []),
    "environment": lambda patch: patch.setenv("LEFT", "behind"),
    "folder": lambda patch: patch.chdir("/"),
    "sys.path": lambda patch: patch.setattr(sys, "path", []),
    "standard streams": lambda patch: patch.setattr(sys, "stdout", None),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_is_told(name: str) -> None:
    before = leftovers.quickly()
    with pytest.MonkeyPatch.context() as patch:
        LEFT[name](patch)
        [told] = leftovers.changed(before, leftovers.quickly())
    assert told.startswith(f"{name}: ")
    assert leftovers.changed(before, leftovers.quickly()) == []


def test_a_thread_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "PATIENCE_S", 0.05)
    before, end = leftovers.threads(), threading.Event()
    thread = threading.Thread(target=end.wait, name="left")
    thread.start()
    [told] = leftovers.running(before)
    assert "left" in told
    end.set()
    thread.join()
    assert leftovers.running(before) == []
