"""What can be wrong with the look and the use of a page: each check returns a line for every fault it finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CHECKS, _, _HELPERS = Path(__file__).with_name("checks.js").read_text("utf-8").partition("\n\nfunction")


def _ask(page: Page, name: str, *arguments: str) -> list[str]:
    found: list[str] = page.evaluate(
        f"given => {{ function{_HELPERS}\nreturn ({_CHECKS}).{name}(...given) }}", list(arguments)
    )
    return found


def too_wide(page: Page) -> list[str]:
    """What does not fit the window: beyond its edges, or cut off, or to be scrolled sideways."""
    return _ask(page, "tooWide")


def broken_words(page: Page, where: str) -> list[str]:
    """The words, in the elements that the selector `where` finds, that a line break tears apart."""
    return _ask(page, "brokenWords", where)


def badly_named(page: Page) -> list[str]:
    """Cells of tables that stand as lists whose text and the name of whose column are in each other's way."""
    return _ask(page, "badlyNamed")


def cut(page: Page, text: str) -> list[str]:
    """Whether a text is wholly visible, or where it is not."""
    return _ask(page, "cut", text)


def unreached(page: Page) -> list[str]:
    """Controls that Tab does not reach, or whose focus cannot be seen."""
    page.evaluate("getSelection().removeAllRanges(), document.activeElement.blur(), scrollTo(0, 0)")
    controls = _ask(page, "controls")
    reached, unseen = set[str](), list[str]()
    for _ in range(len(controls) + 2):
        page.keyboard.press("Tab")
        if (focused := _ask(page, "focused")) is None:
            break
        name, shown = focused
        reached.add(name)
        if not shown:
            unseen.append(f"no focus to be seen: {name}")
    return [f"not reached: {name}" for name in controls if name not in reached] + unseen


def not_copied(page: Page) -> list[str]:
    """Commands whose button, pressed by keyboard, does not put exactly them on the clipboard."""
    wrong = []
    for command in page.locator(".command").all():
        page.evaluate("navigator.clipboard.writeText('nothing')")
        command.get_by_role("button").press("Enter")
        page.wait_for_function("async () => await navigator.clipboard.readText() !== 'nothing'")
        wanted, copied = (
            command.locator("pre").text_content(),
            page.evaluate("navigator.clipboard.readText()"),
        )
        wrong += [] if copied == wanted else [f"{wanted} became {copied}"]
    return wrong


def needs_scripts(browser: Browser, address: str) -> list[str]:
    """Lines of a page that are there only with scripts, and controls that would do nothing without them."""
    from tests.browser.browsing import visit

    with visit(browser, address) as one, visit(browser, address, script=False) as other:
        lines = [_lines(seen.page) for seen in (one, other)]
        dead = other.page.locator(":is(button, input, select):visible").all_text_contents()
    return [line for line in lines[0] if line not in lines[1]] + dead


def _lines(page: Page) -> list[str]:
    """The texts of a page that are not a control's, folded or not."""
    return [
        text.strip()
        for text in page.locator(
            "h1, h2, h3, h4, p, li > p, td, th, dt, dd, pre, summary"
        ).all_text_contents()
    ]
