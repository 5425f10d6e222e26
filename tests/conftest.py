"""What all tests share: how many examples a property is tried on, and that what was compiled is kept."""

from __future__ import annotations

import gc
import os
import sys

from hypothesis import settings

# Whatever the environment says: else every worker rewrites these tests at every run (8 s), and children start slower.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# At its default of 700 objects the garbage collector takes a tenth of the tests' time.
gc.set_threshold(20_000)

# No deadline: the machine may be busy with other tests, and hangs have a time limit of their own.
settings.register_profile("default", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=20)
settings.load_profile("default")


def pytest_collection_finish() -> None:
    # Some 5,000 tests stay to the end: the garbage collector need not look through them again and again.
    gc.collect()
    gc.freeze()
