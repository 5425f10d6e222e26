"""Asking OCSP responders and fetching CRLs, for --revocation only: a probe has no business calling out.

The addresses to call stand in certificates, which a hostile peer chooses. Hence: http and https only,
to public addresses unless the user allows others, the very address that was checked is the one
connected to (no second look-up to rebind), no redirects, and limits on time, bytes and calls.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from datetime import datetime
from itertools import pairwise
from urllib.parse import SplitResult, urlsplit

from probe.errors import AnswerError, ConfigurationError, ConnectError, ObservationError
from probe.net.clock import monotonic
from probe.net.http import OK, Question, Reach, ask
from probe.pki import revocation
from probe.pki.certificate import Certificate
from probe.pki.revocation_status import Answer, CertificateStanding, RevocationSource, Standing
from probe.text import printable

#: Bytes of an OCSP response; a signed one with its responder's certificate has 2 to 5 KiB.
MAX_OCSP_BYTES = 64 * 1024
#: Bytes of a CRL; the larger public ones that are not sharded reach a few MiB.
MAX_CRL_BYTES = 16 * 1024 * 1024
#: Certificates of one path that are asked about.
MAX_CERTIFICATES = 8
#: Addresses of one certificate that are asked, of OCSP and of CRLs each.
MAX_URLS = 4

_PORTS = {"http": 80, "https": 443}


def standings(
    path: tuple[Certificate, ...], stapled: bytes | None, at: datetime, reach: Reach
) -> tuple[CertificateStanding, ...]:
    """Ask about each certificate of `path` (leaf first) that has its issuer above it; the root is not asked about.

    Stapled first, then OCSP, then CRLs, until one answers; never raises for what the others do.
    """
    asking = _Asking(at, reach)
    pairs = list(pairwise(path))
    asked = [
        asking.about(certificate, issuer, None if number else stapled)
        for number, (certificate, issuer) in enumerate(pairs[:MAX_CERTIFICATES])
    ]
    beyond = Answer(Standing.UNKNOWN, f"of one chain {MAX_CERTIFICATES} certificates are asked about")
    return (*asked, *(CertificateStanding(each, beyond) for each, _ in pairs[MAX_CERTIFICATES:]))


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
        ocsp, lists = revocation.ocsp_urls(certificate), revocation.crl_urls(certificate)
        for source, url in (
            *((RevocationSource.OCSP, url) for url in ocsp[:MAX_URLS]),
            *((RevocationSource.CRL, url) for url in lists[:MAX_URLS]),
        ):
            answer = self._asked(source, url, certificate, issuer)
            if answer.standing is not Standing.UNKNOWN:
                return CertificateStanding(certificate, answer, source)
            failures.append(f"{url}: {answer.detail}")
        failures += [
            f"{len(one) - MAX_URLS} more are not asked" for one in (ocsp, lists) if len(one) > MAX_URLS
        ]
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
            question = Question(parts.netloc, _place(parts), body, "application/ocsp-request")
            answer = ask(question, connection.sendall, lambda: _received(connection, deadline), limit)
    except OSError as error:  # TLS errors and timeouts included
        raise ConnectError(f"no answer from {printable(host, 100)}: {error.strerror or error}") from None
    if answer.status != OK:
        raise AnswerError(f"the server answers {answer.status}")
    return answer.content


def _split(url: str) -> SplitResult:
    """Take a URL apart; raises ConnectError for what is no plain http or https URL."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:
        raise ConnectError("not an http or https address") from None
    if not usable or not (url.isascii() and url.isprintable()) or any(c in url for c in ' "<>\\^`{|}'):
        raise ConnectError("not an http or https address")
    return parts


def _address(host: str, deadline: float, reach: Reach) -> str:
    """The address to connect to, checked: with names, it is this one and no other that is used."""
    usable = reach.addresses(host, deadline - monotonic())
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
        connection.settimeout(_left(deadline))  # which holds for the whole handshake
        return ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    except OSError:
        connection.close()
        raise


def _place(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _received(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(_left(deadline))
    return connection.recv(65_536)


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    return left
