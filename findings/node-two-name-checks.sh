#!/usr/bin/env bash
# A good engineer guesses: in Node, `tls.checkServerIdentity(host, cert)`, which connections use, and
# `new X509Certificate(pem).checkHost(host)`, which one calls on a certificate in hand, answer the same.
# What happens (Node 20 and its OpenSSL): they are two programs. The first drops a dot at the end, of the host asked for
# and of the name in the certificate; for the second "mail.contoso.com.", as DNS gives the name of an MX, is
# another host. The first lets a wildcard stand for a label with "_", the second does not. An address is
# looked up among the IP addresses by the first; the second wants checkIP for that.
# Why it matters: a check that fetches the certificate and asks checkHost about each MX name as it came from DNS
# calls every server wrong to which Node itself would connect.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need node --version
make() { # FILE NAMES
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out "$1.pem" -subj "/O=Contoso" \
        -days 9 -addext "subjectAltName=$2" 2>/dev/null
}
make plain DNS:mail.contoso.com
make dot DNS:mail.contoso.com.
make wild "DNS:*.contoso.com"
make address "DNS:mail.contoso.com,IP:192.0.2.1"
node - <<'JS'
const { X509Certificate } = require("crypto"), { checkServerIdentity } = require("tls"), { readFileSync } = require("fs");
console.log("Node", process.version, "OpenSSL", process.versions.openssl);
for (const [file, host, connecting, inHand] of [
  ["plain", "mail.contoso.com", true, true],
  ["plain", "mail.contoso.com.", true, false],
  ["dot", "mail.contoso.com", true, false],
  ["dot", "mail.contoso.com.", true, true],
  ["wild", "mail.contoso.com", true, true],
  ["wild", "mail_1.contoso.com", true, false],
  ["wild", "a.b.contoso.com", false, false],
  ["address", "192.0.2.1", true, false],
]) {
  const certificate = new X509Certificate(readFileSync(`${file}.pem`));
  const first = checkServerIdentity(host, certificate.toLegacyObject()) === undefined;
  const second = certificate.checkHost(host) !== undefined;
  console.log(`${certificate.subjectAltName}, asked for ${host}: checkServerIdentity ${first}, checkHost ${second}`);
  if (first !== connecting || second !== inHand) {
    console.log(`CHANGED: expected ${connecting}, ${inHand}`);
    process.exit(1);
  }
}
JS
echo "As described."
