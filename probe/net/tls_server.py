"""The server's side of TLS: it asks every client for a certificate and takes whatever comes, or nothing."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

from probe.errors import InputError
from probe.net.tls_engine import TlsEngine, dump, new_context


class TlsServer(TlsEngine):
    """The server's side of one connection."""

    def __init__(self, context: SSL.Context) -> None:
        super().__init__(context)
        self._connection.set_accept_state()
        self._witness.certificate_requested = True

    @property
    def server_name(self) -> str | None:
        """The name the client asked for in its ClientHello (RFC 6066 3), if it is text."""
        name = self._connection.get_servername()
        return name.decode("ascii", "backslashreplace") if name else None

    def presented(self) -> tuple[bytes, ...]:
        """Return the DER of each of the client's certificates in wire order, its own first; often none."""
        own = self._connection.get_peer_certificate()
        if own is not None:
            # On this side OpenSSL leaves the client's own certificate out of the chain.
            return dump([own, *(self._connection.get_peer_cert_chain() or ())])
        return self._witness.message.certificates() if self._witness.message else ()


def server_context(
    chain_pem: bytes, key_pem: bytes, *, old_tls: bool = False, authorities: Iterable[bytes] = ()
) -> SSL.Context:
    """Return a context that presents this chain, the server's own certificate first; raises InputError.

    It speaks TLS 1.2 and 1.3, with `old_tls` 1.0 and 1.1 too. The client is asked for a certificate, and the handshake
    never fails for want of one, or for one that is no good. The request names the subjects of `authorities`
    (certificates, DER), or nobody.
    """
    context = new_context(SSL.TLS_SERVER_METHOD, SSL.TLS1_VERSION if old_tls else SSL.TLS1_2_VERSION)
    context.set_verify(SSL.VERIFY_PEER, _take_anything)
    # With a session that could be resumed a client would not present its certificate again.
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_session_id(secrets.token_bytes(16))
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
        key = load_pem_private_key(key_pem, None)
        context.use_certificate(chain[0])
        context.use_privatekey(key)  # type: ignore[arg-type]  # the kinds that no TLS server can use are refused
        context.check_privatekey()
    except (ValueError, TypeError, SSL.Error) as error:
        raise InputError(f"the server's certificate and key cannot be used: {error}") from error
    for certificate in chain[1:]:
        context.add_extra_chain_cert(certificate)
    with warnings.catch_warnings():
        # Some public roots have serial numbers that are not positive: only their names are wanted.
        warnings.simplefilter("ignore")
        for der in authorities:
            context.add_client_ca(x509.load_der_x509_certificate(der))
    return context


def _take_anything(
    _connection: SSL.Connection, _certificate: crypto.X509, _error: int, _depth: int, _ok: int
) -> bool:
    return True
