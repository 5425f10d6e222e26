"""Who takes over a share, and which targets come with it; on a real PostgreSQL: tests/lab/test_lab_shares.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.fleet.entries import Judges
from probe.fleet.selection import Selection, Shard
from probe.fleet.source import Fleet
from probe.fleet.watch.shares import heir


@pytest.mark.parametrize(
    ("one", "living", "expected"),
    [(2, {1, 3}, 3), (3, {1, 2}, 1), (1, {3}, 3), (1, {2, 3}, 2), (2, {1}, 1), (4, {2, 3, 9}, 9)],
)
def test_the_next_one_that_lives_going_up_and_round(one: int, living: set[int], expected: int) -> None:
    assert heir(one, living, 9 if 9 in living else 3) == expected


def test_every_target_has_one_share_and_one_taken_over_comes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'{{"host": "mail{number}.contoso.test"}}\n' for number in range(90)))
    entries = list(Fleet(str(path), Judges(lambda _: tuple)).entries())

    def selected(number: int, *beside: int) -> set[str]:
        chosen = Selection({}, Shard(number, 3), frozenset(beside))
        return {entry.target.text for entry in chosen.of(entries)}

    every = {entry.target.text for entry in entries}
    first, second, third = selected(1), selected(2), selected(3)
    assert first | second | third == every
    assert len(first) + len(second) + len(third) == len(every) == 90
    assert selected(1, 2) == first | second != every
    assert selected(3, 1, 2) == every
