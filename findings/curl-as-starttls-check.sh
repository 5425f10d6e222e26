#!/usr/bin/env bash
# A good engineer guesses: `curl --ssl-reqd --cacert roots.pem smtp://host` tests STARTTLS and the chain, and exits 0
# if both are sound.
# What happens (curl 7.88): without a message to send, curl goes on to say HELP after the second EHLO, and exits 8
# ("Command failed: 502") when the server does not know it; RFC 5321 4.5.1 does not ask a server to. The same
# code 8 stands for a server that is no SMTP server at all. With `-X NOOP` it exits 0, and 60 if the chain is not
# trusted, which the plain call says too.
# Why it matters: exit codes of such a check mix "TLS is fine" with "TLS was never reached".
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
cat >server.py <<'PY'
"""SMTP with STARTTLS on loopback for a minute. "454": refuses STARTTLS, "silent": does not offer it, else PEM files:
the first is what it presents, the second what it presents to a client that names localhost (SNI)."""
import socket
import ssl
import sys
import threading
import time

listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(60)
mode, files = sys.argv[1], sys.argv[1:]
contexts = []
for file in files if mode not in ("454", "silent") else ():
    contexts.append(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    contexts[-1].load_cert_chain(file)


def named(connection, name, _):
    print("server name:", name, file=sys.stderr, flush=True)
    if name == "localhost":
        connection.context = contexts[-1]


if contexts:
    contexts[0].sni_callback = named
print(listener.getsockname()[1], flush=True)


def converse(connection):
    connection.settimeout(20)
    connection.sendall(b"220 mail.contoso.com ESMTP\r\n")
    peer = connection.makefile("rb", buffering=0)
    while line := peer.readline(2000):
        print("client:", line[:40], file=sys.stderr, flush=True)
        verb = line.strip().upper().partition(b" ")[0]
        offer = b"" if mode == "silent" or isinstance(connection, ssl.SSLSocket) else b"250-STARTTLS\r\n"
        answers = {
            b"EHLO": b"250-mail.contoso.com\r\n" + offer + b"250 SIZE 1000\r\n",
            b"STARTTLS": b"220 2.0.0 Ready" if contexts else b"454 4.7.0 TLS not available due to local problem",
            b"NOOP": b"250 2.0.0 Ok",
            b"QUIT": b"221 2.0.0 Bye",
        }
        connection.sendall(answers.get(verb, b"502 5.5.2 Command not recognized").strip() + b"\r\n")
        if verb == b"QUIT":
            return
        if verb == b"STARTTLS" and contexts:
            connection = contexts[0].wrap_socket(connection, server_side=True)
            peer = connection.makefile("rb", buffering=0)


def quietly(connection):
    try:
        converse(connection)
    except OSError as error:
        print("server:", error, file=sys.stderr, flush=True)
    finally:
        connection.close()


until = time.monotonic() + 60
while time.monotonic() < until:
    threading.Thread(target=quietly, args=(listener.accept()[0],), daemon=True).start()
PY
serve() { # arguments of the server; sets server and port
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    : >port
    : >heard
    python3 server.py "$@" >port 2>>heard &
    server=$!
    for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
    port=$(cat port)
}
certificate() { # file, common name, days: self-signed, with its key
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt" -days "$3" \
        -subj "/CN=$2" -addext "subjectAltName=DNS:$2" 2>/dev/null
    cat "$1.crt" "$1.key" >"$1.pem"
}
curl --version | head -1
certificate self localhost 9
certificate other localhost 9
serve self.pem self.pem

try() { # exit code expected, command heard last but QUIT (none: not looked at), options of curl
    local wanted=$1 verb=$2 code=0
    shift 2
    : >heard
    timeout 30 curl -sS --ssl-reqd "smtp://localhost:$port" "$@" >said 2>&1 || code=$?
    echo "curl --ssl-reqd smtp://localhost $*: exit $code $(tail -1 said)"
    [ "$code" = "$wanted" ] || changed "expected exit $wanted"
    [ -z "$verb" ] || grep "client: b'$verb" heard || changed "no $verb was heard"
}
try 8 HELP --cacert self.crt
try 0 NOOP --cacert self.crt -X NOOP
try 60 '' --cacert other.crt
try 60 '' --cacert other.crt -X NOOP
echo "As described."
