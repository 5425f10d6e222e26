"""Mails as Outlook saves them (.msg): the bodies and report texts of an OLE compound file (MS-OXMSG).

Of a report the diagnosis stands with its recipients (PR_SUPPLEMENTARY_INFO, PR_REPORT_TEXT), which readers of
the message alone lose.
"""

from __future__ import annotations

import io
import re

from probe.exchange.messages.mail import MAX_CHARACTERS, is_mail, text_of_mail
from probe.exchange.messages.markup import text_of_markup

_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: Streams of one file that are looked at; an ordinary mail has some hundred.
MAX_STREAMS = 2_000
#: Bytes of one stream.
MAX_STREAM_BYTES = 4 * 1024 * 1024

# MS-OXPROPS: subject, body, report text, supplementary information, HTML body, content of an attached file,
# and the headers it came with.
_STREAM = re.compile(r"__substg1\.0_(0037|007D|1000|1001|0C1B|1013|3701)(001[EF]|0102)", re.IGNORECASE)

_ATTACHED = "_37010102"
_HEADERS = "__SUBSTG1.0_007D"


def is_outlook_mail(data: bytes) -> bool:
    """Whether bytes are an OLE compound file."""
    return data.startswith(_MAGIC)


def text_of_outlook_mail(data: bytes) -> str | None:
    """Subject, bodies, the recipients' diagnoses and attached mails of a .msg file; None where it cannot be read."""
    streams = _streams(data)
    return None if streams is None else "\n\n".join(filter(None, (_text(name, raw) for name, raw in streams)))


def attachments(data: bytes) -> tuple[bytes, ...] | None:
    """The contents of the attached files of a .msg file; None where it cannot be read."""
    streams = _streams(data)
    return (
        None if streams is None else tuple(raw for name, raw in streams if name.upper().endswith(_ATTACHED))
    )


def headers(data: bytes) -> bytes:
    """The headers (PR_TRANSPORT_MESSAGE_HEADERS) of the message itself, not of one attached; empty without any."""
    held = (_decoded(name, raw) for name, raw in _streams(data) or () if name.upper().startswith(_HEADERS))
    return next(held, "").encode("utf-8", "replace")


def _streams(data: bytes) -> list[tuple[str, bytes]] | None:
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data), raise_defects=olefile.DEFECT_INCORRECT) as ole:
            names = [path for path in ole.listdir()[:MAX_STREAMS] if _STREAM.fullmatch(path[-1])]
            if sum(map(ole.get_size, names)) > len(data):  # streams that are one another's
                return None
            return [("/".join(path), ole.openstream(path).read(MAX_STREAM_BYTES)) for path in names]
    except (OSError, ValueError, IndexError, TypeError, KeyError, RecursionError, MemoryError):
        return None  # the library raises whatever its own arithmetic on a damaged file runs into


def _text(name: str, raw: bytes) -> str:
    kind = name[-8:-4].upper()
    if kind == "007D":
        return ""
    if kind == "3701":
        return text_of_mail(raw) if is_mail(raw) else ""
    text = _decoded(name, raw)
    return (text_of_markup(text) if kind == "1013" else text).strip("\0\r\n ")


def _decoded(name: str, raw: bytes) -> str:
    wide = name.upper().endswith("001F")
    return (raw.decode("utf-16-le", "replace") if wide else _eight_bit(raw))[:MAX_CHARACTERS]


def _eight_bit(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
