"""The Certificate message as it was on the wire: the chain as sent, for those too that OpenSSL does not keep.

OpenSSL drops the whole chain if one of its certificates does not parse, and TLS 1.3 encrypts it. OpenSSL shows
every decrypted message to a callback, but pyOpenSSL wraps that in no public call: the private handle is used in
`watch` and nowhere else, and where it is gone such chains are lost; the others are asked of OpenSSL then.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Protocol

from OpenSSL import SSL

CERTIFICATE_MESSAGE_BYTES = 262_144
"""Bytes of a Certificate message that are kept; OpenSSL refuses more than 100 KiB of a server by itself."""

_HANDSHAKE = 22
_CERTIFICATE = b"\x0b"
_HEADER_BYTES = 4
_TLS_1_3 = 0x0304

_SIGNATURE = "void (int, int, int, const void *, size_t, SSL *, void *)"


class _Ffi(Protocol):
    """What is needed of cffi, which has no types."""

    def buffer(self, data: object, size: int) -> bytes: ...

    def callback(self, signature: str, function: Callable[..., None]) -> object: ...


class CertificateMessage:
    """What `watch` kept: the message with its header, and the version of TLS it is written in."""

    __slots__ = ("data", "version")

    def __init__(self, version: int, data: bytes) -> None:
        self.version = version
        self.data = data

    def certificates(self) -> tuple[bytes, ...]:
        """Return the certificates in wire order, as far as the lengths make sense.

        RFC 5246 7.4.2: a list of certificates; RFC 8446 4.4.2: a context before it, extensions after each.
        """
        body = self.data[_HEADER_BYTES:]
        modern = self.version == _TLS_1_3
        if modern:
            _, body = _vector(body, 1)
        entries, _ = _vector(body, 3)
        found: list[bytes] = []
        while entries:
            certificate, entries = _vector(entries, 3)
            if certificate:
                found.append(certificate)
            if modern:
                _, entries = _vector(entries, 2)
        return tuple(found)


class _Watched(threading.local):
    """Where the callback leaves what it sees: handshakes advance within one call on one thread."""

    message: CertificateMessage | None = None


_watched = _Watched()


def take() -> CertificateMessage | None:
    """Return the message seen on this thread since the last call, once."""
    message, _watched.message = _watched.message, None
    return message


def watch(context: SSL.Context, binding: object = SSL) -> bool:
    """Keep the peers' Certificate messages on connections of `context`; False where that is impossible."""
    set_callback = getattr(getattr(binding, "_lib", None), "SSL_CTX_set_msg_callback", None)
    callback = _callback(getattr(binding, "_ffi", None))
    handle = getattr(context, "_context", None)
    if set_callback is None or handle is None or callback is None:
        return False
    set_callback(handle, callback)
    return True


@functools.cache
def _callback(ffi: _Ffi | None) -> object | None:
    """Return the one callback of this process; OpenSSL keeps its address only, so it is never let go."""
    if ffi is None:
        return None

    def note(
        written: int, version: int, kind: int, data: object, size: int, _ssl: object, _argument: object
    ) -> None:
        if written or kind != _HANDSHAKE or not _HEADER_BYTES < size <= CERTIFICATE_MESSAGE_BYTES:
            return
        if bytes(ffi.buffer(data, 1)) == _CERTIFICATE:
            _watched.message = CertificateMessage(version, bytes(ffi.buffer(data, size)))

    try:
        return ffi.callback(_SIGNATURE, note)
    except MemoryError:
        # Systems that forbid memory both writable and executable (SELinux's execmem) refuse callbacks.
        return None


def _vector(data: bytes, length_bytes: int) -> tuple[bytes, bytes]:
    """Return the contents of a vector with its length in front (RFC 8446 3.4), and what follows it."""
    end = length_bytes + int.from_bytes(data[:length_bytes])
    return data[length_bytes:end], data[end:]
