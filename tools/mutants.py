"""Mutation testing: how many small faults in the code that decides do the tests notice?

    make mutants                  a sample of 200 mutants; MUTANTS=all for every one, MUTANTS=1000 for so many
    make mutants SEED=another     another sample

mutmut does the work, on a copy of the tree in build/mutants: here it would leave its own. A mutant that makes a test
fail or hang is caught; one that no test runs is not. Survivors are printed as differences; docs/mutants.md argues
those that need no test. The sample is drawn with a seed, so that two runs can be compared.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / "build" / "mutants"

MUTATED = (
    "probe/pki/*",
    "probe/eop/*",
    "probe/net/stream.py",
    "probe/powershell.py",
    "probe/exchange/attribution/*",
)
TESTS = (
    "tests/pki",
    "tests/eop",
    "tests/net/test_net_stream.py",
    "tests/exchange",
    "tests/render",
    "tests/stores/test_stores_bundle.py",
    "tests/stores/test_stores_microsoft.py",
    "tests/listen/test_listen_examiner.py",
    "tests/cli/test_cli_exchange_select.py",
    "tests/cli/test_cli_tenant_agreement.py",
    "tests/test_commands.py",
)
# These count calls, and mutmut calls every function by way of another; or seconds, while two runs share the machine.
_UNFIT = " and ".join(
    f"not {word}"
    for word in ("costs_no_signature", "cost_milliseconds", "eight_times", "bounded_time", "read_in_time")
)
_SAMPLE = 200
# Exit codes as mutmut reads them: tests failed, or pytest itself did; the time was up; no test reaches it.
_KILLED = (1, 3)
_TIMED_OUT = (24, 36, 152, 255, -24)
_UNREACHED = (5, 33)


def main() -> int:
    wanted = os.environ.get("MUTANTS", str(_SAMPLE))
    _copy()
    # A name that no mutant has: mutants are made and the tests' times taken, and nothing is run.
    _mutmut("run", "none.at.all")
    names = sorted(_results())
    drawn = random.Random(os.environ.get("SEED", "eop-probe"))  # noqa: S311 - a sample, no secret
    chosen = names if wanted == "all" else drawn.sample(names, min(int(wanted), len(names)))
    _mutmut("run", *chosen)
    return _told(chosen, len(names))


def _copy() -> None:
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in ("probe", "tests", "docs"):
        shutil.copytree(ROOT / name, COPY / name, ignore=shutil.ignore_patterns("__pycache__", "run"))
    shutil.copy(ROOT / "pyproject.toml", COPY)
    tests = [test for test in TESTS if (ROOT / test).exists()]
    settings = {
        "source_paths": ["probe"],
        "only_mutate": MUTATED,
        "also_copy": ["tests", "docs"],
        "pytest_add_cli_args_test_selection": tests,
        "pytest_add_cli_args": (
            "-q",
            "--hypothesis-profile",
            "fast",
            "-m",
            "not slow and not lab",
            "-k",
            _UNFIT,
        ),
    }
    lines = [f"{key}=\n    " + "\n    ".join(values) for key, values in settings.items()]
    (COPY / "setup.cfg").write_text("\n".join(("[mutmut]", *lines, "")), encoding="utf-8")


def _mutmut(*arguments: str) -> None:
    """Run mutmut in the copy; its progress goes to a file there."""
    program = Path(sys.executable).with_name("mutmut")
    with (COPY / "mutmut.log").open("ab") as log:
        subprocess.run([program, *arguments], cwd=COPY, check=False, stdout=log, stderr=log)


def _results() -> dict[str, int | None]:
    """Every mutant and the exit code of the tests that ran it; None where it was not its turn."""
    found: dict[str, int | None] = {}
    for meta in (COPY / "mutants").rglob("*.meta"):
        found |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def _word(code: int | None) -> str:
    if code in _KILLED:
        return "caught"
    if code in _TIMED_OUT:
        return "caught (hangs)"
    return "survived" if code == 0 else "not run by a test" if code in _UNREACHED else f"unclear ({code})"


def _told(chosen: list[str], made: int) -> int:
    results = _results()
    if not any(isinstance(results[name], int) for name in chosen):
        sys.exit(f"no mutant was run: see {COPY / 'mutmut.log'}")
    words = {name: _word(results[name]) for name in chosen}
    for name in chosen:
        if not words[name].startswith("caught"):
            print(f"--- {words[name]}: {name}")  # noqa: T201 - the report
            _show(name)
    by_folder = Counter(name.rpartition(".x")[0].split(".")[1] for name in chosen)
    lost = Counter(name.rpartition(".x")[0].split(".")[1] for name in chosen if words[name][0] != "c")
    caught = len(chosen) - lost.total()
    counted = ", ".join(f"{number} {word}" for word, number in Counter(words.values()).items())
    print(f"{len(chosen)} of {made} mutants: {counted}")  # noqa: T201
    for folder, number in sorted(by_folder.items()):
        print(f"  {folder}: {number - lost[folder]} of {number} caught")  # noqa: T201
    low, high = _interval(caught, len(chosen))
    print(f"caught: {caught / len(chosen):.1%} (of all, with 95 % confidence: {low:.1%} to {high:.1%})")  # noqa: T201
    return 0


def _interval(caught: int, tried: int) -> tuple[float, float]:
    """Wilson's score interval of a share."""
    share, z = caught / tried, 1.96
    middle, spread = (
        share + z * z / (2 * tried),
        z * math.sqrt(share * (1 - share) / tried + (z / (2 * tried)) ** 2),
    )
    return tuple(min(1.0, (middle + sign * spread) / (1 + z * z / tried)) for sign in (-1, 1))


def _show(name: str) -> None:
    program = Path(sys.executable).with_name("mutmut")
    shown = subprocess.run([program, "show", name], cwd=COPY, check=False, capture_output=True, text=True)
    print("\n".join(line for line in shown.stdout.splitlines() if line[:1] in "+-@"))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
