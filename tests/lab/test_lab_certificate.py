"""`eop-probe certificate --against` a real Postfix: a PFX that can take its certificate's place, and others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.authority import DAY, Authority, Issued, pkcs12
from tests.lab.certificates import KEY, issuers
from tests.lab.running import COMMAND_SECONDS, ROOT, START_SECONDS, Lab
from tests.lab.situations import ADDRESS, HOST

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 120)]

PASSWORD = "battery staple"
NOW = datetime.now(UTC).replace(microsecond=0)
Swap = Callable[..., tuple[int, dict[str, Any], list[str]]]


@pytest.fixture
def swap(lab: Lab, tmp_path: Path) -> Swap:
    """Compare a PFX with what a service presents; exit code, assessment and the rules about the swap."""

    def run(service: str, *chain: Issued, direction: str = "to-eop") -> tuple[int, dict[str, Any], list[str]]:
        file = tmp_path / "new.pfx"
        file.write_bytes(pkcs12(*chain, password=PASSWORD.encode()))
        target = ("--against", f"{HOST}:{lab.port(service)}", "--resolve", f"{HOST}={ADDRESS}")
        options = (
            "--store",
            "microsoft",
            "--stand-in",
            str(lab.root),
            "--direction",
            direction,
            "--format",
            "json",
        )
        done = subprocess.run(
            [sys.executable, "-m", "probe", "certificate", str(file), *target, *options],
            cwd=ROOT,
            env={**os.environ, "EOP_PROBE_PASSWORD": PASSWORD},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.stdout, done.stderr
        [assessment] = json.loads(done.stdout)["assessments"]
        rules = [each["rule"] for each in assessment["findings"]]
        return done.returncode, assessment, [rule for rule in rules if rule.startswith("swap-")]

    return run


def issued(by: Issued, *names: str) -> Issued:
    """A certificate of today, with a new key."""
    return Authority(now=NOW, name="lab renewal").leaf(
        by, *(names or (HOST,)), key=KEY, not_before=NOW - DAY, not_after=NOW + 199 * DAY
    )


@pytest.mark.parametrize("direction", ["to-eop", "from-eop"])
def test_a_renewal_of_the_same_ca_is_safe(lab: Lab, swap: Swap, direction: str) -> None:
    public, _ = issuers(lab.root.parent)
    code, assessment, rules = swap("healthy", issued(public), public, direction=direction)
    assert (code, assessment["outcome"]) == (0, "accepted")
    assert rules == ["swap-safe", "swap-same-pin", "swap-new-key"]


@pytest.mark.parametrize("direction", ["to-eop", "from-eop"])
def test_an_internal_ca_in_its_place_is_refused(lab: Lab, swap: Swap, direction: str) -> None:
    _, internal = issuers(lab.root.parent)
    code, assessment, rules = swap("healthy", issued(internal), internal, direction=direction)
    assert (code, assessment["outcome"]) == (2, "rejected")
    assert assessment["predictions"][0]["rule"] == "untrusted-root"
    assert rules == ["swap-stale-pin", "swap-new-key"]


def test_the_way_back_from_an_internal_ca_needs_the_connectors_changed(lab: Lab, swap: Swap) -> None:
    public, _ = issuers(lab.root.parent)
    code, assessment, rules = swap("internal-ca", issued(public), public)
    assert (code, assessment["outcome"]) == (1, "at-risk")
    assert rules == ["swap-stale-pin", "swap-new-key"]


def test_a_renewal_without_the_intermediate_is_refused(lab: Lab, swap: Swap) -> None:
    public, _ = issuers(lab.root.parent)
    code, assessment, _ = swap("healthy", issued(public))
    assert (code, assessment["predictions"][0]["rule"]) == (2, "missing-intermediate")
