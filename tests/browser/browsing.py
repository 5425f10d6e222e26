"""One visit of a page: what it says, asks for and runs while it is looked at."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: A phone and a desk: the narrowest and the usual window the pages are made for, in CSS pixels.
NARROW, WIDE = 390, 1280
SCHEMES = ("light", "dark")
#: A page's script calls this if a peer's text ran as a script.
MARKER = "eopProbeRan"

_SCRIPT = Path(__file__).with_name("chromium")
# No sandbox: root may not have one. The others keep Chromium from the network.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium with a new, empty profile; raises RuntimeError with one sentence where there is none."""
    from playwright.sync_api import sync_playwright  # every run collects these tests, few run them

    found = subprocess.run([_SCRIPT], capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(found.stderr.strip())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page, and what it has said (console, errors, dialogs) and asked for beside itself."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def look(
        self, *, width: int = WIDE, height: int = 900, scheme: str = "light", media: str = "screen"
    ) -> Page:
        """The page in a window of this width, in light or dark, on screen or on paper."""
        kind: Any = {"media": media, "color_scheme": scheme}
        self.page.emulate_media(**kind)
        self.page.set_viewport_size({"width": width, "height": height})
        return self.page


@contextmanager
def visit(browser: Browser, address: str, *, script: bool = True) -> Iterator[Visit]:
    """Open an address in a context of its own. Requests that the content security policy stopped count too."""
    context = browser.new_context(
        java_script_enabled=script, permissions=["clipboard-read", "clipboard-write"]
    )
    context.add_init_script(f"window.{MARKER} = () => console.error('a text ran as a script')")
    context.set_default_timeout(90_000)  # milliseconds: the machine may be busy with other tests
    page = context.new_page()
    seen = Visit(page)
    page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (seen.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: seen.asked.append(request.url))
    try:
        page.goto(address)
        yield seen
    finally:
        context.close()


def foreign(asked: list[str], address: str) -> list[str]:
    """Of the requests of a page those to another origin; a page that is a file may ask for nothing but itself."""
    if address.startswith("file:"):
        return [url for url in asked if url.partition("#")[0] != address]
    origin = "/".join(address.split("/")[:3]) + "/"
    return [url for url in asked if not url.startswith(origin)]
