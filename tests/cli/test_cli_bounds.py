"""Files beyond all measure, in a process of its own that may use no more than so much time and memory."""

from __future__ import annotations

import re
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


@pytest.mark.slow
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


@pytest.mark.slow
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


#: Bytes of a flood, how many times that it may take beyond what an honest file takes, and seconds of the processor.
FLOOD, TIMES, FLOOD_SECONDS = 6_000_000, 10, 60
_RUN_FLOOD = f"""
import os, resource, sys
from probe.cli.exit_codes import run_to_exit
def run(words):
    try:
        run_to_exit(words)
    except SystemExit:
        sys.stdout.flush()
times, *words, honest = sys.argv[1:]
run([*words, honest])
pages = int(open("/proc/self/statm").read().split()[0])
room = pages * resource.getpagesize() + int(times) * {FLOOD}
resource.setrlimit(resource.RLIMIT_AS, (room, room))
resource.setrlimit(resource.RLIMIT_CPU, ({FLOOD_SECONDS}, {FLOOD_SECONDS}))
run([*words, honest + ".flood"])
"""
LISTING = b"Thumbprint : " + b"3" * 40 + b"\nServices : SMTP\nSubject : CN=a\n\n"
BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----\n"
REGISTRY = b'Windows Registry Editor Version 5.00\r\n\r\n[a]\r\n"EncodedCtl"=hex:'
MAIL = HEAD + b"Content-Type: %b\r\n\r\n"
CSV = b"Thumbprint,Services,Subject\r\n"
CLIXML = b'<Objs><Obj RefId="0"><Props>'

#: What is filled with what, for the commands that read it.
FLOODS: dict[str, tuple[str, bytes, bytes]] = {
    "[": ("exchange show", b"", b"["),
    "[]": ("exchange show", b'[{"Thumbprint":[', b"[],"),
    "a colon": ("exchange show", b"", b" :"),
    "a line end": ("exchange show", b"", b"\n"),
    "a bad PEM block": ("exchange show", b"\n" * 1_000_000, BEGIN + b"A" + END),
    "a registry export": ("stores list --authroot-stl", REGISTRY, b"30,82,\\\r\n  "),
}
MORE_FLOODS: dict[str, tuple[str, bytes, bytes]] = {
    "a comma": ("exchange show", b"", b","),
    "a comma below a header": ("exchange show", CSV, b","),
    "a row below a header": ("exchange show", CSV, b"a,b,c\r\n"),
    "a quoted line": ("exchange show", CSV, b'"ab\n",'),
    "a semicolon": ("exchange diagnose", b"", b"&lt;"),
    "an object": ("exchange show", b'{"value":[', b"{},"),
    "a number": ("exchange show", b'[{"Thumbprint":[', b"1.5,"),
    "a text": ("exchange show", b'[{"Thumbprint":[', b'"ab",'),
    "an escape": ("exchange show", b'[{"Thumbprint":"', b"ab\\n"),
    "an object pasted": ("exchange show", b"see:\n", b'[{ "a":['),
    "an element": ("exchange show", CLIXML, b"<S/>"),
    "blanks in base64": ("exchange show", CLIXML + b'<BA N="RawData">', b"AB "),
    "a known label": ("exchange show", b"", b"Issuer : "),
    "a list": ("exchange show", LISTING + b"Thumbprint : 3\nCertificateDomains : {", b"ab, \n "),
    "another colour": ("exchange show", b"", b"ab\x1b[0m"),
    "another wide line": ("exchange diagnose", b"", "a line with a picture \N{GRINNING FACE}\n".encode()),
    "a PEM block": ("exchange show", b"", BEGIN + b"MAAA" + END),
    "a dash": ("exchange show", BEGIN, b"-a"),
    "another line": ("exchange diagnose", MAIL % b"text/plain", b"a\n"),
    "a header": ("exchange diagnose", HEAD, b"A: b\n"),
    "a folded header": ("exchange diagnose", HEAD, b" \n"),
    "a tag": ("exchange diagnose", MAIL % b"text/html", b"<b>ab"),
    "a page": ("exchange diagnose", b"<html>", b"<b>ab"),
    "an encoded sign": ("exchange diagnose", b"a" * 76 + b"=\n=3D", b"="),
    "a status": (
        "exchange diagnose",
        HEAD + b"Content-Type: message/delivery-status\r\n" + IN_BASE64,
        b"YQoK" * 19 + b"\n",
    ),
    "a quoted reply": ("exchange diagnose", b"> a\n", b"> b\n"),
    "a log in a text": ("exchange diagnose", b"see\nthis\n2026-01-01T00:00:00.000Z,a\n", b"a\n"),
    "a name in a wizard's log": ("exchange select", b"", b"TlsCertificateName="),
    "a report": ("exchange diagnose", b'{"presented_chain":[', b"{},"),
    "a UTF-16 line end": ("exchange show", b"\xff\xfe", b"\n\0"),
    "a NUL": ("exchange show", b"", b"\0"),
    "a root": ("stores list --store", b"", BEGIN + b"MAAA" + END),
    "a target": ("check", b"", b"#\n"),
    "an element in a list of roots": (
        "stores list --authroot-stl",
        bytes.fromhex("3084005b8d79 06092a864886f70d010702 a084005b8d68"),
        b"\x05\0",
    ),
    "a certificate file": ("certificate", b"", BEGIN),
}  # fmt: skip


def flooded(tmp_path: Path, words: str, head: bytes, unit: bytes, times: int = TIMES) -> None:
    honest = tmp_path / "given"
    honest.write_bytes(LISTING)
    (tmp_path / "given.flood").write_bytes(head + unit * ((FLOOD - len(head)) // len(unit)))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _RUN_FLOOD,
            str(times),
            *words.split(),
            f"{'@' if words == 'check' else ''}{honest}",
        ],
        capture_output=True,
        timeout=10 * SECONDS,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert not re.search(rb"Traceback|MemoryError", done.stdout + done.stderr), done.stdout[-500:]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "head", "unit"), FLOODS.values(), ids=FLOODS)
def test_a_flood_takes_ten_times_its_length_at_most(
    tmp_path: Path, words: str, head: bytes, unit: bytes
) -> None:
    flooded(tmp_path, words, head, unit)


@pytest.mark.slow
@pytest.mark.parametrize(("words", "head", "unit"), MORE_FLOODS.values(), ids=MORE_FLOODS)
def test_so_does_every_other_flood(tmp_path: Path, words: str, head: bytes, unit: bytes) -> None:
    flooded(tmp_path, words, head, unit)


def test_a_flood_that_takes_more_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="MemoryError"):
        flooded(tmp_path, "exchange show", b"", b"[", times=1)
