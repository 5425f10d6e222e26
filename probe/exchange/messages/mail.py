"""A mail as it was saved (.eml, a page's source, a pasted report): its parts, decoded, as one text.

RFC 5322, RFC 2045 to 2049, RFC 3464. The standard library's compat32 policy is used on purpose: the newer one
parses hostile headers in quadratic time. Reading is tolerant; what cannot be decoded stays as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.header import decode_header
from email.message import Message

from probe.exchange.messages.markup import is_markup, text_of_markup

#: Parts of one mail that are read; a report has three to five, a mailing list's digest some hundred.
MAX_PARTS = 500
#: How deep mails may lie in one another.
MAX_DEPTH = 16
#: Characters of all parts together.
MAX_CHARACTERS = 2 * 1024 * 1024
#: Lines of one mail that are read: some 15 MB of an attachment in base64.
MAX_LINES = 200_000
#: Headers by which a mail is recognised; one that went through Exchange Online has a hundred.
MAX_NAMES = 60
#: Characters of one header that are decoded.
MAX_HEADER = 10_000

_FROM_LINE = re.compile(rb"\A>?From [^\r\n]{0,300}\r?\n")
_HEADER = re.compile(rb"([!-9;-~]{1,80}):[^\r\n]{0,10000}(?:\r?\n|\Z)")
_FOLDED = re.compile(rb"[ \t][^\r\n]{0,10000}(?:\r?\n|\Z)")
_KNOWN = frozenset(
    b"from to cc subject date message-id mime-version content-type content-transfer-encoding received return-path "
    b"delivered-to x-ms-exchange-organization-authas thread-topic thread-index reply-to sender reporting-mta "
    b"final-recipient auto-submitted".split()
)
# A part of a mail pasted without its head: a boundary, then what MIME says of the part.
_BOUNDARY = re.compile(rb"\A--([^\s\r\n]{1,70})\r?\n(?=Content-(?:Type|Transfer-Encoding):)", re.IGNORECASE)
# Programs break at 76 characters (RFC 2045 6.7); a short line that ends so is somebody's own.
_SOFT_BREAK = re.compile(r"=(?=[ \t]*+\r?\n)(?<=[^\r\n]{60}=)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_QUOTED_OCTET = re.compile(r"=3[DdAa]|=[A-F0-9]{2}=[A-F0-9]{2}")


def is_mail(data: bytes) -> bool:
    """Whether bytes are a saved mail: they begin with headers, one that every mail has among them, or with a part."""
    data = stripped(data)
    if _BOUNDARY.match(data):
        return True
    at = 0
    names: list[bytes] = []
    while len(names) < MAX_NAMES and (found := _HEADER.match(data, at)):
        names.append(found[1].lower())
        at = found.end()
        while folded := _FOLDED.match(data, at):
            at = folded.end()
    ended = (
        len(names) == MAX_NAMES
        or at == len(data)
        or data[at : at + 2] in (b"\r\n", b"\n")
        or data[at : at + 1] == b"\n"
    )
    return ended and len(_KNOWN.intersection(names)) >= 2


def text_of_mail(data: bytes) -> str:
    """The subject and every part a person can read, in order, parted by blank lines.

    Of a part that is there as plain text and as HTML the plain text is taken, unless it is empty.
    """
    # The library holds a list of all lines, and of a line four bytes for each character.
    lines = _LINE_END.split(stripped(data), MAX_LINES)[:MAX_LINES]
    data = b"\n".join(line[:MAX_CHARACTERS] for line in lines)
    del lines
    if (fragment := _BOUNDARY.match(data)) is not None:
        data = b'Content-Type: multipart/mixed; boundary="' + fragment[1].replace(b'"', b"") + b'"\n\n' + data
    room = MAX_CHARACTERS
    texts = []
    for text in _texts(data):
        texts.append(text[:room])
        room -= len(text)
        if room <= 0:
            break
    return "\n\n".join(filter(None, (text.strip("\r\n") for text in texts)))


def undo_quoted_printable(text: str) -> str:
    """A text that is quoted-printable without saying so (RFC 2045 6.7), decoded; any other as it is."""
    if not (_SOFT_BREAK.search(text) and _QUOTED_OCTET.search(text)):
        return text
    import quopri

    return quopri.decodestring(text.encode()).decode("utf-8", "replace")


def stripped(data: bytes) -> bytes:
    """A mail without what programs put before its headers: a mark (BOM), blank lines, mbox's own line."""
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    return data[found.end() :] if (found := _FROM_LINE.match(data)) else data


def _texts(data: bytes) -> Iterator[str]:
    """What the parts say; an explicit stack, for mails can be nested deeper than Python's own."""
    message = _parsed(data)
    if message is None:
        yield data.decode("utf-8", "replace")
        return
    waiting: list[tuple[Message, int]] = [(message, 0)]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part, depth = waiting.pop()
        if depth == 0 or part["subject"]:
            yield _subject(part)
        kind = part.get_content_type()
        if kind in ("message/delivery-status", "message/disposition-notification"):
            yield _status_fields(part)
        elif part.is_multipart() or kind == "message/rfc822":
            inner = _inside(part, kind) if depth < MAX_DEPTH else []
            waiting.extend((one, depth + 1) for one in reversed(inner))
        elif part.get_content_maintype() in ("text", "message"):
            yield _body(part, kind)


def _parsed(data: bytes) -> Message | None:
    try:
        return message_from_bytes(data, policy=policy.compat32)
    except (RecursionError, LookupError, ValueError):
        return None


def _inside(part: Message, kind: str) -> list[Message]:
    payload = part.get_payload()
    children = [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []
    if kind == "message/rfc822":
        # RFC 2046 5.2.1 forbids base64 here; some gateways do it all the same, and the library leaves it.
        encoded = _transfer_decoded(part, children)
        inner = _parsed(encoded) if encoded else None
        return [inner] if inner is not None else children
    if kind == "multipart/alternative":
        plain = [
            one
            for one in children
            if one.get_content_type() == "text/plain" and _body(one, "text/plain").strip()
        ]
        return plain or children
    return children


def _transfer_decoded(part: Message, children: list[Message]) -> bytes:
    if str(part.get("content-transfer-encoding", "")).strip().lower() not in ("base64", "quoted-printable"):
        return b""
    source = children[0] if children else part
    held = Message()
    held["Content-Transfer-Encoding"] = str(part["content-transfer-encoding"]).strip()
    payload = source.get_payload()
    held.set_payload(payload if isinstance(payload, str) else "")
    decoded = held.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def _status_fields(part: Message) -> str:
    """A report's fields, a line each (RFC 3464 2.1.2): the library holds its blocks as headers of empty parts."""
    payload = part.get_payload()
    if isinstance(payload, list) and not (encoded := _transfer_decoded(part, payload)):  # type: ignore[arg-type]  # a list of blocks
        blocks = [block.items() for block in payload if isinstance(block, Message)]
    else:
        blocks = [
            m.items()
            for piece in re.split(rb"\r?\n\r?\n", encoded, maxsplit=MAX_PARTS)[:MAX_PARTS]
            if (m := _parsed(piece)) is not None
        ]
    return "\n\n".join(
        "\n".join(f"{name}: {' '.join(str(value).split())}" for name, value in block)
        for block in blocks[:MAX_PARTS]
    )


def _subject(part: Message) -> str:
    raw = str(part.get("subject", ""))[:MAX_HEADER]
    if not raw:
        return ""
    try:
        words = [
            one.decode(charset or "ascii", "replace") if isinstance(one, bytes) else one
            for one, charset in decode_header(raw)
        ]
    except (LookupError, ValueError, UnicodeError):
        return raw
    return " ".join("".join(words).split())


def _body(part: Message, kind: str) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    text = _in_charset(raw[: 4 * MAX_CHARACTERS], str(part.get_content_charset() or ""))[:MAX_CHARACTERS]
    return text_of_markup(text) if kind == "text/html" or (kind != "text/plain" and is_markup(text)) else text


def _in_charset(raw: bytes, charset: str) -> str:
    for one in (charset, "utf-8"):
        try:
            return raw.decode(one)
        except (LookupError, UnicodeError, ValueError):
            continue
    return raw.decode("cp1252", "replace")
