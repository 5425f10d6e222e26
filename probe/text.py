"""The one border where a peer's bytes become text that is safe to show anywhere.

Banners, replies and subjects can carry terminal escapes, line breaks, bidirectional controls and
invisible characters. They are made visible here, once; renderers then only add the quoting of
their own format (HTML entities, label escapes, CSV quotes).
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
from datetime import timedelta

#: Characters of one peer-supplied text kept for display; an SMTP reply line has 512 at most (RFC 5321 4.5.3.1.5).
MAX_TEXT = 2000
#: Names of one list that a sentence tells.
MAX_LISTED = 4

#: What shows as nothing although Unicode calls it a letter, a mark or a symbol (Default_Ignorable_Code_Point and the
#: empty braille cell): a name with one looks like the name without.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def printable(value: bytes | str, limit: int = MAX_TEXT) -> str:
    r"""Return `value` with every character that is not plainly visible written as an escape.

    Bytes are read as UTF-8, others shown as ``\xNN``. Unicode's control, format (bidirectional,
    zero-width), surrogate, private, unassigned and separator classes, and what shows as nothing for
    other reasons, become ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN``; the space stays. What comes after
    `limit` characters, the escapes' own counted, is cut, and the text says how much that was.
    """
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text  # nearly every one, dozens for each endpoint
    shown = visible(text[:limit])
    kept = min(len(text), limit)
    if len(shown) > limit:
        pieces = [visible(c) for c in text[:limit]]
        kept = sum(end <= limit for end in accumulate(map(len, pieces)))
        shown = "".join(pieces[:kept])
    return f"{shown}...({len(text) - kept} more)" if kept < len(text) else shown


def visible(text: str) -> str:
    """Return a text, however long, with every character that is not plainly visible written as an escape."""
    if not text.isascii():
        text = _UNSEEN.sub(lambda found: _escaped(ord(found[0])), text)
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(ord(c)) for c in text)


def sentence(text: str) -> str:
    """Return `text` with a capital at its start and a full stop at its end, where it has a beginning at all."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) or not text else ".")


def listed(names: Sequence[str], most: int = MAX_LISTED, *, none: str = "no DNS name at all") -> str:
    """The first names of a list and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) + more) if names else none


def counted(number: int, noun: str) -> str:
    """``1 day``, ``2 days``, ``1,200 days``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(span: timedelta) -> str:
    """``26 days``, ``1 day``, below that ``5 hours``: whole ones that are over."""
    hours = int(span.total_seconds()) // 3600
    return (
        counted(hours // 24, "day")
        if hours >= 24
        else counted(hours, "hour")
        if hours
        else "less than an hour"
    )


def _escaped(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
