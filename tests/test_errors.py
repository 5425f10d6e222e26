"""The exception tree: two branches, and the drawing in its docstring."""

from __future__ import annotations

import inspect

import pytest

from probe import errors

CLASSES = dict(inspect.getmembers(errors, inspect.isclass))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_everything_is_in_the_tree_and_in_the_drawing(name: str) -> None:
    assert issubclass(CLASSES[name], errors.ProbeError)
    assert errors.__doc__ is not None
    assert name in errors.__doc__


def test_the_two_branches_are_apart() -> None:
    asked = {c for c in CLASSES.values() if issubclass(c, errors.ConfigurationError)}
    seen = {c for c in CLASSES.values() if issubclass(c, errors.ObservationError)}
    assert not asked & seen
    assert asked | seen | {errors.ProbeError} == set(CLASSES.values())
