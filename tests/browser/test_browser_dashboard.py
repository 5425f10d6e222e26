"""The dashboard in a real browser: live, checked now, with scripts and without, and nothing of a peer's ever runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.browsing import foreign, visit
from tests.serve.dashboard import HOSTILE, RENEWED, Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_check_now_by_keyboard_tells_what_it_found(chromium: Browser, site: Site) -> None:
    site.servers[3].script = RENEWED
    with visit(chromium, site.address + site.target(3)) as seen:
        page = seen.page
        page.get_by_role("button", name="Check now").press("Enter")
        page.locator("h1", has_text="accepted").wait_for()
        assert "Conversation" in page.locator("main").inner_text()
        assert seen.said == []
        assert foreign(seen.asked, site.address + "/") == []


def test_a_page_tells_what_was_looked_at_since(chromium: Browser, site: Site) -> None:
    with visit(chromium, site.address + "/") as seen:
        page = seen.page
        update = page.get_by_role("status").get_by_role("link", name="Update")
        # What a test before this one asked for may come late.
        while update.is_visible():
            page.reload()
        site.check(0)
        update.wait_for()
        assert "looked at since this page was made" in page.locator("#live").inner_text()
        update.press("Enter")
        update.wait_for(state="hidden")
        assert seen.said == []


def test_without_scripts_it_narrows_and_checks(chromium: Browser, site: Site) -> None:
    with visit(chromium, site.address + "/", script=False) as seen:
        page = seen.page
        search = page.get_by_role("searchbox")
        search.fill("m1")
        search.press("Enter")
        assert page.locator("#endpoints tbody tr").count() == 1
        page.get_by_role("link", name="m1.contoso.test").press("Enter")
        page.get_by_role("button", name="Check now").press("Enter")
        page.get_by_text("Conversation").first.wait_for()


def test_what_a_peer_says_is_shown_and_never_runs(chromium: Browser, site: Site) -> None:
    site.check(4)
    for path in (site.target(4), "/", "/certificates", "/changes"):
        with visit(chromium, site.address + path) as seen:
            assert seen.page.locator("main img, main script").count() == 0
            assert seen.page.get_by_text(HOSTILE[:40]).count() > 0 or path in {"/", "/changes"}
            assert seen.said == []
