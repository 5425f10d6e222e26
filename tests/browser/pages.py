"""Every page there is, as the product writes it: the text by the page's name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from probe.render.page.options import RenderOptions
from probe.render.report import html
from tests.render import samples
from tests.render.goldens import EVERYTHING


def _report(*names: str) -> str:
    return html.render(samples.report(*(getattr(samples, name)() for name in names)), RenderOptions())


PAGES: dict[str, Callable[[], str]] = {
    "everything": partial(_report, *EVERYTHING),
    **{
        name: partial(_report, name)
        for name in (
            "accepted",
            "missing_intermediate",
            "untrusted_root",
            "unreachable",
            "awkward",
            "hostile",
        )
    },
    "nothing": _report,
}
