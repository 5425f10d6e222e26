"""A bounded mapping of what was used lately."""

from __future__ import annotations

from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """Holds the last `limit` values at least, and fewer than twice as many; what is asked for stays.

    There are two generations. What is found in the older one moves to the younger; when that is full, the older one
    is forgotten as a whole. So nothing is searched or sorted, whatever a peer sends, and what many use outlives what
    one sends.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._young: dict[_Key, _Value] = {}
        self._old: dict[_Key, _Value] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: _Key) -> _Value | None:
        """The value, or None."""
        found = self._young.get(key)
        if found is None and (found := self._old.pop(key, None)) is not None:
            self[key] = found
        return found

    def __setitem__(self, key: _Key, value: _Value) -> None:
        if len(self._young) >= self._limit:
            self._young, self._old = {}, self._young
        self._young[key] = value
