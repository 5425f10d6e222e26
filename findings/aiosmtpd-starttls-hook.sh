#!/usr/bin/env bash
# A good engineer guesses: aiosmtpd's handler hooks are coroutines (handle_EHLO, handle_MAIL, handle_RCPT, handle_DATA
# all are), so handle_STARTTLS is one too; and handle_exception learns why a TLS handshake failed.
# What happens (aiosmtpd 1.4.6): handle_STARTTLS is called, not awaited. Written with `async def` it never runs; the
# session goes on, and all that shows is a "never awaited" RuntimeWarning at some later time. Written with `def`
# it runs, after the handshake. A failed handshake reaches handle_exception
# as TLSSetupException() with an empty text; the reason is in its __cause__ only.
# Why it matters: a capture of peer certificates placed in that hook records nothing, and a log line of the
# exception says nothing.
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
import smtplib
import socket
import ssl
import sys
import threading

import aiosmtpd
from aiosmtpd.controller import Controller

print("aiosmtpd", aiosmtpd.__version__, "Python", sys.version.split()[0])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")


class Handler:
    def __init__(self):
        self.ran, self.fault, self.failed = [], None, threading.Event()

    async def handle_exception(self, error):
        self.fault = error
        self.failed.set()
        return "500 Error"


class Coroutine(Handler):
    async def handle_STARTTLS(self, server, session, envelope):
        self.ran.append("handle_STARTTLS")
        return True


class Plain(Handler):
    def handle_STARTTLS(self, server, session, envelope):
        self.ran.append("handle_STARTTLS")
        return True


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


for kind, wanted in ((Plain, ["handle_STARTTLS"]), (Coroutine, [])):
    handler = kind()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), tls_context=context)
    controller.start()
    try:
        with smtplib.SMTP("127.0.0.1", controller.port, timeout=10) as client:
            client.starttls(context=ssl._create_unverified_context())
            code = client.ehlo()[0]
        print(f"{kind.__name__}: EHLO after STARTTLS {code}, hooks that ran: {handler.ran}")
        if handler.ran != wanted or code != 250:
            sys.exit(f"CHANGED: expected {wanted}")
        with socket.create_connection(("127.0.0.1", controller.port), timeout=10) as peer:
            words = peer.makefile("rwb", buffering=0)
            words.readline()
            words.write(b"EHLO x\r\n")
            while words.readline()[3:4] == b"-":
                pass
            words.write(b"STARTTLS\r\n")
            words.readline()
            words.write(b"\x15\x03\x01\x00\x02\x02\x28")  # a fatal alert in place of a ClientHello
            handler.failed.wait(10)
        print(f"    failed handshake: {handler.fault!r}, text {str(handler.fault)!r}, cause {handler.fault.__cause__!r}")
        if str(handler.fault) or not isinstance(handler.fault.__cause__, ssl.SSLError):
            sys.exit("CHANGED: the exception has a text, or another cause")
    finally:
        controller.stop()
PY
echo "As described."
