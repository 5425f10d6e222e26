"""A scrape's question, which may come from anybody."""

from __future__ import annotations

import pytest

from probe.serve.question import (
    MAX_PARAMETERS,
    MAX_QUERY,
    PATIENCE_S,
    Question,
    QuestionError,
    limit,
    patience,
    question,
)

HEADER = b"x-prometheus-scrape-timeout-seconds"


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (b"target=a.test", Question("a.test", "")),
        (b"module=from-eop&target=mx%3Aa.test&debug=true", Question("mx:a.test", "from-eop", debug=True)),
        (b"target=%5B2001:db8::1%5D:25&debug=0", Question("[2001:db8::1]:25", "")),
        (b"target=b%C3%BCcher.test&hostname=x&hostname=y", Question("bücher.test", "")),
        (b"target", Question("", "")),  # refused as such
        (b"target=a.test%00", Question("a.test\0", "")),
    ],
)
def test_is_read(query: bytes, asked: Question) -> None:
    assert question(query) == asked


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (b"", "a target is missing: /probe?target=mail.contoso.com"),
        (b"targets=a", "a target is missing: /probe?target=mail.contoso.com"),
        (b"target=a&target=b", "target is given twice"),
        (b"target=a&debug=true&debug=true", "debug is given twice"),
        (b"target=a&debug=yes", "debug is true or false"),
        (b"target=%ff", "the query is not percent-encoded UTF-8"),
        (b"target=\xc3\xbc", "the query is not percent-encoded UTF-8"),
        (b"target=" + b"a" * MAX_QUERY, "a query has at most 4,096 bytes"),
        (b"&".join([b"target=a"] * (MAX_PARAMETERS + 1)), "a query has at most 16 parameters"),
    ],
)
def test_is_refused(query: bytes, said: str) -> None:
    with pytest.raises(QuestionError) as refused:
        question(query)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"10", 10.0), (b"0.25", 0.25), (b"0", PATIENCE_S), (b"999999999", PATIENCE_S), (None, PATIENCE_S)],
)
def test_patience(value: bytes | None, seconds: float) -> None:
    headers = [(b"accept", b"*/*"), *([(HEADER, value)] if value is not None else [])]
    assert patience(headers) == seconds
    assert 0 < limit(seconds) < seconds


@pytest.mark.parametrize("value", [b"nan", b"inf", b"-1", b"1e9", b"", b"1_0", b"\xd9\xa1", b"9" * 400])
def test_patience_that_is_no_number(value: bytes) -> None:
    with pytest.raises(QuestionError):
        patience([(HEADER, value)])


def test_what_is_left_of_a_scrape() -> None:
    assert limit(10.0) == 9.5
    assert limit(0.5) == 0.25
