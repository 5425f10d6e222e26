#!/usr/bin/env bash
# A good engineer guesses: the question for a domain's MX records gets MX records, perhaps with addresses of the hosts.
# A TLSA record that somebody mistyped spoils the question for TLSA records, and nothing else.
# What happens (BIND 9.18.49, dnspython 2.9.2): BIND also adds the TLSA records at _25._tcp.HOST, which nobody asked
# for, as the zone's own server and, once it has them, as a resolver. dnspython refuses a TLSA record whose digest has
# 31 octets, takes the whole answer for a forgery, and waits: `resolve("contoso.example", "MX")` ends in LifetimeTimeout,
# though dig shows the answer at once. Unbound adds nothing.
# Why it matters: one wrong digit in a TLSA record, and a program that knows nothing of DANE cannot find the domain's
# exchangers any more, with "the server did not answer" as the reason, and only where the resolver is BIND.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile dnspython==2.9.2
need apt-get -q -o APT::Sandbox::User=root download bind9 bind9-libs libuv1 libprotobuf-c1 liblmdb0 libmaxminddb0 \
    libjson-c5 libnghttp2-14 libfstrm0 libjemalloc2 >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
root/usr/sbin/named -v
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
digest=$(printf '%062d' 0)
printf '%s\n' "\$TTL 60" "@ SOA ns hostmaster 1 3600 600 86400 60" "@ NS ns" "ns A 127.0.0.1" "@ MX 10 mx" \
    "mx A 192.0.2.1" "_25._tcp.mx TLSA 3 1 1 ${digest}00" >good
sed "s/${digest}00/$digest/" good >short
printf '%s\n' "options { directory \"$work\"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;" \
    "listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; }; }; controls { };" \
    'zone "good.example" { type primary; file "good"; };' 'zone "short.example" { type primary; file "short"; };' \
    >named.conf
root/usr/sbin/named -f -c named.conf 2>named.log & server=$!

LD_LIBRARY_PATH='' venv/bin/python - "$port" <<'PY'
import socket
import sys
import time

import dns.exception
import dns.message
import dns.nameserver
import dns.resolver

port = int(sys.argv[1])
for _ in range(100):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        break
    except OSError:
        time.sleep(0.1)
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [dns.nameserver.Do53Nameserver("127.0.0.1", port)]
for zone, wanted in (("good.example", "10 mx.good.example."), ("short.example", "LifetimeTimeout")):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(dns.message.make_query(zone, "MX").to_wire(), ("127.0.0.1", port))
        seen = dns.message.from_wire(sock.recv(4000), continue_on_error=True)
    print(f"{zone}: the server answers; answer {seen.answer[0].to_text()}; beside it",
          [each.to_text() for each in seen.additional], [str(each.exception) for each in seen.errors])
    began = time.monotonic()
    try:
        found = resolver.resolve(zone, "MX", lifetime=3)[0].to_text()
    except dns.exception.DNSException as error:
        found = type(error).__name__
    print(f"{zone}: dnspython's resolver says {found} after {time.monotonic() - began:.1f} s")
    if found != wanted:
        sys.exit(f"CHANGED: expected {wanted}")
PY
echo "As described."
