#!/usr/bin/env bash
# A good engineer guesses: of a bounce (multipart/report) a mail parser gives the text that the reporting server wrote,
# and the status and the returned mail as attachments or not at all.
# What happens (mail-parser 4.8.0): the returned mail's text is part of the bounce's own: `text_plain` has two entries, and
# `body` is both in a row. The status part (message/delivery-status), with the code and the server's reply, is neither
# text nor attachment: it is gone, and `attachments` is empty.
# Why it matters: what looks for SMTP replies in `body` finds those that people quoted in the mail that came back,
# and never the one it came back for.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile mail-parser==4.8.0
venv/bin/python - <<'PY'
import importlib.metadata
import sys
from email.message import EmailMessage, Message, MIMEPart

import mailparser

print("mail-parser", importlib.metadata.version("mail-parser"), "Python", sys.version.split()[0])
returned = EmailMessage()
returned["From"], returned["To"], returned["Subject"] = "anna@contoso.com", "bert@fabrikam.com", "Last week's trouble"
returned.set_content("Then the server said 550 5.7.1 to me.\n")

status = Message()
status["Content-Type"] = "message/delivery-status"
server, recipient = Message(), Message()
server["Reporting-MTA"] = "dns; mail.contoso.com"
recipient["Final-Recipient"] = "rfc822; bert@fabrikam.com"
recipient["Action"], recipient["Status"] = "failed", "4.7.5"
recipient["Diagnostic-Code"] = "smtp; 454 4.7.5 Certificate validation failure"
status.set_payload([server, recipient])

words = MIMEPart()
words.set_content("Your mail could not be delivered.\n")
original = MIMEPart()
original.set_content(returned)
bounce = Message()
bounce["From"], bounce["To"], bounce["Subject"] = "postmaster@contoso.com", "anna@contoso.com", "Undeliverable"
bounce["MIME-Version"] = "1.0"
bounce["Content-Type"] = "multipart/report; report-type=delivery-status"
bounce.set_payload([words, status, original])

raw = bounce.as_bytes()
if b"Certificate validation failure" not in raw:
    sys.exit("CHANGED: the bounce is made otherwise")
read = mailparser.parse_from_bytes(raw)
print("text_plain:", read.text_plain)
print("attachments:", [each["mail_content_type"] for each in read.attachments])
print("the status anywhere:", "Certificate validation failure" in repr((read.mail, read.attachments, read.body)))
if [each.strip() for each in read.text_plain] != [
    "Your mail could not be delivered.",
    "Then the server said 550 5.7.1 to me.",
] or "550 5.7.1" not in read.body:
    sys.exit("CHANGED: the returned mail is kept apart")
if read.attachments or "Certificate validation failure" in repr((read.mail, read.attachments, read.body)):
    sys.exit("CHANGED: the status is there")
PY
echo "As described."
