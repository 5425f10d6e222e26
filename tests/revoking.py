"""An issuer that answers OCSP requests and publishes CRLs on loopback, truthfully or not.

with Responder({"/ocsp": ocsp_response(leaf, issuing, now), "/crl": crl(issuing, now)}) as responder:
    leaf = authority.leaf(issuing, extra=responder.extensions(ocsp="/ocsp", crl="/crl"))
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tests.authority import Issued, raw_extension
from tests.net.scripted import Peer, ScriptedServer
from tests.rootlist import oid, tlv

HOUR = timedelta(hours=1)


def ocsp_response(  # noqa: PLR0913 - each is a way to be wrong
    certificate: Issued,
    issuer: Issued,
    at: datetime,
    *,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    revoked_at: datetime | None = None,
    signer: Issued | None = None,
    embedded: tuple[Issued, ...] = (),
    begins: timedelta = -HOUR,
    ends: timedelta | None = HOUR,
) -> bytes:
    """What `signer` (the issuer if not said) says of a certificate."""
    signer = signer or issuer
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=certificate.certificate,
        issuer=issuer.certificate,
        algorithm=hashes.SHA256(),
        cert_status=status,
        this_update=at + begins,
        next_update=None if ends is None else at + ends,
        revocation_time=(revoked_at or at - HOUR) if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    if embedded:
        builder = builder.certificates([each.certificate for each in embedded])
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def crl(  # noqa: PLR0913 - each is a way to be wrong
    issuer: Issued,
    at: datetime,
    *revoked: Issued,
    revoked_at: datetime | None = None,
    signer: Issued | None = None,
    begins: timedelta = -HOUR,
    ends: timedelta = HOUR,
    extensions: tuple[x509.ExtensionType, ...] = (),
    reason: x509.ReasonFlags | None = None,
    of_entries: tuple[x509.ExtensionType, ...] = (),
) -> bytes:
    """The issuer's list, DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(at + begins)
        .next_update(at + ends)
    )
    for each in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(each.certificate.serial_number)
            .revocation_date(revoked_at or at - HOUR)
        )
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        for extension in of_entries:
            entry = entry.add_extension(extension, critical=True)
        builder = builder.add_revoked_certificate(entry.build())
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign((signer or issuer).key, hashes.SHA256()).public_bytes(Encoding.DER)


def places(ocsp_url: str | None = None, crl_url: str | None = None) -> tuple[x509.Extension[object], ...]:
    """The extensions that name where to ask (RFC 5280 4.2.2.1, 4.2.1.13)."""
    found: list[x509.Extension[object]] = []
    if ocsp_url is not None:
        entry = tlv(0x30, oid("1.3.6.1.5.5.7.48.1"), tlv(0x86, ocsp_url.encode()))
        found.append(raw_extension("1.3.6.1.5.5.7.1.1", tlv(0x30, entry)))
    if crl_url is not None:
        point = tlv(0x30, tlv(0xA0, tlv(0xA0, tlv(0x86, crl_url.encode()))))
        found.append(raw_extension("2.5.29.31", tlv(0x30, point)))
    return tuple(found)


def http(content: bytes, head: bytes | None = None) -> bytes:
    """An answer of a web server."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d" % len(content) if head is None else head
    return head + b"\r\n\r\n" + content


class Web(ScriptedServer):
    """A web server on loopback with one answer a path; `asked` are the requests' first lines."""

    def __init__(self, **answers: bytes | Callable[[Peer], None]) -> None:
        super().__init__(self._serve)
        self.answers = answers
        self.asked: list[str] = []

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{path}"

    def _serve(self, peer: Peer) -> None:
        first = peer.hear().decode()
        self.asked.append(first.strip())
        length = 0
        while (line := peer.hear().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while length > 0:
            length -= len(peer.socket.recv(length))
        answer = self.answers.get(first.split()[1].strip("/"), http(b"", b"HTTP/1.1 404 Not Found"))
        if callable(answer):
            answer(peer)
            return
        with contextlib.suppress(OSError):
            peer.say(answer)
            peer.socket.shutdown(socket.SHUT_WR)
