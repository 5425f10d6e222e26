#!/usr/bin/env bash
# A good engineer guesses: the Nagios plugin `check_smtp -S -D 30,10` ("STARTTLS, certificate: warn at 30 days,
# critical at 10") is critical when a mail server has lost its TLS.
# What happens (monitoring-plugins 2.3.3): STARTTLS no longer offered is WARNING (1), STARTTLS answered with 454 is
# UNKNOWN (3) with the text "Server does not support STARTTLS" though it was offered, and a self-signed certificate
# is OK, as only the date is looked at. No loss of TLS makes it CRITICAL.
# Why it matters: UNKNOWN is commonly filtered out of notifications, and WARNING does not wake anyone; what a partner
# that demands TLS refuses is, for this check, hardly worth a mention.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
unpack() { # Debian packages with their versions, into ./root
    need apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null
    for deb in *.deb; do dpkg-deb -x "$deb" root; done
}
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
unpack monitoring-plugins-basic=2.3.3-5+deb12u2
plugin=root/usr/lib/nagios/plugins/check_smtp
"$plugin" --version || true
certificate self mail.contoso.com 90
certificate short mail.contoso.com 5

check() { # case, exit code and words expected
    local code=0
    timeout 30 "$plugin" -H 127.0.0.1 -p "$port" -S -D 30,10 >said 2>&1 || code=$?
    echo "$1: exit $code, $(head -1 said)"
    [ "$code" = "$2" ] || changed "expected exit $2"
    grep -q "$3" said || changed "expected: $3"
}
serve short.pem
check "self-signed, five days left" 2 'CRITICAL'
serve self.pem
check "self-signed, ninety days left" 0 'OK'
serve silent
check "STARTTLS not offered" 1 'TLS not supported by server'
serve 454
check "STARTTLS answered with 454" 3 'Server does not support STARTTLS'
grep -q "STARTTLS" heard || changed "STARTTLS was not tried"
echo "As described."
