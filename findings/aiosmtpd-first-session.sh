#!/usr/bin/env bash
# A good engineer guesses: an aiosmtpd Controller that has started has had no client yet.
# What happens (aiosmtpd 1.4.6): start() connects to its own server, reads the greeting and drops the connection, to
# see that it is up. So the first session is never a client's: connection_made, the log and every counter show a peer
# from loopback that says nothing. With an ssl_context (implicit TLS) that session brings a whole TLS handshake. And
# port=0, the usual way to get a free port, makes start() fail: it connects to port 0.
# Why it matters: tests and listeners that take "the first session" look at the wrong one; a listener that reports
# sessions without STARTTLS begins with a false report.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile aiosmtpd==1.4.6
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 9 \
    -subj /CN=mail.contoso.com 2>/dev/null
venv/bin/python -W ignore - <<'PY'
import socket
import ssl
import sys

import aiosmtpd
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP

print("aiosmtpd", aiosmtpd.__version__, "Python", sys.version.split()[0])
sessions = []


class Watched(SMTP):
    def connection_made(self, transport):
        peer, cipher = transport.get_extra_info("peername"), transport.get_extra_info("cipher")
        sessions.append((peer[0], cipher and cipher[1]))
        super().connection_made(transport)


class Own(Controller):
    def factory(self):
        return Watched(self.handler, **self.SMTP_kwargs)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
for text, arguments, wanted in (
    ("plain", {}, [("127.0.0.1", None)]),
    ("implicit TLS", {"ssl_context": context}, [("127.0.0.1", "TLSv1.3")]),
):
    sessions.clear()
    controller = Own(Sink(), hostname="127.0.0.1", port=free_port(), **arguments)
    controller.start()
    print(f"{text}: sessions before any client came: {sessions}")
    controller.stop()
    if sessions != wanted:
        sys.exit(f"CHANGED: expected {wanted}")

controller = Own(Sink(), hostname="127.0.0.1", port=0)
try:
    controller.start()
except OSError as error:
    print("port=0:", repr(error))
else:
    controller.stop()
    sys.exit("CHANGED: port=0 works")
PY
echo "As described."
