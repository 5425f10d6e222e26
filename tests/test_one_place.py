"""What is said in several places is written in one: a second literal of it would be the one that goes wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from probe.exchange.replies import wording

PROBE = Path(__file__).parent.parent / "probe"
REPLIES = {name: value for name, value in vars(wording).items() if name.isupper() and isinstance(value, str)}


def literals(source: str) -> Iterator[str]:
    """Every string constant of a module, also the fixed parts of f-strings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def modules() -> dict[str, tuple[str, ...]]:
    return {
        path.relative_to(PROBE).as_posix(): tuple(literals(path.read_text("utf-8")))
        for path in PROBE.rglob("*.py")
    }


def holders(text: str) -> set[str]:
    """The modules with a literal that holds `text`."""
    return {name for name, held in modules().items() if any(text in literal for literal in held)}


def test_the_scan_sees_a_literal_however_it_is_written() -> None:
    """The control: plain, split over lines, within more words, and in an f-string."""
    for written in ("'a 454 b'", "('a 4'\n '54 b')", "f'{1} a 454 b'"):
        assert any("454" in literal for literal in literals(written))


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_is_written_once(name: str) -> None:
    # None where it is put together of another one.
    assert holders(REPLIES[name].rstrip(".")) <= {"exchange/replies/wording.py"}


@pytest.mark.parametrize(
    "text", ["$($cert.Issuer)", "$cert = ", "Enable-ExchangeCertificate -", "-TlsSenderCertificateName ",
             "Cert:\\LocalMachine\\CA", "-Services SMTP"],
)  # fmt: skip
def test_a_step_is_written_once(text: str) -> None:
    assert holders(text) == {"powershell.py"}
