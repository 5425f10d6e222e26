"""The fixtures of the command line's tests."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import pytest

from probe.stores import microsoft
from probe.stores.files import existing
from tests.cli.running import ROOT, Cli

_load = microsoft.load
_remembered = cache(_load)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A PEM file with the root that the test servers' chains lead to."""
    path = tmp_path / "root.pem"
    path.write_text(ROOT.pem, encoding="ascii")
    return path


def _loaded(folder: Path, *own: Path | None, **more: object) -> microsoft.MicrosoftStore:
    """Microsoft's list; the package's, which hundreds of runs ask for, is read and verified once."""
    kept = [folder / name for name in (microsoft.ROOT_LIST_FILE, microsoft.DISALLOWED_FILE)]
    if any(own) or any(more.values()) or any(map(existing, kept)):
        return _load(folder, *own, **more)  # type: ignore[arg-type]
    return _remembered(folder)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], store: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setattr(microsoft, "load", _loaded)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))  # nothing is piped into it
    return Cli(capsys, store)
