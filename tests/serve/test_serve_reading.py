"""What the metrics say of the description: whether the files could be read, whatever is watched meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.cli.serve import _followed
from probe.errors import ConfigurationError
from probe.fleet.watch.described import Described
from probe.serve.counted import Counted
from probe.serve.standing import Standing
from probe.serve.targets import Targets
from tests.serve.test_serve_views import described


def test_what_was_read_before_is_no_reading(tmp_path: Path) -> None:
    what = described(tmp_path, 1)
    standing, targets, counted = Standing(what), Targets(what, any_target=False), Counted(lambda: 0)

    def amiss() -> Described:
        raise ConfigurationError("nonsense")

    with pytest.raises(ConfigurationError):
        _followed(amiss, standing, targets, counted.reading)
    assert _followed(lambda: what, standing, targets) is what
    assert b"config_last_reload_successful 0.0\n" in counted.text()
    assert _followed(lambda: what, standing, targets, counted.reading) is what
    assert b"config_last_reload_successful 1.0\n" in counted.text()
