"""The running lab as a fixture, and how much of it a run has used."""

from __future__ import annotations

import pytest

from tests.lab.running import Lab, start
from tests.lab.situations import SERVICES

_LAB = pytest.StashKey[Lab]()


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Lab:
    """The lab, started if need be; it is left running, for the next run needs it again."""
    try:
        running = start()
    except RuntimeError as error:
        # Not skipped: that would hide that nothing was tested.
        pytest.fail(f"the Postfix lab does not start:\n{error}", pytrace=False)
    request.config.stash[_LAB] = running
    return running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if (running := config.stash.get(_LAB, None)) is not None:
        terminalreporter.write_line(f"Postfix lab: {len(running.used)} of {len(SERVICES)} services used")
