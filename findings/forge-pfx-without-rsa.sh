#!/usr/bin/env bash
# A good engineer guesses: node-forge, the usual way to open a PFX in JavaScript, returns its certificates, or throws.
# What happens (node-forge 1.4.3): it knows RSA only. pki.certificateFromPem of an ECDSA certificate throws "Cannot read
# public key. OID is not RSA."; pkcs12FromAsn1 of a PFX with the same certificate succeeds: the right number of bags,
# with the right type and friendly name, and `cert: null`, `key: null`. The certificate's ASN.1 is in `bag.asn1`.
# Of an RSA certificate issued by an ECDSA authority the key is there and the certificate is null.
# Why it matters: code that lists, filters or counts bags says the file is in order; `bags[0].cert.subject` fails
# elsewhere, or a chain is put together without its intermediates.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need npm install --silent --no-audit --no-fund --ignore-scripts --prefix . node-forge@1.4.3 >/dev/null
ec=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
rsa=(-newkey rsa:2048)
openssl req -x509 -nodes "${ec[@]}" -keyout ec-ca.key -out ec-ca.crt -days 9 -subj "/CN=EC" 2>/dev/null
openssl req -x509 -nodes "${rsa[@]}" -keyout rsa-ca.key -out rsa-ca.crt -days 9 -subj "/CN=RSA" 2>/dev/null
issue() { # name, its authority, options for its key
    openssl req -nodes "${@:3}" -keyout "$1.key" -subj "/CN=$1.contoso.com" 2>/dev/null |
        openssl x509 -req -CA "$2.crt" -CAkey "$2.key" -days 9 -out "$1.crt" 2>/dev/null
    openssl pkcs12 -export -in "$1.crt" -inkey "$1.key" -certfile "$2.crt" -name "$1" -out "$1.pfx" -passout pass:x
}
issue ecdsa ec-ca "${ec[@]}"
issue mixed ec-ca "${rsa[@]}"
issue rsa rsa-ca "${rsa[@]}"
openssl version
cat >look.js <<'JS'
const forge = require('node-forge'), fs = require('fs');
console.log('node', process.version, 'node-forge', require('node-forge/package.json').version);
const { certBag, pkcs8ShroudedKeyBag } = forge.pki.oids;
function must(is, text) { if (!is) { console.log('CHANGED:', text); process.exit(1); } }

function bags(file) {
  const pfx = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(fs.readFileSync(file, 'binary')), 'x');
  const certificates = pfx.getBags({ bagType: certBag })[certBag].map(
    (bag) => [bag.attributes.friendlyName?.[0], bag.cert && bag.cert.subject.getField('CN').value]);
  const keys = pfx.getBags({ bagType: pkcs8ShroudedKeyBag })[pkcs8ShroudedKeyBag].map((bag) => bag.key && 'key');
  console.log(file, 'certificates [name, subject]:', JSON.stringify(certificates), 'keys:', JSON.stringify(keys));
  return JSON.stringify([certificates, keys]);
}

let text = '';
try { forge.pki.certificateFromPem(fs.readFileSync('ecdsa.crt', 'utf8')); } catch (error) { text = error.message; }
console.log('certificateFromPem(ecdsa.crt):', text);
must(/OID is not RSA/.test(text), 'the PEM file is read, or refused otherwise');
must(bags('ecdsa.pfx') === '[[["ecdsa",null],[null,null]],[null]]', 'ecdsa.pfx');
must(bags('mixed.pfx') === '[[["mixed",null],[null,null]],["key"]]', 'mixed.pfx');
must(bags('rsa.pfx') === '[[["rsa","rsa.contoso.com"],[null,"RSA"]],["key"]]', 'rsa.pfx');
JS
node look.js
echo "As described."
