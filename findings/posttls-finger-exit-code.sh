#!/usr/bin/env bash
# A good engineer guesses: posttls-finger, Postfix's own tool for looking at a destination's TLS, says by its exit
# code whether it went well.
# What happens (Postfix 3.7.11): it exits 0 when the connection is refused, when STARTTLS is answered with 454, when
# the level asked for is "secure" and the certificate is self-signed, and when STARTTLS is not offered at all. In
# that last case `posttls-finger -c -l secure` prints nothing whatever: silence and 0 for a server in plain text.
# Why it matters: in a script only its words can be tested, and only "Verified TLS connection established" is good;
# a test for the absence of an error passes for every dead server.
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
unpack postfix=3.7.11-0+deb12u1
mkdir config
printf '%s\n' 'compatibility_level = 3.6' 'myhostname = probe.contoso.com' 'inet_protocols = ipv4' \
    'mail_owner = daemon' 'setgid_group = mail' 'dnssec_probe =' >config/main.cf
touch config/master.cf
MAIL_CONFIG=$work/config LD_LIBRARY_PATH=$work/root/usr/lib/postfix
export MAIL_CONFIG LD_LIBRARY_PATH
root/usr/sbin/postconf mail_version

finger() { # what the case is, words that its output has to hold (none: it has to be empty)
    local code=0
    timeout 30 root/usr/sbin/posttls-finger -c -l secure "[127.0.0.1]:$port" </dev/null >said 2>&1 || code=$?
    echo "$1: exit $code, $(wc -c <said) octets: $(tail -1 said | head -c 150)"
    [ "$code" = 0 ] || changed "exit $code"
    if [ -n "$2" ]; then grep -q "$2" said || changed "says something else"; else [ ! -s said ] || changed "no longer silent"; fi
}
certificate self mail.contoso.com 9
serve self.pem
finger "self-signed certificate" "Untrusted TLS connection established"
serve 454
finger "STARTTLS answered with 454" "STARTTLS rejected: 454"
serve silent
finger "STARTTLS not offered" ""
kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true
server=
finger "nobody listens" "Connection refused"
echo "As described."
