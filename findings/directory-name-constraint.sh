#!/usr/bin/env bash
# A good engineer guesses: a chain whose intermediate may issue for "C=DE, O=Contoso" only (a name constraint on
# directory names, the one kind that RFC 5280 4.2.1.10 obliges everybody to know), and does, is sound everywhere.
# What happens: OpenSSL 3.0.19 and GnuTLS 3.7.9 verify it. blackbox_exporter 0.23.0, as everything in Go, says "unhandled
# critical extension" and does not say which; cryptography 50.0.2 says "unsupported directoryName constraint". With a constraint on
# DNS names in place of it all four agree.
# Why it matters: companies, universities and states constrain their authorities so. Mail flows, since Postfix and Exim
# are content, while the monitor in Go has reported the certificate as broken since the day it was watched.
set -euo pipefail
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do { kill "$pid"; wait "$pid"; } 2>/dev/null || true; done; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download prometheus-blackbox-exporter gnutls-bin=3.7.9-2+deb12u7 libopts25 \
    libgnutls30 libgnutls-dane0 libunbound8 libevent-2.1-7 >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile cryptography==50.0.2
libraries=$(echo "$work"/root/usr/lib/*-linux-gnu)
new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new[@]}" -keyout root.key -out root.crt -days 9 -subj "/CN=Contoso Root" \
    -addext keyUsage=critical,keyCertSign 2>/dev/null
make() { # name, value of nameConstraints
    openssl req "${new[@]}" -keyout inter.key -subj "/C=DE/O=Contoso/CN=Contoso Issuing" 2>/dev/null |
        openssl x509 -req -CA root.crt -CAkey root.key -days 9 -out inter.crt -extfile <(printf '%s\n' \
            basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign authorityKeyIdentifier=keyid \
            subjectKeyIdentifier=hash "nameConstraints=$2" "[d]" C=DE O=Contoso) 2>/dev/null
    openssl req "${new[@]}" -keyout "$1.key" -subj "/C=DE/O=Contoso/CN=mail.contoso.com" 2>/dev/null |
        openssl x509 -req -CA inter.crt -CAkey inter.key -days 9 -out leaf.crt -extfile <(printf '%s\n' \
            subjectAltName=DNS:mail.contoso.com extendedKeyUsage=serverAuth authorityKeyIdentifier=keyid) 2>/dev/null
    cat leaf.crt inter.crt >"$1.pem"
}
port() { python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'; }
openssl version
LD_LIBRARY_PATH=$libraries root/usr/bin/certtool --version | head -1
root/usr/bin/prometheus-blackbox-exporter --version 2>&1 | head -1
cat >blackbox.yml <<'END'
modules: {tls: {prober: tcp, timeout: 5s, tcp: {tls: true, tls_config: {ca_file: root.crt, server_name: mail.contoso.com}}}}
END
web=127.0.0.1:$(port)
timeout 120 root/usr/bin/prometheus-blackbox-exporter --config.file=blackbox.yml --web.listen-address="$web" 2>log &
pids+=($!)

judge() { # name, value of nameConstraints, openssl, gnutls, blackbox, cryptography
    make "$1" "$2"
    local server said
    server=$(port)
    timeout 120 openssl s_server -accept "127.0.0.1:$server" -cert "$1.pem" -cert_chain "$1.pem" -key "$1.key" -quiet \
        >/dev/null 2>&1 &
    pids+=($!)
    for _ in {1..100}; do ! (: <>"/dev/tcp/127.0.0.1/$server") 2>/dev/null || break; sleep 0.1; done
    said=$(openssl verify -CAfile root.crt -no-CApath -no-CAstore -untrusted "$1.pem" "$1.pem" 2>&1 || true)
    echo "$1: OpenSSL: $said"
    [[ $said = *"$3"* ]] || changed "OpenSSL: expected $3"
    said=$(LD_LIBRARY_PATH=$libraries root/usr/bin/certtool --verify --load-ca-certificate root.crt --infile "$1.pem" \
        2>/dev/null | grep -a 'Chain verification' || true)
    echo "    GnuTLS: $said"
    [[ $said = *"$4"* ]] || changed "GnuTLS: expected $4"
    curl -s --retry 20 --retry-connrefused --retry-delay 1 "http://$web/probe?module=tls&target=127.0.0.1:$server&debug=true" \
        >page
    said=$(grep -o 'err="[^"]*' page; grep '^probe_success' page)
    echo "    blackbox_exporter:" $said
    [[ $said = *"$5"* ]] || changed "blackbox_exporter: expected $5"
    said=$(venv/bin/python - "$1.pem" <<'PY'
import sys

from cryptography import x509
from cryptography.x509 import verification

leaf, issuer = x509.load_pem_x509_certificates(open(sys.argv[1], "rb").read())
store = verification.Store(x509.load_pem_x509_certificates(open("root.crt", "rb").read()))
builder = verification.PolicyBuilder().store(store)
try:
    builder.build_server_verifier(x509.DNSName("mail.contoso.com")).verify(leaf, [issuer])
    print("verified")
except verification.VerificationError as error:
    print(error)
PY
    )
    echo "    cryptography: $said"
    [[ $said = *"$6"* ]] || changed "cryptography: expected $6"
}
judge dns 'critical,permitted;DNS:contoso.com' OK 'Verified. The certificate is trusted' 'probe_success 1' verified
judge directory 'critical,permitted;dirName:d' OK 'Verified. The certificate is trusted' 'unhandled critical extension' \
    'unsupported directoryName constraint'
echo "As described."
