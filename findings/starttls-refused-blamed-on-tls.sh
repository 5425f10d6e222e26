#!/usr/bin/env bash
# A good engineer guesses: a server that answers STARTTLS with "454 4.7.0 TLS not available" is reported so by the
# tools at hand for looking at STARTTLS.
# What happens: `openssl s_client -starttls smtp` (3.0.19) does not look at the reply. It sends its ClientHello into
# the SMTP session and blames TLS: "wrong version number". gnutls-cli (3.7.9) waits for "220 " and says "Timeout"
# after ten seconds, though the reply came at once. Neither shows the server's words. curl 7.88 says
# "STARTTLS denied, code 454".
# Why it matters: a certificate or key that the server cannot load (which it tells by a 454) is looked for in protocol
# versions, ciphers and firewalls.
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
"""An SMTP server on loopback: offers STARTTLS, unless told "silent", and answers it with 454. Ends after a minute."""
import socket
import sys
import threading
import time

listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(60)
print(listener.getsockname()[1], flush=True)


def converse(connection):
    connection.settimeout(20)
    with connection, connection.makefile("rwb", buffering=0) as peer:
        peer.write(b"220 mail.contoso.com ESMTP\r\n")
        while line := peer.readline(2000):
            print("client:", line[:40], file=sys.stderr, flush=True)
            verb = line.strip().upper().partition(b" ")[0]
            if verb == b"QUIT":
                peer.write(b"221 bye\r\n")
                return
            offer = b"" if "silent" in sys.argv else b"250-STARTTLS\r\n"
            peer.write({
                b"EHLO": b"250-mail.contoso.com\r\n" + offer + b"250 SIZE 1000\r\n",
                b"STARTTLS": b"454 4.7.0 TLS not available due to local problem\r\n",
            }.get(verb, b"502 5.5.2 not understood\r\n"))


until = time.monotonic() + 60
while time.monotonic() < until:
    threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()
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
unpack gnutls-bin=3.7.9-2+deb12u7
gnutls=root/usr/bin/gnutls-cli
openssl version
"$gnutls" --version | head -1
curl --version | head -1 | cut -d' ' -f1-2

serve offering
timeout 20 openssl s_client -starttls smtp -connect "127.0.0.1:$port" </dev/null >said 2>&1 || true
echo "s_client: $(grep -m1 -oE 'wrong version number|454.*' said || echo neither)"
grep -q 'wrong version number' said || changed "s_client says something else"
if grep -q 454 said; then changed "s_client shows the reply"; fi
# 0x16 0x03 0x01: a TLS handshake record
grep -F "client: b'\\x16\\x03\\x01" heard || changed "no ClientHello was sent"

serve offering
begun=$SECONDS
timeout 60 "$gnutls" --starttls-proto=smtp -p "$port" 127.0.0.1 </dev/null >said 2>&1 || true
echo "gnutls-cli, after $((SECONDS - begun)) s: $(grep -m1 -i 'error' said)"
grep -q "Timeout" said || changed "gnutls-cli says something else"
if grep -q 454 said; then changed "gnutls-cli shows the reply"; fi

serve offering
code=0
curl -sS --ssl-reqd "smtp://127.0.0.1:$port" >said 2>&1 || code=$?
echo "curl, exit $code: $(cat said)"
grep -q 454 said || changed "curl no longer shows the code"
echo "As described."
