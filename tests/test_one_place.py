"""What is said in several places is written in one: a second literal of it would be the one that goes wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from probe.exchange.replies import wording

PROBE = Path(__file__).parent.parent / "probe"
STEPS = (
    "$($cert.Issuer)", "$cert = ", "Enable-ExchangeCertificate -", "-TlsSenderCertificateName ",
    "Cert:\\LocalMachine\\CA", "-Services SMTP",
)  # fmt: skip
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


# One test for all: the scan of the tree takes a second, and a case of its own could run in another process.
def test_every_reply_and_step_is_written_once() -> None:
    # No module where it is put together of another one.
    elsewhere = {
        name: holders(text.rstrip(".")) - {"exchange/replies/wording.py"} for name, text in REPLIES.items()
    }
    assert elsewhere == {name: set() for name in REPLIES}
    assert {text: holders(text) for text in STEPS} == {text: {"powershell.py"} for text in STEPS}
