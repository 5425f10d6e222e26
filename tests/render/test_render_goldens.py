"""Whole outputs, as a person or a program gets them."""

from __future__ import annotations

import pytest

from tests.render.goldens import FOLDER, GOLDENS


@pytest.mark.parametrize("name", GOLDENS)
def test_the_output_is_the_golden_file(name: str) -> None:
    assert GOLDENS[name]() == (FOLDER / name).read_text(encoding="utf-8"), (
        "after a wanted change: python -m tests.render.goldens, then read the diff"
    )


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(GOLDENS)
