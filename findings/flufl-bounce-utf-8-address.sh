#!/usr/bin/env bash
# A good engineer guesses: flufl.bounce, Mailman's reader of bounces, finds the failed recipient of every report that keeps
# to the standard; where it finds nobody, the mail is no bounce.
# What happens (flufl.bounce 6.0.0): "Final-Recipient: rfc822; ..." is found. The same recipient in the form for addresses
# beyond ASCII, "utf-8; ..." (RFC 6533 section 3), is not, nor is a good "rfc822;" in the same report's own part,
# message/global-delivery-status. scan_message() returns an empty set, without a word, as for a mail of thanks.
# Where Original-Recipient is there too, that address is returned and not the one that failed.
# Why it matters: servers that offer SMTPUTF8 report so, in part for plain addresses. What counts bounces to find out
# that a partner refuses the certificate counts none from them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile flufl.bounce==6.0.0
venv/bin/python - <<'PY'
import email
import importlib.metadata
import sys

from flufl.bounce import scan_message

print("flufl.bounce", importlib.metadata.version("flufl.bounce"))
REPORT = """From: postmaster@contoso.com
To: sender@contoso.com
Subject: Undeliverable
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary=b

--b
Content-Type: text/plain

It could not be delivered.
--b
Content-Type: message/{kind}

Reporting-MTA: dns; mail.contoso.com

{original}Final-Recipient: {recipient}
Action: failed
Status: 5.7.64
Diagnostic-Code: smtp; 550 5.7.64 TenantAttribution; Relay Access Denied

--b--
"""
for kind, recipient, original, wanted in (
    ("delivery-status", "rfc822; ann@fabrikam.com", "", {b"ann@fabrikam.com"}),
    ("delivery-status", "rfc822; ann@fabrikam.com", "Original-Recipient: rfc822; all@contoso.com\n", {b"all@contoso.com"}),
    ("delivery-status", "utf-8; ann@fabrikam.com", "", set()),
    ("global-delivery-status", "utf-8; ann@fabrikam.com", "", set()),
    ("global-delivery-status", "rfc822; ann@fabrikam.com", "", set()),
):
    found = scan_message(email.message_from_string(REPORT.format(kind=kind, recipient=recipient, original=original)))
    print(f"    message/{kind}, {original.strip()} {recipient}: {set(found) or 'nobody'}")
    if found != wanted:
        sys.exit(f"CHANGED: expected {wanted}")
PY
echo "As described."
