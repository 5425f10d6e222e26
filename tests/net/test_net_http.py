"""A web server's answer as bytes: whole or told, in whatever pieces it comes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import AnswerError, ResolveError, TooLargeError
from probe.net.http import MAX_HEAD_BYTES, Answer, Question, Reach, ask

LIMIT = 100
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: Chunked\r\n\r\n"


ASKED = Question("a.test", "/x?y")


def read(*pieces: bytes, limit: int = LIMIT) -> Answer:
    rest = iter(pieces)
    return ask(ASKED, len, lambda: next(rest, b""), limit)


WHOLE = [
    OK + b"Content-Length: 4\r\n\r\ntext",
    OK + b"content-length:4\r\nContent-Length: 4 \r\nX-A: b\r\n\r\ntext and what no one asked for",
    OK + b"\r\ntext",
    OK.replace(b"\r", b"") + b"Content-Length: 4\n\ntext",
    CHUNKED + b"4\r\ntext\r\n0\r\n\r\n",
    CHUNKED + b"1;a=b\r\nt\r\n0003 \r\next\r\n000\r\nTrailer: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    + OK
    + b"Content-Length: 4\r\n\r\ntext",
    b"HTTP/1.0 200\r\n\r\ntext",
]


@pytest.mark.parametrize("answer", WHOLE)
def test_a_whole_answer(answer: bytes) -> None:
    assert read(answer).content == b"text"
    assert read(*(answer[at : at + 1] for at in range(len(answer)))) == read(answer)


@given(st.sampled_from(WHOLE), st.lists(st.integers(0, 120), max_size=6))
def test_the_pieces_make_no_difference(answer: bytes, cuts: list[int]) -> None:
    ends = sorted({*cuts, 0, len(answer)})
    pieces = [answer[start:end] for start, end in pairwise(ends)]
    assert read(*filter(None, pieces)) == read(answer)


@pytest.mark.parametrize("answer", [WHOLE[0], WHOLE[4], WHOLE[5], WHOLE[6]])
def test_one_that_was_cut_off_anywhere_is_none(answer: bytes) -> None:
    for end in range(len(answer)):
        with pytest.raises(AnswerError, match=r"cut off|without an answer"):
            read(answer[:end])


def test_what_is_not_200_has_no_content() -> None:
    found = read(b"HTTP/1.1 301 Moved\r\nLocation: https://a.test/\r\nVary: a\r\nvary: b\r\n\r\n<html>")
    assert (found.status, found.content) == ("301", b"")
    assert (found.header("location"), found.header("vary"), found.header("x")) == (
        "https://a.test/",
        "a, b",
        "",
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"220 mail.contoso.test ESMTP\r\n\r\n", "no HTTP"),
        (b"HTTP/2 200 OK\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 2000\r\n\r\n", "no HTTP"),
        (b"\r\n\r\n", "no HTTP"),
        (OK + b"Content-Length: +4\r\n\r\ntext", r"no HTTP \(.*Content-Length"),
        (OK + b"Content-Length: 4, 5\r\n\r\ntext", r"no HTTP \(.*Content-Length"),
        (OK + "Content-Length: \u0664\r\n\r\ntext".encode(), r"no HTTP \(bad Content-Length"),
        (OK + b"Content-Length: " + b"1" * 20 + b"\r\n\r\n", "larger than"),
        (OK + b"Transfer-Encoding: gzip, chunked\x1b\r\n\r\n", r"no HTTP \(.*Transfer-Encoding"),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", r"no HTTP \(.*Transfer-Encoding"),
        (CHUNKED + b"x\r\n", r"no HTTP \(illegal chunk header"),
        (CHUNKED + b"-1\r\n", r"no HTTP \(illegal chunk header"),
        (CHUNKED + b"123456789\r\n", "cut off"),
        (CHUNKED + b"3\r\ntext\r\n0\r\n\r\n", r"no HTTP \(malformed chunk footer"),
    ],
)
def test_what_is_no_answer(answer: bytes, words: str) -> None:
    with pytest.raises(AnswerError, match=words):
        read(answer)


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        (OK + b"Content-Length: %d\r\n\r\n", b""),
        (OK + b"\r\n", b""),
        (CHUNKED + b"%x\r\n", b"\r\n0\r\n\r\n"),
        (CHUNKED + b"1\r\nx\r\n%x\r\n", b"\r\n0\r\n\r\n"),
    ],
)
def test_the_content_is_bounded(head: bytes, tail: bytes) -> None:
    extra = head.count(b"\r\nx\r\n")
    for size in (LIMIT, LIMIT + 1):
        length = size - extra
        answer = (head % length if b"%" in head else head) + b"x" * length + tail
        if size == LIMIT:
            assert read(answer).content == b"x" * LIMIT
        else:
            with pytest.raises(TooLargeError, match="larger than 100 bytes"):
                read(answer)


def endless(start: bytes, piece: bytes) -> Iterator[bytes]:
    yield start
    while True:
        yield piece


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"HTTP/1.1 200 ", b"x" * 1000),
        (OK, b"X: " + b"x" * 1000 + b"\r\n"),
        (OK + b"X: ", b"x" * 1000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED + b"1;", b"x" * 1000),
        (CHUNKED + b"0\r\n", b"X: " + b"x" * 1000 + b"\r\n"),
    ],
)
def test_heads_and_lines_are_bounded(start: bytes, piece: bytes) -> None:
    rest = filter(None, endless(start, piece))
    with pytest.raises(TooLargeError, match=f"head of the answer is larger than {MAX_HEAD_BYTES}"):
        ask(ASKED, len, rest.__next__, LIMIT)


def test_a_head_of_the_greatest_size() -> None:
    room = MAX_HEAD_BYTES - len(OK) - len(b"X: ")
    assert read(OK + b"X: " + b"x" * room, b"\r\n\r\n").header("x") == "x" * room
    with pytest.raises(TooLargeError):
        read(OK + b"X: " + b"x" * (room + 1), b"\r\n\r\n")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            ASKED,
            (
                b"GET /x?y HTTP/1.1\r\nHost: a.test\r\nUser-Agent: eop-probe\r\nAccept: */*\r\n"
                b"Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
            ),
        ),
        (
            Question("a.test:8080", "/", b"abc", "application/x"),
            (
                b"POST / HTTP/1.1\r\nHost: a.test:8080\r\nUser-Agent: eop-probe\r\nAccept: */*\r\n"
                b"Accept-Encoding: identity\r\nConnection: close\r\n"
                b"Content-Type: application/x\r\nContent-Length: 3\r\n\r\nabc"
            ),
        ),
    ],
)
def test_the_question(question: Question, said: bytes) -> None:
    sent: list[bytes] = []
    assert ask(question, sent.append, iter(WHOLE[:1]).__next__, LIMIT).content == b"text"
    assert sent == [said]


def test_which_addresses_may_be_called() -> None:
    found = ("127.0.0.1", "8.8.8.8", "2606:4700::1", "::1")
    names = {"a.test": found}
    assert Reach(overrides=names).addresses("a.test", 1) == ("8.8.8.8", "2606:4700::1")
    assert Reach(overrides=names, allow_private=True).addresses("a.test", 1) == found
    assert Reach(overrides=names, ip_version=6).addresses("A.test.", 1) == ("2606:4700::1",)
    assert Reach(overrides=names, ip_version=4, allow_private=True).addresses("a.test", 1) == found[:2]
    with pytest.raises(ResolveError):
        Reach(overrides={"a.test": ()}).addresses("a.test", -1)
