"""What the pages and documents about Exchange evidence have in common."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from probe.exchange.problem import Problem
from probe.render.page.text import Page, Style
from probe.statement import Confidence, Statement

#: Columns of the labels that stand before a value.
LABEL_COLUMNS = 12

#: What a list of problems does not mean.
PROBLEMS = "everything else was used"


def title(page: Page, text: str, more: str = "") -> None:
    page.blank()
    page.add(more, first=f"{text}  " if more else text, rest="  ", mark=Style.STRONG)


def fact(page: Page, label: str, text: str, *, indent: int = 4) -> None:
    page.add(text, first=f"{' ' * indent}{label:<{LABEL_COLUMNS}}")


def statements(page: Page, said: Iterable[Statement], *, indent: int = 4) -> None:
    """Add statements, each with how sure it is, where that is more than the evidence itself."""
    for one in said:
        text, rests_on = told(one)
        page.add(
            f"{text} ({rests_on})" if rests_on else text,
            first=f"{' ' * indent}· ",
            rest=" " * (indent + 2),
        )


def told(one: Statement) -> tuple[str, str]:
    """The sentence, and how sure it is and what it rests on; the second is empty where it only repeats the evidence."""
    if one.label is Confidence.DOCUMENTED and not one.source:
        return one.text, ""
    return one.text, f"{one.label.value}: {one.source}" if one.source else one.label.value


def problems(page: Page, found: Iterable[Problem]) -> None:
    if lines := each_once(found):
        title(page, "Problems", PROBLEMS)
        for sentence in lines:
            page.add(sentence, first="  ! ", mark=Style.WARNING)


def each_once(found: Iterable[Problem]) -> list[str]:
    """What is wrong with the files, no sentence twice."""
    return list(dict.fromkeys(map(str, found)))


def stamp(at: datetime | None) -> str:
    """An instant to the second, UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "at a time not known"
