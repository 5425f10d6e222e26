"""Numbers inside SerializationData, a .NET BinaryFormatter stream, found by their byte patterns.

The stream is **never** deserialised: doing so runs code that the stream chooses. The patterns were
observed on published exports (reported, not documented).
"""

from __future__ import annotations

import re
import struct

#: An enumeration's class record: its name, one member ``value__`` of type Int32, the library, the value.
_ENUMERATION = re.compile(
    rb"Tasks\.(CertificateStatus|CertificateAuthorityType|AllowedServices)"
    rb"\x01\x00\x00\x00\x07value__\x00\x08.{4}(.{4})",
    re.DOTALL,
)
#: The certificate's Identity; the byte before the text is its length.
_IDENTITY_END = re.compile(rb"\\[0-9A-Fa-f]{40}")
#: Bytes of a server name before the thumbprint (RFC 1035: 253).
_LONGEST_SERVER = 253
_HOST_BYTES = re.compile(rb"[A-Za-z0-9._-]+")


_FIELDS = {
    b"AllowedServices": "services",
    b"CertificateStatus": "status",
    b"CertificateAuthorityType": "rootcatype",
}


def scan(data: bytes) -> dict[str, int | str]:
    """The three enumerations and the Identity, server and thumbprint, by a record's names; the first of each counts."""
    values: dict[str, int | str] = {}
    for found in _ENUMERATION.finditer(data):
        values.setdefault(_FIELDS[found[1]], struct.unpack("<i", found[2])[0])
    if identity := next(filter(None, (_identity(data, end) for end in _IDENTITY_END.finditer(data))), None):
        values["identity"] = identity
    return values


def _identity(data: bytes, end: re.Match[bytes]) -> str | None:
    """The longest text that ends here and that its length precedes: one byte, or two from 128 on.

    A length below 128 can look like a letter of the name, so a shorter text can fit by chance; a longer
    one cannot, since the zeros of the record's number stand before the true length ([MS-NRBF] 2.5.7).
    """
    digits = end.end() - end.start()
    for size in range(min(_LONGEST_SERVER, end.start()), 0, -1):
        start, length = end.start() - size, size + digits
        prefix = bytes([length]) if length < 0x80 else bytes([length & 0x7F | 0x80, length >> 7])
        if data.endswith(prefix, 0, start) and _HOST_BYTES.fullmatch(data, start, end.start()):
            return data[start : end.end()].decode("ascii")
    return None
