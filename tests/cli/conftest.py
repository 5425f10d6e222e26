"""The fixtures of the command line's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import ROOT, Cli


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A PEM file with the root that the test servers' chains lead to."""
    path = tmp_path / "root.pem"
    path.write_text(ROOT.pem, encoding="ascii")
    return path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], store: Path) -> Cli:
    return Cli(capsys, store)
