#!/usr/bin/env bash
# A good engineer guesses: in a non-delivery report, get_content() of the message/delivery-status part is that part,
# and walk() visits the parts of the message.
# What happens (CPython 3.11's `email`, policy.default): get_content() returns the first block of fields, those of the
# reporting server, as bytes; the recipients' blocks, with Status and Diagnostic-Code, are not in it. No defect
# is noted. walk() goes into the blocks and shows each as a text/plain part with an empty text. The fields are there, as
# headers: get_payload() is a list of one message object for each block.
# Why it matters: a reader of bounces looks for "5.7.64" in the part made for it and finds nothing, for every report;
# and one that takes the last text/plain part for the notice shows an empty text.
set -euo pipefail
command -v python3 >/dev/null || exit 2
python3 - <<'PY'
import email
import email.policy
import sys

print("Python", sys.version.split()[0])
REPORT = b"""\
From: postmaster@contoso.com
To: anna@contoso.com
Subject: Undeliverable: Hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset="us-ascii"

The message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.contoso.com
Arrival-Date: Fri, 20 Nov 2026 08:00:00 +0000

Final-Recipient: rfc822; bob@fabrikam.com
Action: failed
Status: 5.7.64
Diagnostic-Code: smtp; 550 5.7.64 TenantAttribution; Relay Access Denied

--b--
"""


def must(found, wanted):
    if found != wanted:
        sys.exit(f"CHANGED: expected {wanted}")


for line_end in (b"\n", b"\r\n"):
    message = email.message_from_bytes(REPORT.replace(b"\n", line_end), policy=email.policy.default)
    status = next(part for part in message.iter_parts() if part.get_content_type() == "message/delivery-status")
    content = status.get_content()
    print("get_content():", content)
    must((b"Reporting-MTA" in content, b"5.7.64" in content), (True, False))
    walked = [(part.get_content_type(), len(part.get_payload(decode=True) or b"")) for part in message.walk()]
    print("walk():", walked)
    must([kind for kind, _ in walked[2:]], ["message/delivery-status", "text/plain", "text/plain"])
    must([size for _, size in walked[3:]], [0, 0])
    print("get_payload():", [block.keys() for block in status.get_payload()])
    must(status.get_payload()[1]["Status"], "5.7.64")
    must([part.defects for part in message.walk() if part.defects], [])
PY
echo "As described."
