"""Where the replies stand in a pasted text: from a status code to the next one, or to the record's end.

Cutting first keeps every recogniser on a short piece, which makes the whole linear in the text's
length, and keeps one record's words from completing another's code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

#: Characters of one reply that are looked at; an SMTP reply line has 512 (RFC 5321 4.5.3.1.5), several may follow.
MAX_REPLY = 1200

#: Replies of one text that are looked at; a message trace page has some hundred.
MAX_REPLIES = 10_000

#: Between a code that stands alone (``#5.7.64 smtp;550 5.7.64 ...``) and the reply that repeats it.
_SHORT = 24

# RFC 5321 4.2 and RFC 3463 2: a basic code and an enhanced one, or the enhanced one alone. The ends look
# at ASCII only, since Japanese and other scripts put no blank around a code.
_CODE = re.compile(
    r"(?<![0-9A-Za-z.])(?:(?P<basic>[2-5]\d\d)(?P<sep>[\s\u00a0\u3000>-]{1,6}))?"
    r"(?P<enhanced>[245]\.\d{1,3}\.\d{1,3})(?![.]?\d)"
)
# A blank line, or a line that begins with a date, a label of Format-List or an event, or a report's field.
_RECORD_ENDS = re.compile(
    r"\n[ \t\r>]{0,20}\n|\};\{|\n[> \t]{0,5}(?=\d{4}-\d\d-\d\d[T ]|\d{1,2}[/.]\d{1,2}[/.]\d{4} "
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:|\w{2,40} {1,40}: |(?:Event ID|Source|Level|Log Name|Diagnostic-Code|Status"
    r"|Action|Remote-MTA|Final-Recipient|Reporting-MTA):)",
    re.ASCII,
)
# Before an enhanced code without a basic one: another number (then it is no code), or a comma ("451 5.7.3
# STARTTLS is required, 5.7.0 Must issue ..." is one reply).
_NOT_ALONE = re.compile(r"(?:\d[\s-]{1,3}|,\s{1,8})\Z")
# A log's or a report's own field, which repeats the reply's code.
_FIELD = re.compile(r"(?:\bdsn=|^Status: ?)\Z", re.IGNORECASE | re.MULTILINE)
# "450 4.4.317 ... [Message=451 5.7.3 ...]" is one reply: Exchange Online's, about what it was told.
_INSIDE_MESSAGE = re.compile(r"(?:Message ?= ?|remote server ?\()\Z", re.IGNORECASE)


class Segment(NamedTuple):
    """One reply: its codes ("" where there is no basic code), its place, and where its words begin."""

    basic: str
    enhanced: str
    start: int
    body: int
    end: int
    continued: bool
    """Whether ``-`` says that another line of the same reply follows (RFC 5321 4.2.1)."""


def segments(text: str) -> tuple[Segment, ...]:
    """The replies in `text`, in order, not overlapping; at most `MAX_REPLIES`."""
    codes = list(islice(_codes(text), MAX_REPLIES + 1))
    cut = []
    for place, code in enumerate(codes[:MAX_REPLIES]):
        following = codes[place + 1].start() if place + 1 < len(codes) else len(text)
        cut.append(_segment(text, code, following))
    return tuple(_joined(cut))


def _codes(text: str) -> Iterator[re.Match[str]]:
    for found in _CODE.finditer(text):
        before = text[max(0, found.start() - 16) : found.start()]
        if _INSIDE_MESSAGE.search(before) or (not found["basic"] and _NOT_ALONE.search(before)):
            continue
        if found["basic"] or not _FIELD.search(before):
            yield found


def _segment(text: str, code: re.Match[str], following: int) -> Segment:
    end = min(following, code.start() + MAX_REPLY)
    if ends := _RECORD_ENDS.search(text, code.end(), end):
        end = ends.start()
    return Segment(
        code["basic"] or "",
        code["enhanced"],
        code.start(),
        code.end(),
        end,
        (code["sep"] or "").startswith("-"),
    )


def _joined(cut: list[Segment]) -> Iterator[Segment]:
    held: Segment | None = None
    for segment in cut:
        joined = segment
        if held and _same_reply(held, segment):
            if held.continued:
                joined = segment._replace(start=held.start, body=held.body)
        elif held:
            yield held
        held = joined
    if held:
        yield held


def _same_reply(first: Segment, second: Segment) -> bool:
    if first.enhanced != second.enhanced or first.end != second.start or second.end - first.start > MAX_REPLY:
        return False
    if first.basic and second.basic and first.basic != second.basic:
        return False
    return first.continued or (not first.basic and first.end - first.body <= _SHORT)
