"""swaks, out of the lab's image, against the listener: TLS 1.2 and 1.3."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.authority import Issued
from tests.lab.running import START_SECONDS, Lab
from tests.listen.senders import (
    DIRECT,
    HEALTHY,
    NO_MAIL,
    RELAY_DENIED,
    SELF_SIGNED,
    UNTRUSTED,
    Listening,
    connect,
)

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 120)]

SECONDS = 60


def swaks(port: int, protocol: str, folder: Path, leaf: Issued | None) -> str:
    """What swaks and the listener said; Debian's swaks presents the certificate alone, without its chain."""
    options = [
        *("--server", f"127.0.0.1:{port}", "--from", "a@contoso.com", "--to", "b@contoso.com"),
        *("--tls", "--tls-protocol", protocol),
    ]
    if leaf is not None:
        (folder / "leaf.pem").write_text(leaf.pem)
        (folder / "key.pem").write_text(leaf.key_pem)
        options += ["--tls-cert", "/sender/leaf.pem", "--tls-key", "/sender/key.pem"]
    image = [
        "docker",
        "run",
        "--rm",
        "--network",
        "host",
        "--volume",
        f"{folder}:/sender:ro",
        "eop-probe-lab",
    ]
    done = subprocess.run(
        [*image, "swaks", *options],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("protocol", "version"), [("tlsv1_2", "TLSv1.2"), ("tlsv1_3", "TLSv1.3")])
@pytest.mark.parametrize(
    ("leaf", "rule", "told"),
    [
        (DIRECT, None, NO_MAIL),
        (HEALTHY, "missing-intermediate", UNTRUSTED),
        (SELF_SIGNED, "self-signed", UNTRUSTED),
        (None, "no-client-certificate", RELAY_DENIED),
    ],
    ids=["healthy", "missing intermediate", "self-signed", "none"],
)
def test_swaks(
    lab: Lab,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    protocol: str,
    version: str,
    leaf: Issued | None,
    rule: str | None,
    told: str,
) -> None:
    assert lab.base  # its image is there

    def sender(port: int) -> str:
        connect(port).close()  # it listens; a visitor, not a sender
        return swaks(port, protocol, tmp_path, leaf)

    ended = Listening(capsys, tmp_path)(sender, "--timeout", str(SECONDS), "--once", "--format", "json")
    assert told in str(ended.told)
    [assessment] = json.loads(ended.out)["assessments"]
    assert assessment["tls"]["version"] == version
    assert assessment["predictions"][0]["rule"] == rule
    assert [each["sha1"] for each in assessment["presented_chain"]] == ([leaf.sha1] if leaf else [])
