"""What all tests share: how many examples a property is tried on, what is kept, and what none may leave behind."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import leftovers

# Whatever the environment says: else every worker rewrites these tests at every run (8 s), and children start slower.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Nor does what a user has set for a terminal of their own.
for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
    os.environ.pop(name, None)

# At its default of 700 objects the garbage collector takes a tenth of the tests' time.
gc.set_threshold(20_000)

# No deadline, nor a complaint of slow drawing: the machine may be busy with other tests, and hangs have a time limit of
# their own. Each run tries the same examples, so that none fails by chance; `make test-random` tries new ones.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", _patient, derandomize=False)
settings.register_profile("default", _patient, derandomize=True)
settings.register_profile("fast", _patient, derandomize=True, max_examples=20)
settings.load_profile("default")


def pytest_collection_finish() -> None:
    # Some 5,000 tests stay to the end: the garbage collector need not look through them again and again.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    before, threads = leftovers.quickly(), leftovers.threads()
    yield
    if left := [*leftovers.changed(before, leftovers.quickly()), *leftovers.running(threads)]:
        pytest.fail("this test leaves behind:\n" + "\n".join(left), pytrace=False)


@pytest.fixture(autouse=True, scope="module")
def _file_leaves_nothing_behind() -> Iterator[None]:
    before, threads = leftovers.around_a_file(), leftovers.threads()
    yield
    if left := [*leftovers.changed(before, leftovers.around_a_file()), *leftovers.running(threads)]:
        pytest.fail("a test of this file leaves behind:\n" + "\n".join(left), pytrace=False)
