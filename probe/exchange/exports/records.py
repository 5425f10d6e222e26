"""The records of a text in whatever format it is: one that says what it is, or a listing or table pasted into prose."""

from __future__ import annotations

import re
from collections.abc import Callable

from probe.exchange.exports.clixml import looks_like_clixml, read_clixml
from probe.exchange.exports.format_list import TextLines, read_lists
from probe.exchange.exports.json_text import looks_like_json, read_json
from probe.exchange.exports.record import Record
from probe.exchange.exports.tables import CsvNames, of_exports, read_csv, read_tables
from probe.exchange.problem import Problems

_JSON_BEGINS = re.compile(r"^[ \t]{0,20}(\[\s{0,200}\{|\{\s{1,200}\")", re.MULTILINE)


def records_of(
    text: str, problems: Problems, wanted: Callable[[Record], bool], names: CsvNames = of_exports
) -> tuple[list[Record], bool]:
    """The records of a text, and whether it is prose or a shell's output: then only those `wanted`.

    `names` says of a CSV's header whether it is of a kind that is looked for.
    """
    found = _structured(text, problems, names)
    if found is not None:
        return found, False
    lines = TextLines(text)
    # One label alone can stand in any prose.
    listed = [*read_lists(lines, problems), *read_tables(lines, problems)]
    begin = _JSON_BEGINS.search(text)
    pasted = read_json(text, problems, begin.start(1)) if begin else []
    records = (*(one for one in listed if len(one.fields) > 1), *pasted)
    return [one for one in records if wanted(one)], True


def _structured(text: str, problems: Problems, names: CsvNames) -> list[Record] | None:
    """The records of a format that says what it is; None where the text is prose or a shell's output."""
    if looks_like_clixml(text):
        return read_clixml(text, problems)
    if looks_like_json(text):
        return read_json(text, problems)
    return read_csv(text, problems, names)
