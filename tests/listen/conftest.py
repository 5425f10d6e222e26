"""The fixtures of the listener's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.listen.senders import Listening


@pytest.fixture
def listening(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Listening:
    return Listening(capsys, tmp_path)
