"""The literals of a module's code, as its compiled form holds them: put together where they were written in parts."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

PROBE = Path(__file__).parent.parent / "probe"


def literals(value: object) -> Iterator[str | bytes]:
    """Every text of some code or constant, also the fixed parts of f-strings."""
    match value:
        case str() | bytes():
            yield value
        case CodeType(co_consts=inner) | (tuple() | frozenset() as inner):
            for each in inner:
                yield from literals(each)


def modules() -> Iterator[tuple[str, CodeType]]:
    """Each module of the package by its path within it; what Python has compiled is not compiled again."""
    for path in sorted(PROBE.rglob("*.py")):
        code = SourceFileLoader(path.stem, str(path)).get_code(path.stem)
        assert code is not None
        yield path.relative_to(PROBE).as_posix(), code
