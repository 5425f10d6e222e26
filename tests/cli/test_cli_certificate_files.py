"""`eop-probe certificate` on files that no server can present, with several keys, or encoded in unusual ways."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tests.authority import chain_pem, pkcs7, pkcs12
from tests.cli.running import ISSUING, LEAF, SOON, Cli, environment
from tests.cli.test_cli_certificate import put, report, rules
from tests.exchange.diagnosing import send_connector
from tests.pki.pfx import bag, certificate_bag, in_ber, key_der, pfx, plain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def pem_label(data: bytes) -> bytes:
    """Anything between the lines of a certificate."""
    body = base64.encodebytes(data)
    return b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"


def test_a_pfx_with_two_keys_is_judged_twice(cli: Cli, folder: Path) -> None:
    bags = (certificate_bag(each) for each in (ISSUING, LEAF, SOON))
    data = pfx(plain(*bags, bag(1, key_der(SOON)), bag(1, key_der(LEAF))))
    both = put(folder, "both.pfx", data)
    judged = ("--store", "microsoft", "--stand-in", cli.store, "--format", "json")
    ran = cli("certificate", both, *judged)
    soon, good = report(ran)["assessments"]
    assert (soon["outcome"], good["outcome"], ran.code) == ("at-risk", "accepted", 1)
    assert soon["target"] == f"{both} ({SOON.sha1.upper()})"
    for found, one in ((soon, SOON), (good, LEAF)):
        assert [entry["sha1"] for entry in found["presented_chain"]] == [one.sha1, ISSUING.sha1]
    # Negative control: two certificates and one key are one chain.
    single = put(
        folder, "one.pfx", pfx(plain(certificate_bag(ISSUING), certificate_bag(LEAF), bag(1, key_der(LEAF))))
    )
    assert [each["target"] for each in report(cli("certificate", single, *judged))["assessments"]] == [single]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (pem_label(pkcs7(LEAF, ISSUING)), "a PKCS#7 bundle between the lines of a certificate"),
        (base64.encodebytes(LEAF.der), "base64 without the lines BEGIN and END"),
        (base64.b64encode(pkcs7(LEAF, ISSUING)), "base64 without the lines BEGIN and END"),
        (LEAF.der + bytes(7), "longer than what it holds: 7 bytes follow, which were left out"),
        (pkcs7(LEAF, ISSUING) + b"tail", "longer than what it holds: 4 bytes follow"),
        (pkcs12(LEAF, ISSUING) + b"\r\n\x1a", "longer than what it holds: 3 bytes follow"),
        (LEAF.pem.encode("utf-16"), "text in UTF-16"),
        (LEAF.pem.encode("utf-16-be"), "text in UTF-16"),
        (base64.encodebytes(LEAF.der).decode().encode("utf-16"), "base64 without the lines BEGIN and END"),
        (in_ber(plain(certificate_bag(LEAF), bag(1, key_der(LEAF)))), "encoded in BER where DER is usual"),
    ],
)
def test_an_unusual_file_is_read_with_a_word(cli: Cli, folder: Path, data: bytes, word: str) -> None:
    judged = ("--store", "microsoft", "--stand-in", cli.store, "--chain", put(folder, "c.pem", ISSUING.pem))
    ran = cli("certificate", put(folder, "odd.cer", data), *judged, "--format", "json")
    [found] = report(ran)["assessments"]
    assert (ran.code, ran.err) == (0, "")
    [told] = [each for each in found["findings"] if each["rule"] == "unusual-file"]
    assert told["severity"] == "info"
    assert word in told["summary"]
    assert found["presented_chain"][0]["sha1"] == LEAF.sha1


def test_what_is_usual_needs_no_word(cli: Cli, folder: Path) -> None:
    chain = chain_pem(LEAF, ISSUING).encode()
    for data in (chain, chain.replace(b"\n", b"\r\n"), pkcs12(LEAF, ISSUING), pkcs7(LEAF, ISSUING) + b"\n"):
        ran = cli(
            "certificate",
            put(folder, "usual", data),
            "--store",
            "microsoft",
            "--stand-in",
            cli.store,
            "--format",
            "json",
        )
        assert rules(report(ran)["assessments"][0]) == []


# ---- no warning, and no file that is none --------------------------------------------------------


#: Each command line of its arguments, one after the other in one process; a word between what each says.
_EACH = """
import sys
from probe.cli.exit_codes import run_to_exit
for line in sys.argv[1:]:
    try:
        run_to_exit(line.split())
    except SystemExit:
        print("ended", flush=True)
"""


@pytest.mark.parametrize("mode", ["error", "always"])
def test_no_python_warning_reaches_a_user(folder: Path, mode: str) -> None:
    """Warnings are failures here, in a process of its own, and standard error holds nothing of them."""
    lines = [
        "certificate nss.pfx",
        "certificate ber.p7b",
        "certificate odd.cer",
        "exchange select connector.json --with nss.pfx",
        "explain untrusted-root",
    ]
    bags = (certificate_bag(LEAF), bag(1, key_der(LEAF)))
    put(folder, "nss.pfx", in_ber(plain(*bags)))
    put(folder, "ber.p7b", ber_bundle(pkcs7(LEAF, ISSUING)))
    put(folder, "odd.cer", LEAF.der + b"tail")
    put(folder, "connector.json", json.dumps([send_connector()]))
    done = subprocess.run(
        [sys.executable, "-W", mode, "-c", _EACH, *lines],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Warning" not in done.stderr
    assert "Traceback" not in done.stderr
    assert [bool(said) for said in done.stdout.split("ended\n")] == [True] * len(lines) + [False]


def test_that_test_would_notice() -> None:
    """Negative control: the library warns of the very files."""
    from cryptography.hazmat.primitives.serialization import pkcs7 as library

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        library.load_der_pkcs7_certificates(ber_bundle(pkcs7(LEAF)))
    assert seen


def ber_bundle(bundle: bytes) -> bytes:
    """A PKCS#7 bundle whose outermost element has no length."""
    start = 2 + (bundle[1] & 0x7F if bundle[1] & 0x80 else 0)
    return b"\x30\x80" + bundle[start:] + b"\0\0"


@pytest.mark.parametrize(
    "arguments",
    [
        ("certificate", "{}"),
        ("certificate", "good.pem", "--chain", "{}"),
        ("certificate", "good.pem", "--store", "{}"),
        ("certificate", "good.pem", "--stand-in", "{}"),
        ("certificate", "good.pem", "--password-file", "{}"),
        ("listen", "--once", "--port", "0", "--certificate", "{}"),
        ("exchange", "show", "{}"),
        ("exchange", "log", "{}"),
        ("explain", "@{}"),
        ("check", "@{}"),
    ],
)
@pytest.mark.parametrize(("kind", "word"), [("pipe", "pipe"), ("socket", "socket"), ("/dev/zero", "device")])
def test_what_is_no_file_is_refused_at_once(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], kind: str, word: str
) -> None:
    monkeypatch.chdir(folder)
    put(folder, "good.pem", chain_pem(LEAF, ISSUING))
    if kind == "pipe":
        os.mkfifo("pipe")
    listening = socket.socket(socket.AF_UNIX)
    with listening:
        if kind == "socket":
            listening.bind("socket")
        ran = cli(*(one.format(kind) for one in arguments))
    assert ran.code == 3
    assert f"it is a {word}, not a file" in ran.out + ran.err


def test_files_behind_a_link_are_files(cli: Cli, folder: Path) -> None:
    """Negative control."""
    (folder / "link.pem").symlink_to(put(folder, "good.pem", chain_pem(LEAF, ISSUING)))
    assert cli("certificate", str(folder / "link.pem"), "--stand-in", cli.store).code == 0
