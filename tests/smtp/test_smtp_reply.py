"""Replies as they come off the wire, legal, tolerable and hostile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.smtp.lines import LINE_BYTES, LineBuffer
from probe.smtp.reply import (
    REPLY_BYTES,
    REPLY_LINES,
    Reply,
    ReplyFault,
    ReplyParser,
    overlong_line,
    wire,
)


def read(data: bytes) -> list[Reply | ReplyFault]:
    lines, parser = LineBuffer(), ReplyParser()
    lines.feed(data)
    found = []
    while (line := lines.next_line()) is not None:
        outcome = parser.take(line)
        if outcome is not None:
            found.append(outcome)
    return found


@pytest.mark.parametrize(
    ("data", "code", "lines"),
    [
        (b"220 mx.example ESMTP\r\n", 220, ("mx.example ESMTP",)),
        (b"250\r\n", 250, ("",)),
        (b"250 \r\n", 250, ("",)),
        (b"250-\r\n250\r\n", 250, ("", "")),
        (b"220-one\r\n220-two\r\n220 three\r\n", 220, ("one", "two", "three")),
        (b"250-one\n250 two\n", 250, ("one", "two")),
        (b"220 twice ended\r\r\n", 220, ("twice ended",)),
        (b"220 gr\xc3\xbc\xc3\x9fe\r\n", 220, ("gr\u00fc\u00dfe",)),
        (b"220 gr\xfc\xdfe\r\n", 220, ("gr\\xfc\\xdfe",)),
        (b"220 \x1b[31mred\x07\r\n", 220, ("\\x1b[31mred\\x07",)),
        (b"220 a\rb\r\n", 220, ("a\\x0db",)),
        (b"220 \xe2\x80\xaetxt.exe\r\n", 220, ("\\u202etxt.exe",)),
        (b"554-5.7.1 a\r\n554 5.7.1 b\r\n", 554, ("5.7.1 a", "5.7.1 b")),
        (b"250 -dash\r\n", 250, ("-dash",)),
    ],
)
def test_legal_and_tolerable_forms(data: bytes, code: int, lines: tuple[str, ...]) -> None:
    assert read(data) == [Reply(code=code, lines=lines)]


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"22\r\n",
        b"2200 four digits\r\n",
        b"220\ttab\r\n",
        b"120 not in SMTP\r\n",
        b"620 neither\r\n",
        b"+OK POP3 ready\r\n",
        b"* OK IMAP4rev1\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b" 220 indented\r\n",
        "\u0662\u0662\u0660 digits, but not these\r\n".encode(),
    ],
)
def test_what_is_no_reply(data: bytes) -> None:
    (fault,) = read(data)
    assert isinstance(fault, ReplyFault)
    assert fault.detail.startswith("not an SMTP reply: ")
    assert fault.detail.isprintable()


def test_a_fault_quotes_what_was_sent() -> None:
    assert read(b"SSH-2.0-\x1b[2J\r\n") == [ReplyFault(detail="not an SMTP reply: SSH-2.0-\\x1b[2J")]


def test_a_code_that_changes_within_a_reply_is_a_fault() -> None:
    assert read(b"250-mx.example\r\n220 STARTTLS\r\n") == [
        ReplyFault(
            detail="the code changed from 250 to 220 within a reply: 220 STARTTLS",
        )
    ]


def test_a_code_may_change_between_replies() -> None:
    assert [reply.code for reply in read(b"250-a\r\n250 b\r\n220 c\r\n")] == [250, 220]


def test_as_many_lines_as_allowed_and_one_more() -> None:
    allowed = b"250-x\r\n" * (REPLY_LINES - 1) + b"250 x\r\n"
    (reply,) = read(allowed)
    assert isinstance(reply, Reply)
    assert len(reply.lines) == REPLY_LINES
    assert read(b"250-x\r\n" + allowed)[0] == ReplyFault(detail="a reply of more than 256 lines")


def test_as_many_bytes_as_allowed_and_one_more() -> None:
    line = b"250-" + b"x" * 1020 + b"\r\n"
    rest = REPLY_BYTES - 63 * 1024
    (reply,) = read(line * 63 + b"250 " + b"x" * (rest - 4) + b"\r\n")
    assert isinstance(reply, Reply)
    assert read(line * 63 + b"250 " + b"x" * (rest - 3) + b"\r\n") == [
        ReplyFault(detail="a reply of more than 65536 bytes")
    ]


def test_the_size_is_counted_anew_for_each_reply() -> None:
    reply = b"250-" + b"x" * 4000 + b"\r\n" + b"250 x\r\n"
    assert [type(found) for found in read(reply * 40)] == [Reply] * 40


def test_an_unfinished_reply_is_no_reply() -> None:
    parser = ReplyParser()
    assert parser.take(b"220-mx.example") is None
    assert parser.take(b"220 done") == Reply(code=220, lines=("mx.example", "done"))


def test_a_line_ends_within_the_limit_or_never() -> None:
    buffer = LineBuffer(limit=8)
    buffer.feed(b"1234567\n12345678\n")
    assert buffer.next_line() == b"1234567"
    assert buffer.next_line() is None
    assert buffer.overlong
    assert buffer.take(3) == b"123"
    assert buffer.next_line() == b"45678"
    assert not buffer.overlong


def test_a_line_that_is_still_coming_is_not_overlong() -> None:
    buffer = LineBuffer(limit=8)
    buffer.feed(b"1234567")
    assert buffer.next_line() is None
    assert not buffer.overlong
    assert buffer.starts_with(b"12")
    assert not buffer.starts_with(b"2")
    assert buffer.take() == b"1234567"
    assert buffer.take() == b""


def test_the_fault_of_an_endless_line_shows_its_start_only() -> None:
    fault = overlong_line(b"220 " + b"x" * LINE_BYTES)
    assert fault.detail == "a line of 4096 bytes or more: 220 " + "x" * 76


def test_a_reply_in_words() -> None:
    reply = Reply(code=454, lines=("4.7.0 TLS", "not now"))
    assert str(reply) == "454 4.7.0 TLS not now"
    assert str(Reply(code=250, lines=("",))) == "250"


@pytest.mark.parametrize(
    ("code", "completed", "refuses"),
    [
        (250, True, False),
        (354, False, False),
        (421, False, True),
        (554, False, True),
    ],
)
def test_the_first_digit_decides(code: int, completed: bool, refuses: bool) -> None:
    reply = Reply(code=code, lines=("",))
    assert (reply.completed, reply.refuses) == (completed, refuses)


def test_the_way_back_to_the_wire() -> None:
    assert wire(Reply(code=220, lines=("hello",))) == b"220 hello\r\n"
    assert (
        wire(Reply(code=250, lines=("mx", "SIZE 1", "STARTTLS")))
        == b"250-mx\r\n250-SIZE 1\r\n250 STARTTLS\r\n"
    )


def test_a_quoted_line_break_begins_no_reply_of_its_own() -> None:
    assert wire(Reply(code=501, lines=("what? x\r\n250 OK",))) == b"501 what? x\\x0d\\x0a250 OK\r\n"


@given(
    code=st.integers(200, 599),
    lines=st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60), min_size=1, max_size=9
    ),
)
def test_what_is_written_is_what_is_read(code: int, lines: list[str]) -> None:
    reply = Reply(code=code, lines=tuple(lines))
    assert read(wire(reply)) == [reply]


@given(st.binary(max_size=300))
def test_whatever_is_read_is_printable(data: bytes) -> None:
    for found in read(data + b"\n250-" + data + b"\n"):
        text = "".join(found.lines) if isinstance(found, Reply) else found.detail
        assert text.isprintable()
