#!/usr/bin/env bash
# A good engineer guesses: a DKIM key published for mail and for reports after RFC 8460, "s=email:tlsrpt" (a list as in
# RFC 6376 3.6.1), is good for both in dkimpy; and `tlsrpt=True`, made for such reports, changes nothing for it.
# What happens (dkimpy 1.1.8): s= is compared as one text, so a list is False in every mode, in either order.
# "s=tlsrpt" alone, the form RFC 8460 section 3 asks for, is False by default and true with tlsrpt=True; "strict"
# refuses every record without it. Each signature is sound.
# Why it matters: all mail of a domain that lists two services looks forged, and the caller cannot tell it from a
# broken signature.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile dkimpy==1.1.8 dnspython==2.9.2
openssl genrsa -traditional -out key.pem 2048 2>/dev/null
openssl rsa -in key.pem -pubout -outform DER -out key.der 2>/dev/null
venv/bin/python - <<'PY'
import base64
import sys
from importlib.metadata import version

import dkim

print("dkimpy", version("dkimpy"), "Python", sys.version.split()[0])
public = base64.b64encode(open("key.der", "rb").read()).decode()
message = b"\r\n".join((
    b"From: tlsrpt@fabrikam.com", b"To: reports@contoso.com",
    b"Subject: Report Domain: contoso.com Submitter: fabrikam.com Report-ID: <1@fabrikam.com>",
    b"TLS-Report-Domain: contoso.com", b"TLS-Report-Submitter: fabrikam.com", b"", b"See attachment.", b"",
))
signed = dkim.sign(message, b"s1", b"fabrikam.com", open("key.pem", "rb").read()) + message

# By key record: the answers for mail (the default), tlsrpt=True, tlsrpt="strict".
wanted = {
    "": (True, True, False),
    "s=*;": (True, True, False),
    "s=email;": (True, True, False),
    "s=tlsrpt;": (False, True, True),
    "s=email:tlsrpt;": (False, False, False),
    "s=tlsrpt:email;": (False, False, False),
}
for service, expected in wanted.items():
    record = f"v=DKIM1; k=rsa; {service} p={public}"
    found = tuple(
        dkim.verify(signed, dnsfunc=lambda name, timeout=5: record.encode(), tlsrpt=mode)
        for mode in (False, True, "strict")
    )
    print(f"key record with {service or 'no s='!s:<16} mail {found[0]!s:<5} tlsrpt=True {found[1]!s:<5} strict {found[2]}")
    if found != expected:
        sys.exit(f"CHANGED: expected {expected}")
PY
echo "As described."
