"""Escaping for XML and HTML: what is text stays text, in content and between double quotes alike."""

from __future__ import annotations

from probe.text import visible

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def escaped(text: str) -> str:
    """`text` with the five characters of markup as entities; controls, which XML 1.0 forbids, made visible."""
    if not text.isprintable():
        text = "\n".join(visible(line) for line in text.split("\n"))
    return text.translate(_ENTITIES)


def element(tag: str, text: str, style: str = "") -> str:
    """An element around plain text, with one class or several in `style`."""
    attribute = f' class="{escaped(style)}"' if style else ""
    return f"<{tag}{attribute}>{escaped(text)}</{tag}>"
