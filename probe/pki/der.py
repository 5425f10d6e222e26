"""A small, lenient reader of DER (ITU-T X.690): offsets into one buffer, no copies, bounded work.

cryptography refuses whole certificates over one odd name or extension; what a peer really sent
must be readable all the same. The reader therefore accepts what it can walk (non-minimal lengths,
any string bytes) and raises :class:`DerError` only where the structure itself breaks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

# Universal tags used here (X.680 8.6), constructed bit included where DER demands it.
BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OID = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

#: Longest object identifier accepted, in content bytes; real ones stay below 40.
MAX_OID_BYTES = 256
#: Elements directly inside another; a certificate for a thousand names has a thousand. Each takes a hundred times its
#: bytes in memory.
MAX_CHILDREN = 20_000
#: Longest bytes whose reading is remembered.
MAX_REMEMBERED_BYTES = 96

_T = TypeVar("_T")


class DerError(ValueError):
    """The bytes are no DER where DER has to be."""


class Element(NamedTuple):
    """One tag-length-value: `start` of the tag, `body` of the content, `end` past it, in `data`."""

    data: bytes
    tag: int
    start: int
    body: int
    end: int

    @property
    def content(self) -> bytes:
        """The content octets."""
        return self.data[self.body : self.end]

    @property
    def encoded(self) -> bytes:
        """Tag, length and content."""
        return self.data[self.start : self.end]

    def children(self) -> list[Element]:
        """The elements inside; raises DerError where they do not fill the content exactly, or are too many."""
        data, offset, end = self.data, self.body, self.end
        found: list[Element] = []
        while offset < end:
            if len(found) >= MAX_CHILDREN:
                raise DerError(f"more than {MAX_CHILDREN} elements in one")
            body, stop = offset + 2, end + 1
            # What `read` does, at hand for the lengths of one byte: a certificate has a hundred of them.
            if body <= end and data[offset] & 0x1F != 0x1F and data[offset + 1] < 0x80:
                stop = body + data[offset + 1]
            element = (
                tuple.__new__(Element, (data, data[offset], offset, body, stop))
                if stop <= end
                else read(data, offset, end)
            )
            found.append(element)
            offset = element.end
        return found


def read(data: bytes, offset: int = 0, limit: int | None = None) -> Element:
    """Read the element at `offset`, which must end at or before `limit`; raises DerError."""
    end = len(data) if limit is None else limit
    if offset + 2 > end:
        raise DerError(f"an element is cut off at byte {offset}")
    tag = data[offset]
    if tag & 0x1F == 0x1F:
        raise DerError(f"a multi-byte tag at byte {offset}; certificates have none")
    length = data[offset + 1]
    body = offset + 2
    if length >= 0x80:
        size = length & 0x7F
        # Indefinite length (0x80) is BER; four bytes of length already mean 4 GiB.
        if not 1 <= size <= 4 or body + size > end:
            raise DerError(f"an unusable length at byte {offset + 1}")
        length = int.from_bytes(data[body : body + size], "big")
        body += size
    if body + length > end:
        raise DerError(f"an element at byte {offset} runs past its container")
    return Element(data, tag, offset, body, body + length)


def remembered(read: Callable[[bytes], _T]) -> Callable[[bytes], _T]:
    """Read the same few bytes once; for what most certificates of an issuer share."""
    known = functools.lru_cache(maxsize=256)(read)

    @functools.wraps(read)
    def asked(data: bytes) -> _T:
        return known(data) if len(data) <= MAX_REMEMBERED_BYTES else read(data)

    return asked


def expect(element: Element, tag: int, what: str) -> Element:
    """Return `element` if it carries `tag`; raises DerError naming `what` was expected."""
    if element.tag != tag:
        raise DerError(f"{what} has tag 0x{element.tag:02x} instead of 0x{tag:02x}")
    return element


def whole(data: bytes, tag: int, what: str) -> Element:
    """Read `data` as exactly one element of `tag`, nothing behind it; raises DerError."""
    element = expect(read(data), tag, what)
    if element.end != len(data):
        raise DerError(f"{len(data) - element.end} bytes follow {what}")
    return element


def oid(element: Element) -> str:
    """The dotted form of an OBJECT IDENTIFIER (X.690 8.19); raises DerError."""
    return _dotted(expect(element, OID, "an object identifier").content)


@functools.lru_cache(maxsize=256)  # a few dozen identifiers make up every certificate
def _dotted(content: bytes) -> str:
    if not content or content[-1] & 0x80 or len(content) > MAX_OID_BYTES:
        raise DerError("a malformed object identifier")
    arcs: list[int] = []
    value = 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def integer(element: Element) -> int:
    """The value of an INTEGER, any length, any sign; raises DerError."""
    content = expect(element, INTEGER, "an integer").content
    if not content:
        raise DerError("an integer without content")
    return int.from_bytes(content, "big", signed=True)


def boolean(element: Element) -> bool:
    """The value of a BOOLEAN; any non-zero byte is true, as BER has it; raises DerError."""
    content = expect(element, BOOLEAN, "a boolean").content
    if len(content) != 1:
        raise DerError("a boolean that is not one byte long")
    return content != b"\x00"


def bits(element: Element) -> bytes:
    """The octets of a BIT STRING without the count of unused bits; raises DerError."""
    content = expect(element, BIT_STRING, "a bit string").content
    if not content or content[0] > 7:
        raise DerError("a malformed bit string")
    return content[1:]
