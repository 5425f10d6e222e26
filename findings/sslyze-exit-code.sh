#!/usr/bin/env bash
# A good engineer guesses: sslyze, which exits 1 when a server does not meet Mozilla's configuration ("to fail a CI/CD
# pipeline"), fails all the more when there is no TLS to be had.
# What happens (sslyze 6.3.0): a mail server that refuses the connection, cannot be resolved, or no longer offers STARTTLS
# is exit 0, as if it were compliant. So is a mistyped protocol (`--starttls smpt`). With `--json_out=-` the exit
# code is 0 whatever was found. Exit 1 needs a server that was reached.
# Why it matters: the gate of a pipeline turns green when the server goes away, or loses TLS altogether.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile sslyze==6.3.0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 9 \
    -subj /CN=mail.contoso.com 2>/dev/null
cat >server.py <<'PY'
"""Two SMTP servers, one with STARTTLS, one that does not offer it."""
import socket
import ssl
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")


def converse(peer, offer):
    peer.settimeout(10)
    try:
        peer.sendall(b"220 mail.contoso.com ESMTP\r\n")
        while line := peer.recv(999).upper():
            if line.startswith(b"STARTTLS") and offer:
                peer.sendall(b"220 2.0.0 Ready\r\n")
                peer = context.wrap_socket(peer, server_side=True)
            elif line.startswith(b"EHLO"):
                peer.sendall(b"250-mail.contoso.com\r\n" + offer + b"250 SIZE 1000\r\n")
            else:
                peer.sendall(b"502 5.5.2 Command not recognized\r\n")
    except OSError:
        pass
    peer.close()


def accept(listener, offer):
    while True:
        threading.Thread(target=converse, args=(listener.accept()[0], offer), daemon=True).start()


listeners = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(2)]
with socket.socket() as closed:
    closed.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
    with open("ports", "w") as file:
        print(*(one.getsockname()[1] for one in (*listeners, closed)), file=file)
    threading.Thread(target=accept, args=(listeners[1], b""), daemon=True).start()
    accept(listeners[0], b"250-STARTTLS\r\n")
PY
timeout 300 python3 server.py &
server=$!
for _ in $(seq 100); do [ -s ports ] && break; sleep 0.05; done
read -r tls plain refused <ports
venv/bin/pip list --disable-pip-version-check 2>/dev/null | grep -E '^sslyze '
try() { # exit code and words expected, arguments
    local wanted=$1 words=$2 code=0
    shift 2
    timeout 120 venv/bin/sslyze "$@" >said 2>/dev/null || code=$?
    echo "sslyze $*: exit $code,$(grep -oE -m 1 "$words.*" said | sed 's/^/ /')"
    [ "$code" = "$wanted" ] || changed "expected exit $wanted"
    grep -qE "$words" said || changed "expected: $words"
}
try 1 'FAILED - Not compliant' --starttls smtp "127.0.0.1:$tls"
try 0 '"connectivity_status": "COMPLETED"' --starttls smtp --json_out=- "127.0.0.1:$tls"
try 0 'ERROR: ' --starttls smtp "127.0.0.1:$plain"
try 0 'ERROR: Server rejected the connection' --starttls smtp "127.0.0.1:$refused"
try 0 'ERROR: Could not resolve hostname' --starttls smtp mail.contoso.invalid:25
try 0 'Command line error: StartTLS should be one of' --starttls smpt "127.0.0.1:$tls"
echo "As described."
