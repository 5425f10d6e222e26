#!/usr/bin/env bash
# A good engineer guesses: a PFX with two key pairs (an old certificate and its renewal exported together) is
# refused, or both pairs are returned.
# What happens (cryptography 50.0.2): load_pkcs12 returns one pair: that of the first key in the file, in whatever
# order the certificates stand. The second key is gone without a warning; its end-entity certificate is listed
# under additional_certs, where callers look for intermediates. `openssl pkcs12` 3.0.19 prints both keys.
# Why it matters: which of two certificates a tool judges depends on the order of the bags, not on dates, and the
# other one travels on as part of the "chain".
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
import itertools
import subprocess
import sys

import cryptography
from asn1crypto import cms, core, keys, pkcs12 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

print("cryptography", cryptography.__version__)
now = dt.datetime.now(dt.timezone.utc)


def pair(cn, days):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, cn)])
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now).not_valid_after(now + dt.timedelta(days=days))
    )
    return key, built.sign(key, hashes.SHA256())


pairs = {"old": pair("old", 1), "new": pair("new", 90)}


def attributes(which):
    return asn1.Attributes([{"type": "local_key_id", "values": [core.OctetString(which.encode())]}])


def key_bag(which):
    der = pairs[which][0].private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return {"bag_id": "key_bag", "bag_value": keys.PrivateKeyInfo.load(der), "bag_attributes": attributes(which)}


def certificate_bag(which):
    value = core.ParsableOctetString(pairs[which][1].public_bytes(Encoding.DER))
    bag = asn1.CertBag({"cert_id": "x509", "cert_value": value})
    return {"bag_id": "cert_bag", "bag_value": bag, "bag_attributes": attributes(which)}


def data(content):
    return cms.ContentInfo({"content_type": "data", "content": core.OctetString(content)})


def pfx(key_order, certificate_order):
    bags = [asn1.SafeBag(b) for b in (*map(key_bag, key_order), *map(certificate_bag, certificate_order))]
    safe = asn1.AuthenticatedSafe([data(asn1.SafeContents(bags).dump())])
    return asn1.Pfx({"version": "v3", "auth_safe": data(safe.dump())}).dump()


for key_order, certificate_order in itertools.product(itertools.permutations(pairs), repeat=2):
    file = pfx(key_order, certificate_order)
    found = pkcs12.load_pkcs12(file, None)
    one = found.cert.certificate.subject.rfc4514_string()[3:]
    rest = [c.certificate.subject.rfc4514_string()[3:] for c in found.additional_certs]
    print(f"keys {key_order}, certificates {certificate_order}: certificate {one}, additional_certs {rest}")
    if one != key_order[0] or rest != [key_order[1]] or found.key.public_key() != pairs[one][0].public_key():
        sys.exit("CHANGED")
    open("two.pfx", "wb").write(file)
    shown = subprocess.run(
        ["openssl", "pkcs12", "-in", "two.pfx", "-nodes", "-passin", "pass:", "-nomacver"], capture_output=True, text=True
    ).stdout
    if shown.count("BEGIN PRIVATE KEY") != 2:
        sys.exit("CHANGED: openssl pkcs12 shows another number of keys")
print("openssl pkcs12 printed two private keys each time")
PY
echo "As described."
