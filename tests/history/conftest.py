from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.history.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty history in SQLite."""
    opened = Database(str(tmp_path / "history.sqlite"))
    yield opened
    opened.close()
