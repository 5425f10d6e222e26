"""The committed JSON schemas, by the name that documents give themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "docs/schema"
SCHEMAS: dict[str, dict[str, Any]] = {
    f"eop-probe/{path.name.removesuffix('-1.schema.json')}/1": json.loads(path.read_text("utf-8"))
    for path in FOLDER.glob("*.schema.json")
}
#: Those of what is read: such a document does not name its schema.
INPUTS = {"eop-probe/fleet/1", "eop-probe/fleet-target/1"}
#: Those of what is sent by others than the command line; tested where they are sent.
SENT = {"eop-probe/alarm/1"}
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


def validate(document: dict[str, Any]) -> None:
    """Raise ValidationError unless the document is as the schema it names says."""
    VALIDATORS[document["schema"]].validate(document)
