"""`eop-probe check` on real Postfix servers: every row of the table, in both directions and two formats."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest

from tests.lab.running import COMMAND_SECONDS, ROOT, START_SECONDS, Lab
from tests.lab.situations import ADDRESS, HOST, SITUATIONS, Expectation, Situation

# The first of these tests also pays for the lab's start.
pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 120)]

NAGIOS_STATES = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One run of the command and what it has to say."""

    situation: Situation
    direction: str
    expected: Expectation

    def __str__(self) -> str:
        words = (self.situation.service, *self.situation.options, self.direction)
        return " ".join(word for word in words if word != HOST)


def calls() -> Iterator[Call]:
    for situation in SITUATIONS:
        if situation.to_eop is not None:
            yield Call(situation=situation, direction="to-eop", expected=situation.to_eop)
        if situation.from_eop is not None:
            yield Call(situation=situation, direction="from-eop", expected=situation.from_eop)


def check(lab: Lab, call: Call, form: str) -> subprocess.CompletedProcess[str]:
    target = f"{HOST}:{lab.port(call.situation.service)}"
    options = [
        "--resolve",
        f"{HOST}={ADDRESS}",
        "--store",
        "microsoft",
        "--stand-in",
        str(lab.root),
        "--direction",
        call.direction,
    ]
    return subprocess.run(
        [sys.executable, "-m", "probe", "check", target, *options, *call.situation.options, "--format", form],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def read_report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("call", list(calls()), ids=str)
def test_json(lab: Lab, call: Call) -> None:
    done = check(lab, call, "json")
    report = read_report(done)
    jsonschema.validate(report, json.loads((ROOT / "docs/schema/report-1.schema.json").read_text("utf-8")))
    [assessment] = report["assessments"]
    [prediction] = [each for each in assessment["predictions"] if each["direction"] == call.direction]
    found = {finding["rule"] for finding in assessment["findings"]}
    expected = call.expected
    assert (report["outcome"], prediction["outcome"]) == (expected.outcome, expected.outcome)
    assert prediction["rule"] == expected.rule
    if expected.reply is None:
        assert prediction["reply"] is None
    else:
        assert prediction["reply"].startswith(expected.reply)
    assert found >= {rule for rule in (expected.rule, *expected.findings) if rule}
    assert done.returncode == expected.exit_code


@pytest.mark.parametrize("call", list(calls()), ids=str)
def test_nagios(lab: Lab, call: Call) -> None:
    done = check(lab, call, "nagios")
    assert NAGIOS_STATES[call.expected.exit_code] in done.stdout.splitlines()[0]
    assert done.returncode == call.expected.exit_code
