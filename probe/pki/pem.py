"""PEM blocks in a file of any kind (RFC 7468)."""

from __future__ import annotations

import binascii
import re
from contextlib import suppress

from probe.pki import der
from probe.pki.certificate import Certificate, Unreadable, parse

CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE")
#: A whole block: its label and its body. One pass, whatever stands between.
BLOCK = re.compile(rb"-----BEGIN ([^-\r\n]{1,64})-----([^-]*+(?:-(?!----)[^-]*+)*+)-----END \1-----")
_HEADER = re.compile(rb"^[^\r\n:]*+:[^\r\n]*+", re.MULTILINE)


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
