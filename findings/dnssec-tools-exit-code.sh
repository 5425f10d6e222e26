#!/usr/bin/env bash
# A good engineer guesses: a tool made to validate DNSSEC answers ends with another exit code where validation fails,
# as `openssl verify` and `curl` do; and `unbound-host`, given trust anchors, prints no address that did not validate.
# What happens (delv of BIND 9.18.49, unbound-host 1.17.1, drill of ldns 1.8.3; the zone's signatures ran out yesterday):
# delv exits with 0, as it does where no server answers at all. unbound-host exits with 0 and first prints the very
# line of a sound zone ("has address 192.0.2.1"; only -v adds "BOGUS" to it), then the reason. drill -D alone fails,
# with 36; in its output the header still says NOERROR.
# Why it matters: a cron job or `if delv ...; then` finds every signed zone sound, and a script that picks the address
# from what unbound-host prints goes on with one that did not validate.
set -euo pipefail
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download bind9 bind9-utils bind9-dnsutils bind9-libs unbound-host libunbound8 \
    ldnsutils libldns3 libuv1 libprotobuf-c1 libevent-2.1-7 liblmdb0 libmaxminddb0 libjson-c5 libnghttp2-14 libfstrm0 \
    libjemalloc2 libhiredis0.14 libpcap0.8 >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export PATH=$work/root/usr/bin:$work/root/usr/sbin:$PATH
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
delv -v 2>&1 | head -n 1
{ unbound-host -h 2>&1 || true; } | grep Version
{ drill -v || true; } | head -n 1
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')

printf '%s\n' "options { directory \"$work\"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;" \
    "listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; }; }; controls { };" >named.conf
sign() { # ZONE DATES...
    local zone=$1
    shift
    dnssec-keygen -q -a ECDSAP256SHA256 -f KSK "$zone" >/dev/null
    printf '%s\n' "\$TTL 60" "@ SOA ns hostmaster 1 3600 600 86400 60" "@ NS ns" "ns A 127.0.0.1" "mx A 192.0.2.1" >"$zone"
    dnssec-signzone -q -S -z -P "$@" -o "$zone" "$zone" >/dev/null
    echo "zone \"$zone\" { type primary; file \"$zone.signed\"; };" >>named.conf
    grep -h "IN DNSKEY" K"$zone".*.key >"$zone.anchor"
    awk '{ printf "trust-anchors { %s static-key %s %s %s \"", $1, $4, $5, $6; for (i = 7; i <= NF; i++) printf "%s", $i
        print "\"; };" }' "$zone.anchor" >"$zone.keys"
    printf '%s\n' "server:" "do-not-query-localhost: no" "trust-anchor-file: \"$work/$zone.anchor\"" \
        "stub-zone:" "name: \"$zone\"" "stub-addr: 127.0.0.1@$port" >"$zone.unbound"
}
sign good.example
sign expired.example -s now-2592000 -e now-86400
named -f -c named.conf 2>named.log & pid=$!
for _ in $(seq 100); do
    dig +time=1 +tries=1 -p "$port" @127.0.0.1 good.example SOA >/dev/null 2>&1 && break
    sleep 0.1
done

expect() { # WANTED-EXIT-CODE WANTED-ON-STDOUT COMMAND...
    local code=0 wanted=$1 text=$2
    shift 2
    "$@" >out.txt 2>error.txt || code=$?
    echo "$1 ($zone): exit code $code, $(cat out.txt error.txt | grep -oE "$text" | head -n 1)"
    [ "$code" = "$wanted" ] || { cat out.txt error.txt; echo "CHANGED: expected exit code $wanted"; exit 1; }
    grep -qE "$text" out.txt error.txt || { cat out.txt error.txt; echo "CHANGED: no '$text'"; exit 1; }
}
delved() { delv -a "$zone.keys" +root="$zone" @127.0.0.1 -p "$1" "mx.$zone" A; }
hosted() { unbound-host -C "$zone.unbound" -t A "mx.$zone"; }
drilled() { drill -D -k "$zone.anchor" -p "$port" @127.0.0.1 "mx.$zone" A; }

zone=good.example
expect 0 "fully validated" delved "$port"
expect 0 "has address 192.0.2.1" hosted
expect 0 "rcode: NOERROR" drilled
zone=expired.example
expect 0 "broken trust chain" delved "$port"
expect 0 "resolution failed" delved 9
expect 0 "has address 192.0.2.1" hosted
grep "validation failure" out.txt | cut -c1-70
if grep BOGUS out.txt; then echo "CHANGED: unbound-host marks the address"; exit 1; fi
expect 36 "rcode: NOERROR" drilled
echo "As described."
