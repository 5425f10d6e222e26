"""What is said in several places is written in one: a second literal of it would be the one that goes wrong."""

from __future__ import annotations

import re
from functools import cache

from probe.exchange.replies import wording
from tests.literals import literals, modules

STEPS = (
    "$($cert.Issuer)", "$cert = ", "Enable-ExchangeCertificate -", "-TlsSenderCertificateName ",
    "Cert:\\LocalMachine\\CA", "-Services SMTP",
)  # fmt: skip
REPLIES = {name: value for name, value in vars(wording).items() if name.isupper() and isinstance(value, str)}


@cache
def texts() -> dict[str, tuple[str, ...]]:
    return {name: tuple(each for each in literals(code) if isinstance(each, str)) for name, code in modules()}


def holders(text: str) -> set[str]:
    """The modules with a literal that holds `text`."""
    return {name for name, held in texts().items() if any(text in literal for literal in held)}


def test_the_scan_sees_a_literal_however_it_is_written() -> None:
    """The control: plain, split over lines, in an f-string, in a collection, as a default, and deep inside."""
    for written in (
        "'a 454 b'",
        "('a 4'\n '54 b')",
        "f'{x} a 454 b'",
        "f({'a': ('a 454 b',)})",
        "def f(x='a 454 b'): pass",
        "class A:\n def f(self):\n  return [x for x in y if x in {'a 454 b', 'c'}]",
    ):
        assert any("454" in literal for literal in literals(compile(written, "", "exec")))


# One test for all: a case of its own could run in another process, which would read the tree again.
def test_every_reply_and_step_is_written_once() -> None:
    # No module where it is put together of another one.
    elsewhere = {
        name: holders(text.rstrip(".")) - {"exchange/replies/wording.py"} for name, text in REPLIES.items()
    }
    assert elsewhere == {name: set() for name in REPLIES}
    assert {text: holders(text) for text in STEPS} == {text: {"powershell.py"} for text in STEPS}


def test_no_pattern_repeats_a_group_possessively() -> None:
    """Python before 3.11.5 (Debian 12 has 3.11.2) finds nothing where such a group has to step back within itself."""
    groups = re.compile(r"\)(?:[*+?]|\{[\d,]+\})\+|\(\?>")
    assert groups.search(r"(?:a)*+")
    assert groups.search(r"(?:a){2,3}+")
    for name, code in modules():
        for each in literals(code):
            text = each if isinstance(each, str) else each.decode("latin-1")
            assert not groups.search(text), name
