"""SMTP replies: the value, the parser, and the way back to the wire (RFC 5321 4.2)."""

from __future__ import annotations

import re
from typing import NamedTuple

from probe.smtp.lines import LINE_BYTES
from probe.text import printable
from probe.values import value

REPLY_LINES = 256
"""Lines of one reply. RFC 5321 sets no bound; EHLO replies have some 20 lines, legal notices some 50."""

REPLY_BYTES = 65_536
"""Bytes of one reply, line ends not counted: sixteen lines of the greatest length, or 128 legal ones."""

_QUOTED_BYTES = 80

# RFC 5321 4.2 has codes 2yz to 5yz, y from 0 to 5. A y beyond that is odd but understandable: only the first
# digit tells a client what to do.
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)


@value
class Reply:
    """What a server answered: the three-digit code and the text of each line, in order, at least one.

    The texts of a parsed reply have gone through `printable`: they are safe to keep and to show.
    """

    code: int
    lines: tuple[str, ...]

    @property
    def severity(self) -> int:
        """The first digit of the code (RFC 5321 4.2.1)."""
        return self.code // 100

    @property
    def completed(self) -> bool:
        """Whether the request was carried out (2yz)."""
        return self.severity == 2

    @property
    def refuses(self) -> bool:
        """Whether the request was not carried out, for now or for good (4yz, 5yz)."""
        return self.severity in (4, 5)

    def __str__(self) -> str:
        """Return the whole reply on one line, as logs quote it: "454 4.7.0 TLS not available"."""
        return " ".join([str(self.code), *self.lines]).rstrip()


class ReplyFault(NamedTuple):
    """No SMTP reply, or none worth reading to its end: one sentence that quotes what was sent, made printable."""

    detail: str


class ReplyParser:
    """Puts lines together to replies.

    After a fault the place in the stream is lost: the caller stops asking.
    """

    def __init__(self) -> None:
        self._code = 0
        self._lines: list[str] = []
        self._size = 0

    def take(self, line: bytes) -> Reply | ReplyFault | None:
        """Take one line without its end; return the reply it completes, None within a reply, or the fault.

        "250", "250 " and "250-" without text are legal on the wire (RFC 5321 4.2: clients must accept them).
        """
        match = _LINE.fullmatch(line)
        if match is None:
            return ReplyFault(f"not an SMTP reply: {printable(line)}")
        code = int(match[1])
        if self._lines and code != self._code:
            return ReplyFault(
                f"the code changed from {self._code} to {code} within a reply: {printable(line)}"
            )
        self._size += len(line)
        self._code = code
        self._lines.append(printable(match[3] or b""))
        if self._size > REPLY_BYTES:
            return ReplyFault(f"a reply of more than {REPLY_BYTES} bytes")
        if len(self._lines) > REPLY_LINES:
            return ReplyFault(f"a reply of more than {REPLY_LINES} lines")
        if match[2] == b"-":
            return None
        reply = Reply(code=self._code, lines=tuple(self._lines))
        self._lines, self._size = [], 0
        return reply


def overlong_line(start: bytes) -> ReplyFault:
    """Return the fault for a line that does not end within the limit; `start` is how it begins."""
    return ReplyFault(f"a line of {LINE_BYTES} bytes or more: {printable(start[:_QUOTED_BYTES])}")


def wire(reply: Reply) -> bytes:
    """Return `reply` as a server sends it, multi-line where it has several lines (RFC 5321 4.2.1)."""
    last = len(reply.lines) - 1
    return b"".join(
        # Whatever a text quotes from a client must not begin a reply of its own.
        f"{reply.code}{' ' if at == last else '-'}{text if text.isprintable() else printable(text)}\r\n".encode()
        for at, text in enumerate(reply.lines)
    )
