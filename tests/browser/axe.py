"""axe-core on a page: WCAG 2.2 at levels A and AA, and axe's best practices."""

from __future__ import annotations

from functools import cache
from importlib.metadata import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
_RUN = """async tags => (await axe.run({runOnly: tags, resultTypes: ["violations"]})).violations.flatMap(
    found => found.nodes.map(node => `${found.id}: ${node.target} ${node.any[0]?.message ?? found.help}`))"""


def violations(page: Page) -> list[str]:
    """What axe-core finds, a line for each element."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_source())
    found: list[str] = page.evaluate(_RUN, _TAGS)
    return found


@cache
def _source() -> str:
    held = files("axe-playwright-python") or ()
    return next(one for one in held if one.name == "axe.min.js").read_text("utf-8")
