#!/usr/bin/env bash
# A good engineer guesses: every address of 127.0.0.0/8 can be listened on under Linux, so BIND can be put on 127.0.0.53
# beside a resolver on 127.0.0.1, as systemd-resolved, Unbound and dnsmasq can; or it says that it cannot.
# What happens (BIND 9.18.49): listen-on is matched with the addresses that interfaces have, and lo has 127.0.0.1/8
# alone. named loads its zones, says "running", stays up with exit code 0 on the way there, listens on nothing, and says
# nothing of that. named-checkconf finds no fault.
# Why it matters: the log of a dead name server looks like that of a sound one, but for a line that is missing.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download bind9 bind9-utils bind9-libs libuv1 libprotobuf-c1 liblmdb0 \
    libmaxminddb0 libjson-c5 libnghttp2-14 libfstrm0 libjemalloc2 >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export PATH=$work/root/usr/bin:$work/root/usr/sbin:$PATH
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
named -v
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
printf '%s\n' "\$TTL 60" "@ SOA ns hostmaster 1 3600 600 86400 60" "@ NS ns" "ns A 127.0.0.1" >zone

# Its log says how it was built, too.
lines() { grep -v ' built with ' "$1" | grep -ioE "listening on.*|.*(error|fail|could not|not listening).*" || echo nothing; }

for address in 127.0.0.1 127.0.0.53; do
    python3 -c "import socket; socket.create_server(('$address', $port)).close()"
    printf '%s\n' "options { directory \"$work\"; pid-file none; session-keyfile none; recursion no;" \
        "dnssec-validation no; listen-on port $port { $address; }; listen-on-v6 { none; }; }; controls { };" \
        'zone "example" { type primary; file "zone"; };' >named.conf
    named-checkconf named.conf || changed "named-checkconf objects to $address"
    named -g -c named.conf 2>"$address.log" & server=$!
    for _ in $(seq 50); do grep -q ' running$' "$address.log" && break || sleep 0.1; done
    grep -q ' running$' "$address.log" || changed "named does not run on $address"
    listens=no
    ! python3 -c "import socket; socket.create_connection(('$address', $port), 2)" 2>/dev/null || listens=yes
    kill -0 "$server" || changed "named has ended on $address"
    echo "$address: running, listens: $listens; its log: $(lines "$address.log")"
    kill "$server"
    wait "$server" || changed "exit code $?"
    server=
    case $address in
        127.0.0.1) [ "$listens" = yes ] || changed "it does not listen on $address" ;;
        *) [ "$listens" = no ] || changed "it listens on $address" ;;
    esac
done
echo "As described."
