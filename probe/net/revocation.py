"""Asking OCSP responders and fetching CRLs, for --revocation only: a probe has no business calling out.

The addresses to call stand in certificates, which a hostile peer chooses. Hence: http and https only,
to public addresses unless the user allows others, the very address that was checked is the one
connected to (no second look-up to rebind), no redirects, and limits on time, bytes and calls.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from urllib.parse import SplitResult, urlsplit

from probe.errors import ConfigurationError, ConnectError, ObservationError
from probe.net.clock import monotonic
from probe.net.public_addresses import is_public
from probe.net.resolver import resolve
from probe.pki import revocation
from probe.pki.certificate import Certificate
from probe.pki.revocation_status import Answer, CertificateStanding, RevocationSource, Standing
from probe.text import printable

#: Seconds for all that is asked about one chain.
TIMEOUT_S = 15.0
#: Bytes of an OCSP response; a signed one with its responder's certificate has 2 to 5 KiB.
MAX_OCSP_BYTES = 64 * 1024
#: Bytes of a CRL; the larger public ones that are not sharded reach a few MiB.
MAX_CRL_BYTES = 16 * 1024 * 1024
#: Bytes of an answer's head.
MAX_HEAD_BYTES = 16 * 1024
#: Certificates of one path that are asked about.
MAX_CERTIFICATES = 8

_PORTS = {"http": 80, "https": 443}
_OK = b"200"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where questions may go and how names become addresses; as `probe.net.resolver.resolve` has it."""

    allow_private: bool = False
    overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nameserver: str | None = None
    timeout_s: float = TIMEOUT_S


def standings(
    path: tuple[Certificate, ...], stapled: bytes | None, at: datetime, reach: Reach
) -> tuple[CertificateStanding, ...]:
    """Ask about each certificate of `path` (leaf first) that has its issuer above it; the root is not asked about.

    Stapled first, then OCSP, then CRLs, until one answers; never raises for what the others do.
    """
    asking = _Asking(at, reach)
    pairs = list(pairwise(path))[:MAX_CERTIFICATES]
    return tuple(
        asking.about(certificate, issuer, None if number else stapled)
        for number, (certificate, issuer) in enumerate(pairs)
    )


class _Asking:
    """All questions about one chain, under one deadline."""

    def __init__(self, at: datetime, reach: Reach) -> None:
        self._at = at
        self._reach = reach
        self._deadline = monotonic() + reach.timeout_s
        self._lists: dict[str, bytes] = {}

    def about(
        self, certificate: Certificate, issuer: Certificate, stapled: bytes | None
    ) -> CertificateStanding:
        failures: list[str] = []
        if stapled:
            answer = revocation.judge_ocsp(stapled, certificate, issuer, self._at)
            if answer.standing is not Standing.UNKNOWN:
                return CertificateStanding(certificate, answer, RevocationSource.STAPLED)
            failures.append(f"stapled: {answer.detail}")
        for source, url in (
            *((RevocationSource.OCSP, url) for url in revocation.ocsp_urls(certificate)),
            *((RevocationSource.CRL, url) for url in revocation.crl_urls(certificate)),
        ):
            answer = self._asked(source, url, certificate, issuer)
            if answer.standing is not Standing.UNKNOWN:
                return CertificateStanding(certificate, answer, source)
            failures.append(f"{url}: {answer.detail}")
        detail = "; ".join(failures) or "it names neither an OCSP responder nor a CRL"
        return CertificateStanding(certificate, Answer(Standing.UNKNOWN, detail))

    def _asked(
        self, source: RevocationSource, url: str, certificate: Certificate, issuer: Certificate
    ) -> Answer:
        try:
            if source is RevocationSource.CRL:
                if url not in self._lists:
                    self._lists[url] = fetch(url, self._deadline, self._reach, limit=MAX_CRL_BYTES)
                return revocation.judge_crl(self._lists[url], certificate, issuer, self._at)
            request = revocation.ocsp_request(certificate, issuer)
            if request is None:
                return Answer(Standing.UNKNOWN, "no request can be made for this certificate")
            data = fetch(url, self._deadline, self._reach, limit=MAX_OCSP_BYTES, body=request)
            return revocation.judge_ocsp(data, certificate, issuer, self._at)
        except (ObservationError, ConfigurationError) as error:
            return Answer(Standing.UNKNOWN, str(error))


def fetch(url: str, deadline: float, reach: Reach, *, limit: int, body: bytes | None = None) -> bytes:
    """GET `url`, or POST an OCSP request there, until the monotonic instant `deadline`.

    Raises ObservationError, ConnectError among them for an address that may not be called.
    """
    parts = _split(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    address = _address(host, deadline, reach)
    try:
        with contextlib.closing(_connected(parts.scheme, host, address, port, deadline)) as connection:
            connection.sendall(_request(parts, body))
            answer = _received(connection, deadline, limit)
    except OSError as error:  # TLS errors and timeouts included
        raise ConnectError(f"no answer from {printable(host, 100)}: {error.strerror or error}") from None
    return _content(answer, limit)


def _split(url: str) -> SplitResult:
    """Take a URL apart; raises ConnectError for what is no plain http or https URL."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:
        raise ConnectError("not an http or https address") from None
    if not usable or not url.isascii() or any(c in url for c in ' "<>\\^`{|}'):
        raise ConnectError("not an http or https address")
    return parts


def _address(host: str, deadline: float, reach: Reach) -> str:
    """The address to connect to, checked: with names, it is this one and no other that is used."""
    left = max(deadline - monotonic(), 0.01)
    found = resolve(host, overrides=reach.overrides, nameserver=reach.nameserver, timeout_s=left)
    usable = [address for address in found if reach.allow_private or is_public(address)]
    if not usable:
        raise ConnectError(
            f"{printable(host, 100)} is no public address; --revocation-allow-private allows it"
        )
    return usable[0]


def _connected(scheme: str, host: str, address: str, port: int, deadline: float) -> socket.socket:
    connection = socket.create_connection((address, port), timeout=_left(deadline))
    if scheme == "http":
        return connection
    try:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    except OSError:
        connection.close()
        raise


def _request(parts: SplitResult, body: bytes | None) -> bytes:
    """HTTP/1.0, so that the answer comes in one piece and its end is the connection's."""
    place = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{'GET' if body is None else 'POST'} {place} HTTP/1.0", f"Host: {parts.netloc}", "Accept: */*"]
    if body is not None:
        lines += ["Content-Type: application/ocsp-request", f"Content-Length: {len(body)}"]
    return "\r\n".join((*lines, "", "")).encode("ascii") + (body or b"")


def _received(connection: socket.socket, deadline: float, limit: int) -> bytes:
    answer, announced = bytearray(), None
    while len(answer) <= limit + MAX_HEAD_BYTES:
        connection.settimeout(_left(deadline))
        data = connection.recv(65_536)
        if not data:
            return bytes(answer)
        answer += data
        if announced is None:
            announced = _announced(answer)
        if announced is not None and len(answer) >= announced:
            return bytes(answer)
    raise ConnectError(f"the answer is larger than {limit} bytes")


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    return left


def _announced(answer: bytearray) -> int | None:
    """How many bytes the whole answer has by its head, if it says so: servers may keep the connection open."""
    end = answer.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
    if end < 0:
        return None
    for line in bytes(answer[:end]).split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit() and len(value) < 20:
            return end + 4 + int(value)
    return None


def _content(answer: bytes, limit: int) -> bytes:
    head, end, content = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(None, 2)
    if not end or len(words) < 2 or not words[0].startswith(b"HTTP/"):
        raise ConnectError("the answer is no HTTP")
    if words[1] != _OK:
        raise ConnectError(f"the server answers {printable(words[1], 20)}")
    if len(content) > limit:
        raise ConnectError(f"the answer is larger than {limit} bytes")
    return content
