"""The mails of an mbox, as bytes, one at a time: the line that begins each is taken away, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Bytes of one mail; providers take 25 to 150 MB, a TLS report has some thousand.
MAX_MAIL_BYTES = 16 * 1024 * 1024

#: Such a line ends in a date as asctime(3) writes it; "From " at a line's beginning is also somebody's sentence.
_BEGINS = re.compile(rb"From [^\r\n]{0,200}\d\d:\d\d")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def is_mbox(head: bytes) -> bool:
    """Whether bytes begin as an mbox does."""
    return _BEGINS.match(head) is not None


def mails_of(lines: Iterable[bytes]) -> Iterator[bytes | None]:
    """Each mail; None in the place of one that is larger than `MAX_MAIL_BYTES`."""
    held = bytearray()
    size, begun, blank = 0, False, True
    for line in lines:
        if blank and _BEGINS.match(line):
            if begun:
                yield bytes(held) if size <= MAX_MAIL_BYTES else None
            size, begun, blank = 0, True, False
            held.clear()
            continue
        blank = line in (b"\n", b"\r\n")
        size += len(line)
        if size <= MAX_MAIL_BYTES:
            held += line
    if begun:
        yield bytes(held) if size <= MAX_MAIL_BYTES else None


def unquoted(mail: bytes) -> bytes:
    """A mail with each ``>From `` as it was before it came into the mbox: what was signed."""
    return _QUOTED.sub(rb"\1", mail)
