#!/usr/bin/env bash
# A good engineer guesses: a sender that was given a certificate presents it whenever the server asks for one, or says
# that it did not.
# What happens (msmtp 1.8.23 with GnuTLS 3.7.9): the list of authorities in the server's request decides. If it names
# another authority, or only the root while the file holds the leaf without its intermediate, no certificate is
# sent; the message is delivered, exit code 0, nothing is said. With an empty list, or with the intermediate in
# the file, the certificate is sent. `openssl s_client` 3.0.19 sends it in all these cases.
# Why it matters: a receiver that knows its senders by certificate sees an anonymous client, while `openssl s_client`
# with the same files "proves" that the certificate is presented.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download msmtp=1.8.23-1 libgsasl18=2.2.0-1+deb12u2 libsecret-1-0=0.20.5-3 \
    libidn12=1.41-1 libgssglue1=0.7-1.1 libntlm0=1.6-4 >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
libraries=$work/root/usr/lib/$(dpkg-architecture -q DEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile pyOpenSSL==26.4.0 cryptography==50.0.2
new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new[@]}" -keyout root.key -out root.crt -days 9 -subj "/CN=Contoso Root" 2>/dev/null
openssl req -x509 "${new[@]}" -keyout other.key -out other.crt -days 9 -subj "/CN=Fabrikam Root" 2>/dev/null
openssl req "${new[@]}" -keyout inter.key -subj "/CN=Contoso Issuing" 2>/dev/null |
    openssl x509 -req -CA root.crt -CAkey root.key -days 9 -out inter.crt \
        -extfile <(echo basicConstraints=critical,CA:TRUE) 2>/dev/null
openssl req "${new[@]}" -keyout leaf.key -subj "/CN=mail.contoso.com" 2>/dev/null |
    openssl x509 -req -CA inter.crt -CAkey inter.key -days 9 -out leaf.crt \
        -extfile <(echo subjectAltName=DNS:localhost) 2>/dev/null
cat leaf.crt inter.crt >chain.pem

cat >server.py <<'PY'
"""SMTP inside TLS; asks for a client certificate of any kind, naming the authority of a file, or none ("-")."""
import socket
import sys

from OpenSSL import SSL

context = SSL.Context(SSL.TLS_SERVER_METHOD)
context.use_certificate_chain_file("chain.pem")
context.use_privatekey_file("leaf.key")
context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
if sys.argv[1] != "-":
    context.load_client_ca(sys.argv[1].encode())


def converse(peer):
    peer.do_handshake()
    leaf = peer.get_peer_certificate(as_cryptography=True)
    print("certificate" if leaf else "no certificate", flush=True)
    peer.sendall(b"220 mail.contoso.com ESMTP\r\n")
    buffer, body = b"", False
    while piece := peer.recv(4096):
        *lines, buffer = (buffer + piece).split(b"\r\n")
        for line in lines:
            verb = line[:4].upper()
            if body:
                body = line != b"."
                answer = b"" if body else b"250 2.0.0 Taken\r\n"
            else:
                body = verb == b"DATA"
                answer = {b"DATA": b"354 Go on\r\n", b"QUIT": b"221 2.0.0 Bye\r\n"}.get(verb, b"250 2.0.0 Ok\r\n")
            if answer:
                peer.sendall(answer)


with socket.create_server(("127.0.0.1", 0)) as listener:
    with open("port", "w") as file:
        print(listener.getsockname()[1], file=file)
    while True:
        raw = listener.accept()[0]
        raw.settimeout(None)
        peer = SSL.Connection(context, raw)
        peer.set_accept_state()
        try:
            converse(peer)
        except SSL.Error:
            pass
        raw.close()
PY
serve() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -f port
    timeout 60 venv/bin/python server.py "$1" >heard 2>server.err &
    server=$!
    for _ in $(seq 200); do [ -s port ] && break; sleep 0.05; done
    port=$(cat port)
}
heard() { for _ in $(seq 100); do [ -s heard ] && break; sleep 0.05; done; tr -d '\0' <heard; }
msmtp() { LD_LIBRARY_PATH=$libraries timeout 20 root/usr/bin/msmtp "$@"; }
msmtp --version >version 2>&1 || need false
sed -n '1p;/TLS/p' version
openssl version

try() { # list, certificate file, what msmtp shows
    local code=0 seen
    serve "$1"
    printf 'Subject: test\n\nHello\n' | msmtp -C /dev/null --host=localhost --port="$port" --tls=on --tls-starttls=off \
        --tls-trust-file=root.crt --tls-cert-file="$2" --tls-key-file=leaf.key --from=a@contoso.com b@contoso.com \
        >said 2>&1 || code=$?
    seen=$(heard)
    echo "server names $1, file $2: msmtp exit $code, said '$(cat said)': $seen"
    [ "$code" = 0 ] && [ ! -s said ] || changed "msmtp says something"
    [ "$seen" = "$3" ] || changed "expected: $3"
    : >heard
    (sleep 1; echo Q) | timeout 20 openssl s_client -connect "localhost:$port" -cert "$2" -key leaf.key \
        -cert_chain "$2" >/dev/null 2>&1 || true
    seen=$(heard)
    echo "    openssl s_client: $seen"
    [ "$seen" = certificate ] || changed "openssl s_client sent none"
}
try other.crt chain.pem 'no certificate'
try root.crt leaf.crt 'no certificate'
try root.crt chain.pem certificate
try - leaf.crt certificate
echo "As described."
