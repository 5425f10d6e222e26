#!/usr/bin/env bash
# A good engineer guesses: get_peer_cert_chain() is the chain that the peer sent, on either side of a connection;
# "[0] is the peer's own certificate" is how most code reads it.
# What happens (pyOpenSSL 26.4.0, OpenSSL 4.0.3): on a client that is so. On a server the client's own certificate
# is missing: a client that sent leaf and intermediate is seen as [intermediate], one that sent its leaf alone as an
# empty list, with TLS 1.2 and 1.3 alike. get_verified_chain() has the leaf on both sides, but is the path as
# built (root added), not what was sent.
# Why it matters: a server that records what a sender presents has to put get_peer_certificate() in front, and one
# that judges chain[0] judges an intermediate.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile pyOpenSSL==26.4.0 cryptography==50.0.2
venv/bin/python - <<'PY'
import datetime as dt
import sys

import OpenSSL
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL, crypto

print("pyOpenSSL", OpenSSL.__version__, "with", SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode())
now = dt.datetime.now(dt.timezone.utc)


def issue(subject, issuer=None):
    key = ec.generate_private_key(ec.SECP256R1())
    signer, signing_key = issuer or (None, key)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(signer.subject if signer else name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=9))
        .add_extension(x509.BasicConstraints(subject != "leaf", None), True)
    )
    return built.sign(signing_key, hashes.SHA256()), key


root = issue("root")
middle = issue("intermediate", root)
leaf = issue("leaf", middle)


def side(method, sent):
    context = SSL.Context(method)
    context.use_certificate(leaf[0])
    context.use_privatekey(leaf[1])
    for certificate in sent[1:]:
        context.add_extra_chain_cert(certificate)
    context.get_cert_store().add_cert(crypto.X509.from_cryptography(root[0]))
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    return context


def names(certificates):
    return [c.get_subject().CN for c in certificates or ()]


def handshake(version, sent):
    ends = []
    for method, start in ((SSL.TLS_CLIENT_METHOD, "set_connect_state"), (SSL.TLS_SERVER_METHOD, "set_accept_state")):
        context = side(method, sent)
        context.set_max_proto_version(version)
        ends.append(SSL.Connection(context, None))
        getattr(ends[-1], start)()
    for _ in range(6):
        for one, other in (ends, ends[::-1]):
            try:
                one.do_handshake()
            except SSL.WantReadError:
                pass
            try:
                other.bio_write(one.bio_read(1 << 16))
            except SSL.WantReadError:
                pass
    return ends


for text, version in (("TLS 1.2", SSL.TLS1_2_VERSION), ("TLS 1.3", SSL.TLS1_3_VERSION)):
    for sent in ([leaf[0], middle[0]], [leaf[0]]):
        client, server = handshake(version, sent)
        wanted = ["leaf", "intermediate"][: len(sent)]
        print(text, "both send", wanted)
        for end, who, expected in ((client, "client", wanted), (server, "server", wanted[1:])):
            seen, own = names(end.get_peer_cert_chain()), end.get_peer_certificate().get_subject().CN
            built = names(end.get_verified_chain())
            print(f"    {who}: get_peer_cert_chain {seen}, get_peer_certificate {own}, get_verified_chain {built}")
            if seen != expected or own != "leaf" or built[:1] != ["leaf"]:
                sys.exit(f"CHANGED: expected {expected}")
PY
echo "As described."
