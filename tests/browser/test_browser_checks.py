"""What the tests of pages look for is found where it is planted, and only there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.browser.axe import violations
from tests.browser.browsing import MARKER, NARROW, Visit, foreign
from tests.browser.checks import badly_named, broken_words, cut, too_wide, unreached

pytestmark = pytest.mark.browser

Plant = Callable[..., Visit]
REPLY = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"


def test_axe_core(plant: Plant) -> None:
    assert violations(plant("<p>Nothing is wrong here.</p>").page) == []
    body = "<p class=pale>Hardly to be read by anybody</p><table><tr><th></th></tr></table><h4>Too deep</h4>"
    found = " ".join(violations(plant(body, "<style>.pale { color: #aaa }</style>").page))
    for rule in ("color-contrast", "empty-table-header", "heading-order"):
        assert rule in found


def test_axe_core_in_the_dark(plant: Plant) -> None:
    style = "<style>@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } p { color: #333 } }"
    seen = plant("<p>Only by daylight</p>", f"{style}</style>")
    assert violations(seen.look()) == []
    assert "color-contrast" in str(violations(seen.look(scheme="dark")))


def test_what_does_not_fit(plant: Plant) -> None:
    page = plant(f"<p>{REPLY}</p>").look(width=NARROW)
    assert (too_wide(page), broken_words(page, "p"), cut(page, REPLY)) == ([], [], [])
    style = "<style>body { overflow-wrap: anywhere } pre { overflow: auto } .n { width: 3em }</style>"
    page = plant(f"<h2 class=n>REJECTED</h2><pre>{REPLY}</pre>", style).look(width=NARROW)
    assert broken_words(page, "h2") == ["REJECTED"]
    assert [line.partition(":")[0] for line in too_wide(page)] == ["pre.null"]
    assert cut(page, REPLY)
    style = "<style>div { width: 9em; overflow: hidden; white-space: nowrap }</style>"
    assert cut(plant(f"<div><p>{REPLY}</p></div>", style).page, "Denied")
    wide = f"<table><tr><td>{'x' * 200}</td></tr></table>"
    assert "the page scrolls sideways" in too_wide(plant(wide).look(width=NARROW))


def test_a_columns_name_in_the_way_of_a_cell(plant: Plant) -> None:
    style = (
        "<style>td { display: flow-root; padding-left: 7em; width: 9em } "
        "td::before { content: 'What was shown'; %s }</style>"
    )
    body = "<table><tr><td>self-signed, and more than one line of it</td></tr></table>"
    beside = plant(body, style % "float: left; width: 6em; margin-left: -7em")
    assert badly_named(beside.page) == []
    for wrong in (
        "float: left; width: 9em; margin-left: -7em",
        "position: absolute; width: 9em",
    ):
        assert badly_named(plant(body, style % wrong).page)


def test_controls_that_tab_misses(plant: Plant) -> None:
    assert unreached(plant("<button>One</button><a href='#x'>Two</a>").page) == []
    body = "<button tabindex=-1>One</button><button class=x>Two</button>"
    assert unreached(plant(body, "<style>.x:focus { outline: none }</style>").page) == [
        "not reached: 0 button One",
        "no focus to be seen: 1 button Two",
    ]


def test_a_word_on_the_console_an_error_and_a_request(plant: Plant) -> None:
    policy = "<meta http-equiv='Content-Security-Policy' content=\"img-src 'none'\">"
    script = f"<script>console.log('aloud'); {MARKER}(); nowhere()</script>"
    seen = plant(f"{script}<img src='http://127.0.0.1:9/x.png' alt=''>", policy)
    assert sorted(said.partition(" ")[0] for said in seen.said) == ["error:", "error:", "error:", "log:"]
    assert foreign(seen.asked, seen.page.url) == ["http://127.0.0.1:9/x.png"]
    asked = ["http://127.0.0.1:1/a", "http://127.0.0.1:12/"]
    assert foreign(asked, "http://127.0.0.1:1/x") == ["http://127.0.0.1:12/"]


def test_without_a_browser_the_run_fails_and_says_why() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"{__file__}::{test_axe_core.__name__}",
        ],
        env=os.environ | {"EOP_PROBE_CHROMIUM": "/none/of/this"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "browser: the pages are tested in Chromium, and there is no /none/of/this" in done.stdout
    assert "passed" not in done.stdout
