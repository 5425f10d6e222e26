"""`eop-probe fleet run` over every service of the lab, in both directions: one run, the outcomes of the table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.running import ROOT, START_SECONDS, Lab
from tests.lab.situations import ADDRESS, HOST
from tests.lab.test_lab import Call, calls

pytestmark = [pytest.mark.lab, pytest.mark.timeout(START_SECONDS + 240)]

#: Options of a row that may be given several times, by the key that a target has for them.
LISTS = {"--accepted-domain": "accepted-domains"}


def target(lab: Lab, number: int, call: Call) -> dict[str, Any]:
    """A row of the table as a target."""
    given: dict[str, Any] = {}
    words = list(call.situation.options)
    while words:
        flag = words.pop(0)
        if flag == "--thorough":
            given["thorough"] = True
        elif flag in LISTS:
            given[LISTS[flag]] = [words.pop(0)]
        else:
            value = words.pop(0)
            given[flag.removeprefix("--")] = int(value) if value.isdigit() else value
    return {
        "host": HOST,
        "addresses": [ADDRESS],
        "port": lab.port(call.situation.service),
        "direction": call.direction,
        "labels": {"row": str(number)},
        "expect": {"outcome": call.expected.outcome},
        **given,
    }


def test_a_fleet_of_every_service(lab: Lab, tmp_path: Path) -> None:
    rows = list(calls())
    file = tmp_path / "lab.jsonl"
    file.write_text("".join(json.dumps(target(lab, *row)) + "\n" for row in enumerate(rows)))
    done = subprocess.run(
        [sys.executable, "-m", "probe", "fleet", "run", str(file), "--stand-in", str(lab.root), "--format", "json"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    report = json.loads(done.stdout)
    found = {int(one["labels"]["row"]): one for one in report["assessments"]}
    assert sorted(found) == list(range(len(rows)))
    wrong = [
        f"{call}: {found[n]['outcome']}"
        for n, call in enumerate(rows)
        if found[n]["outcome"] != call.expected.outcome
    ]
    assert wrong == []
    rules = {finding["rule"] for one in found.values() for finding in one["findings"]}
    assert "unexpected-outcome" not in rules
    for number, call in enumerate(rows):
        assert found[number]["predictions"][0]["rule"] == call.expected.rule, str(call)
    assert done.returncode == 2
    assert report["summary"]["endpoints"] == len(rows)
