"""The border escape: nothing that is not plainly visible gets through, and nothing visible is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.text import MAX_TEXT, duration, printable, sentence


@given(st.text() | st.binary())
def test_the_result_is_printable(value: str | bytes) -> None:
    assert printable(value).isprintable()


@given(st.text())
def test_a_second_time_changes_nothing(value: str) -> None:
    once = printable(value)
    assert printable(once, len(once)) == once


@given(
    st.text(
        st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u115f\u1160\u2800\u3164\uffa0"),
        max_size=MAX_TEXT,
    )
)
def test_what_can_be_seen_stays(value: str) -> None:
    assert printable(value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain text", "plain text"),
        ("Grüße, 世界", "Grüße, 世界"),
        ("a\r\nb\tc", r"a\x0d\x0ab\x09c"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b31m", r"\x9b31m"),  # C1, a terminal's one-byte CSI
        ("a\u202eb", r"a\u202eb"),  # right to left
        ("a\u200bb", r"a\u200bb"),  # of no width
        ("a\u2028b", r"a\u2028b"),  # line separator
        ("a\u00a0b", r"a\xa0b"),
        ("\U000e0041", r"\U000e0041"),  # an invisible tag
        ("\ud800", r"\ud800"),
        (b"caf\xe9", r"caf\xe9"),
        ("café".encode(), "café"),
        (b"\x00", r"\x00"),
        ("", ""),
    ],
)
def test_examples(value: str | bytes, shown: str) -> None:
    assert printable(value) == shown


@given(st.text() | st.binary(), st.integers(0, 40))
def test_escapes_count(value: str | bytes, limit: int) -> None:
    """What is shown before the mark of a cut is never longer, and no escape is cut in two."""
    shown = printable(value, limit)
    kept, mark, _ = shown.rpartition("...(")
    whole = printable(value, 10**6)
    assert len(kept if mark and shown != whole else shown) <= limit
    assert shown == whole or whole.startswith(kept)


def test_long_texts_are_cut_and_say_so() -> None:
    assert printable("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert printable("x" * (MAX_TEXT + 7)) == "x" * MAX_TEXT + "...(7 more)"
    assert printable("\n" * 12, 10) == r"\x0a" * 2 + "...(10 more)"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("the server said no", "The server said no."),
        ("It did.", "It did."),
        ("really?", "Really?"),
        ("x", "X."),
        ("", ""),
    ],
)
def test_sentence(text: str, whole: str) -> None:
    assert sentence(text) == whole
    assert sentence(whole) == whole


@pytest.mark.parametrize(
    "code", [0x034F, 0x115F, 0x17B4, 0x180B, 0x2800, 0x3164, 0xFE0F, 0xFFA0, 0xE0100, 0xE01EF]
)
def test_what_shows_as_nothing_is_shown(code: int) -> None:
    shown = printable(f"mail{chr(code)}.contoso.test")
    assert shown == "mail" + (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}") + ".contoso.test"


@pytest.mark.parametrize(
    "text", ["M\u00fcller", "\u0e01\u0e33", "\u2801", "\u3131", "e\u0301", "\u65e5\u672c"]
)
def test_letters_and_signs_of_any_script_stay(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=1200), "1,200 days"),
        (timedelta(days=2, seconds=-1), "1 day"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, seconds=-1), "23 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=59), "less than an hour"),
        (timedelta(), "less than an hour"),
    ],
)
def test_a_duration_is_said_in_one_way(span: timedelta, words: str) -> None:
    assert duration(span) == words
