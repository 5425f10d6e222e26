#!/usr/bin/env bash
# A good engineer guesses: whether a certificate is for mail.contoso.com is decided by the name in it that matches; what
# other names stand beside it is the concern of who asks for those.
# What happens (service-identity 26.1.0, which Twisted and others verify host names with): one name among them that it takes
# for none makes the certificate bad for every host. With "192.0.2.1" as a DNS name beside it (a habit of many
# authorities' forms), "*" or "*.com", `verify_certificate_hostname` says "Invalid DNS pattern" or "too few host
# components" of the certificate as a whole, for mail.contoso.com, which stands first. OpenSSL 3.0.19 and cryptography
# 50.0.2 take each of them. A blank or "_" in the other name does no harm.
# Why it matters: the alarm is about a name nobody asked for, and CertificateError is no VerificationError: what
# catches "the name does not match" does not catch it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile service-identity==26.1.0 cryptography==50.0.2
openssl version
venv/bin/python - <<'PY'
import datetime
import importlib.metadata
import pathlib
import subprocess
import sys

import service_identity
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification
from service_identity import cryptography as identity

HOST = "mail.contoso.com"
now = datetime.datetime.now(datetime.UTC)
key = ec.generate_private_key(ec.SECP256R1())
print("service-identity", importlib.metadata.version("service-identity"))


def made(name, *extensions):
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Contoso Root")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=9))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())


usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
root = made("Contoso Root", (x509.BasicConstraints(True, None), True), (usage, True),
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
pathlib.Path("root.crt").write_bytes(root.public_bytes(serialization.Encoding.PEM))
verifier = verification.PolicyBuilder().store(verification.Store([root])).build_server_verifier(x509.DNSName(HOST))
for other, wanted in (("autodiscover.contoso.com", "ok"), ("mail_gw.contoso.com", "ok"), ("mail gw", "ok"),
                      ("192.0.2.1", "CertificateError"), ("*", "CertificateError"), ("*.com", "CertificateError")):
    leaf = made("mail", (x509.SubjectAlternativeName([x509.DNSName(HOST), x509.DNSName(other)]), False))
    pathlib.Path("leaf.crt").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    verifier.verify(leaf, [])
    subprocess.run(["openssl", "verify", "-CAfile", "root.crt", "-verify_hostname", HOST, "leaf.crt"], check=True,
                   stdout=subprocess.DEVNULL)
    try:
        identity.verify_certificate_hostname(leaf, HOST)
        seen, said = "ok", ""
    except (service_identity.CertificateError, service_identity.VerificationError) as error:
        seen, said = type(error).__name__, error
    print(f"{HOST}, {other}: OpenSSL and cryptography ok, service-identity {seen} {said}")
    if seen != wanted:
        sys.exit(f"CHANGED: expected {wanted}")
if issubclass(service_identity.CertificateError, service_identity.VerificationError):
    sys.exit("CHANGED: CertificateError is a VerificationError")
PY
echo "As described."
