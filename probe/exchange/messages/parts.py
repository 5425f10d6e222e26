"""The parts of a mail as bytes of the mail itself, so that what is signed can be verified (RFC 5322, RFC 2046).

A library that parses a mail and writes it anew breaks its signature.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple

from probe.exchange.messages.mail import MAX_DEPTH, MAX_HEADER, MAX_PARTS, stripped

#: Bytes of all headers of a mail that are read; one that went through many hands has some 30,000.
MAX_HEADER_BYTES = 256 * 1024

_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.ASCII)


class Field(NamedTuple):
    """One header field: its name in lower case, and the whole of it with its folds, without the last line end."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        return self.raw.partition(b":")[2]


class RawMail(NamedTuple):
    """The header fields of a mail in order, and its body as it is."""

    fields: tuple[Field, ...]
    body: bytes

    def values(self, name: bytes) -> tuple[str, ...]:
        """The unfolded values of every field of that name; what is no UTF-8 as escapes."""
        return tuple(
            " ".join(field.value.decode("utf-8", "backslashreplace").split())
            for field in self.fields
            if field.name == name
        )

    def first(self, name: bytes) -> str:
        return next(iter(self.values(name)), "")


class Part(NamedTuple):
    """A part without parts: its type in lower case, the name of its file or "", and its content, decoded.

    A mail inside is a part, too: of type message/rfc822.
    """

    kind: str
    name: str
    content: bytes


def split_mail(data: bytes) -> RawMail:
    """The fields and the body of a mail; a line that is no field is left out."""
    data = stripped(data)
    end = _BLANK_LINE.search(data, 0, MAX_HEADER_BYTES)
    head, body = (data[: end.start()], data[end.end() :]) if end else (data[:MAX_HEADER_BYTES], b"")
    found = (_FIELD.match(line) for line in _unfolded(head))
    return RawMail(tuple(Field(one[1].lower(), one[0].rstrip(b"\r")) for one in found if one), body)


def _unfolded(head: bytes) -> Iterator[bytes]:
    """The lines of a header, each with the folded ones that belong to it."""
    start = 0
    for line in re.finditer(rb"\n(?![ \t])", head):
        yield head[start : line.start()]
        start = line.end()
    yield head[start:]


def content_type(mail: RawMail) -> Message:
    """What a mail's, or a part's, Content-* fields say, as the library tells it: of texts without surrogates alone."""
    told = Message()
    for name in ("Content-Type", "Content-Disposition"):
        for value in mail.values(name.lower().encode())[:1]:
            told[name] = value[:MAX_HEADER]
    return told


def parts_of(data: bytes) -> Iterator[Part]:
    """Every part of a mail that has none itself, in order; the first `MAX_PARTS`, `MAX_DEPTH` deep."""
    waiting = [(data, 0)]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        raw, depth = waiting.pop()
        mail = split_mail(raw) if depth == 0 else _split_part(raw)
        told = content_type(mail)
        boundary = _boundary(told) if depth < MAX_DEPTH else b""
        if pieces := _pieces(mail.body, boundary, MAX_PARTS) if boundary else []:
            waiting += [(piece, depth + 1) for piece in reversed(pieces)]
        else:  # also where its boundary stands nowhere
            encoding = mail.first(b"content-transfer-encoding").strip().lower()
            yield Part(told.get_content_type(), told.get_filename() or "", _decoded(mail.body, encoding))


def _split_part(raw: bytes) -> RawMail:
    """The same of a part, which may well have no field at all (RFC 2046 5.1)."""
    return RawMail((), raw[1:].lstrip(b"\n")) if raw.startswith((b"\n", b"\r\n")) else split_mail(raw)


def _boundary(told: Message) -> bytes:
    multipart = told.get_content_maintype() == "multipart"
    return (told.get_boundary() or "").encode("utf-8", "replace") if multipart else b""


def _pieces(body: bytes, boundary: bytes, most: int) -> list[bytes]:
    """What stands between the boundaries of a multipart body; of one that was cut off, what there is."""
    found: list[bytes] = []
    start = None
    for mark in re.finditer(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*+(?=\r?\n|\Z)", body):
        if start is not None:
            found.append(body[start : mark.start()])
        start = None if mark[1] else mark.end()
        if start is None or len(found) >= most:
            return [_without_line_end(one) for one in found]
    return [_without_line_end(one) for one in [*found, *([body[start:]] if start is not None else [])]]


def _without_line_end(piece: bytes) -> bytes:
    """A piece without the end of its boundary's line."""
    return piece[2:] if piece.startswith(b"\r\n") else piece[1:]


def _decoded(body: bytes, encoding: str) -> bytes:
    """A body without its transfer encoding (RFC 2045 6), as far as it can be decoded."""
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding != "base64":
        return body
    digits = re.sub(rb"[^A-Za-z0-9+/=]", b"", body)
    try:
        return binascii.a2b_base64(digits)
    except ValueError:  # cut off within four digits
        return binascii.a2b_base64(digits[: len(digits.partition(b"=")[0]) // 4 * 4])
