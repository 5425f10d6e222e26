"""Commands as a server reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.smtp.command import Command, Path, parse_bdat, parse_command, parse_path


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        (b"QUIT", "QUIT", ""),
        (b"quit  ", "QUIT", ""),
        (b"Mail FROM:<a@b.example>", "MAIL", "FROM:<a@b.example>"),
        (b"EHLO\tmx.example ", "EHLO", "mx.example"),
        (b"MAIL FROM:<\xc3\xbc@b.example>", "MAIL", "FROM:<\u00fc@b.example>"),
    ],
)
def test_a_verb_and_its_argument(line: bytes, verb: str, argument: str) -> None:
    assert parse_command(line) == Command(verb=verb, argument=argument)


@pytest.mark.parametrize(
    "line", [b"", b" ", b" QUIT", b"QUIT\x00", b"\xff", b"QUIT \xff", b"A" * 17, b"<html>"]
)
def test_what_is_no_command(line: bytes) -> None:
    assert parse_command(line) is None


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        ("FROM:<a@b.example>", "a@b.example"),
        ("from: <a@b.example>", "a@b.example"),
        ("FROM:<>", ""),
        ('FROM:<"a b>c"@d.example>', '"a b>c"@d.example'),
        ('FROM:<"a\\"b"@d.example>', '"a\\"b"@d.example'),
        ("FROM:<@relay.example,@two.example:a@b.example>", "a@b.example"),
        ("FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        ("FROM:<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
        ("FROM:<\u00fc@b.example>", "\u00fc@b.example"),
        ('FROM:<"\x1b[2J"@b.example>', '"\\x1b[2J"@b.example'),
    ],
)
def test_senders(argument: str, address: str) -> None:
    assert parse_path(argument, "FROM:") == Path(address=address, parameters=())


def test_parameters_keep_their_order() -> None:
    assert parse_path("FROM:<a@b> size=100 BODY=8BITMIME SMTPUTF8", "FROM:") == Path(
        address="a@b", parameters=(("SIZE", "100"), ("BODY", "8BITMIME"), ("SMTPUTF8", ""))
    )


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "FROM:",
        "FROM:a@b.example",
        "FROM:<a>",
        "FROM:<@b.example>",
        "FROM:<a@>",
        "FROM:<a b@c.example>",
        "FROM:<a@b.example",
        "FROM:<a@b.example>x",
        "FROM:<a@b.example> =",
        "FROM:<a@b.example> SIZE=",
        "FROM:<postmaster>",
        'FROM:<a@"b">',
        "TO:<a@b.example>",
        "<a@b.example>",
    ],
)
def test_what_is_no_sender(argument: str) -> None:
    assert parse_path(argument, "FROM:") is None


def test_recipients_may_be_the_postmaster_but_not_nobody() -> None:
    assert parse_path("TO:<Postmaster>", "TO:") == Path(address="Postmaster", parameters=())
    assert parse_path("TO:<>", "TO:") is None


@pytest.mark.parametrize(
    ("argument", "parsed"),
    [
        ("0", (0, False)),
        ("86 LAST", (86, True)),
        ("86 last ", (86, True)),
        ("", None),
        ("-1", None),
        ("1 FIRST", None),
        ("1LAST", None),
        ("1" * 21, None),
        ("\u0661", None),
    ],
)
def test_chunks(argument: str, parsed: tuple[int, bool] | None) -> None:
    assert parse_bdat(argument) == parsed


@given(st.binary(max_size=80))
def test_whatever_is_read_as_an_address_is_printable(data: bytes) -> None:
    command = parse_command(b'MAIL FROM:<"' + data + b'"@b.example>')
    path = parse_path(command.argument, "FROM:") if command else None
    assert path is None or path.address.isprintable()
