#!/usr/bin/env bash
# A good engineer guesses: axe-core judges contrast against what the browser paints, so a page with
# `color-scheme: light dark` that is checked in the dark is judged on the dark canvas.
# What happens (axe-core 4.12.1, Chromium 156): where neither html nor body has a background of its own, axe takes the
# canvas for white. In the dark, dark grey text on Chromium's dark canvas passes, though nobody can read it, and pale
# text that everybody can read fails.
# Why it matters: a green run says nothing of the dark scheme unless the page sets the background itself, as a page
# whose colours are the browser's own does not.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need command -v chromium >/dev/null
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile playwright==1.65.2 axe-playwright-python==0.1.8
venv/bin/python - <<'PY'
import shutil
import sys
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import sync_playwright

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
RUN = "axe.run({runOnly: ['color-contrast']}).then(found => found.violations.length > 0)"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PAGE = "<html lang=en><style>:root {{ color-scheme: light dark; {0} }} p {{ color: {1} }}</style><p>Read me</p>"
CASES = (  # what html's background is, the text's colour, whether axe finds a fault
    ("", "#333", False),
    ("", "#ddd", True),
    ("background: #121212", "#333", True),
    ("background: #121212", "#ddd", False),
)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
    print("Chromium", browser.version, AXE[: AXE.index("\n")])
    for background, colour, wanted in CASES:
        page = browser.new_page(color_scheme="dark")
        page.set_content(PAGE.format(background, colour))
        page.evaluate(AXE)
        found = page.evaluate(RUN)
        print(f"{background or 'the canvas':20} text {colour}: {'a fault' if found else 'no fault'}")
        if found is not wanted:
            sys.exit(f"CHANGED: expected {wanted}")
    browser.close()
PY
echo "As described."
