"""The transcript keeps what was said, printable and within bounds."""

from __future__ import annotations

from probe.smtp.transcript import (
    TRANSCRIPT_CHARACTERS,
    TRANSCRIPT_LINES,
    Speaker,
    Transcript,
    TranscriptLine,
)


def test_lines_are_kept_in_order_with_their_time_and_speaker() -> None:
    transcript = Transcript()
    transcript.add(3, Speaker.SERVER, b"220 mx")
    transcript.add(5, Speaker.CLIENT, b"EHLO a")
    assert transcript.lines == (
        TranscriptLine(at_ms=3, speaker=Speaker.SERVER, text="220 mx"),
        TranscriptLine(at_ms=5, speaker=Speaker.CLIENT, text="EHLO a"),
    )


def test_hostile_bytes_are_made_visible() -> None:
    transcript = Transcript()
    transcript.add(0, Speaker.SERVER, b"220 \x1b]0;title\x07 \xe2\x80\xae \xff\x00")
    assert transcript.lines[0].text == "220 \\x1b]0;title\\x07 \\u202e \\xff\\x00"


def test_the_number_of_lines_is_bounded() -> None:
    transcript = Transcript()
    for at_ms in range(TRANSCRIPT_LINES + 7):
        transcript.add(at_ms, Speaker.SERVER, b"250-x")
    assert len(transcript.lines) == TRANSCRIPT_LINES
    assert transcript.lines[-1].at_ms == TRANSCRIPT_LINES - 1


def test_the_number_of_characters_is_bounded_and_nothing_follows_a_gap() -> None:
    transcript = Transcript()
    for _ in range(TRANSCRIPT_CHARACTERS // 1024):
        transcript.add(0, Speaker.SERVER, b"x" * 1024)
    transcript.add(0, Speaker.SERVER, b"one too many")
    transcript.add(0, Speaker.SERVER, b"")
    assert sum(len(line.text) for line in transcript.lines) == TRANSCRIPT_CHARACTERS
