#!/usr/bin/env bash
# A good engineer guesses: X509Store.set_time of pyOpenSSL, given an aware datetime, verifies at that moment; equal
# datetimes give equal verdicts.
# What happens (pyOpenSSL 26.4.0): the zone is dropped without conversion, the digits of the clock are taken for UTC. The
# same moment, written for New York, Tokyo and UTC, is judged at three moments hours apart: a certificate an hour old is
# "not yet valid" in one and fine in the others; one that runs out in an hour "has expired" in another.
# Why it matters: "is this chain good at the time of the log line?" goes wrong by the offset of whoever wrote the log, and
# only near a certificate's first and last day, just when the question is asked.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile pyOpenSSL==26.4.0 cryptography==50.0.2
venv/bin/python - <<'PY'
import datetime as dt
import sys

import OpenSSL
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import crypto

print("pyOpenSSL", OpenSSL.__version__)
begin = dt.datetime(2026, 6, 1, 12, tzinfo=dt.timezone.utc)
end = begin + dt.timedelta(days=90)
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.contoso.com")])
certificate = (
    x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    .not_valid_before(begin).not_valid_after(end).sign(key, hashes.SHA256())
)
root = crypto.X509.from_cryptography(certificate)


def verdict(moment):
    store = crypto.X509Store()
    store.add_cert(root)
    store.set_time(moment)
    try:
        crypto.X509StoreContext(store, root).verify_certificate()
    except crypto.X509StoreContextError as error:
        return "not yet valid" if "not yet valid" in str(error) else "expired" if "expired" in str(error) else str(error)
    return "good"


hour = dt.timedelta(hours=1)
zones = {"UTC": 0, "New York": -4, "Tokyo": 9}
wanted = {
    begin + hour: {"UTC": "good", "New York": "not yet valid", "Tokyo": "good"},
    end - hour: {"UTC": "good", "New York": "good", "Tokyo": "expired"},
}
for moment, expected in wanted.items():
    written = {zone: moment.astimezone(dt.timezone(dt.timedelta(hours=offset))) for zone, offset in zones.items()}
    found = {zone: verdict(text) for zone, text in written.items()}
    print("\n".join(f"{text.isoformat()} ({zone}): {found[zone]}" for zone, text in written.items()))
    if len(set(written.values())) != 1 or found != expected:
        sys.exit(f"CHANGED: expected {expected}")
PY
echo "As described."
