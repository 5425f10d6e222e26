"""HTML pages from templates: every value is text, what cannot be seen is made visible, nothing comes from elsewhere.

A page is one file with its style and script inside, or one of a server that links to them under `/static/`.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from probe.render.page.sources import address, is_link
from probe.text import visible

#: What a server sends under `/static/`, and as which type.
ASSETS = {
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def render_page(template: str, values: Mapping[str, object], *, title: str, inline: bool = True) -> str:
    """Fill a template of `probe/render/templates`; `inline`: as one file, else as a page of a server.

    Whatever a template does with a value, no control or invisible character of a peer gets out.
    """
    text = environment().get_template(template).render(values, title=title, inline=inline)
    return "\n".join(map(visible, text.split("\n"))) + "\n"


@functools.cache
def environment() -> Environment:
    """The templates; a value that is no markup is escaped in every one of them, whatever its name ends in."""
    made = Environment(
        loader=PackageLoader("probe.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"asset": _markup, "policy": _policy, "static": static}
    made.tests["link"] = is_link
    made.filters["address"] = address
    return made


def compiled() -> list[str]:
    """Compile every template, which takes 0.2 s, so that no page waits for it; their names."""
    names = environment().list_templates(extensions=["html"])
    for name in names:
        environment().get_template(name)
    return names


def compile_early() -> None:
    """Compile them; one for which there is no descriptor now is compiled when it is asked for."""
    with suppress(OSError):
        compiled()


@functools.cache
def asset(name: str) -> str:
    """The text of one of `ASSETS`."""
    return files("probe.render").joinpath("templates", name).read_text("utf-8")


@functools.cache
def static(name: str) -> str:
    """Where a server sends one of `ASSETS`: another path for another content, so that it may be kept for ever."""
    return f"/static/{hashlib.sha256(asset(name).encode()).hexdigest()[:16]}/{name}"


def _markup(name: str) -> Markup:
    return Markup(asset(name))  # noqa: S704 - our own file


@functools.cache
def _policy() -> str:
    """Nothing is loaded and nothing runs but the page's own style and script, even if a text got through as markup."""
    style, script = (
        base64.b64encode(hashlib.sha256(asset(name).encode()).digest()).decode()
        for name in ("style.css", "page.js")
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        "base-uri 'none'; form-action 'none'"
    )
