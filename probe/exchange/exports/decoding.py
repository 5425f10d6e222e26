"""The text of an export file, whatever PowerShell or an editor made of its encoding."""

from __future__ import annotations

import binascii
import codecs
from typing import AnyStr, Generic

from probe.exchange.problem import Problems

#: Bytes of one export; a thousand certificates with RawData make about 5 MiB. Logs are streamed instead.
MAX_EXPORT_BYTES = 32 * 1024 * 1024

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 512  # bytes looked at for the NULs of a UTF-16 text without a mark


def decode(data: bytes, problems: Problems) -> str:
    """Decode by mark (BOM), else UTF-16 by its NULs, else UTF-8, else Windows-1252, which is then noted.

    Windows PowerShell redirects in UTF-16LE and writes UTF-8 with a mark, PowerShell 7 without one.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    sample = data[:_SAMPLE]
    if b"\0" in sample:
        little = sample[1::2].count(0) >= sample[::2].count(0)
        return data.decode("utf-16-le" if little else "utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        problems.add("is not UTF-8 and was read as Windows-1252, so letters other than A to Z may be wrong.")
        return data.decode("cp1252", "replace")


def decode_base64(text: str) -> bytes | None:
    """The bytes a base64 text means, whatever blanks and line ends stand in it; None where it is no base64."""
    try:
        return binascii.a2b_base64(
            text.encode("utf-8", "replace").translate(None, b" \t\r\n\v\f"), strict_mode=True
        )
    except ValueError:
        return None


class Lines(Generic[AnyStr]):
    """Turns offsets of a text into line numbers (from 1); cheap where they come in order."""

    def __init__(self, text: AnyStr, end: AnyStr) -> None:
        self._text: AnyStr = text
        self._end: AnyStr = end
        self._offset, self._line = 0, 1

    def at(self, offset: int) -> int:
        """The line that holds the character at `offset`."""
        first, last = sorted((self._offset, offset))
        between = self._text.count(self._end, first, last)
        self._line += between if last == offset else -between
        self._offset = offset
        return self._line
