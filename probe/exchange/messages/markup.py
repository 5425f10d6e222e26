"""HTML as mail programs and web pages write it, turned into the text a person read there.

A scanner, not a parser: the ones at hand take quadratic time on hostile markup, wrap lines in the middle
of a code, or glue table cells together.
"""

from __future__ import annotations

import html
import re

#: Characters of one tag; Outlook's longest carry some 2,000 of style.
MAX_TAG = 8_192

#: Tags that begin a line of their own.
_LINES = frozenset(
    re.findall(
        r"\S+",
        "address article aside blockquote br dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 head header hr html "
        "body li main nav ol p pre section table tbody thead title tr ul",
    )
)
#: Tags that part words.
_CELLS = frozenset(("td", "th", "option", "button"))
#: Tags inside a word or a line. Not `s`: `<I>issuer<S>subject` is how a connector names a certificate.
_INLINE = frozenset(
    re.findall(
        r"\S+",
        "a abbr b big center cite code col colgroup del em font i img ins kbd label link mark meta o:p q samp small "
        "span strike strong sub sup tt u var wbr",
    )
)
#: Elements whose content is no text.
_HIDDEN = {tag: re.compile(f"</{tag}>", re.IGNORECASE) for tag in ("script", "style", "template")}
_COMMENT_ENDS = re.compile("-->")
_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9:]{0,15})(?=[\s/>])")
# A page shows itself by a tag of structure; one `<b>` may stand in any prose.
_PAGE = re.compile(
    r"<(?=[!/a-z])(?:!doctype html|/?(?:html|body|div|p|br|span|table|tr|td|font|pre))(?:\s[^<>]{0,2000})?/?>",
    re.IGNORECASE,
)
_INVISIBLE = dict.fromkeys(
    map(ord, "\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
)


def is_markup(text: str) -> bool:
    """Whether a text is (a part of) an HTML page."""
    return _PAGE.search(text) is not None


def text_of_markup(markup: str) -> str:
    """The text of an HTML page: a line for each block, a blank between cells, references resolved.

    Linear in the length. What is no known tag stays as it is: placeholders and addresses come in angle brackets.
    """
    pieces: list[str] = []
    at, close = 0, -1
    while (opened := markup.find("<", at)) >= 0:
        pieces.append(markup[at:opened])
        if close < opened:  # looked for once for each ">", or the scan would be quadratic
            found = markup.find(">", opened)
            close = len(markup) if found < 0 else found
        closed = close if close - opened <= MAX_TAG and close < len(markup) else -1
        if markup.startswith("<!--", opened):
            at = _after(markup, _COMMENT_ENDS, opened)
            continue
        name = _NAME.match(markup, opened + 1)
        tag = name[1].lower() if name and closed > 0 else ""
        if tag in _HIDDEN and markup[opened + 1] != "/":
            at = _after(markup, _HIDDEN[tag], opened)
            continue
        if tag in _LINES or markup.startswith(("<!", "<?"), opened) or tag in _HIDDEN:
            pieces.append("\n")
        elif tag in _CELLS:
            pieces.append(" ")
        elif tag not in _INLINE:
            pieces.append("<")
            closed = opened
        at = (closed if closed >= 0 else opened) + 1
    pieces.append(markup[at:])
    return html.unescape("".join(pieces)).translate(_INVISIBLE)


def _after(markup: str, end: re.Pattern[str], at: int) -> int:
    found = end.search(markup, at)
    return found.end() if found else len(markup)
