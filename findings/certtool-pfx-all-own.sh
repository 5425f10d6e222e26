#!/usr/bin/env bash
# A good engineer guesses: `openssl pkcs12 -cacerts -nokeys` prints the intermediates of a PFX that holds a key, its
# certificate and an intermediate, whichever tool wrote it; `-clcerts` the one certificate of the key.
# What happens (GnuTLS 3.7.9, OpenSSL 3.0.19): of a PFX made by `certtool --to-p12 --load-certificate chain.pem` -cacerts
# prints nothing, exit 0, and -clcerts both: certtool gives each certificate of that file a localKeyID of its own, and
# OpenSSL takes what has one for a key's certificate, without comparing it with the key's. With the intermediate in
# --load-ca-certificate it comes out as guessed. cryptography 50.0.2 and NSS tell the two apart in either file.
# Why it matters: the usual recipe, "-clcerts >mail.crt, -cacerts >chain.crt", leaves an empty chain file; sendmail or
# whoever reads the first certificate of mail.crt only then sends the leaf alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libopts25 \
    >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
libraries=$(echo "$work"/root/usr/lib/*-linux-gnu)
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile cryptography==50.0.2
certtool() { LD_LIBRARY_PATH=$libraries root/usr/bin/certtool "$@"; }
certtool --version | head -1
openssl version
new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new[@]}" -keyout inter.key -out inter.crt -days 9 -subj "/CN=Contoso Issuing" 2>/dev/null
openssl req "${new[@]}" -keyout leaf.key -subj "/CN=mail.contoso.com" 2>/dev/null |
    openssl x509 -req -CA inter.crt -CAkey inter.key -days 9 -out leaf.crt 2>/dev/null
cat leaf.crt inter.crt >chain.pem
make() { # file, options
    certtool --to-p12 --load-privkey leaf.key --p12-name mail --password contoso --outder --outfile "$@" 2>/dev/null
}
make chain.pfx --load-certificate chain.pem
make apart.pfx --load-certificate leaf.crt --load-ca-certificate inter.crt
try() { # file, certificates of -clcerts, of -cacerts
    local own others code=0
    own=$(openssl pkcs12 -in "$1" -passin pass:contoso -nokeys -clcerts 2>/dev/null | grep -c BEGIN) || true
    openssl pkcs12 -in "$1" -passin pass:contoso -nokeys -cacerts >said 2>&1 || code=$?
    others=$(grep -c BEGIN said) || true
    echo "$1: -clcerts $own, -cacerts $others with exit $code"
    [ "$own $others $code" = "$2 $3 0" ] || changed "expected $2, $3, exit 0"
    openssl pkcs12 -in "$1" -passin pass:contoso -nodes 2>/dev/null | grep -aE 'localKeyID|subject|BEGIN PRIVATE' |
        sed 's/^ */    /'
    venv/bin/python - "$1" <<'PY'
import sys

from cryptography.hazmat.primitives.serialization import pkcs12

read = pkcs12.load_pkcs12(open(sys.argv[1], "rb").read(), b"contoso")
own, others = read.cert.certificate.subject, [each.certificate.subject.rfc4514_string() for each in read.additional_certs]
print("    cryptography:", own.rfc4514_string(), "with its key,", *others, "beside it")
if others != ["CN=Contoso Issuing"]:
    sys.exit("CHANGED: cryptography does not tell them apart")
PY
}
try apart.pfx 1 1
try chain.pfx 2 0
echo "As described."
