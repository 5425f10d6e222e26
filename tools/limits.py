"""The page of limits: every bound a peer or a file can meet, read from the code, and the test that meets it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import NamedTuple

_HEAD = """# Limits

Peers and files are hostile until shown otherwise: every read, line, list, search and wait has a bound, and meeting
one is said in the report. The last column names the tests that meet the bound. Generated from the code and
tools/limits.txt by `make docs`; the constants' comments name their sources.
One check of one address holds a few megabytes at most beyond the program itself. A file costs time in proportion to
its length and at most ten times its length in memory, whatever it is filled with: brackets, colons, commas, line ends,
tags, PEM blocks. A paste of 100 MB, a mail of 10,000 parts, 5,000 parts inside one another or 30 MB of base64 ends
within a minute of processor time and 1 GiB of address space (both: tests/cli/test_cli_bounds.py), and a log of any
length is streamed. Of TLS reports it is what they unpack to that costs: 8 MiB, which gzip makes of 8 KiB, take some
seconds and up to 250 MB while they are read.

| Bound | Value | Where | Test |
|---|---|---|---|
"""


class Limit(NamedTuple):
    """One line of limits.txt: a constant as "module:name", what it bounds, and its tests, a blank between them."""

    constant: str
    what: str
    tests: str

    @property
    def value(self) -> object:
        """The value it has now; a class stands for what it is without arguments."""
        module, _, names = self.constant.partition(":")
        found: object = import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
            found = found() if isinstance(found, type) else found
        return found


def limits() -> list[Limit]:
    """Every line of limits.txt."""
    lines = Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines()
    return [Limit(*line.split(" | ")) for line in lines]


def limits_page() -> str:
    """The page as Markdown, with the values the code has now."""
    return _HEAD + "".join(map(_row, limits()))


def _row(limit: Limit) -> str:
    tests = ", ".join(f"`{test}`" for test in limit.tests.split())
    value = f"{limit.value:,}" if isinstance(limit.value, int | float) else limit.value
    return f"| {limit.what} | {value} | `{limit.constant.replace(':', '.')}` | {tests} |\n"
