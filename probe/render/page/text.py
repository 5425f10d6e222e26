"""A page of plain text: wrapped to a width, indented, and coloured with ANSI codes where wanted.

Hand-made, because a library for it costs more start-up time than the whole rendering.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator

from probe.eop.vocabulary import Outcome
from probe.powershell import Command, Step, Steps, SubStep
from probe.render.page.options import MIN_WIDTH, RenderOptions

#: Rows of a terminal window as it opens; a page with more is read from its end.
SCREEN_ROWS = 24

#: Columns a wrapped text gets at least, however deep it is indented.
_MIN_TEXT = 20

# What a shell would take a line for, were it pasted: a variable, a call, a verb of PowerShell's, this program.
_RUNNABLE = re.compile(
    r"\s*(?:[$&>]|eop-probe\b|(?:add|clear|copy|disable|enable|export|get|import|install|invoke|move|new|remove|"
    r"rename|resume|retry|restart|set|start|stop|suspend|test|uninstall|update|write)-\w)",
    re.IGNORECASE,
)
#: Stands before prose that would begin a line so.
_NO_COMMAND = "… "

_ASCII = str.maketrans({"✓": "+", "✗": "x", "│": "|", "·": "-", "—": "-", "…": "..."})


class Style(enum.Enum):
    """What a piece of text is, and the ANSI codes (ECMA-48 SGR) that show it."""

    PLAIN = ""
    STRONG = "1"
    FAINT = "2"
    GOOD = "1;32"
    WARNING = "1;33"
    BAD = "1;31"
    COMMAND = "36"


OUTCOME_STYLES = {
    Outcome.ACCEPTED: Style.GOOD,
    Outcome.AT_RISK: Style.WARNING,
    Outcome.REJECTED: Style.BAD,
    Outcome.UNKNOWN: Style.WARNING,
}


class Page:
    """Takes text piece by piece; `text` is the finished page, every line ended."""

    def __init__(self, options: RenderOptions) -> None:
        self._options = options
        self._width = max(options.width, MIN_WIDTH)
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)

    @property
    def height(self) -> int:
        return len(self._lines)

    def blank(self) -> None:
        """Add an empty line, unless there is one already or the page is empty."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def add(
        self,
        text: str,
        *,
        first: str = "",
        rest: str | None = None,
        style: Style = Style.PLAIN,
        mark: Style = Style.PLAIN,
    ) -> None:
        """Add a paragraph, wrapped; `first` stands before its first line (styled `mark`), `rest` before the others."""
        first = self._encodable(first)
        rest = " " * cells(first) if rest is None else self._encodable(rest)
        room = max(self._width - max(cells(first), cells(rest)), _MIN_TEXT)
        for number, line in enumerate(wrap(self._encodable(_as_prose(text, first)), room)):
            lead = self._paint(first, mark) if number == 0 else rest
            self._lines.append((lead + self._paint(line, style)).rstrip(" "))

    def verbatim(self, text: str, *, first: str = "", style: Style = Style.PLAIN) -> None:
        """Add one line that is never broken, so that it can be copied whole."""
        self._lines.append(
            self._encodable(first) + self._paint(self._encodable(_as_prose(text, first)), style)
        )

    def steps(self, steps: Iterable[Step], *, indent: int = 2, bullet: str = "") -> None:
        """Add steps, numbered or behind a `bullet`; commands stand under the name of the shell they are for.

        A command is a line of its own, whole and unbroken: copied, it is what is to be run.
        """
        number, shell = 0, None
        rest = " " * (indent + (2 if bullet else 3))
        for step in steps:
            if isinstance(step, Command):
                if step.shell is not shell:
                    self.add(f"{step.shell.value}:", first=rest)
                self._command(step, f"{rest}  ")
                shell = step.shell
            elif isinstance(step, SubStep):
                shell = None
                self.add(step, first=f"{rest}· ")
            else:
                number, shell = number + 1, None
                self.add(step, first=f"{' ' * indent}{bullet or f'{number}.'} ", rest=rest)

    def closing(
        self, since: int, said: str, verdict: str, mark: Style, reply: str | None, steps: Steps
    ) -> None:
        """Say once more what was said at row `since`, where that has scrolled away: verdict, reply, first command.

        A terminal shows the end of a page first.
        """
        if self.height - since <= SCREEN_ROWS:
            return
        self.blank()
        self.add(said, first=f"{verdict.upper()}  ", mark=mark, style=Style.STRONG)
        if reply:
            self.verbatim(reply, first="  reply       ", style=Style.BAD)
        commands = [isinstance(step, Command) for step in steps]
        if True in commands:
            first = commands.index(True)
            # Commands that follow one another are one act: the second of a pair uses what the first has found.
            end = commands.index(False, first) if False in commands[first:] else len(steps)
            self.add("", first="Type first", mark=Style.STRONG)
            # From the first step on: what comes before the first command is done before it.
            self.steps(steps[:end])

    def _command(self, command: Command, lead: str) -> None:
        if self._options.ascii and not command.text.isascii():
            self.add(
                "(some characters of it cannot be shown here: have it written to a file)", first=lead[2:]
            )
        self._lines.append(lead + self._paint(self._encodable(command.text), Style.COMMAND))

    def _paint(self, text: str, style: Style) -> str:
        body = text.strip(" ")
        if not self._options.colour or style is Style.PLAIN or not body:
            return text
        return text.replace(body, f"\x1b[{style.value}m{body}\x1b[0m", 1)

    def _encodable(self, text: str) -> str:
        if not self._options.ascii or text.isascii():
            return text
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def _as_prose(text: str, before: str = "") -> str:
    return _NO_COMMAND + text if not before.strip() and _RUNNABLE.match(text) else text


def cells(text: str) -> int:
    """Return how many columns a terminal gives `text`: wide East Asian characters take two, marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # only for the rare text that needs it

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def wrap(text: str, room: int) -> Iterator[str]:
    """Yield the lines of `text` in at most `room` columns; a word that is longer is cut, others stay whole."""
    line = ""
    for word in _words(text, room):
        longer = f"{line} {word}" if line else word
        if line and cells(longer) > room:
            yield line
            longer = _as_prose(word)
        line = longer
    yield line


def _words(text: str, room: int) -> Iterator[str]:
    for word in text.split(" "):
        rest = word
        while cells(_as_prose(rest)) > room:
            size = room - cells(_as_prose(rest)) + cells(rest)
            while cells(rest[:size]) > room:
                size -= 1
            yield rest[:size]
            rest = rest[size:]
        yield rest
