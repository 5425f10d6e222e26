#!/usr/bin/env bash
# A good engineer guesses: `openssl pkcs12 -clcerts` prints the certificates that are no authority's, `-cacerts` the
# others ("only output client certificates (not CA certificates)", says the manual).
# What happens (OpenSSL 3.0.19): the certificates are not looked at. "Client" is what carries the mark that ties a
# certificate to a key (localKeyID). A file without keys, as one exports it to hand a chain on, has none: -clcerts
# prints nothing with exit code 0, and -cacerts prints the server's certificate. An authority's certificate with its key
# is a client certificate.
# Why it matters: scripts that take a PFX apart this way get an empty certificate file and a bundle of authorities
# with the server's certificate in it, and everything went well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need openssl version
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj "/CN=Root" \
    -days 30 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr \
    -subj "/CN=mail.contoso.com" 2>/dev/null
printf '%s\n' "basicConstraints=critical,CA:FALSE" "subjectAltName=DNS:mail.contoso.com" "extendedKeyUsage=serverAuth" \
    >leaf.ext
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile leaf.ext -days 9 -out leaf.pem 2>/dev/null

pack() { openssl pkcs12 -export -passout pass: -out "$@"; }
pack server.pfx -in leaf.pem -inkey leaf.key -certfile ca.pem
pack chain.pfx -nokeys -in leaf.pem -certfile ca.pem
pack authority.pfx -in ca.pem -inkey ca.key
subjects() { # FILE OPTION
    openssl pkcs12 -in "$1" -passin pass: -nokeys "$2" >out.pem 2>error.txt || { echo "exit $?"; return; }
    sed -n 's/^subject=CN = //p' out.pem | sort | paste -sd " "
}
expect() { # FILE OPTION WANTED
    local found
    found=$(subjects "$1" "$2")
    echo "$1 $2: ${found:-(nothing, exit code 0)}"
    [ "$found" = "$3" ] || { echo "CHANGED: expected '$3'"; exit 1; }
}
expect server.pfx -clcerts "mail.contoso.com"
expect server.pfx -cacerts "Root"
expect chain.pfx -clcerts ""
expect chain.pfx -cacerts "Root mail.contoso.com"
expect authority.pfx -clcerts "Root"
expect authority.pfx -cacerts ""
echo "As described."
