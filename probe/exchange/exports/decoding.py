"""The text of an export file, whatever PowerShell or an editor made of its encoding."""

from __future__ import annotations

import bisect
import codecs
import re

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


class Lines:
    """Turns offsets of a text into line numbers (from 1)."""

    def __init__(self, text: str) -> None:
        self._ends = [found.start() for found in re.finditer("\n", text)]

    def at(self, offset: int) -> int:
        """The line that holds the character at `offset`."""
        return bisect.bisect_left(self._ends, offset) + 1
