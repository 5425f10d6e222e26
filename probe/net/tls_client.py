"""The client's side of TLS: any peer's chain, exactly as sent, whether or not it is any good.

Nothing is verified here; the judgement is made afterwards, from the DER. TLS 1.0 to 1.3 are spoken, with every
cipher suite that authenticates and encrypts, for the certificate of an outdated server is worth seeing too.
"""

from __future__ import annotations

import functools

from OpenSSL import SSL

from probe.net.request import Variant
from probe.net.target import is_ip_address
from probe.net.tls_engine import TlsEngine, Witness, dump, new_context

GROUPS = b"*X25519:*P-256:P-384:P-521"
"""Key exchange groups, `*` with a key share. OpenSSL's default makes a ClientHello of 1,546 bytes, more than one
TCP segment, which some servers and middleboxes cannot read; this list makes 381. No curve is left out."""


_VARIANT_CIPHERS = {
    Variant.RSA: b"aRSA:!aNULL:!eNULL:@SECLEVEL=0",
    Variant.ECDSA: b"aECDSA:!aNULL:!eNULL:@SECLEVEL=0",
}


class TlsClient(TlsEngine):
    """The client's side of one connection; the ClientHello waits in `bytes_to_send` at once."""

    def __init__(self, context: SSL.Context, *, server_name: str | None, ask_staple: bool = False) -> None:
        super().__init__(context)
        self._connection.set_connect_state()
        if server_name is not None and not is_ip_address(server_name):
            # RFC 6066 3: a DNS name without a trailing dot, never an address.
            self._connection.set_tlsext_host_name(server_name.removesuffix(".").encode("ascii"))
        if ask_staple:
            self._connection.request_ocsp()
        self.advance()

    @property
    def stapled(self) -> bytes | None:
        """The OCSP response the server sent along (RFC 6066 8), where one was asked for; not looked at."""
        return self._witness.stapled or None

    @property
    def certificate_requested(self) -> bool:
        """Whether the server asked for a client certificate."""
        return self._witness.certificate_requested

    def presented(self) -> tuple[bytes, ...]:
        """Return the DER of each certificate in wire order, the server's own first; empty before they came."""
        chain = self._connection.get_peer_cert_chain()
        if chain:
            return dump(chain)
        return self._witness.message.certificates() if self._witness.message else ()


def _keep_stapled(connection: SSL.Connection, response: bytes, _: object) -> bool:
    """Take the stapled response, empty where there is none; whatever it says, the handshake goes on."""
    witness: Witness = connection.get_app_data()
    witness.stapled = response
    return True


@functools.cache
def client_context(variant: Variant = Variant.ANY, *, library_groups: bool = False) -> SSL.Context:
    """Return the context for a variant, made once; it is read-only and safe to share between threads.

    With `library_groups` the library's own list of key exchange groups is offered.
    """
    context = new_context(SSL.TLS_CLIENT_METHOD, SSL.TLS1_VERSION)
    if variant is not Variant.ANY:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(_VARIANT_CIPHERS[variant])
    # Servers that never heard of RFC 5746 are still seen.
    context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)
    context.set_ocsp_client_callback(_keep_stapled)
    if not library_groups:
        offer_groups(context, GROUPS)
    return context


def offer_groups(context: SSL.Context, groups: bytes) -> bool:
    """Offer these key exchange groups; return False and leave the library's own where that is impossible.

    pyOpenSSL has no public call for it; the private handle is used here and nowhere else.
    """
    library = getattr(SSL, "_lib", None)
    set_groups = getattr(library, "SSL_CTX_set1_curves_list", None)
    handle = getattr(context, "_context", None)
    if library is None or set_groups is None or handle is None:
        return False
    if set_groups(handle, groups) == 1:
        return True
    library.ERR_clear_error()
    return False
