"""The fixtures of the command line's tests."""

from __future__ import annotations

import io
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
def cli(capsys: pytest.CaptureFixture[str], store: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))  # nothing is piped into it
    return Cli(capsys, store)
