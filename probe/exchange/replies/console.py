"""Lines that a console broke at its width, in the middle of words, put together again."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

#: Characters of a text that a person copied from a console, and of the narrowest console.
_PASTED = 1 << 16
_CONSOLE = 20


def unwrapped(text: str) -> tuple[str, list[int]]:
    """The text with the lines put together that a console broke at its width, and where they were."""
    if "\n" not in text or len(text) > _PASTED:
        return text, []
    lines = text.replace("\r", " ").split("\n")
    width = max(map(len, lines))
    pieces, breaks, at = [], [], 0
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        joined = len(line) == width >= _CONSOLE and following[:1].strip() != ""
        pieces.append(line if joined else line + "\n")
        at += len(pieces[-1])
        if joined:
            breaks.append(at)
    return "".join(pieces)[:-1], breaks


def shifted(span: tuple[int, int], breaks: list[int]) -> tuple[int, int]:
    """A place in an unwrapped text as a place in the text that was given."""
    start, end = span
    return start + bisect_right(breaks, start), end + bisect_left(breaks, end)
