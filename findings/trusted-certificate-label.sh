#!/usr/bin/env bash
# A good engineer guesses: "BEGIN TRUSTED CERTIFICATE" (what `openssl x509 -trustout` and
# `trust extract --format=openssl-bundle` write) is the same certificate with a note, and readers either take it
# or complain.
# What happens: with OpenSSL 3.0.19 the note changes path building. An intermediate alone in -CAfile is no anchor
# (error 2), the same intermediate with -addtrust is one, without -partial_chain. cryptography 50.0.2's
# load_pem_x509_certificates passes over such blocks without a word when one plain block is in the file, and
# calls a file that holds nothing else "MalformedFraming".
# Why it matters: a root bundle in that form is silently cut short by one tool and widened by another.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile cryptography==50.0.2

openssl version
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
sign() { # subject's files, common name, issuer's files, extensions
    openssl req -new -key "$1.key" -subj "/CN=$2" | openssl x509 -req -CA "$3.pem" -CAkey "$3.key" -CAcreateserial \
        -days 9 -extfile <(printf '%b' "$4") -out "$1.pem" 2>/dev/null
}
key root && key middle && key leaf
openssl req -x509 -key root.key -out root.pem -days 9 -subj "/CN=Root"
sign middle Middle root 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign'
sign leaf mail.contoso.com middle 'extendedKeyUsage=serverAuth'
openssl x509 -in middle.pem -trustout -addtrust serverAuth -out middle-trusted.pem
head -1 middle-trusted.pem

expect() { # ok|refused, file of anchors, more options
    local wanted=$1 file=$2 seen=refused
    shift 2
    if openssl verify -no-CApath -no-CAstore -purpose sslserver -CAfile "$file" "$@" leaf.pem >/dev/null 2>&1; then seen=ok; fi
    printf '%-8s openssl verify -purpose sslserver -CAfile %s %s\n' "$seen" "$file" "$*"
    [ "$seen" = "$wanted" ] || changed "expected $wanted"
}
expect refused middle.pem
expect ok middle.pem -partial_chain
expect ok middle-trusted.pem

cat root.pem middle-trusted.pem >both.pem
venv/bin/python - <<'PY'
import sys
import cryptography
from cryptography.x509 import load_pem_x509_certificates

print("cryptography", cryptography.__version__)
found = [c.subject.rfc4514_string() for c in load_pem_x509_certificates(open("both.pem", "rb").read())]
print("a plain and a trusted block:", found)
if found != ["CN=Root"]:
    sys.exit("CHANGED: the trusted block is no longer passed over")
try:
    load_pem_x509_certificates(open("middle-trusted.pem", "rb").read())
except ValueError as error:
    print("a trusted block alone:", str(error).split()[-1])
    if "MalformedFraming" not in str(error):
        sys.exit("CHANGED: another error")
else:
    sys.exit("CHANGED: a trusted block is read")
PY
echo "As described."
