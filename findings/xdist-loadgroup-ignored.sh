#!/usr/bin/env bash
# A good engineer guesses: with `--dist loadgroup` tests that bear the mark xdist_group("one") run on one worker, as
# pytest-xdist's documentation says.
# What happens (pytest-xdist 3.8.0 with pytest 9.2.0): they are spread over the workers like any others, and nothing is
# said. pytest-xdist writes the group's name behind each test's private `_nodeid`; pytest 9.2 no longer reads that, it
# makes the name from another field. With pytest 9.0.2 the same pytest-xdist keeps them together.
# Why it matters: groups are there for tests that share something they must not use at once. These run at once after an
# update of pytest, and fail now and then. A scheduler of one's own (pytest_xdist_make_scheduler) still works.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
cat >test_one.py <<'PY'
import os

import pytest


@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("number", range(20))
def test_it(number: int) -> None:
    with open("workers", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\n")
PY
workers() {
    need venv/bin/pip install -q --disable-pip-version-check "pytest==$1" pytest-xdist==3.8.0
    rm -f workers
    venv/bin/pytest -q -p no:cacheprovider -n 2 --dist loadgroup >said
    sort -u workers | wc -l
}
before=$(workers 9.0.2) after=$(workers 9.2.0)
echo "workers that ran one group: $before with pytest 9.0.2, $after with pytest 9.2.0"
[[ $before == 1 && $after == 2 ]] || { echo "CHANGED: a group has one worker, or had several before"; exit 1; }
echo "As described."
