"""What is shown of a text: a reply as far as it goes, a name without the quotes that a page put around it."""

from __future__ import annotations

import re

from probe.text import printable

#: Characters of a reply that are shown.
MAX_SHOWN = 500

#: What stands around a name or a reply.
QUOTES = " '\"`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
# What follows a reply where it is quoted: a quote, a record's end, a log's own words, a program's stack.
_ENDS = r"[\"\u201d]|'\s*$|\};\{|\}\]|>\s*#|\s*\(in reply to |\s+at (?:Microsoft|System)\.\w"
_REPLY_ENDS = re.compile(_ENDS)
_QUOTED_ENDS = re.compile(rf"{_ENDS}|'(?=\s)")


def shown(raw: str, least: int = 1, before: str = "") -> str:
    """A reply, escaped, up to where it ends; its first `least` characters belong to it in any case.

    `before` is the character in front of it.
    """
    ends = (_QUOTED_ENDS if before == "'" else _REPLY_ENDS).search(raw, max(1, least))
    words = " ".join(raw[: ends.start() if ends else None].split()).rstrip(" ,'->")
    while words.endswith(")") and words.count(")") > words.count("("):
        words = words[:-1].rstrip()
    return printable(words, MAX_SHOWN)


def group(found: re.Match[str] | None, name: str = "token") -> str | None:
    """A group without the quotes that a page put around it."""
    value = found.groupdict().get(name) if found else None
    return printable(value.strip(QUOTES).rstrip(",."), MAX_SHOWN) or None if value else None
