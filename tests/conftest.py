"""What all tests share: how many examples a property is tried on."""

from __future__ import annotations

from hypothesis import settings

# No deadline: the machine may be busy with other tests, and hangs have a time limit of their own.
settings.register_profile("default", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=20)
settings.load_profile("default")
