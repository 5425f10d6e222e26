#!/usr/bin/env bash
# A good engineer guesses: the CA file a client is given only judges the server; what the client presents itself is
# what its certificate file holds, and `curl -k` changes nothing but the verdict on the server.
# What happens (curl 7.88 and Python's ssl, both over OpenSSL 3.0): a certificate file without the intermediate is
# completed from the CA file, so the server gets a sound chain. `curl -k` does not load the CA file: the same
# command with -k added presents the leaf alone, and a server that was content refuses it. In Python it is
# load_verify_locations that decides, whether verification is on or off.
# Why it matters: a missing intermediate shows only after an unrelated change to trust (a CA file replaced by the
# system's store, -k added to look into another fault). The cure is the intermediate in the certificate file.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new[@]}" -keyout root.key -out root.crt -days 9 -subj "/CN=Contoso Root" 2>/dev/null
openssl req "${new[@]}" -keyout inter.key -subj "/CN=Contoso Issuing" 2>/dev/null |
    openssl x509 -req -CA root.crt -CAkey root.key -days 9 -out inter.crt \
        -extfile <(echo basicConstraints=critical,CA:TRUE) 2>/dev/null
openssl req "${new[@]}" -keyout leaf.key -subj "/CN=mail.contoso.com" 2>/dev/null |
    openssl x509 -req -CA inter.crt -CAkey inter.key -days 9 -out leaf.crt \
        -extfile <(echo subjectAltName=DNS:localhost) 2>/dev/null
cat inter.crt root.crt >ca.pem
cat leaf.crt inter.crt >chain.pem

cat >server.py <<'PY'
"""Demands a client certificate under root.crt, which is all it knows; writes a line for each connection."""
import socket
import ssl

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile="root.crt")
context.verify_mode = ssl.CERT_REQUIRED
context.load_cert_chain("chain.pem", "leaf.key")
with socket.create_server(("127.0.0.1", 0)) as listener:
    listener.settimeout(60)
    with open("port", "w") as file:
        print(listener.getsockname()[1], file=file)
    while True:
        raw = listener.accept()[0]
        raw.settimeout(10)
        try:
            with context.wrap_socket(raw, server_side=True) as peer:
                print("accepted", flush=True)
                peer.recv(4096)
                peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        except ssl.SSLError as error:
            print("refused:", error.verify_message if error.reason == "CERTIFICATE_VERIFY_FAILED" else error, flush=True)
            raw.close()
PY
cat >client.py <<'PY'
import socket
import ssl
import sys

port, file, *options = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.load_cert_chain(file, "leaf.key")
if "load_verify_locations" in options:
    context.load_verify_locations("ca.pem")
try:
    with context.wrap_socket(socket.create_connection(("127.0.0.1", int(port)), 10)) as peer:
        peer.sendall(b"GET / HTTP/1.0\r\n\r\n")
        peer.recv(99)
except OSError:
    pass  # with TLS 1.3 a refusal may arrive in more than one way: the server's line is what counts
PY
python3 server.py >heard 2>/dev/null &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
port=$(cat port)
curl --version | head -1
python3 -c 'import ssl, sys; print("Python", sys.version.split()[0], ssl.OPENSSL_VERSION)'

try() { # word the server has to say, then the command
    local wanted=$1 said
    shift
    : >heard
    "$@" >/dev/null 2>&1 || true
    for _ in $(seq 100); do [ -s heard ] && break; sleep 0.05; done
    said=$(tr -d '\0' <heard)
    echo "$* -> server: $said"
    [[ $said == "$wanted"* ]] || changed "expected: $wanted"
}
ask=(curl -sS -m 10 "https://localhost:$port" --key leaf.key)
try accepted "${ask[@]}" --cert leaf.crt --cacert ca.pem
try refused "${ask[@]}" --cert leaf.crt --cacert ca.pem -k
try accepted "${ask[@]}" --cert chain.pem -k
try refused python3 client.py "$port" leaf.crt
try accepted python3 client.py "$port" leaf.crt load_verify_locations
try accepted python3 client.py "$port" chain.pem
echo "As described."
