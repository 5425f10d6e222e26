#!/usr/bin/env bash
# A good engineer guesses: a .crt with two own roots under /usr/local/share/ca-certificates is taken in by
# update-ca-certificates or it is not; at worst the first of the two counts.
# What happens (Debian's ca-certificates 20250419, OpenSSL 3.0.19, GnuTLS 3.7.9): "1 added", exit code 0, and then it
# depends on who asks. The file ca-certificates.crt holds both; the directory is hashed by `openssl rehash`, which passes
# over files with more than one certificate, so it holds neither. What reads the file (GnuTLS, Python's ssl) trusts both
# roots; what reads the directory trusts none: Postfix, as Debian sets it up. The man page asks for one certificate
# per file; that a file with two is taken in by half, it does not say.
# Why it matters: the usual tools prove the new roots to be installed, and the mail server next to them knows neither.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download ca-certificates gnutls-bin libgnutls30 libgnutls-dane0 libunbound8 \
    libevent-2.1-7 postfix >/dev/null
dpkg-deb --show --showformat '${Package} ${Version}\n' ca-certificates_*.deb gnutls-bin_*.deb postfix_*.deb
for deb in *.deb; do dpkg-deb -x "$deb" root; done
openssl version
grep smtp_tls_CApath root/usr/share/postfix/main.cf.tls || { echo "CHANGED: Postfix reads something else"; exit 1; }
mkdir own store none
: >conf
for name in one two; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.pem \
        -subj "/CN=Contoso Root $name" -days 90 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -subj "/CN=mail.contoso.com" \
        2>/dev/null | openssl x509 -req -CA $name.pem -CAkey $name.key -days 9 -out leaf-$name.pem 2>/dev/null
done
update() {
    need sh root/usr/sbin/update-ca-certificates --fresh --certsconf "$work/conf" --certsdir "$work/none" \
        --localcertsdir "$work/own" --etccertsdir "$work/store" --hooksdir "$work/none" 2>&1 |
        grep -E "added|skipping" | sed "s|$work/||"
}
by_directory() { openssl verify -no-CAfile -no-CAstore -CApath store "leaf-$1.pem" >/dev/null 2>&1; }
by_file() {
    LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu) root/usr/bin/certtool --verify \
        --load-ca-certificate store/ca-certificates.crt --infile "leaf-$1.pem" >/dev/null 2>&1
}
expect() { # WANTED FUNCTION ROOT
    local found=trusted
    "$2" "$3" || found=unknown
    echo "$2, root $3: $found"
    [ "$found" = "$1" ] || { echo "CHANGED: expected $1"; exit 1; }
}
echo "two files:"
cp one.pem own/one.crt
cp two.pem own/two.crt
update
for root in one two; do for way in by_file by_directory; do expect trusted $way $root; done; done
echo "both in one file:"
rm own/*
cat one.pem two.pem >own/contoso.crt
update
for root in one two; do
    expect trusted by_file $root
    expect unknown by_directory $root
done
echo "As described."
