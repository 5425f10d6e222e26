#!/usr/bin/env bash
# A good engineer guesses: `apprise.notify(title=..., body=...)` with a plain text brings that text to the reader; the
# format is there to be set if one wants HTML or Markdown.
# What happens (apprise 2.3.0, mailto://): without `body_format` the text is taken for HTML, because that is the format
# this service prefers. The mail's text part lacks everything that stands in angle brackets, and its lines are one; the
# HTML part holds the brackets raw, so that a browser shows nothing of it either. With `body_format="text"` the mail has
# a single text part, and it is whole.
# Why it matters: addresses, host names out of a log and message identifiers stand in angle brackets. Of "Certificate of
# <mail.contoso.com> runs out" there arrives "Certificate of runs out", and notify() says SUCCESS.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile apprise==2.3.0
venv/bin/python - <<'PY'
import email
import email.policy
import socket
import sys
import threading

import apprise

ANSWERS = {b"EHLO": b"250-mail\r\n250 8BITMIME\r\n", b"DATA": b"354 Go on\r\n", b"QUIT": b"221 2.0.0 Bye\r\n"}
BODY = "Certificate of <mail.contoso.com>\nruns out; ask <postmaster@contoso.com>."
mails = []


def serve(listener):
    while True:
        with listener.accept()[0] as peer, peer.makefile("rwb") as stream:
            stream.write(b"220 mail ESMTP\r\n")
            stream.flush()
            for line in stream:
                stream.write(ANSWERS.get(line[:4].upper(), b"250 2.0.0 Ok\r\n"))
                stream.flush()
                if line[:4].upper() == b"DATA":
                    mails.append(b"".join(iter(stream.readline, b".\r\n")))
                    stream.write(b"250 2.0.0 Taken\r\n")
                    stream.flush()


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
url = f"mailto://127.0.0.1:{listener.getsockname()[1]}?from=alarm@contoso.com&to=all@contoso.com"
print("apprise", apprise.__version__)
seen = []
for options in ({}, {"body_format": "text"}):
    notifier = apprise.Apprise()
    notifier.add(url)
    if not notifier.notify(title="Soon", body=BODY, **options):
        sys.exit("CHANGED: not delivered")
    mail = email.message_from_bytes(mails.pop(), policy=email.policy.default)
    parts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
    print(options, *[f"\n    {kind}: {text!r}" for kind, text in parts.items()])
    seen.append(parts)
plain = seen[0].get("text/plain", "")
if "contoso" in plain or "<mail.contoso.com>" not in seen[0].get("text/html", ""):
    sys.exit("CHANGED: without body_format the text is whole")
if list(seen[1]) != ["text/plain"] or BODY not in seen[1]["text/plain"].replace("\r\n", "\n"):
    sys.exit("CHANGED: with body_format it is not")
PY
echo "As described."
