#!/usr/bin/env bash
# A good engineer guesses: `update.add(name, 300, "TXT", "v=STSv1; id=20261128")` in dnspython publishes that text; the string
# is an argument, no line of a zone file. And what a zone checker calls OK holds what stands in the file.
# What happens (dnspython 2.9.2, BIND 9.18.49): the string is read like a line of a zone file, in which ";" begins a
# comment: the record says "v=STSv1", without an error or a warning. With quotes inside the string it is whole. The same
# text without quotes in a zone file: `named-checkzone` loads it, says OK and exits with 0.
# Why it matters: MTA-STS, TLS-RPT, DKIM and DMARC all put ";" into TXT records, and each of them, cut off there,
# is void: senders find a record and no policy, and the text in the program that published it is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile dnspython==2.9.2
need apt-get -q -o APT::Sandbox::User=root download bind9-utils bind9-libs libuv1 libprotobuf-c1 liblmdb0 libmaxminddb0 \
    libjson-c5 libnghttp2-14 libfstrm0 libjemalloc2 >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
venv/bin/python - <<'PY'
import sys

import dns.update
import dns.version

print("dnspython", dns.version.version)
for given, published in (
    ("v=STSv1; id=20261128", "v=STSv1"),
    ("v=TLSRPTv1;rua=mailto:tls@contoso.com", "v=TLSRPTv1"),
    ('"v=STSv1; id=20261128"', "v=STSv1; id=20261128"),
):
    update = dns.update.UpdateMessage("contoso.com")
    update.add("_mta-sts", 300, "TXT", given)
    sent = dns.message.from_wire(update.to_wire())
    text = b"".join(sent.update[0][0].strings).decode()
    print(f"add(..., {given!r}) sends {text!r}")
    if text != published:
        sys.exit(f"CHANGED: expected {published!r}")
PY
printf '%s\n' "\$TTL 60" "@ SOA ns hostmaster 1 3600 600 86400 60" "@ NS ns" "ns A 127.0.0.1" \
    "_mta-sts TXT v=STSv1; id=20261128" >zone
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
echo "named-checkzone $(root/usr/bin/named-checkzone -v)"
root/usr/bin/named-checkzone -D contoso.com zone >out.txt 2>error.txt || { cat error.txt; echo "CHANGED: refused"; exit 1; }
cat error.txt
grep TXT out.txt
grep -q OK error.txt && grep -qE 'TXT[[:space:]]+"v=STSv1"$' out.txt || { echo "CHANGED: the record or the verdict"; exit 1; }
echo "As described."
