"""Files made to take time or memory, in a process of its own that may use no more than so much."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import environment
from tests.cli.test_cli_bounds import _RUN, IN_BASE64, NESTED
from tests.tlsrpt.mailing import SAMPLES

HEAD = b"From: a@fabrikam.com\r\nTo: b@contoso.com\r\nTLS-Report-Domain: contoso.com\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
FLOODS: dict[str, bytes] = {
    "lists": b'{"policies":[' + b"[]," * 2_500_000 + b"[]]}",
    "failures": b'{"policies":[{"failure-details":[' + b'{"failed-session-count":1},' * 250_000 + b"{}]}]}",
    "digits": b'{"policies":' + b"9" * 8_000_000 + b"}",
    "parts": MIXED + b"--x\r\n\r\na\r\n" * 1_000_000,
    "marks": MIXED + b"--x \t\t\t" * 1_500_000,
    "a part in each of many": HEAD + NESTED,
    "a mail in each of many": HEAD + b"Content-Type: message/rfc822\r\n\r\nFrom: a\r\nTo: b\r\n" * 5_000,
    "base64": HEAD + IN_BASE64 + (b"A" * 76 + b"\n") * 150_000,
    "folds": HEAD + b"X-A: b\r\n" + b" \r\n" * 1_000_000,
    "an mbox of nothing": b"From a 00:00\n" + b"\n" * 2_000_000,
}


@pytest.mark.slow
def test_all_of_them_end_in_bounded_time_and_memory_and_the_good_one_is_read(tmp_path: Path) -> None:
    for name, data in FLOODS.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "z.json").write_bytes((SAMPLES / "google.json").read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", _RUN, "tlsrpt", str(tmp_path), "--resolver", "127.0.0.1:9"],
        capture_output=True,
        timeout=110,
        check=False,
        env=environment(),
    )
    assert done.returncode == 3, done.stderr[-500:]
    assert done.stderr == b""
    assert b"3 of 214 sessions failed: certificate-expired 3" in done.stdout
