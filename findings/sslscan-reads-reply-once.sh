#!/usr/bin/env bash
# A good engineer guesses: a STARTTLS scanner reads SMTP replies to their last line (RFC 5321 4.2.1), however they are
# cut into packets.
# What happens (sslscan 2.0.7): each reply is what one read returns. A greeting of two lines that are sent one after the
# other is "did not respond with status 250 to our HELO"; an EHLO reply whose STARTTLS line comes a moment
# later is "did not appear to support STARTTLS". The same lines sent at once are fine. The exit code is 0 each time.
# smtplib and `openssl s_client` are content with all three.
# Why it matters: servers that greet slowly on purpose, line by line, or sit behind a proxy that answers in pieces, are
# reported to have no STARTTLS, sometimes only.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download sslscan=2.0.7-1+b1 >/dev/null
dpkg-deb -x sslscan*.deb root
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 9 \
    -subj /CN=mail.contoso.com 2>/dev/null
cat >server.py <<'PY'
"""SMTP with STARTTLS; the reply named is sent in two pieces, a third of a second apart."""
import socket
import ssl
import sys
import threading
import time

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
replies = {
    "greeting": (b"220-mail.contoso.com ESMTP\r\n", b"220 No unsolicited mail\r\n"),
    "EHLO": (b"250-mail.contoso.com\r\n", b"250-STARTTLS\r\n250 SIZE 1000\r\n"),
    "STARTTLS": (b"220 2.0.0 ", b"Ready\r\n"),
}


def send(peer, which):
    first, second = replies[which]
    if which == sys.argv[1]:
        peer.sendall(first)
        time.sleep(0.3)
        peer.sendall(second)
    else:
        peer.sendall(first + second)


def converse(peer):
    peer.settimeout(10)
    try:
        send(peer, "greeting")
        with peer.makefile("rb", buffering=0) as lines:
            while (word := lines.readline(999).strip().upper().partition(b" ")[0].decode()) in replies:
                send(peer, word)
                if word == "STARTTLS":
                    peer = context.wrap_socket(peer, server_side=True)
                    peer.recv(999)
                    break
    except OSError:
        pass
    peer.close()


with socket.create_server(("127.0.0.1", 0)) as listener:
    with open("port", "w") as file:
        print(listener.getsockname()[1], file=file)
    while True:
        threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()
PY
root/usr/bin/sslscan --version --no-colour | grep -oE '^[[:space:]]*[0-9.]+' | tr -d '[:space:]' | sed 's/^/sslscan /;s/$/\n/'
try() { # reply to cut, what sslscan has to say
    local code=0 port
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -f port
    timeout 60 python3 server.py "$1" &
    server=$!
    for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
    port=$(cat port)
    timeout 40 root/usr/bin/sslscan --no-colour --starttls-smtp --no-ciphersuites --no-fallback --no-renegotiation \
        --no-heartbleed --no-compression --no-groups "127.0.0.1:$port" >said 2>&1 || code=$?
    echo "in two pieces: $1; sslscan exit $code: $(grep -E 'ERROR|^Subject:' said | head -1)"
    [ "$code" = 0 ] || changed "expected exit 0"
    grep -qE "$2" said || changed "expected: $2"
    python3 - "$port" <<'PY' || changed "smtplib fails too"
import smtplib
import ssl
import sys

with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=10) as client:
    client.starttls(context=ssl._create_unverified_context())
    print("    smtplib:", client.sock.version())
    client.close()
PY
    echo Q | timeout 20 openssl s_client -starttls smtp -connect "127.0.0.1:$port" 2>&1 | grep -q 'BEGIN CERTIFICATE' ||
        changed "openssl s_client fails too"
}
try none '^Subject: +mail.contoso.com'
try greeting 'ERROR: .* did not respond with status 250 to our HELO'
try EHLO 'ERROR: .* did not appear to support STARTTLS'
echo "As described."
