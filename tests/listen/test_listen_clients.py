"""`openssl s_client` against the listener, with TLS 1.2 and 1.3; swaks is in the lab's tests."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.authority import Issued, chain_pem
from tests.listen.senders import (
    HEALTHY,
    HEALTHY_RSA,
    ISSUING,
    NO_MAIL,
    RELAY_DENIED,
    UNTRUSTED,
    Listening,
    connect,
)

COMMANDS = "EHLO openssl\nMAIL FROM:<a@contoso.com>\nRCPT TO:<b@contoso.com>\nBDAT 3 LAST\nx\nQUIT\n"
SECONDS = 30


def _files(folder: Path, chain: tuple[Issued, ...]) -> tuple[Path, Path, Path]:
    leaf, key, rest = folder / "leaf.pem", folder / "key.pem", folder / "rest.pem"
    leaf.write_text(chain[0].pem)
    key.write_text(chain[0].key_pem)
    rest.write_text(chain_pem(*chain[1:]))
    return leaf, key, rest


def _wait(port: int) -> None:
    """Until the listener listens; a visitor, not a sender."""
    connect(port).close()


@pytest.mark.parametrize(("flag", "version"), [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
@pytest.mark.parametrize(
    ("chain", "told"),
    [
        ((HEALTHY, ISSUING), NO_MAIL),
        ((HEALTHY_RSA, ISSUING), NO_MAIL),
        ((HEALTHY,), UNTRUSTED),
        ((), RELAY_DENIED),
    ],
    ids=["ec", "rsa", "leaf alone", "none"],
)
def test_openssl(listening: Listening, flag: str, version: str, chain: tuple[Issued, ...], told: str) -> None:
    def sender(port: int) -> str:
        _wait(port)
        command = [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{port}",
            "-starttls",
            "smtp",
            "-quiet",
            flag,
        ]
        if chain:
            leaf, key, rest = _files(listening.folder, chain)
            command += ["-cert", leaf, "-key", key]
            command += ["-cert_chain", rest] if chain[1:] else []
        done = subprocess.run(
            [*command, "-ign_eof"],
            # Pipelined, in one go (RFC 2920): what is not reached is refused with a 503.
            input=COMMANDS.replace("\n", "\r\n"),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout

    ended = listening(sender, "--once", "--format", "json")
    assert told in str(ended.told)
    [assessment] = json.loads(ended.out)["assessments"]
    assert assessment["tls"]["version"] == version
    assert [each["sha1"] for each in assessment["presented_chain"]] == [each.sha1 for each in chain]
