"""Take the documentation's pictures of pages, in the Chromium that tests them: ``make screenshots``."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Bytes of one picture at most: a page of documentation holds several.
MAX_BYTES = 150_000


class Shot(NamedTuple):
    """The top of a page of `tests.browser.pages` in a window of this width and height, in CSS pixels."""

    page: str
    width: int
    height: int
    scheme: str

    @property
    def name(self) -> str:
        return f"{self.page}-{self.width}-{self.scheme}.png"


SHOTS = (
    Shot("report", 1280, 1100, "light"),
    Shot("report", 1280, 1100, "dark"),
    Shot("report", 390, 844, "light"),
    Shot("diagnosis", 1280, 1100, "light"),
    Shot("diagnosis", 1280, 1100, "dark"),
    Shot("diagnosis", 390, 844, "dark"),
    Shot("selection", 1280, 1100, "light"),
    Shot("selection", 1280, 1100, "dark"),
    Shot("selection", 390, 844, "light"),
    Shot("now", 1280, 700, "light"),
    Shot("now", 1280, 700, "dark"),
    Shot("now", 390, 844, "dark"),
    Shot("target", 1280, 1100, "light"),
    Shot("target", 1280, 1100, "dark"),
    Shot("target", 390, 844, "light"),
)


def take(browser: Browser, shots: tuple[Shot, ...]) -> Iterator[tuple[Shot, bytes]]:
    """Take each picture, as PNG."""
    from tests.browser.browsing import visit
    from tests.browser.pages import PAGES, SITE
    from tests.serve.dashboard import SCRIPTS, dashboard

    with TemporaryDirectory() as folder, dashboard(Path(folder)) as site:
        for number in range(len(SCRIPTS)):
            site.check(number)
        for shot in shots:
            if shot.page in SITE:
                address = site.address + SITE[shot.page](site)
            else:
                path = Path(folder) / "page.html"
                path.write_text(PAGES[shot.page](), "utf-8")
                address = path.as_uri()
            with visit(browser, address) as seen:
                page = seen.look(width=shot.width, height=shot.height, scheme=shot.scheme)
                yield shot, _small(page.screenshot())


def _small(png: bytes) -> bytes:
    """The same in 256 colours, which is a third of the size."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        out, "png", optimize=True
    )
    return out.getvalue()


def main() -> None:
    """Write every picture anew, and no other."""
    from tests.browser.browsing import chromium

    IMAGES.mkdir(exist_ok=True)
    with chromium() as browser:
        for shot, png in take(browser, SHOTS):
            if len(png) > MAX_BYTES:
                raise SystemExit(f"{shot.name} has {len(png):,} bytes: make it smaller")
            (IMAGES / shot.name).write_bytes(png)
    for path in set(IMAGES.iterdir()) - {IMAGES / shot.name for shot in SHOTS}:
        path.unlink()


if __name__ == "__main__":
    main()
