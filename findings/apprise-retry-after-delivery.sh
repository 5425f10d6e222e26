#!/usr/bin/env bash
# A good engineer guesses: where a notification to several addresses fails because of one of them, nobody got it, or the
# others got it once; `retry=` of a service tries again what failed.
# What happens (apprise 2.3.0, mailto:// with cc): the mail server refuses the address in cc, takes the other and takes the
# mail: it is delivered. apprise calls that FAILURE, because smtplib hands back the refused address, and with `retry=2`
# sends the whole mail twice more, to those who have it, each time with a new Message-ID, so that no mailbox takes
# them for one. The result names no address.
# Why it matters: one colleague's mailbox that is gone, and everybody else gets each alarm three times, while the
# program says of each that it failed; a caller with retries of its own multiplies it again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile apprise==2.3.0
venv/bin/python - <<'PY'
import socket
import sys
import threading

import apprise

print("apprise", apprise.__version__, "Python", sys.version.split()[0])
delivered = []


def talk(sock):
    to, body = [], None
    with sock, sock.makefile("rb") as lines:
        sock.sendall(b"220 mx.contoso.com ESMTP\r\n")
        for line in lines:
            line = line.rstrip(b"\r\n")
            if body is not None:
                if line != b".":
                    body.append(line)
                    continue
                identity = next(each for each in body if each.lower().startswith(b"message-id:"))
                delivered.append((*to, identity))
                to, body, answer = [], None, b"250 taken"
            elif line.upper().startswith(b"RCPT TO:"):
                answer = b"550 5.1.1 no such mailbox" if b"gone@" in line else b"250 ok"
                to += [line[9:-1].decode()] * answer.startswith(b"250")
            elif line.upper() == b"DATA":
                body, answer = [], b"354 go on"
            else:
                answer = b"250 mx.contoso.com"
            sock.sendall(answer + b"\r\n")


def accept(listener):
    while True:
        threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=accept, args=(listener,), daemon=True).start()
server = f"mailto://127.0.0.1:{listener.getsockname()[1]}/?from=alarm@contoso.com&to=anna@contoso.com"
for options, wanted in (
    ("&cc=bert@contoso.com&retry=2&wait=0", (True, 1)),
    ("&cc=gone@contoso.com", (False, 1)),
    ("&cc=gone@contoso.com&retry=2&wait=0", (False, 3)),
):
    delivered.clear()
    sender = apprise.Apprise()
    sender.add(server + options)
    result = sender.notify(title="Certificate runs out", body="in two days")
    identities = {one[-1] for one in delivered}
    print(f"{options}: {result}; {len(delivered)} mails taken, {len(identities)} Message-IDs:")
    for one in delivered:
        print("    to", *one[:-1])
    if (bool(result), len(identities)) != wanted or any("anna@contoso.com" not in one for one in delivered):
        sys.exit(f"CHANGED: expected {wanted}")
PY
echo "As described."
