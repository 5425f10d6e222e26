"""The end of a page that is longer than a screen: a terminal shows the end first."""

from __future__ import annotations

from probe.powershell import Command, Steps
from probe.render.page.text import Page, Style

#: Rows of a terminal window as it opens; a page with more is read from its end.
SCREEN_ROWS = 24


def add_closing(
    page: Page, since: int, said: str, verdict: str, mark: Style, reply: str | None, steps: Steps
) -> None:
    """Say once more what was said at row `since`, where that has scrolled away: verdict, reply, first command."""
    if page.height - since <= SCREEN_ROWS:
        return
    page.blank()
    page.add(said, first=f"{verdict.upper()}  ", mark=mark, style=Style.STRONG)
    if reply:
        page.verbatim(reply, first="  reply       ", style=Style.BAD)
    commands = [isinstance(step, Command) for step in steps]
    if True in commands:
        first = commands.index(True)
        # Commands that follow one another are one act: the second of a pair uses what the first has found.
        end = commands.index(False, first) if False in commands[first:] else len(steps)
        page.add("", first="Type first", mark=Style.STRONG)
        # From the first step on: what comes before the first command is done before it.
        page.steps(steps[:end])
