"""Values as JSON documents hold them, so that a document is a list of names and not of assignments."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from probe.exchange.problem import Problem
from probe.powershell import Command
from probe.render.report.facts import instant
from probe.statement import Statement


def plain(value: object) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Enums by their value, instants as ISO 8601, steps as texts, sequences as lists; anything else as it is."""
    told: Any = value
    match value:
        case Statement():
            told = picked(value, "text confidence=label source")
        case Problem():
            told = picked(value, "file=source line field message=sentence")
        case enum.Enum():
            told = value.value
        case datetime():
            told = instant(value)
        case Command():
            told = value.text
        case tuple() | list():
            told = [plain(one) for one in value]
    return told


def picked(one: object, names: str, **more: object) -> dict[str, Any]:
    """The attributes of `one` that `names` lists: ``name``, or ``key=path.to.attribute``; null where `one`, or
    anything on the path, is None. `more` follows.
    """
    found: dict[str, Any] = {}
    for name in names.split():
        key, _, path = name.partition("=")
        value: object = one
        for attribute in (path or key).split("."):
            value = None if value is None else getattr(value, attribute)
        found[key] = plain(value)
    return {**found, **{key: plain(value) for key, value in more.items()}}
