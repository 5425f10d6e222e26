"""How many examples a property is tried on that wants another number of them than its profile has."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> int:
    """That many, but in a profile of fewer than usual no more than it has."""
    profile = settings.default
    assert profile is not None
    usual = settings.get_profile("default").max_examples
    return count if profile.max_examples >= usual else min(count, profile.max_examples)
