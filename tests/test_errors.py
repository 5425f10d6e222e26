"""The exception tree: two branches, their phases, and the drawing in its docstring."""

from __future__ import annotations

import inspect

import pytest

from probe import errors
from probe.capture import Phase

CLASSES = dict(inspect.getmembers(errors, inspect.isclass))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_everything_is_in_the_tree_and_in_the_drawing(name: str) -> None:
    assert issubclass(CLASSES[name], errors.ProbeError)
    assert errors.__doc__ is not None
    assert name in errors.__doc__


def test_the_two_branches_are_apart() -> None:
    asked = {c for c in CLASSES.values() if issubclass(c, errors.ConfigurationError)}
    seen = {c for c in CLASSES.values() if issubclass(c, errors.ObservationError)}
    assert not asked & seen
    assert asked | seen | {errors.ProbeError} == set(CLASSES.values())


def test_every_phase_has_its_error_but_tls_whose_faults_are_values() -> None:
    leaves = [c for c in CLASSES.values() if c.__base__ is errors.ObservationError]
    assert sorted(c.phase for c in leaves) == sorted(phase.value for phase in Phase if phase is not Phase.TLS)


def test_the_server_s_words_are_kept() -> None:
    error = errors.SmtpError("it refused", server_text="554 no")
    assert (str(error), error.server_text, error.phase) == ("it refused", "554 no", "smtp")
    assert errors.ConnectError("refused").server_text is None
