"""One Chromium for all tests of pages, and the pages as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.browser import browsing
from tests.serve.dashboard import Site, dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser; without one the run fails, for nothing would have been tested."""
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(browsing.chromium())
        except RuntimeError as error:
            pytest.exit(str(error), returncode=1)
        yield browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The dashboard of a fleet of real servers. Each test that changes a server has one of its own."""
    with dashboard(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Saves a page; returns its address."""

    def save(text: str) -> str:
        path = tmp_path_factory.mktemp("page") / "page.html"
        path.write_text(text, "utf-8", "backslashreplace")
        return path.as_uri()

    return save


@pytest.fixture
def plant(chromium: Browser, saved: Callable[[str], str]) -> Iterator[Callable[..., browsing.Visit]]:
    """Opens a page with a fault in it, else as good as the product's."""
    with ExitStack() as stack:
        yield lambda body, head="", **how: stack.enter_context(
            browsing.visit(chromium, saved(planted(body, head)), **how)
        )


def planted(body: str, head: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>planted</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}</head>'
        f"<body><main><h1>Planted</h1>{body}</main></body></html>"
    )
