"""PEM blocks in a file of any kind (RFC 7468)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from probe.pki import der
from probe.pki.certificate import Certificate, Unreadable, parse

CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")
_DASHES = b"-----"
_BEGIN = re.compile(rb"-----BEGIN ([^-\r\n]{1,64})-----")
_HEADER = re.compile(rb"^[^\r\n:]*+:[^\r\n]*+", re.MULTILINE)


class Block(NamedTuple):
    """A whole block: its label, its body, and where it stands from its first dash to behind its last."""

    label: bytes
    body: bytes
    start: int
    end: int


def blocks(data: bytes) -> Iterator[Block]:
    """Every whole block, in order. One pass, whatever stands between; what does not end as it began is no block."""
    at = 0
    while found := _BEGIN.search(data, at):
        begun, ended = found.end(), data.find(_DASHES, found.end())
        if ended < 0:
            return
        last = b"-----END %b-----" % found[1]
        at = begun - len(_DASHES)  # of which the next one may be made
        if data.startswith(last, ended):
            at = ended + len(last)
            yield Block(found[1], data[begun:ended], found.start(), at)


def decoded(body: bytes) -> bytes:
    """What a block's body encodes; empty where that is no base64.

    Anything that is no base64 (headers, junk) is dropped: what remains is judged by its DER.
    """
    try:
        return binascii.a2b_base64(_HEADER.sub(b"", body))
    except binascii.Error:
        return b""


def certificate(data: bytes) -> Certificate | Unreadable:
    """What a certificate's block holds; OpenSSL's TRUSTED CERTIFICATE has settings of its own behind it."""
    with suppress(der.DerError):
        data = der.read(data).encoded
    return parse(data)
