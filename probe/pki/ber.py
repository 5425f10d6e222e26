"""BER as PKCS#7 and PKCS#12 may come in it: indefinite lengths, strings in pieces (X.690 8.1.3.6, 8.7.3)."""

from __future__ import annotations

from probe.pki import der

#: Elements that are read of one file; a PFX with three certificates has about 150.
MAX_ELEMENTS = 10_000
#: Elements of indefinite length, or pieces of strings, inside each other; NSS writes about ten.
MAX_DEPTH = 32

_CONSTRUCTED, _INDEFINITE, _END = 0x20, b"\x80", b"\0\0"


class Walk:
    """Reads the elements of one file, whatever is nested in its strings; every method raises DerError.

    `met` is True once something was read that DER forbids. An element's `end` is that of its content.
    """

    def __init__(self) -> None:
        self.met = False
        self._left = MAX_ELEMENTS

    def read(
        self, data: bytes, at: int = 0, end: int | None = None, depth: int = 0
    ) -> tuple[der.Element, int]:
        """The element at `at`, and where the next one begins."""
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise der.DerError(f"more than {MAX_ELEMENTS} elements, or {MAX_DEPTH} inside each other")
        limit = len(data) if end is None else end
        if data[at + 1 : at + 2] != _INDEFINITE or not data[at] & _CONSTRUCTED:
            element = der.read(data, at, limit)
            return element, element.end
        self.met = True
        following = at + 2
        while data[following : following + 2] != _END:
            _, following = self.read(data, following, limit, depth + 1)
        if following + 2 > limit:
            raise der.DerError(f"an element at byte {at} has no end")
        return der.Element(data, data[at], at, at + 2, following), following + 2

    def children(self, element: der.Element, least: int = 0) -> list[der.Element]:
        """The elements inside, `least` or more."""
        found, at = [], element.body
        while at < element.end:
            child, at = self.read(element.data, at, element.end)
            found.append(child)
        if len(found) < least:
            raise der.DerError(f"{len(found)} elements where {least} are needed")
        return found

    def octets(self, element: der.Element, depth: int = 0) -> bytes:
        """The content of a string, its pieces put together."""
        if not element.tag & _CONSTRUCTED:
            return element.content
        if depth > MAX_DEPTH:
            raise der.DerError(f"more than {MAX_DEPTH} pieces of a string inside each other")
        self.met = True
        return b"".join(self.octets(piece, depth + 1) for piece in self.children(element))
