#!/usr/bin/env bash
# A good engineer guesses: if `leaf.issuer == ca.subject` is true, the names chain; if it is false, they do not.
# What happens (cryptography 50.0.2): `==` compares types of attribute and text, not the kind of string, while
# verify_directly_issued_by and x509.verification compare the bytes. An authority named by PrintableString and a
# leaf that names it by UTF8String are "equal", and yet "subject does not match issuer". OpenSSL 3.0.19 and
# asn1crypto 1.5.1 say they chain; they also say so of other case and doubled blanks, where `==` is false.
# Three notions of an equal name in three tools, each the plain way to ask.
# Why it matters: a path builder that finds an issuer by `==` and checks it with verify_directly_issued_by calls a
# chain broken that OpenSSL builds. Compare one way throughout, and say which.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile cryptography==50.0.2 asn1crypto==1.5.1
openssl version
venv/bin/python - <<'PY'
import datetime as dt
import subprocess
import sys

import asn1crypto.x509
import cryptography
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type as Kind

print("cryptography", cryptography.__version__, "asn1crypto", asn1crypto.__version__)
now = dt.datetime.now(dt.timezone.utc)


def name(text, kind):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text, kind)])


def issue(subject, issuer, key, issuer_key, authority):
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=9))
        .add_extension(x509.BasicConstraints(authority, None), True)
    )
    return built.sign(issuer_key, hashes.SHA256())


def verdicts(ca, leaf):
    try:
        leaf.verify_directly_issued_by(ca)
        direct = True
    except ValueError as error:
        direct = False
        print("   ", error)
    for file, one in (("ca.pem", ca), ("leaf.pem", leaf)):
        open(file, "wb").write(one.public_bytes(serialization.Encoding.PEM))
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", "ca.pem", "leaf.pem"]
    openssl = subprocess.run(command, capture_output=True).returncode == 0
    other = [asn1crypto.x509.Certificate.load(c.public_bytes(serialization.Encoding.DER)) for c in (ca, leaf)]
    return leaf.issuer == ca.subject, direct, openssl, other[1].issuer == other[0].subject


ca_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
ca_name = name("Contoso Root", Kind.PrintableString)
ca = issue(ca_name, ca_name, ca_key, ca_key, True)
expected = {
    ("Contoso Root", Kind.PrintableString): (True, True, True, True),
    ("Contoso Root", Kind.UTF8String): (True, False, True, True),
    ("contoso  ROOT", Kind.PrintableString): (False, False, True, True),
}
for (text, kind), wanted in expected.items():
    leaf = issue(name("mail.contoso.com", Kind.UTF8String), name(text, kind), leaf_key, ca_key, False)
    print(f"issuer {text!r} as {kind.name}, authority 'Contoso Root' as PrintableString")
    seen = verdicts(ca, leaf)
    print("    ==: %s, verify_directly_issued_by: %s, openssl verify: %s, asn1crypto ==: %s" % seen)
    if seen != wanted:
        sys.exit(f"CHANGED: expected {wanted}")
PY
echo "As described."
