"""A value is what the standard library's frozen, slotted, keyword-only dataclass is."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from probe.values import value


@value
class Ours:
    """A value with every kind of field."""

    name: str
    count: int = 1
    more: dict[str, int] = field(default_factory=dict)
    length: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", len(self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """The same by the standard library."""

    name: str
    count: int = 1
    more: dict[str, int] = field(default_factory=dict)
    length: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", len(self.name))


@value
class Plain:
    """A value that can be hashed."""

    name: str
    count: int | None = None


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_as_the_standard_library_has_it(kind: type[Ours | Theirs]) -> None:
    one = kind(name="abc", count=2)
    assert repr(one).endswith("(name='abc', count=2, more={})")
    assert (one.length, one.more, kind(name="x").count) == (3, {}, 1)
    assert kind(name="x").more is not kind(name="x").more
    assert one == kind(name="abc", count=2) != kind(name="abc")
    assert one != ("abc", 2, {})
    assert replace(one, name="ab") == kind(name="ab", count=2)
    assert replace(one, name="ab").length == 2
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own
    assert copy.copy(one).length == 3
    assert [each.name for each in fields(one)] == ["name", "count", "more", "length"]
    assert not hasattr(one, "__dict__")
    for wrong in ({}, {"name": "a", "other": 1}):
        with pytest.raises(TypeError, match="argument"):
            kind(**wrong)
    with pytest.raises(TypeError, match="positional"):
        kind("abc")  # type: ignore[misc]  # what is tried
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_nothing_changes_it() -> None:
    one = Plain(name="a")
    with pytest.raises(FrozenInstanceError, match="'name'"):
        one.name = "b"  # type: ignore[misc]  # what is tried
    with pytest.raises(FrozenInstanceError, match="'name'"):
        del one.name  # type: ignore[misc]  # what is tried
    assert {one, Plain(name="a"), Plain(name="a", count=1)} == {one, Plain(name="a", count=1)}
