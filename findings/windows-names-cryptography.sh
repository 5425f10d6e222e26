#!/usr/bin/env bash
# A good engineer guesses: x509.Name.from_rfc4514_string reads the subject and issuer lines that Windows, Exchange
# and most tools print ("CN=DigiCert ..., O=DigiCert Inc, C=US").
# What happens (cryptography 50.0.2): a blank after the comma is refused, so are S= (Windows for the state), E=,
# SERIALNUMBER=, quoted values with a comma in them, and "cn=" in small letters (attribute names ignore case in
# RFC 4514). Mostly the error is a ValueError with an empty text; CN="Contoso, Ltd" is said to be too short.
# And the order of the attributes it returns is the reverse of the text.
# Why it matters: Exchange's protocol logs and cmdlets print names in the Windows form (blanks, S=, E=, quotes); a
# comparison through this function fails on nearly all of them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile cryptography==50.0.2
venv/bin/python - <<'PY'
import sys

import cryptography
from cryptography.x509 import Name

print("cryptography", cryptography.__version__)
EXPECTED = {
    "CN=mail.contoso.com,O=Contoso,C=DE": ["DE", "Contoso", "mail.contoso.com"],
    "CN=mail.contoso.com, O=Contoso, C=DE": ValueError(),
    "CN=mail.contoso.com,ST=Bayern,C=DE": ["DE", "Bayern", "mail.contoso.com"],
    "CN=mail.contoso.com,S=Bayern,C=DE": ValueError(),
    "E=post@contoso.com,CN=mail.contoso.com": ValueError(),
    "SERIALNUMBER=HRB 4711,CN=mail.contoso.com": ValueError(),
    'O="Contoso, Ltd",CN=mail.contoso.com': ValueError(),
    'CN="Contoso, Ltd",O=Contoso': ValueError("Attribute's length must be >= 1 and <= 64, but it was 0"),
    r"CN=Contoso\, Ltd,O=Contoso": ["Contoso", "Contoso, Ltd"],
    "cn=mail.contoso.com": ValueError(),
}
for text, wanted in EXPECTED.items():
    try:
        seen = [attribute.value for attribute in Name.from_rfc4514_string(text)]
    except ValueError as error:
        seen = error
    print(f"{text:45} -> {seen!r}")
    if repr(seen) != repr(wanted):
        sys.exit(f"CHANGED: expected {wanted!r}")
PY
echo "As described."
