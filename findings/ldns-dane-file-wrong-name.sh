#!/usr/bin/env bash
# A good engineer guesses: `ldns-dane -t FILE verify`, made to try a TLSA record before it is published, says of the right
# record of a server with the right name what it will say of it in DNS.
# What happens (ldns 1.8.3): "hostname mismatch", exit 1, whatever the usage. The name comes out of the record's owner name
# with the dot at its end, and so it is compared: a certificate for "mail.contoso.com" is refused, one for
# "mail.contoso.com." would do. A file without the dot is read as if it held no record for the host. -n, "do not verify
# the name", helps 3 1 1, and not 2 1 1, for which OpenSSL 3.0.19 finds the same server in order.
# Why it matters: the tool says "did not dane-validate" of each record that would be good; who believes it does not
# publish, or makes a new certificate for a name that was right.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download ldnsutils=1.8.3-1+b1 libldns3=1.8.3-1+b1 >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
libraries=$(echo "$work"/root/usr/lib/*-linux-gnu)
new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new[@]}" -keyout root.key -out root.crt -days 9 -subj "/CN=Contoso Root" 2>/dev/null
leaf() { # file, name
    openssl req "${new[@]}" -keyout "$1.key" -subj "/CN=mail" 2>/dev/null |
        openssl x509 -req -CA root.crt -CAkey root.key -days 9 -out "$1.crt" \
            -extfile <(echo "subjectAltName=DNS:$2") 2>/dev/null
    cat "$1.crt" root.crt >"$1.pem"
}
leaf plain mail.contoso.com
leaf dotted mail.contoso.com.
digest() { openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1; }
dane() { LD_LIBRARY_PATH=$libraries timeout 20 root/usr/bin/ldns-dane "$@"; }
dane -v 2>&1 | head -1
openssl version

serve() { # certificate
    [ -z "$server" ] || { kill "$server"; wait "$server" 2>/dev/null || true; }
    port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
    timeout 120 openssl s_server -accept "127.0.0.1:$port" -cert "$1.crt" -key "$1.key" -cert_chain "$1.pem" -quiet \
        >/dev/null 2>&1 &
    server=$!
    for _ in {1..100}; do ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break; sleep 0.1; done
}
try() { # expected exit code, expected text, record's fields, options
    local code=0 said
    echo "_$port._tcp.mail.contoso.com. 3600 IN TLSA $3" >record
    said=$(dane -a 127.0.0.1 "${@:4}" -t record verify 2>&1) || code=$?
    echo "    ldns-dane ${*:4} -t, ${3% *}: exit $code, $said"
    [ "$code" = "$1" ] && [[ $said = *"$2"* ]] || changed "expected exit $1, $2"
}
authority="2 1 1 $(digest root.crt)"
echo "certificate for mail.contoso.com:"
serve plain
for record in "3 1 1 $(digest plain.crt)" "$authority"; do
    said=$(echo Q | timeout 20 openssl s_client -connect "127.0.0.1:$port" -dane_tlsa_domain mail.contoso.com \
        -dane_tlsa_rrdata "$record" 2>/dev/null | grep -a -m1 'Verif')
    echo "    openssl s_client, ${record% *}: $said"
    [[ $said = *OK* ]] || changed "OpenSSL refuses the record"
    try 1 'hostname mismatch' "$record"
done
try 0 'validated successfully' "3 1 1 $(digest plain.crt)" -n
try 1 'hostname mismatch' "$authority" -n
echo "certificate for mail.contoso.com. (with the dot):"
serve dotted
try 0 'validated successfully' "$authority"
echo "As described."
