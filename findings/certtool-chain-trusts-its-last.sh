#!/usr/bin/env bash
# A good engineer guesses: `certtool --verify-chain` says whether a chain file is complete; without its root it cannot be
# "trusted", as no store is named.
# What happens (GnuTLS 3.7.9): the last certificate of the file is the trust anchor, whatever it is. Leaf and
# intermediate, root left out: "Verified. The certificate is trusted.", exit 0, although the same program says "issuer
# unknown" of the leaf alone. A certificate added behind the root makes the complete chain "NOT trusted".
# Why it matters: "trusted" here says that the signatures join up, nothing about any root; the file to be installed on a
# server (no root) passes, the one with a superfluous certificate at its end fails.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download gnutls-bin=3.7.9-2+deb12u7 >/dev/null
dpkg-deb -x gnutls-bin*.deb root
certtool() { root/usr/bin/certtool "$@"; }
certtool --version >version 2>&1 || need false
head -1 version
new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${new[@]}" -keyout root.key -out root.crt -days 9 -subj "/CN=Contoso Root" 2>/dev/null
openssl req -x509 "${new[@]}" -keyout other.key -out other.crt -days 9 -subj "/CN=Fabrikam Root" 2>/dev/null
openssl req "${new[@]}" -keyout inter.key -subj "/CN=Contoso Issuing" 2>/dev/null |
    openssl x509 -req -CA root.crt -CAkey root.key -days 9 -out inter.crt \
        -extfile <(echo basicConstraints=critical,CA:TRUE) 2>/dev/null
openssl req "${new[@]}" -keyout leaf.key -subj "/CN=mail.contoso.com" 2>/dev/null |
    openssl x509 -req -CA inter.crt -CAkey inter.key -days 9 -out leaf.crt \
        -extfile <(echo subjectAltName=DNS:mail.contoso.com) 2>/dev/null
try() { # exit code and words expected, files
    local wanted=$1 words=$2 code=0
    shift 2
    cat "$@" >chain.pem
    certtool --verify-chain --infile chain.pem >said 2>/dev/null || code=$?
    echo "$*: exit $code, $(grep 'Chain verification output' said)"
    [ "$code" = "$wanted" ] || changed "expected exit $wanted"
    grep -q "verification output: $words" said || changed "expected: $words"
}
try 1 'Not verified.*issuer is unknown' leaf.crt
try 0 'Verified. The certificate is trusted' leaf.crt inter.crt
try 0 'Verified. The certificate is trusted' leaf.crt inter.crt root.crt
try 1 'Not verified.*NOT trusted' leaf.crt inter.crt root.crt other.crt
echo "As described."
