"""What can be wrong with the look and the use of a page: each check returns a line for every fault it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_LINES = "(range => new Set([...range.getClientRects()].map(one => Math.round(one.top))).size)"

_TOO_WIDE = """() => [...document.querySelectorAll("body, body *")].filter(one => {
    if (!one.checkVisibility({visibilityProperty: true})) return false;
    const box = one.getBoundingClientRect();
    const hides = getComputedStyle(one).overflowX !== "visible" && one.scrollWidth > one.clientWidth;
    return box.width > 1 && (box.right > innerWidth + .5 || box.left < -.5 || hides);
}).map(one => `${one.tagName.toLowerCase()}.${one.getAttribute("class")}: ${one.textContent.trim().slice(0, 60)}`)"""

_BROKEN = """where => [...document.querySelectorAll(where)].filter(one => one.checkVisibility()).flatMap(one => {
    const found = [], walk = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
    while (walk.nextNode())
        for (const word of walk.currentNode.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
            const range = document.createRange();
            range.setStart(walk.currentNode, word.index);
            range.setEnd(walk.currentNode, word.index + word[0].length);
            if (LINES(range) > 1) found.push(word[0]);
        }
    return found;
})""".replace("LINES", _LINES)

# The whole of the text has boxes, all of them in the window, and nothing above it cuts them off.
_CUT = """text => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), holders = [];
    while (walk.nextNode()) if (walk.currentNode.data.includes(text)) holders.push(walk.currentNode);
    const whole = holders.some(node => {
        const range = document.createRange(), start = node.data.indexOf(text);
        range.setStart(node, start);
        range.setEnd(node, start + text.length);
        const boxes = [...range.getClientRects()];
        if (!boxes.length || boxes.some(box => box.right > innerWidth + .5 || box.left < -.5)) return false;
        for (let one = node.parentElement; one; one = one.parentElement) {
            const style = getComputedStyle(one), room = one.getBoundingClientRect();
            if (style.overflowX !== "visible" && one !== document.documentElement && one !== document.body
                && boxes.some(box => box.right > room.right + .5 || box.bottom > room.bottom + .5)) return false;
        }
        return node.parentElement.checkVisibility({visibilityProperty: true, opacityProperty: true});
    });
    return whole ? [] : [`${holders.length} times there, nowhere wholly visible: ${text}`];
}"""

_CONTROLS = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [role=button], [onclick]")]
    .filter(one => !one.disabled && one.checkVisibility({visibilityProperty: true}))
    .map((one, number) => (one.dataset.tabNumber = number, `${number} ${NAME(one)}`))"""
_FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    if (one === document.body) return null;
    const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    return [`${one.dataset.tabNumber} ${NAME(one)}`, shown, one.dataset.tabNumber];
}"""
_NAME = "(one => `${one.tagName.toLowerCase()} ${one.textContent.trim().slice(0, 40)}`)"


def too_wide(page: Page) -> list[str]:
    """What does not fit the window: beyond its edges, or cut off, or to be scrolled sideways."""
    found: list[str] = page.evaluate(_TOO_WIDE)
    return found + (
        ["the page scrolls sideways"] if page.evaluate("document.body.scrollWidth > innerWidth") else []
    )


def broken_words(page: Page, where: str) -> list[str]:
    """The words, in the elements that the selector `where` finds, that a line break tears apart."""
    found: list[str] = page.evaluate(_BROKEN, where)
    return found


def cut(page: Page, text: str) -> list[str]:
    """Whether a text is wholly visible, or where it is not."""
    found: list[str] = page.evaluate(_CUT, text)
    return found


def unreached(page: Page) -> list[str]:
    """Controls that Tab does not reach, or whose focus cannot be seen."""
    controls: list[str] = page.evaluate(_CONTROLS.replace("NAME", _NAME))
    reached, unseen = set[str](), list[str]()
    for _ in range(len(controls) + 2):
        page.keyboard.press("Tab")
        if (focused := page.evaluate(_FOCUSED.replace("NAME", _NAME))) is None:
            break
        name, shown, _number = focused
        reached.add(name)
        if not shown:
            unseen.append(f"no focus to be seen: {name}")
    return [f"not reached: {name}" for name in controls if name not in reached] + unseen
