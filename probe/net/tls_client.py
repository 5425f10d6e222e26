"""The client's side of TLS: any peer's chain, exactly as sent, whether or not it is any good.

Nothing is verified here; the judgement is made afterwards, from the DER. TLS 1.0 to 1.3 are spoken, with every
cipher suite that authenticates and encrypts, for the certificate of an outdated server is worth seeing too.
"""

from __future__ import annotations

import functools

from OpenSSL import SSL

from probe.net.request import KeyType
from probe.net.target import is_ip_address
from probe.net.tls_engine import CIPHERS, TlsEngine, Witness, dump, new_context

GROUPS = b"*X25519:*P-256:P-384:P-521"
"""Key exchange groups, `*` with a key share. OpenSSL's default makes a ClientHello of 1,546 bytes, more than one
TCP segment, which some servers and middleboxes cannot read; this list makes 381. No curve is left out."""

OFFERED = frozenset({"x25519", "secp256r1", "secp384r1", "secp521r1"})
"""The same by the names that OpenSSL reports."""

_ECDSA = "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512"
_RSA_PSS = (
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512"
)
_RSA_PKCS1 = "rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512"
_EDDSA = "ed25519:ed448"

SIGNATURES = {
    # As OpenSSL's default, but without ML-DSA: a server that holds such a key would show it before the one that
    # other clients see. EdDSA comes late for the same reason.
    KeyType.ANY: (
        f"{_ECDSA}:ecdsa_brainpoolP256r1tls13_sha256:ecdsa_brainpoolP384r1tls13_sha384:"
        f"ecdsa_brainpoolP512r1tls13_sha512:{_RSA_PSS}:{_RSA_PKCS1}:{_EDDSA}:"
        "ecdsa_sha224:ecdsa_sha1:rsa_pkcs1_sha224:rsa_pkcs1_sha1:dsa_sha256:dsa_sha1"
    ),
    KeyType.RSA: f"{_RSA_PSS}:{_RSA_PKCS1}:rsa_pkcs1_sha1",
    # PKCS#1 cannot sign a TLS 1.3 handshake: here it admits a chain that an RSA authority signed, no more.
    KeyType.ECDSA: f"{_ECDSA}:ecdsa_sha1:{_RSA_PKCS1}",
    KeyType.EDDSA: f"{_EDDSA}:{_RSA_PKCS1}",
    KeyType.ML_DSA: "mldsa44:mldsa65:mldsa87",
}
"""The signature algorithms (RFC 8446 4.2.3) by which each kind of key is asked for."""

# TLS 1.2 and older choose the key by the cipher suite, whatever the signature algorithms say (RFC 8422 for EdDSA).
_CIPHERS = {
    KeyType.RSA: b"aRSA:!aNULL:!eNULL:@SECLEVEL=0",
    KeyType.ECDSA: b"aECDSA:!aNULL:!eNULL:@SECLEVEL=0",
    KeyType.EDDSA: b"aECDSA:!aNULL:!eNULL:@SECLEVEL=0",
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

    @property
    def modern(self) -> bool:
        """Whether the version agreed on is TLS 1.3."""
        return self._connection.get_protocol_version() == SSL.TLS1_3_VERSION

    def hear_early(self, data: bytes) -> bytes:
        """Take what came before our Finished leaves, and note whether session tickets are in it.

        Returns what the server said inside TLS. RFC 8446 4.6.1 lets tickets come at any time after the Finished of
        the client; those of a server that does not wait for it lie beside its own Finished, or a moment behind.
        """
        if data:
            self._connection.bio_write(data)
        said = self.plaintext()
        self._witness.early_ticket = self._witness.tickets > 0
        return said

    def presented(self) -> tuple[bytes, ...]:
        """Return the DER of each certificate in wire order, the server's own first; empty before they came."""
        sent = self._witness.message.certificates() if self._witness.message else ()
        return sent or dump(self._connection.get_peer_cert_chain() or ())


def _keep_stapled(connection: SSL.Connection, response: bytes, _: object) -> bool:
    """Take the stapled response, empty where there is none; whatever it says, the handshake goes on."""
    witness: Witness = connection.get_app_data()
    witness.stapled = response
    return True


@functools.cache
def client_context(key_type: KeyType = KeyType.ANY, *, library_groups: bool = False) -> SSL.Context:
    """Return the context for a kind of key, made once; it is read-only and safe to share between threads.

    With `library_groups` the library's own list of key exchange groups is offered.
    """
    context = new_context(SSL.TLS_CLIENT_METHOD, SSL.TLS1_VERSION)
    context.set_cipher_list(_CIPHERS.get(key_type, CIPHERS))
    asked = offer(context, "SSL_CTX_set1_sigalgs_list", SIGNATURES[key_type].encode())
    if key_type is KeyType.ML_DSA:
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
    elif key_type is not KeyType.ANY and not asked:
        # What is left is the cipher suite, which says nothing of the key from TLS 1.3 on.
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    # Servers that never heard of RFC 5746 are still seen.
    context.set_options(SSL.OP_LEGACY_SERVER_CONNECT)
    context.set_ocsp_client_callback(_keep_stapled)
    if not library_groups:
        offer(context, "SSL_CTX_set1_curves_list", GROUPS)
    return context


def offer(context: SSL.Context, function: str, names: bytes) -> bool:
    """Offer these groups or signature algorithms; False, and the library's own remain, where that is impossible.

    pyOpenSSL has no public call for it; the private handle is used here and nowhere else.
    """
    library = getattr(SSL, "_lib", None)
    set_names = getattr(library, function, None)
    handle = getattr(context, "_context", None)
    if library is None or set_names is None or handle is None:
        return False
    if set_names(handle, names) == 1:
        return True
    library.ERR_clear_error()
    return False
