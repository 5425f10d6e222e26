"""The outputs kept whole in `golden/`; `python -m tests.render.goldens` writes them anew after a wanted change."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from probe.render.page.options import RenderOptions
from probe.render.report import csv, html, json_v1, junit, nagios, prometheus, terminal
from tests.render import samples, told

FOLDER = Path(__file__).parent / "golden"


def _terminal(*names: str, **options: int | bool) -> Callable[[], str]:
    return lambda: terminal.render(_report(names), RenderOptions(**options))


def _html(*names: str) -> Callable[[], str]:
    """A page without its style and script, which are files of their own."""
    own = re.compile(
        r"(?<=<style>).*(?=</style>)|(?<=<script>).*(?=</script>)|(?<=sha256-)[\w+/=]+", re.DOTALL
    )
    return lambda: own.sub("...", html.render(_report(names), RenderOptions()))


def _report(names: tuple[str, ...]) -> samples.Report:
    return samples.report(*(getattr(samples, name)() for name in names))


EVERYTHING = (
    "accepted",
    "missing_intermediate",
    "untrusted_root",
    "self_signed",
    "expired",
    "unreachable",
    "starttls_refused",
    "mixed",
)

GOLDENS: dict[str, Callable[[], str]] = {
    **{f"terminal-{name}.txt": _terminal(name) for name in (*EVERYTHING, "awkward", "hostile", "on_postfix")},
    "terminal-untrusted_root-120.txt": _terminal("untrusted_root", width=120),
    "terminal-untrusted_root-colour.txt": _terminal("untrusted_root", colour=True),
    "terminal-untrusted_root-verbose.txt": _terminal("untrusted_root", verbose=True),
    "terminal-missing_intermediate-ascii.txt": _terminal("missing_intermediate", ascii=True),
    "terminal-mixed-verbose-120-colour.txt": _terminal("mixed", width=120, verbose=True, colour=True),
    "terminal-several.txt": _terminal(*EVERYTHING),
    "json-mixed.json": lambda: json_v1.dumps(_report(("mixed",))),
    "json-awkward.json": lambda: json_v1.dumps(_report(("awkward",))),
    "jsonl-two.jsonl": lambda: json_v1.lines(_report(("accepted", "unreachable"))),
    "nagios-missing_intermediate.txt": lambda: nagios.render(
        _report(("missing_intermediate",)), RenderOptions()
    ),
    "nagios-several.txt": lambda: nagios.render(_report(EVERYTHING), RenderOptions()),
    "prometheus-several.prom": lambda: prometheus.render(_report(EVERYTHING), RenderOptions()),
    "junit-several.xml": lambda: junit.render(_report(EVERYTHING), RenderOptions()),
    "csv-several.csv": lambda: csv.render(_report((*EVERYTHING, "hostile")), RenderOptions()),
    "html-several.html": _html(*EVERYTHING),
    "findings.txt": told.findings,
    "servers.txt": told.servers,
    "swaps.txt": told.swaps,
    "attributions.txt": told.attributions,
    "html-hostile.html": _html("hostile"),
}


def write() -> None:
    """Write every golden file anew."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, output in GOLDENS.items():
        (FOLDER / name).write_text(output(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
