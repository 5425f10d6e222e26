"""What a client may call itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.smtp.ehlo import ehlo_argument


@pytest.mark.parametrize(
    ("given_name", "argument"),
    [
        ("mail.example", "mail.example"),
        ("MAIL.Example.", "MAIL.Example"),
        ("localhost", "localhost"),
        ("4mail.example", "4mail.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "[192.0.2.1]"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("2001:db8::1", "[IPv6:2001:db8::1]"),
        ("2001:DB8:0:0:0:0:0:1", "[IPv6:2001:db8::1]"),
        ("[2001:db8::1]", "[IPv6:2001:db8::1]"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        ("::", "[IPv6:::]"),
        ("fe80::1%eth0", "[IPv6:fe80::1]"),
    ],
)
def test_names_and_addresses(given_name: str, argument: str) -> None:
    assert ehlo_argument(given_name) == argument


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a b",
        "mail.example\r\nMAIL FROM:<>",
        "mail.example\n",
        "mail.example\x00",
        "-a.example",
        "a-.example",
        "a..example",
        "under_score.example",
        "b\u00fccher.example",
        "a" * 64 + ".example",
        ".".join(["a" * 50] * 6),
        "192.0.2.256",
        "192.0.2",
        "[192.0.2.1",
        "[mail.example]",
        "fe80::1%a b",
        "fe80::1%",
        "fe80::1%\r\nQUIT",
        "1:2:3",
        "\u0661.\u0662.\u0663.\u0664",
    ],
)
def test_anything_else_is_refused_in_one_printable_line(name: str) -> None:
    with pytest.raises(ValueError, match=r"^not a domain name or IP address to say EHLO with: ") as caught:
        ehlo_argument(name)
    assert str(caught.value).isprintable()


@given(st.text(max_size=40))
def test_no_text_smuggles_a_second_word_or_line(text: str) -> None:
    try:
        argument = ehlo_argument(text)
    except ValueError:
        return
    assert argument.isascii()
    assert argument.isprintable()
    assert " " not in argument
