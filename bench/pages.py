"""HTML reports: processor time of the first page of a process, of each that follows, and of 10,000 endpoints.

    python -m bench.pages [--rounds 5]

The first one compiles the templates; what comes before it (imports, the judgement) is not counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time

from probe.render.page.options import RenderOptions
from probe.render.report import html
from probe.report.assessment import Report
from tests.render.html_samples import ONE, report

#: Pages of which the mean is taken.
PAGES = 50
MANY = 10_000


def _seconds(of: Report) -> float:
    began = time.process_time()
    html.render(of, RenderOptions())
    return time.process_time() - began


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(_: int) -> tuple[float, float, float, float]:
    """Milliseconds of the first page and of one more, seconds of the many and the MiB they took."""
    one = ONE["untrusted-root"]()
    first = _seconds(report(one))
    each = statistics.fmean(_seconds(report(one)) for _ in range(PAGES))
    before = _memory()
    many = _seconds(report(*[one] * MANY))
    return first * 1000, each * 1000, many, _memory() - before


def main() -> None:
    """Measure in processes of their own, one after the other, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        measured = pool.map(measure, range(rounds), chunksize=1)
    first, each, many, memory = map(statistics.median, zip(*measured, strict=True))
    print(
        "| first page, ms | each page more, ms | 10,000 endpoints, s | their memory, MiB |\n|---|---|---|---|"
    )
    print(f"| {first:.0f} | {each:.1f} | {many:.1f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
