"""What users type, and what they are told if it is no target."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import TargetError
from probe.net.target import Target, parse_target


@pytest.mark.parametrize(
    ("text", "host", "port", "mx"),
    [
        ("mail.contoso.test", "mail.contoso.test", None, False),
        ("Mail.Contoso.TEST.", "mail.contoso.test", None, False),
        ("  mail.contoso.test\n", "mail.contoso.test", None, False),
        ("mail.contoso.test:587", "mail.contoso.test", 587, False),
        ("mail.contoso.test.:25", "mail.contoso.test", 25, False),
        ("ex01", "ex01", None, False),
        ("EX_01.contoso.test", "ex_01.contoso.test", None, False),
        ("192.0.2.1", "192.0.2.1", None, False),
        ("192.0.2.1:2525", "192.0.2.1", 2525, False),
        ("2001:db8::1", "2001:db8::1", None, False),
        ("::1", "::1", None, False),
        ("[2001:DB8::1]", "2001:db8::1", None, False),
        ("[2001:db8::1]:25", "2001:db8::1", 25, False),
        ("fe80::1%eth0", "fe80::1%eth0", None, False),
        ("[fe80::1%eth0]:25", "fe80::1%eth0", 25, False),
        ("mx:contoso.test", "contoso.test", None, True),
        ("MX:contoso.test.", "contoso.test", None, True),
        ("mx:contoso.test:2525", "contoso.test", 2525, True),
        ("mx", "mx", None, False),
        ("mx.contoso.test:1", "mx.contoso.test", 1, False),
        ("mail.müller.test", "mail.xn--mller-kva.test", None, False),
        ("mx:MÜLLER.test", "xn--mller-kva.test", None, True),
        ("mail.contoso.test:65535", "mail.contoso.test", 65535, False),
    ],
)
def test_targets(text: str, host: str, port: int | None, mx: bool) -> None:
    assert parse_target(text) == Target(text.strip(), host, port, mx)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \t", "empty"),
        (":25", "no host"),
        ("mx:", "no host"),
        ("mail.contoso.test:", "a port is a number"),
        ("mail.contoso.test:0", "a port is a number"),
        ("mail.contoso.test:65536", "a port is a number"),
        ("mail.contoso.test:smtp", "a port is a number"),
        ("mail.contoso.test:-1", "a port is a number"),
        ("mail.contoso.test:٢٥", "a port is a number"),
        ("[2001:db8::1]:0", "a port is a number"),
        ("[2001:db8::1]25", "in brackets"),
        ("[2001:db8::1", "in brackets"),
        ("[192.0.2.1]:25", "in brackets"),
        ("[]:25", "in brackets"),
        ("[2001:db8::zz]", "not an IPv6 address"),
        ("2001:db8::1:zz", "not an IPv6 address"),
        ("1:2:3", "not an IPv6 address"),
        ("fe80::1%et h0", "blanks"),
        ("fe80::1%", "not an IPv6 address"),
        ("192.0.2.1%eth0", "not a host name"),
        ("192.0.2.256", "not an IPv4 address"),
        ("192.0.2", "not an IPv4 address"),
        ("3221225985", "not an IPv4 address"),
        ("mail.contoso.123", "not an IPv4 address"),
        ("mail contoso test", "blanks"),
        ("mail\x00.contoso.test", "control characters"),
        ("mail\x1b[31m.contoso.test", "control characters"),
        ("mail\u202e.contoso.test", "control characters"),
        ("smtp://mail.contoso.test:25/", 'give "mail.contoso.test:25" alone'),
        ("https://user:secret@mail.contoso.test/owa", 'give "mail.contoso.test" alone'),
        ("smtp://", 'give "the host" alone'),
        ("postmaster@contoso.test", 'give "mx:contoso.test"'),
        ("--port", "looks like an option"),
        ("-x", "looks like an option"),
        (".", "not a host name"),
        ("..", "not a host name"),
        (".contoso.test", "not a host name"),
        ("mail..contoso.test", "not a host name"),
        ("mail.contoso.test..", "not a host name"),
        ("-mail.contoso.test", "looks like an option"),
        ("mail-.contoso.test", "not a host name"),
        ("*.contoso.test", "not a host name"),
        ("mail.contoso.test/", "not a host name"),
        ("a" * 64 + ".test", "not a host name"),
        ("a." * 127 + "test", "at most 253 characters"),
        ("a" * 1001, "at most 1000 characters"),
        ("müller" * 30 + ".test", "internationalised"),
        ("ma\u2024il..müller.test", "internationalised"),
        ("mx:25", "not an IPv4 address"),
        ("mx:192.0.2.1", "without mx:"),
        ("mx:[2001:db8::1]", "without mx:"),
    ],
)
def test_what_is_no_target(text: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    sentence = str(caught.value)
    assert said in sentence
    assert sentence.isprintable()


def test_whether_it_is_an_address() -> None:
    assert parse_target("192.0.2.1:25").is_address
    assert parse_target("[::1]:25").is_address
    assert not parse_target("mail.contoso.test").is_address


@given(st.text(max_size=60))
def test_any_text_is_a_clean_host_or_one_sentence(text: str) -> None:
    outcome = attempt(text)
    if isinstance(outcome, TargetError):
        assert str(outcome).isprintable()
    else:
        assert outcome.host.isascii()
        assert outcome.host == outcome.host.lower() or outcome.is_address
        assert not any(character.isspace() for character in outcome.host)


def attempt(text: str) -> Target | TargetError:
    try:
        return parse_target(text)
    except TargetError as error:
        return error
