#!/usr/bin/env bash
# A good engineer guesses: `openssl verify -CAfile mine.pem leaf.pem` asks whether the leaf chains to mine.pem;
# whoever knows that OpenSSL also reads its default folder adds -no-CApath, and feels safe.
# What happens (OpenSSL 3.0.19): the default folder is read besides -CAfile, and read twice, once as CApath and
# once as CAstore. -no-CApath alone changes nothing, -no-CAstore alone changes nothing; only both give the answer
# that was asked for (or -trusted instead of -CAfile). `openssl s_client -CAfile` of the same version reads
# mine.pem and nothing else, so the two commands disagree about the same certificate.
# Why it matters: "does this chain end at a root of Microsoft's list?" asked with -CAfile is answered from the
# machine's own list; the same command gives another answer in a container without ca-certificates.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }

openssl version
root() { # name of the files, common name
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 9 \
        -subj "/CN=$2" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
}
root machine "Root of the machine"
root mine "My own root"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -subj /CN=mail.contoso.com 2>/dev/null |
    openssl x509 -req -CA machine.pem -CAkey machine.key -CAcreateserial -days 9 -out leaf.pem 2>/dev/null

# The "default folder" of this run, in place of /etc/ssl/certs.
mkdir defaults
cp machine.pem "defaults/$(openssl x509 -in machine.pem -noout -hash).0"
export SSL_CERT_DIR=$work/defaults SSL_CERT_FILE=$work/none

expect() { # ok|refused, the options
    local wanted=$1 seen=refused
    shift
    if openssl verify "$@" leaf.pem >/dev/null 2>&1; then seen=ok; fi
    printf '%-8s openssl verify %s leaf.pem\n' "$seen" "$*"
    [ "$seen" = "$wanted" ] || changed "expected $wanted"
}
expect ok -CAfile mine.pem
expect ok -CAfile mine.pem -no-CApath
expect ok -CAfile mine.pem -no-CAstore
expect refused -CAfile mine.pem -no-CApath -no-CAstore
expect refused -trusted mine.pem
expect ok -trusted machine.pem

port=$((20000 + RANDOM % 9000))
SSL_CERT_DIR=$work/none timeout 30 openssl s_server -accept "127.0.0.1:$port" -cert leaf.pem -key leaf.key -quiet >/dev/null 2>&1 &
server=$!
for _ in $(seq 50); do
    said=$(openssl s_client -connect "127.0.0.1:$port" -CAfile mine.pem </dev/null 2>/dev/null | grep -m1 'Verify return code') && break
    sleep 0.1
done
echo "s_client -CAfile mine.pem: ${said:-nothing}"
case $said in *'unable to verify the first certificate'* | *'unable to get local issuer'*) ;; *) changed "s_client said: $said" ;; esac
echo "As described."
