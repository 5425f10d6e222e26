"""Who said what, and when: the evidence of an SMTP conversation, within bounds."""

from __future__ import annotations

from enum import StrEnum

from probe.text import printable
from probe.values import value

TRANSCRIPT_LINES = 1024
"""Lines kept of one conversation: four replies of the greatest number of lines."""

TRANSCRIPT_CHARACTERS = 262_144
"""Characters kept of one conversation, about four replies of the greatest size."""


class Speaker(StrEnum):
    """The two sides of a conversation, named by their part in SMTP."""

    CLIENT = "client"
    SERVER = "server"


@value
class TranscriptLine:
    """One line as it was said, printable, `at_ms` milliseconds after the driver's start of time."""

    at_ms: int
    speaker: Speaker
    text: str


class Transcript:
    """Keeps lines in the order they were said, until a bound is met."""

    def __init__(self) -> None:
        self._lines: list[TranscriptLine] = []
        self._characters = 0
        self._full = False

    @property
    def lines(self) -> tuple[TranscriptLine, ...]:
        return tuple(self._lines)

    def add(self, at_ms: int, speaker: Speaker, line: bytes) -> None:
        """Keep one line, given without its end as it was on the wire."""
        text = printable(line)
        self._characters += len(text)
        self._full |= len(self._lines) >= TRANSCRIPT_LINES or self._characters > TRANSCRIPT_CHARACTERS
        if not self._full:
            self._lines.append(TranscriptLine(at_ms=at_ms, speaker=speaker, text=text))
