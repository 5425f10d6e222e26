"""One question to a web server and its answer, over a connection that is given (RFC 9112).

Nothing is followed, cached, unpacked or taken from the environment: no redirects, proxies, netrc or cookies. An answer
counts when it is whole. Who waits, and how long, is the business of whoever hands the bytes over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import NamedTuple

from probe.errors import AnswerError, TooLargeError
from probe.net.public_addresses import is_public
from probe.net.resolver import resolve
from probe.text import printable
from probe.values import value

#: Seconds for all that is asked about one thing.
TIMEOUT_S = 15.0
#: Bytes of an answer's head, and of any other line of it.
MAX_HEAD_BYTES = 16 * 1024

OK = "200"
_STATUS = re.compile(rb"HTTP/1\.[0-9] ([0-9]{3})(?: |$)")
_LENGTH = re.compile(r"[0-9]{1,19}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;|$)")


@value
class Reach:
    """Where questions may go and how names become addresses, as `probe.net.resolver.resolve` has it.

    `ip_version` is 4 or 6, None for both; `timeout_s` seconds for all that is asked about one thing.
    """

    allow_private: bool = False
    overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nameserver: str | None = None
    ip_version: int | None = None
    timeout_s: float = TIMEOUT_S

    def addresses(self, host: str, seconds: float) -> tuple[str, ...]:
        """The addresses of `host` that may be called, perhaps none; raises ResolveError.

        What is checked is connected to: there is no second look-up.
        """
        found = resolve(
            host, overrides=self.overrides, nameserver=self.nameserver, timeout_s=max(seconds, 0.01)
        )
        fitting = [one for one in found if self.ip_version in (None, 6 if ":" in one else 4)]
        return tuple(one for one in fitting if self.allow_private or is_public(one))


class Answer(NamedTuple):
    """`status` is three digits; the names of headers are in lower case. Only a 200 has its content."""

    status: str
    headers: tuple[tuple[str, str], ...]
    content: bytes

    def header(self, name: str) -> str:
        """What the headers of that name say, joined by commas (RFC 9110 5.3); a peer's words, not escaped."""
        return ", ".join(said for each, said in self.headers if each == name)


def question(host: str, place: str, body: bytes | None = None, *, kind: str = "") -> bytes:
    """A GET, or a POST of `body`, whose media type is `kind`; `host` and `place` are ASCII without blanks."""
    lines = [
        f"{'GET' if body is None else 'POST'} {place} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: eop-probe",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    if body is not None:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join((*lines, "", "")).encode("ascii") + (body or b"")


def read_answer(receive: Callable[[], bytes], limit: int) -> Answer:
    """Read an answer of at most `limit` bytes of content from `receive`, which returns b"" at the end.

    Raises AnswerError, TooLargeError among them, and what `receive` raises.
    """
    return _Reader(receive, limit).answer()


class _Reader:
    def __init__(self, receive: Callable[[], bytes], limit: int) -> None:
        self._receive, self._limit = receive, limit
        self._came = bytearray()
        self._head_left = MAX_HEAD_BYTES

    def answer(self) -> Answer:
        status, headers = self._head()
        while status.startswith("1"):  # an interim answer, RFC 9110 15.2
            status, headers = self._head()
        empty = Answer(status, headers, b"")
        return empty._replace(content=self._content(empty)) if status == OK else empty

    def _head(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        if not self._came and not self._more():
            raise AnswerError("the server ended the connection without an answer")
        first = _STATUS.match(self._head_line())
        if first is None:
            raise AnswerError("the answer is no HTTP")
        headers = []
        while line := self._head_line():
            name, _, said = line.decode("latin-1").partition(":")
            headers.append((name.lower(), said.strip(" \t")))
        return first[1].decode(), tuple(headers)

    def _head_line(self) -> bytes:
        line = self._line(self._head_left)
        self._head_left -= len(line)
        return line

    def _content(self, head: Answer) -> bytes:
        """RFC 9112 6.3."""
        if coding := head.header("transfer-encoding"):
            if coding.lower() != "chunked":
                raise AnswerError(f'the answer has the transfer coding "{printable(coding, 60)}"')
            return self._chunks()
        lengths = {each.strip() for each in head.header("content-length").split(",")}
        if lengths == {""}:
            return self._rest()
        length = lengths.pop()
        if lengths or not _LENGTH.fullmatch(length):
            raise AnswerError("the answer does not say how long it is")
        return self._exactly(self._bounded(int(length)))

    def _chunks(self) -> bytes:
        """RFC 9112 7.1."""
        content = bytearray()
        while True:
            size = _CHUNK.match(self._line(MAX_HEAD_BYTES))
            if size is None:
                raise AnswerError("a chunk of the answer does not say how long it is")
            if not (length := int(size[1], 16)):
                break
            self._bounded(len(content) + length)
            content += self._exactly(length)
            if self._line(MAX_HEAD_BYTES):
                raise AnswerError("a chunk of the answer is longer than it says")
        while self._head_line():
            pass
        return bytes(content)

    def _rest(self) -> bytes:
        self._bounded(len(self._came))
        while self._more():
            self._bounded(len(self._came))
        return bytes(self._came)

    def _bounded(self, length: int) -> int:
        if length > self._limit:
            raise TooLargeError(f"the answer is larger than {self._limit} bytes")
        return length

    def _exactly(self, length: int) -> bytes:
        while len(self._came) < length:
            self._need_more()
        taken = bytes(self._came[:length])
        del self._came[:length]
        return taken

    def _line(self, limit: int) -> bytes:
        """One line without its end; a bare LF ends one, too (RFC 9112 2.2)."""
        looked = 0
        while (end := self._came.find(b"\n", looked)) < 0:
            looked = len(self._came)
            self._within(looked, limit)
            self._need_more()
        self._within(end, limit)
        return self._exactly(end + 1)[:-1].removesuffix(b"\r")

    @staticmethod
    def _within(length: int, limit: int) -> None:
        if length > limit:
            raise TooLargeError(f"the head of the answer is larger than {MAX_HEAD_BYTES} bytes")

    def _need_more(self) -> None:
        if not self._more():
            raise AnswerError("the answer was cut off")

    def _more(self) -> bool:
        data = self._receive()
        self._came += data
        return bool(data)
