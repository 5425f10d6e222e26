#!/usr/bin/env bash
# A good engineer guesses: a .p7b made from leaf, intermediate, root is read back as leaf, intermediate, root.
# What happens: certificates in PKCS#7 are a SET, and DER sorts a SET by its bytes. cryptography 50.0.2 sorts
# (shortest first, so the leaf mostly comes last, whatever order went in), `openssl crl2pkcs7` (3.0.19) keeps the
# order and thereby writes something that is not DER: cryptography reads that, but with a UserWarning that
# announces an error for the future (and is one under -W error). Neither removes doubles.
# Why it matters: code that takes the first certificate of a .p7b as the server's judges an intermediate or the
# root, and files of one chain made by two tools differ in order.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile cryptography==50.0.2
openssl version
venv/bin/python - <<'PY'
import datetime as dt
import itertools
import subprocess
import sys
import warnings

import cryptography
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

print("cryptography", cryptography.__version__)
now = dt.datetime.now(dt.timezone.utc)
key = ec.generate_private_key(ec.SECP256R1())


def issue(subject, issuer, names=()):
    subject, issuer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in (subject, issuer))
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now).not_valid_after(now + dt.timedelta(days=9))
        .add_extension(x509.BasicConstraints(not names, None), True)
    )
    if names:
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    return built.sign(key, hashes.SHA256())


leaf = issue("leaf", "Intermediate", ["mail.contoso.com", "autodiscover.contoso.com"])
chain = [leaf, issue("Intermediate", "Root"), issue("Root", "Root")]


def names(certificates):
    return [c.subject.rfc4514_string()[3:] for c in certificates]


for order in itertools.permutations(chain):
    read = names(pkcs7.load_der_pkcs7_certificates(pkcs7.serialize_certificates(list(order), Encoding.DER)))
    print("cryptography writes", names(order), "and reads", read)
    if read[-1] != "leaf" or read != names(sorted(chain, key=lambda c: c.public_bytes(Encoding.DER))):
        sys.exit("CHANGED: no longer sorted by bytes")

open("chain.pem", "wb").write(b"".join(c.public_bytes(Encoding.PEM) for c in chain))
made = subprocess.run(
    ["openssl", "crl2pkcs7", "-nocrl", "-certfile", "chain.pem", "-outform", "DER"], capture_output=True, check=True
).stdout
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    read = names(pkcs7.load_der_pkcs7_certificates(made))
said = [str(w.message) for w in caught]
print("openssl writes", names(chain), "and cryptography reads", read, "with", said)
if read != names(chain) or not any("InvalidSetOrdering" in s for s in said):
    sys.exit("CHANGED: OpenSSL's order or cryptography's warning")
twice = pkcs7.load_der_pkcs7_certificates(pkcs7.serialize_certificates([leaf, leaf], Encoding.DER))
if len(twice) != 2:
    sys.exit("CHANGED: doubles are removed")
PY
echo "As described."
