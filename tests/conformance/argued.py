"""The disagreements we stand by, read from `disagreements.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path


def argued(suite: str) -> dict[str, str]:
    """Case by its reason, for `x509-limbo` or `pkits`; ValueError for a case listed twice."""
    table = tomllib.loads((Path(__file__).parent / "disagreements.toml").read_text("utf-8"))
    pairs = [
        (case, entry["reason"])
        for entry in table["disagreement"]
        if entry["suite"] == suite
        for case in entry["cases"]
    ]
    if len(pairs) != len(dict(pairs)):
        raise ValueError(f"a case of {suite} is listed twice")
    return dict(pairs)
