#!/usr/bin/env bash
# A good engineer guesses: a resolver that says why it will not answer (RFC 8914, extended DNS errors) says "Signature
# Expired" (7) for a zone whose signatures have run out, the fault that befalls signed zones most.
# What happens (Unbound 1.17.1, `ede: yes`; zone signed by BIND 9.18.49): the first question gets "DNSKEY Missing" (9),
# every later one "DNSSEC Bogus" (6), though the key is there, and only its signature is too old. 7 never comes.
# Why it matters: who tells people to publish a key that stands in the zone sends them the wrong way, and a test that
# expects one code passes or fails by what was asked before. What the codes have in common can be told: bogus.
set -euo pipefail
work=$(mktemp -d)
pids=
# shellcheck disable=SC2086  # words
trap '[ -z "$pids" ] || kill $pids 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download bind9 bind9-utils bind9-libs unbound libuv1 libprotobuf-c1 \
    libevent-2.1-7 libpython3.11 liblmdb0 libmaxminddb0 libjson-c5 libnghttp2-14 libfstrm0 libjemalloc2 libhiredis0.14 \
    >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export PATH=$work/root/usr/bin:$work/root/usr/sbin:$PATH
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
named -v
unbound -V | head -n 1
ports=$(python3 -c 'import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in free))')
read -r authority resolver <<<"$ports"

printf '%s\n' "options { directory \"$work\"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;" \
    "listen-on port $authority { 127.0.0.1; }; listen-on-v6 { none; }; }; controls { };" >named.conf
printf '%s\n' "server:" "interface: 127.0.0.1@$resolver" 'chroot: ""' 'username: ""' "directory: \"$work\"" \
    'pidfile: ""' "use-syslog: no" "ede: yes" "do-not-query-localhost: no" >unbound.conf
: >stubs
sign() { # ZONE DATES...
    local zone=$1
    shift
    dnssec-keygen -q -a ECDSAP256SHA256 -f KSK "$zone" >/dev/null
    printf '%s\n' "\$TTL 60" "@ SOA ns hostmaster 1 3600 600 86400 60" "@ NS ns" "ns A 127.0.0.1" \
        "@ MX 10 mx" "mx A 192.0.2.1" >"$zone"
    dnssec-signzone -q -S -z -P "$@" -o "$zone" "$zone" >/dev/null
    echo "zone \"$zone\" { type primary; file \"$zone.signed\"; };" >>named.conf
    echo "trust-anchor-file: \"$work/dsset-$zone.\"" >>unbound.conf
    printf '%s\n' "stub-zone:" "name: \"$zone\"" "stub-addr: 127.0.0.1@$authority" >>stubs
}
sign good.example
sign expired.example -s now-2592000 -e now-86400
{ cat stubs; printf '%s\n' "remote-control:" "control-enable: no"; } >>unbound.conf
named -f -c named.conf 2>named.log & pids="$pids $!"
unbound -d -c unbound.conf 2>unbound.log & pids="$pids $!"

python3 - "$resolver" <<'PY'
import socket
import struct
import sys
import time


def ask(name, kind):
    """Reply code, AD, extended errors."""
    labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split(".")) + b"\0"
    query = b"\1\2\1\x20\0\1\0\0\0\0\0\1" + labels + struct.pack("!HH", kind, 1) + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
    answer = b""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.connect(("127.0.0.1", int(sys.argv[1])))
            try:
                sock.send(query)
                answer = sock.recv(4000)
                break
            except OSError:
                time.sleep(0.1)
    options, errors = answer[answer.rfind(b"\0\0\x29") + 11 :], []
    while options:
        code, size = struct.unpack("!HH", options[:4])
        if code == 15:
            errors.append(struct.unpack("!H", options[4:6])[0])
        options = options[4 + size :]
    return answer[3] & 15, bool(answer[3] & 32), errors


MX, A = 15, 1
for name, kind, wanted in (
    ("good.example", MX, (0, True, [])),
    ("expired.example", MX, (2, False, [9])),
    ("mx.expired.example", A, (2, False, [6])),
):
    code, authentic, errors = ask(name, kind)
    print(f"{name}: reply code {code}, AD {authentic}, extended errors {errors}")
    if (code, authentic, errors) != wanted:
        sys.exit(f"CHANGED: expected {wanted}")
PY
echo "As described."
