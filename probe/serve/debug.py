"""What ``/probe?...&debug=true`` shows: all of a probe, for a person."""

from __future__ import annotations

from collections.abc import Sequence

from probe import __version__
from probe.net import clock
from probe.render.page.options import RenderOptions
from probe.render.report.terminal import render
from probe.report.assessment import Assessment, Report

_PAGE = RenderOptions(width=100, verbose=True)


def debug_text(found: Sequence[Assessment], metrics: str) -> str:
    """The verdict with its findings, the chain, the conversation, and the metrics that a scrape would be answered."""
    report = Report(generated_at=clock.now(), version=__version__, assessments=tuple(found))
    return f"{render(report, _PAGE)}\nMetrics that would have been returned:\n\n{metrics}"
