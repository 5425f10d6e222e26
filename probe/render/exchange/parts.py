"""What the pages and documents about Exchange evidence have in common."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from probe.exchange.problem import Problem
from probe.render.page.text import Page, Style
from probe.statement import Confidence, Statement

#: Columns of the labels that stand before a value.
LABEL_COLUMNS = 12


def title(page: Page, text: str, more: str = "") -> None:
    page.blank()
    page.add(more, first=f"{text}  " if more else text, rest="  ", mark=Style.STRONG)


def fact(page: Page, label: str, text: str, *, indent: int = 4) -> None:
    page.add(text, first=f"{' ' * indent}{label:<{LABEL_COLUMNS}}")


def statements(page: Page, said: Iterable[Statement], *, indent: int = 4) -> None:
    """Add statements, each with how sure it is, where that is more than the evidence itself."""
    for one in said:
        plain = one.label is Confidence.DOCUMENTED and not one.source
        page.add(one.text if plain else str(one), first=f"{' ' * indent}· ", rest=" " * (indent + 2))


def problems(page: Page, found: Iterable[Problem]) -> None:
    told = tuple(dict.fromkeys(map(str, found)))
    if told:
        title(page, "Problems", "everything else was used")
        for sentence in told:
            page.add(sentence, first="  ! ", mark=Style.WARNING)


def stamp(at: datetime | None) -> str:
    """An instant to the second, UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "at a time not known"
