#!/usr/bin/env bash
# A good engineer guesses: a renewed certificate that is brought into an NSS database out of a PFX is called there what
# the PFX calls it, and `certutil -D` with the old one's name removes the old one.
# What happens (NSS 3.87.1): where a certificate of the same subject is there, pk12util says "IMPORT SUCCESSFUL" and gives
# the new one the old one's name. "mail 2027", the PFX's friendly name, is not found; "mail 2026" stands there twice.
# `certutil -D -n "mail 2026"` removes one of the two, the renewed one. `certutil -A -n "mail 2027"`, for a certificate
# without its key, does take the name; but `certutil -L -n "mail 2027"` then prints both.
# Why it matters: who clears away last year's certificate after the renewal is left with last year's, and what selects
# its certificate by name gets one that runs out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download libnss3-tools=2:3.87.1-1+deb12u4 libnss3=2:3.87.1-1+deb12u4 libnspr4 \
    >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
libraries=$(echo "$work"/root/usr/lib/*-linux-gnu)
nss() { LD_LIBRARY_PATH=$libraries:$libraries/nss "root/usr/bin/$@"; }
openssl version
echo "NSS $(dpkg-deb -f libnss3-tools*.deb Version)"
make() { # year, days
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt" -days "$2" \
        -subj "/CN=mail.contoso.com" 2>/dev/null
    openssl pkcs12 -export -in "$1.crt" -inkey "$1.key" -name "mail $1" -passout pass:contoso -out "$1.pfx"
}
make 2026 20
make 2027 400
serial() { openssl x509 -noout -serial; }

mkdir pfx plain
nss certutil -N -d sql:pfx --empty-password
for year in 2026 2027; do nss pk12util -i $year.pfx -d sql:pfx -W contoso; done
nss certutil -L -d sql:pfx | grep u,u,u
[ "$(nss certutil -L -d sql:pfx | grep -c '^mail 2026 ')" = 2 ] || changed "not two of the old name"
! nss certutil -L -d sql:pfx -n "mail 2027" 2>said || changed "the new name is found"
cat said
nss certutil -D -d sql:pfx -n "mail 2026"
left=$(nss certutil -L -d sql:pfx -n "mail 2026" -a | serial)
echo "after certutil -D: $left left; 2026 has $(serial <2026.crt), 2027 $(serial <2027.crt)"
[ "$left" = "$(serial <2026.crt)" ] || changed "the old one was removed"

nss certutil -N -d sql:plain --empty-password
for year in 2026 2027; do nss certutil -A -d sql:plain -n "mail $year" -t ,, -a -i $year.crt; done
nss certutil -L -d sql:plain | grep ^mail
[ "$(nss certutil -L -d sql:plain | grep -c '^mail 2027 ')" = 1 ] || changed "certutil -A does not take the name"
shown=$(nss certutil -L -d sql:plain -n "mail 2027" | grep -c 'Not After')
echo "certutil -L -n 'mail 2027' prints $shown certificates"
[ "$shown" = 2 ] || changed "expected two"
echo "As described."
