"""Pastes and mails beyond all measure, in a process of its own that may use no more than so much time and memory."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.cli.running import environment
from tests.exchange.diagnosing import OLD, UNTRUSTED, mail, session

#: Seconds of the processor, and bytes of address space (the interpreter and its libraries take some 200 MB of it).
SECONDS, BYTES = 60, 1 << 30
_RUN = (
    "import resource, sys\n"
    f"resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))\n"
    f"resource.setrlimit(resource.RLIMIT_AS, ({BYTES}, {BYTES}))\n"
    "from probe.cli.exit_codes import run_to_exit\n"
    "run_to_exit(sys.argv[1:])\n"
)
HEAD = b"From: a@northwind.com\r\nTo: b@contoso.test\r\nMIME-Version: 1.0\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
IN_BASE64 = b"Content-Transfer-Encoding: base64\r\n\r\n"
PART = b"--x\r\nContent-Type: text/plain\r\n\r\n" + UNTRUSTED.encode() + b"\r\n"
NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth) for depth in range(5_000)
)

pytestmark = pytest.mark.slow


def paste(line: bytes, size: int = 100_000_000) -> Iterable[bytes]:
    piece = line * (1_000_000 // len(line) + 1)
    return (piece for _ in range(size // len(piece) + 1))


def bomb() -> list[bytes]:
    return [zlib.compress(bytes(50_000_000), wbits=31)]


HOSTILE: dict[str, tuple[list[bytes] | Callable[[], list[bytes]], bool]] = {
    "a 100 MB paste of replies": ([*paste(UNTRUSTED.encode() + b"\n")], True),
    "a 100 MB paste of prose": ([UNTRUSTED.encode() + b"\n\n", *paste(b"and so on, as before. ")], True),
    "a 100 MB line": ([*paste(b"454 4.7.0 ")], False),
    "30 MB of a listing": ([*paste(b"Thumbprint : 3333\nServices : SMTP\nSubject : CN=a\n\n", 30_000_000)], False),
    "10,000 parts": ([MIXED, *[PART] * 10_000, b"--x--\r\n"], True),
    "a part in each of 5,000 parts": ([HEAD, NESTED], False),
    "30 MB in base64": ([HEAD, IN_BASE64, *paste(b"A" * 76 + b"\n", 40_000_000)], False),
    "10,000 headers": ([HEAD, *[b"X-A: b\r\n"] * 10_000, b"\r\n", UNTRUSTED.encode()], True),
    "a page of 20 MB": ([b"<html><body>", UNTRUSTED.encode(), *paste(b"<div><span ", 20_000_000)], True),
    "a packed bomb": (bomb, False),
}  # fmt: skip


@pytest.mark.parametrize(("pieces", "known"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "words", [("explain", "--file"), ("exchange", "diagnose")], ids=["explain", "diagnose"]
)
def test_it_ends_in_bounded_time_and_memory(
    tmp_path: Path, words: tuple[str, ...], pieces: list[bytes] | Callable[[], list[bytes]], *, known: bool
) -> None:
    path = tmp_path / "given"
    with path.open("wb") as file:
        file.writelines(pieces() if callable(pieces) else pieces)
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *words, str(path)],
        capture_output=True,
        timeout=10 * SECONDS,
        check=False,
        env=environment(),
    )
    assert done.returncode in {0, 1, 2, 3}, done.stderr[-500:]
    assert b"Traceback" not in done.stderr
    if known and words[0] == "explain":
        assert done.stdout.startswith(b"Exchange Online does not trust your client certificate")


def test_a_log_of_any_length_is_still_streamed(tmp_path: Path) -> None:
    path = tmp_path / "SEND.LOG"
    rows = session(OLD, *mail(UNTRUSTED)).encode()
    with path.open("wb") as file:
        for number in range(50_000_000 // len(rows)):
            file.write(rows.replace(b"08DE1A94C37B", b"08DE%08X" % number))
    done = subprocess.run(
        [sys.executable, "-c", _RUN, "exchange", "diagnose", str(path)],
        capture_output=True,
        timeout=10 * SECONDS,
        check=False,
        env=environment(),
    )
    assert done.returncode == 2, done.stderr[-500:]
