#!/usr/bin/env bash
# A good engineer guesses: `openssl s_client` with a TLSA record "3 1 1" of the server's key, for a mail server, says
# what RFC 7672 3.1.1 says: the key matches, so the name in the certificate and its dates do not count.
# What happens (OpenSSL 3.0.19): the dates do not count, the name does. A certificate that ran out yesterday is "ok"; one
# with another name is "hostname mismatch" (62), although the record matches and `-starttls smtp` is given. It takes
# `-dane_ee_no_namechecks`.
# Why it matters: MX hosts under DANE often carry a certificate with some internal name. s_client calls a server broken
# that every DANE sender delivers to.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
yesterday=$(date -u -d -1day +%Y%m%d%H%M%SZ)
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
printf '%s\n' '[ca]' 'default_ca=one' '[one]' 'database=index.txt' 'serial=serial' 'new_certs_dir=.' \
    'default_md=sha256' 'policy=any' 'x509_extensions=names' '[any]' 'commonName=supplied' \
    '[names]' 'subjectAltName=DNS:mx.contoso.com' >ca.cnf
: >index.txt
echo 01 >serial
openssl req -new -key key.pem -subj /CN=mx.contoso.com -out request.pem 2>/dev/null
openssl ca -batch -config ca.cnf -selfsign -keyfile key.pem -in request.pem -out expired.pem -notext \
    -startdate 20250101000000Z -enddate "$yesterday" 2>/dev/null
openssl req -x509 -key key.pem -subj /CN=mx.contoso.com -addext subjectAltName=DNS:mx.contoso.com -days 9 -out good.pem
digest=$(openssl pkey -in key.pem -pubout -outform DER | sha256sum | cut -d' ' -f1)

cat >server.py <<'PY'
import socket
import ssl
import sys

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], "key.pem")
with socket.create_server(("127.0.0.1", 0)) as listener:
    with open("port", "w") as file:
        print(listener.getsockname()[1], file=file)
    while True:
        peer = listener.accept()[0]
        peer.settimeout(10)
        try:
            peer.sendall(b"220 mx.contoso.com ESMTP\r\n")
            for answer in (b"250-mx.contoso.com\r\n250 STARTTLS\r\n", b"220 2.0.0 Ready\r\n"):
                peer.recv(999)
                peer.sendall(answer)
            with context.wrap_socket(peer, server_side=True) as secure:
                secure.recv(999)
        except OSError:
            peer.close()
PY
serve() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -f port
    timeout 60 python3 server.py "$1" &
    server=$!
    for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
}
try() { # certificate, name of the TLSA domain, code expected, options
    local file=$1 name=$2 wanted=$3 verdict
    shift 3
    serve "$file"
    echo Q | timeout 20 openssl s_client -starttls smtp -connect "127.0.0.1:$(cat port)" -dane_tlsa_domain "$name" \
        -dane_tlsa_rrdata "3 1 1 $digest" "$@" >said 2>&1 || true
    verdict=$(sed -n 's/^ *\(Verify return code: .*\)/\1/p' said | head -1)
    echo "$file, TLSA of $name $*: $verdict"
    [[ $verdict == "Verify return code: $wanted "* ]] || changed "expected: $wanted"
}
openssl version
try good.pem mx.contoso.com 0
try expired.pem mx.contoso.com 0
try good.pem mx.fabrikam.com 62
try good.pem mx.fabrikam.com 0 -dane_ee_no_namechecks
echo "As described."
