"""The command line as a test runs it: in this process or in one of its own, against servers on loopback."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from probe.cli import early
from probe.cli.exit_codes import run_to_exit
from tests.authority import Authority
from tests.net.scripted import Script, ScriptedServer, starttls, tls_context
from tests.schemas import validate

HOST = "mail.contoso.test"
NOW = datetime.now(UTC).replace(microsecond=0)  # the command asks the clock, so the certificates fit it
CA = Authority(now=NOW, name="cli")
ROOT = CA.root("Fabrikam Public Root")
ISSUING = CA.intermediate(ROOT, "Fabrikam Public TLS CA 1")
LEAF = CA.leaf(ISSUING, HOST)
SOON = CA.leaf(
    ISSUING, HOST, not_after=NOW.replace(microsecond=0) + (LEAF.certificate.not_valid_after_utc - NOW) / 20
)
SELF_SIGNED = CA.self_signed(HOST)

HEALTHY = starttls(tls_context(LEAF, ISSUING))
LONELY = starttls(tls_context(LEAF))
SELF = starttls(tls_context(SELF_SIGNED))
EXPIRING = starttls(tls_context(SOON, ISSUING))


class Ran(NamedTuple):
    """How a run ended and what it said."""

    code: int
    out: str
    err: str


class Cli:
    """Runs the command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], store: Path) -> None:
        self._capsys = capsys
        self.store = str(store)

    def __call__(self, *arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            run_to_exit(arguments)
        said = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        if said.out.startswith('{\n  "schema": '):
            validate(json.loads(said.out))
        return Ran(ended.value.code, said.out, said.err)

    def fed(self, data: bytes, *arguments: str) -> Ran:
        """A run with that on standard input."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
            return self(*arguments)

    def begun(self, *arguments: str) -> Ran:
        """A run as ``python -m probe`` makes it, what it begins before the command line is loaded included."""
        early.begin(arguments, os.environ)
        return self(*arguments)

    def check(self, port: int, *arguments: str) -> Ran:
        """`check` of HOST at a port on loopback, judged by the test authority's root."""
        return self(
            "check",
            f"{HOST}:{port}",
            "--resolve",
            f"{HOST}=127.0.0.1",
            "--store",
            "microsoft",
            "--stand-in",
            self.store,
            *arguments,
        )


@contextlib.contextmanager
def serving(*scripts: Script) -> Iterator[int]:
    """A server on loopback; its port."""
    with ScriptedServer(*scripts) as server:
        yield server.port


def hold(peer: object) -> None:
    """A server that takes the connection and never says a word."""
    peer.hold()  # type: ignore[attr-defined]


def environment(**more: str) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("EOP_PROBE_")} | more


def unmeasured(**more: str) -> dict[str, str]:
    """The environment of a process whose coverage is not measured: that is written to a file by SQLite, at the end.

    Where files are limited, or where the process is killed, the file is broken or missing.
    """
    return {key: value for key, value in environment(**more).items() if not key.startswith("COV")}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "probe", *arguments]


def spawn(*arguments: str, **environ: str) -> Ran:
    """The command in a process of its own."""
    done = subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(**environ),
    )
    return Ran(done.returncode, done.stdout, done.stderr)
