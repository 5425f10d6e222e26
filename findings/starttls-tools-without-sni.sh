#!/usr/bin/env bash
# A good engineer guesses: a tool that is given a host name names it in TLS too (SNI), as browsers have done for
# fifteen years, so every tool sees the certificate that the others see.
# What happens: swaks (20201014) and the Nagios plugin check_smtp (monitoring-plugins 2.3.3) send no server name
# after STARTTLS; `openssl s_client` (3.0.19) sends one only if the host has a dot in it. curl (7.88) and gnutls-cli
# (3.7.9) send it. From a server with two certificates they get two different ones.
# Why it matters: check_smtp raises alarms for a certificate that named senders never see, and is silent while theirs
# runs out; a test with swaks "proves" that the new certificate is not live. Look with and without a name.
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
unpack swaks=20201014.0-2 libnet-ssleay-perl=1.92-2+b1 monitoring-plugins-basic=2.3.3-5+deb12u2 gnutls-bin=3.7.9-2+deb12u7
modules=(root/usr/lib/*/perl5/*)
export PERL5LIB=$work/${modules[0]}
certificate default default.contoso.com 5
certificate named localhost 90
serve default.pem named.pem

look() { # name of the tool, server name expected (None: none), command
    local tool=$1 wanted=$2
    shift 2
    : >heard
    timeout 30 "$@" </dev/null >said 2>&1 || true
    local seen
    seen=$(grep -m1 'server name:' heard || echo 'no handshake')
    echo "$tool: ${seen}"
    [ "$seen" = "server name: $wanted" ] || changed "expected $wanted"
}
look "curl" localhost curl -sS --ssl-reqd -k "smtp://localhost:$port"
look "gnutls-cli" localhost root/usr/bin/gnutls-cli --starttls-proto=smtp --insecure -p "$port" localhost
look "swaks" None perl root/usr/bin/swaks --tls --quit-after TLS --server localhost --port "$port"
grep -i 'peer DN' said
look "openssl s_client -connect localhost" None openssl s_client -starttls smtp -connect "localhost:$port" -brief
look "openssl s_client -servername localhost" localhost openssl s_client -starttls smtp -connect "localhost:$port" \
    -servername localhost -brief
look "check_smtp" None root/usr/lib/nagios/plugins/check_smtp -H localhost -p "$port" -S -D 30,10
cat said
grep -q 'default.contoso.com' said || changed "check_smtp judged another certificate"
echo "As described."
