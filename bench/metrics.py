"""`python -m bench.metrics`: what a fleet's /metrics costs: the lines of one look, and a scrape of 100,000 samples."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from probe.serve.kept import Kept
from tests.render import samples

ENDPOINTS = 6000
SCRAPES = 11


def main() -> None:
    kept, good = Kept(), samples.accepted()
    looks = [dataclasses.replace(good, target=f"mail{number}.contoso.com") for number in range(ENDPOINTS)]
    began = time.process_time()
    for number, look in enumerate(looks):
        kept.take(str(number), look, {"customer": "contoso"})
        kept.settle(str(number))
    each = (time.process_time() - began) / ENDPOINTS
    times = []
    for _ in range(SCRAPES):
        began = time.process_time()
        text = kept.text()
        times.append(time.process_time() - began)
    lines = text.count("\n") - 2 * text.count("# HELP")
    seconds = sorted(times)[SCRAPES // 2]
    print(f"lines of one look: {each * 1e6:.0f} us of processor time")
    print(
        f"a scrape of {lines:,} samples, {len(text) / 1e6:.1f} MB: {seconds * 1000:.0f} ms (100 ms at most)"
    )


if __name__ == "__main__":
    main()
