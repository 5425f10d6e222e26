"""The documentation's pictures: each is one that `tools/screenshots.py` takes, small, and shown somewhere."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tools.screenshots import IMAGES, MAX_BYTES, ROOT, SHOTS, Shot

PAGES = (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
_SHOWN = re.compile(r'(?:src|srcset)="([^"]+)"|!\[[^\]]+\]\(([^)]+)\)')


def shown() -> set[Path]:
    """Every picture that a page of the documentation shows."""
    return {
        (page.parent / (html or markdown)).resolve()
        for page in PAGES
        for html, markdown in _SHOWN.findall(page.read_text("utf-8"))
    }


def test_the_pictures_are_those_of_the_tool() -> None:
    assert {path.name for path in IMAGES.iterdir()} == {shot.name for shot in SHOTS}


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_a_picture_is_small_and_as_wide_as_it_says(shot: Shot) -> None:
    png = (IMAGES / shot.name).read_bytes()
    assert len(png) <= MAX_BYTES
    assert struct.unpack(">II", png[16:24]) == (shot.width, shot.height)


def test_what_is_shown_is_there_and_each_is_shown() -> None:
    assert shown() == {IMAGES / shot.name for shot in SHOTS}
