"""The pages used as people use them: commands copied, a table narrowed, by keyboard, without scripts, on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.browsing import NARROW, SCHEMES, visit
from tests.browser.checks import cut, needs_scripts, not_copied
from tests.browser.pages import HOSTILE, PAGES, fleet
from tests.render import samples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

Saved = Callable[[str], str]

_NAMES = """rows => rows.map(row => [row.cells[0], row.cells[1].querySelector("a, summary")]
    .map(one => one.innerText.trim().replace(/\\s+/g, " ")).join(" "))"""


def test_the_verdict_and_the_whole_reply_are_on_a_phone_s_first_screen(
    chromium: Browser, saved: Saved
) -> None:
    with visit(chromium, saved(PAGES["report"]())) as seen:
        page = seen.look(width=NARROW)
        assert cut(page, samples.REFUSED) == []
        for text in ("rejected", samples.HOST, samples.REFUSED):
            box = page.get_by_text(text, exact=True).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < 844  # CSS pixels of a usual phone


@pytest.mark.parametrize("name", ["report", "diagnosis"])
def test_a_command_is_copied_exactly_by_keyboard(chromium: Browser, saved: Saved, name: str) -> None:
    with visit(chromium, saved(PAGES[name]())) as seen:
        assert seen.page.locator(".command").count() > 1
        assert not_copied(seen.page) == []
        assert seen.page.get_by_role("status").text_content() == "Copied"


def test_a_copy_of_something_else_is_found(plant: Callable[..., object]) -> None:
    script = "document.querySelector('button').onclick = () => navigator.clipboard.writeText('Get-X ')"
    seen = plant(f"<div class=command><pre>Get-X</pre><button>Copy</button></div><script>{script}</script>")
    assert not_copied(seen.page) == ["Get-X became Get-X "]  # type: ignore[attr-defined]


def test_the_first_tab_stop_leads_to_the_content(chromium: Browser, saved: Saved) -> None:
    with visit(chromium, saved(PAGES["everything"]())) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        seen.page.keyboard.press("Enter")
        assert seen.page.evaluate("document.activeElement.id") == "main"


def test_what_is_folded_opens_by_keyboard(chromium: Browser, saved: Saved) -> None:
    with visit(chromium, saved(PAGES["report"]())) as seen:
        transcript = seen.page.locator("details", has_text="Conversation")
        assert not transcript.locator("pre").is_visible()
        transcript.locator("summary").press("Enter")
        assert "250 STARTTLS" in transcript.locator("pre").inner_text()


def rows(page: Page) -> list[str]:
    """What the table shows: the outcome and the name of each endpoint."""
    names: list[str] = page.locator("#endpoints tbody tr").evaluate_all(_NAMES)
    return names


def test_a_table_is_narrowed_and_sorted_by_keyboard(chromium: Browser, saved: Saved) -> None:
    with visit(chromium, saved(PAGES["everything"]())) as seen:
        page, search = seen.page, seen.page.get_by_role("searchbox")
        whole = rows(page)
        search.press_sequentially("missing-inter")
        assert 0 < len(rows(page)) < len(whole)
        search.fill("nothing like it")
        assert rows(page) == []
        search.fill("")
        rejected = page.get_by_role("checkbox", name="rejected")
        rejected.press("Space")
        assert rows(page) == [row for row in whole if row.startswith("rejected")]
        rejected.press("Space")
        assert rows(page) == whole
        outcome = page.locator("#endpoints th", has_text="Outcome")
        for order, first in (("ascending", whole[0]), ("descending", "accepted")):
            outcome.get_by_role("button").press("Enter")
            assert outcome.get_attribute("aria-sort") == order
            assert rows(page)[0].startswith(first)


class Stopwatch:
    """Processor time of a page's main thread, in seconds, from lap to lap."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._at = self._spent()

    def lap(self) -> float:
        begun, self._at = self._at, self._spent()
        return self._at - begun

    def _spent(self) -> float:
        found = self._session.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in found if one["name"] == "TaskDuration")


def test_ten_thousand_endpoints_are_narrowed_and_sorted_without_a_wait(
    chromium: Browser, saved: Saved
) -> None:
    """Each step takes at most two seconds of the page's processor time: a hundred rows are laid out, not all."""
    with visit(chromium, saved(fleet(10_000))) as seen:
        page = seen.page
        assert len(rows(page)) == 100
        name, search = page.locator("#endpoints th:nth-child(2) button"), page.get_by_role("searchbox")
        took = Stopwatch(page)
        for step in (name.click, name.click, lambda: search.fill("host"), lambda: search.fill("host-09876")):
            step()
            assert took.lap() < 2
        assert rows(page) == ["accepted host-09876.contoso.com 192.0.2.1:25"]
        page.locator("summary", has_text="host-09876").press("Enter")
        assert "Exchange Online would accept it" in page.locator("#endpoints tbody").inner_text()
        search.fill("")
        page.get_by_role("button", name="Show more").press("Enter")
        assert len(rows(page)) == 200


@pytest.mark.parametrize("name", ["everything", "diagnosis", "selection"])
def test_without_scripts_a_page_says_the_same(chromium: Browser, saved: Saved, name: str) -> None:
    assert needs_scripts(chromium, saved(PAGES[name]())) == []


def test_a_page_made_by_a_script_is_found(chromium: Browser, saved: Saved) -> None:
    made = "<p>x</p><button>Go</button><script>document.querySelector('p').textContent = 'made'</script>"
    assert needs_scripts(chromium, saved(made)) == ["made", "Go"]


@pytest.mark.parametrize("name", ["hostile", "diagnosis-hostile", "ledger-hostile"])
def test_hostile_texts_are_shown_and_never_run(chromium: Browser, saved: Saved, name: str) -> None:
    with visit(chromium, saved(PAGES[name]())) as seen:
        page = seen.page
        assert page.get_by_text(HOSTILE).count() > 3
        assert (
            page.locator(
                "img, body script:not(:last-child), [onclick], [onfocus], [onload], [autofocus]"
            ).count()
            == 0
        )
        assert page.locator("a[href^='javascript']").count() == 0
        for link in page.locator("a").all():
            assert str(link.get_attribute("href")).startswith(("#", "https://"))
        page.mouse.click(200, 200)
        assert seen.said == []


def test_dark_is_dark_and_light_is_light(chromium: Browser, saved: Saved) -> None:
    with visit(chromium, saved(PAGES["nothing"]())) as seen:
        light, dark = (
            seen.look(scheme=scheme).evaluate(
                "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
            )
            for scheme in SCHEMES
        )
    assert min(light) > 200
    assert max(dark) < 60
