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
    anything on the path, is None; behind a tuple the rest of the path is that of each member. `more` follows.
    """
    found: dict[str, Any] = {}
    for name in names.split():
        key, _, path = name.partition("=")
        value: object = one
        for attribute in (path or key).split("."):
            if type(value) is tuple:  # not one with names
                value = tuple(getattr(each, attribute) for each in value)
            else:
                value = None if value is None else getattr(value, attribute)
        found[key] = plain(value)
    return {**found, **{key: plain(value) for key, value in more.items()}}
