"""Mails with TLS reports as their senders make them, signed with keys of the lab by dkimpy."""

from __future__ import annotations

import base64
import gzip
from functools import cache
from pathlib import Path

import dkim
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

SAMPLES = Path(__file__).parent / "samples"
MICROSOFT = (SAMPLES / "microsoft.json").read_bytes()
GOOGLE = (SAMPLES / "google.json").read_bytes()
SIGNED = b"from to subject date message-id mime-version content-type tls-report-domain tls-report-submitter".split()


class Key:
    """A key pair of the lab, with the record that DNS would have."""

    def __init__(self, private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> None:
        public = private.public_key()
        if isinstance(private, rsa.RSAPrivateKey):
            self.kind = b"rsa"
            self.private = private.private_bytes(
                Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
            )
            self.digits = base64.b64encode(
                public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            )
        else:
            self.kind = b"ed25519"
            self.private = base64.b64encode(private.private_bytes_raw())
            self.digits = base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))  # type: ignore[call-overload]
        self.pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def record(self) -> bytes:
        return b"v=DKIM1; k=" + self.kind + b"; p=" + self.digits


@cache
def key(name: str = "lab", bits: int = 2048) -> Key:
    """The pair of that name, of RSA."""
    del name
    return Key(rsa.generate_private_key(65537, bits))


@cache
def edwards(name: str = "lab") -> Key:
    del name
    return Key(ed25519.Ed25519PrivateKey.generate())


def attachment(content: bytes, kind: bytes = b"application/tlsrpt+gzip", name: bytes = b"") -> bytes:
    disposition = b'Content-Disposition: attachment; filename="' + name + b'"\r\n' if name else b""
    head = b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: base64\r\n" + disposition
    return head + b"\r\n" + base64.encodebytes(content).replace(b"\n", b"\r\n")


NAME = b"microsoft.com!contoso.com!1795046400!1795132799!134080000000000000.json.gz"


def mail(
    *parts: bytes,
    sender: bytes = b"microsoft.com",
    about: bytes = b"contoso.com",
    kind: bytes = b"multipart/report; report-type=tlsrpt",
    boundary: bytes = b"b1",
) -> bytes:
    """A report's mail (RFC 8460 5.3); without parts with Microsoft's report."""
    held = parts or (attachment(gzip.compress(MICROSOFT, mtime=0), name=NAME),)
    text = b"Content-Type: text/plain\r\n\r\nThis is an aggregate TLS report from " + sender + b"\r\n"
    body = (
        b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in (text, *held))
        + b"--"
        + boundary
        + b"--\r\n"
    )
    return (
        b"From: <tlsrpt-noreply@" + sender + b">\r\nTo: <tls@contoso.com>\r\n"
        b"Subject: Report Domain: " + about + b" Submitter: " + sender + b" Report-ID: <1+" + about + b">\r\n"
        b"Date: Fri, 20 Nov 2026 18:20:11 +0000\r\nMessage-ID: <a1@" + sender + b">\r\nMIME-Version: 1.0\r\n"
        b"TLS-Report-Domain: " + about + b"\r\nTLS-Report-Submitter: " + sender + b"\r\n"
        b"Content-Type: " + kind + b'; boundary="' + boundary + b'"\r\n\r\n' + body
    )  # fmt: skip


def signed(
    message: bytes | None = None,
    by: Key | None = None,
    *,
    domain: bytes = b"microsoft.com",
    form: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
    fields: list[bytes] | None = None,
    length: bool = False,
) -> bytes:
    """A mail with the signature of the lab's selector before it."""
    message, by = message if message is not None else mail(), by or key()
    algorithm = b"rsa-sha256" if by.kind == b"rsa" else b"ed25519-sha256"
    signature: bytes = dkim.sign(
        message, b"lab", domain, by.private, canonicalize=form, signature_algorithm=algorithm,
        include_headers=fields or SIGNED, length=length,
    )  # fmt: skip
    return signature + message


def verified_by_dkimpy(message: bytes, record: bytes) -> bool:
    """What dkimpy makes of the topmost signature: the oracle."""
    try:
        return bool(dkim.verify(message, dnsfunc=lambda name, timeout=5: record, tlsrpt=True))  # noqa: ARG005 - as it calls it
    except dkim.DKIMException:
        return False
