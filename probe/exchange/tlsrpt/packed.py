"""What gzip packed (RFC 1952), within a bound and to its end: a library gives data whose end or sum is missing."""

from __future__ import annotations

import zlib

_MAGIC = b"\x1f\x8b"
#: Members of one gzip file; a report has one.
MAX_MEMBERS = 64


class PackedError(ValueError):
    """Why it cannot be unpacked, as the end of a sentence that begins with a file's name."""


def is_packed(data: bytes) -> bool:
    """Whether bytes begin as gzip's do."""
    return data.startswith(_MAGIC)


def unpacked(data: bytes, limit: int) -> bytes:
    """What is packed; what follows it, as a line end that a mail program added, is left out. Raises PackedError."""
    found = bytearray()
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            found += member.decompress(data, limit + 1 - len(found))
        except zlib.error:
            raise PackedError("is damaged where it is compressed, and was not read.") from None
        if len(found) > limit:
            raise PackedError(f"unpacks to more than {limit:,} bytes, and was not read.")
        if not member.eof:
            raise PackedError("is cut off where it is compressed, and was not read.")
        data = member.unused_data
        if not is_packed(data):
            return bytes(found)
    raise PackedError(f"is packed in more than {MAX_MEMBERS} pieces, and was not read.")
