"""Every page in a real browser: readable for everybody, wide and narrow, light and dark, by keyboard and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.axe import violations
from tests.browser.browsing import NARROW, SCHEMES, WIDE, Visit, foreign, visit
from tests.browser.checks import badly_named, broken_words, too_wide, unreached
from tests.browser.pages import PAGES, SITE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=[*PAGES, *SITE])
def visited(
    request: pytest.FixtureRequest, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visit]:
    """A page, opened once for all tests of it, with everything unfolded."""
    with visit(chromium, address(request, tmp_path_factory)) as seen:
        unfold(seen.page)
        yield seen


def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param in SITE:
        site = request.getfixturevalue("site")
        return str(site.address) + SITE[request.param](site)
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(PAGES[request.param](), "utf-8")
    return path.as_uri()


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_axe_core_finds_nothing(visited: Visit, width: int, scheme: str) -> None:
    assert violations(visited.look(width=width, scheme=scheme)) == []


@pytest.mark.parametrize("width", [NARROW, 768, WIDE])
def test_everything_fits_the_window(visited: Visit, width: int) -> None:
    page = visited.look(width=width)
    assert too_wide(page) == []
    assert badly_named(page) == []
    assert broken_words(page, "h1, h2, .word, th, button") == []


def test_tab_reaches_every_control_and_shows_where_it_is(visited: Visit) -> None:
    assert unreached(visited.look()) == []


def test_on_paper_everything_fits_and_nothing_is_to_be_pressed(visited: Visit) -> None:
    page = visited.look(width=794, scheme="dark", media="print")  # A4 at 96 pixels an inch
    assert too_wide(page) == []
    assert page.locator(":not(th) > button:visible").count() == 0  # a column's head is its name


def test_the_page_says_nothing_and_asks_for_nothing(visited: Visit) -> None:
    """After all of the above."""
    assert visited.said == []
    assert foreign(visited.asked, visited.page.url) == []
