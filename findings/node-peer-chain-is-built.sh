#!/usr/bin/env bash
# A good engineer guesses: in Node, getPeerCertificate(true) and its issuerCertificate links show the chain that the
# server sent.
# What happens (Node 20): it is a chain put together from what was sent and from the client's own `ca` option. With
# the intermediate in `ca`, a server that sent its leaf alone shows as leaf, intermediate, root; an unrelated
# certificate that was sent does not show; a chain sent in the wrong order shows in the right one.
# Why it matters: the three faults that a chain check looks for (missing intermediate, foreign certificate, wrong
# order) cannot be seen this way, and a monitor written so reports a server as sound because the monitor itself
# had the intermediate. `openssl s_client -showcerts` shows what was sent.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v node >/dev/null || { echo "cannot run here: no node" >&2; exit 2; }
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
sign() { # subject's files, common name, issuer's files, extensions
    openssl req -new -key "$1.key" -subj "/CN=$2" | openssl x509 -req -CA "$3.pem" -CAkey "$3.key" -CAcreateserial \
        -days 9 -extfile <(printf '%b' "$4") -out "$1.pem" 2>/dev/null
}
authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign'
for name in root middle leaf; do key $name; done
openssl req -x509 -key root.key -out root.pem -days 9 -subj /CN=root
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout foreign.key -out foreign.pem -days 9 \
    -subj /CN=foreign 2>/dev/null
sign middle intermediate root "$authority"
sign leaf leaf middle 'subjectAltName=DNS:mail.contoso.com'

cat >chain.js <<'JS'
const fs = require('fs'), tls = require('tls');
const pem = (name) => fs.readFileSync(name + '.pem');
console.log('node', process.version, 'OpenSSL', process.versions.openssl);

function shown(certificate) {
  const names = [], seen = new Set();
  for (let c = certificate; c && c.subject && !seen.has(c.fingerprint256); c = c.issuerCertificate) {
    seen.add(c.fingerprint256);
    names.push(c.subject.CN);
  }
  return names.join(' ');
}

function connect(sent, ca) {
  return new Promise((resolve, reject) => {
    const server = tls.createServer({ key: fs.readFileSync('leaf.key'), cert: Buffer.concat(sent.map(pem)) });
    server.listen(0, '127.0.0.1', () => {
      const options = { port: server.address().port, host: '127.0.0.1', servername: 'mail.contoso.com',
        rejectUnauthorized: false, ca: ca.map(pem), timeout: 5000 };
      const client = tls.connect(options, () => {
        const names = shown(client.getPeerCertificate(true));
        client.destroy();
        server.close(() => resolve(names));
      });
      client.on('error', reject);
    });
  });
}

const cases = [
  [['leaf', 'middle'], [], 'leaf intermediate'],
  [['leaf', 'middle'], ['root'], 'leaf intermediate root'],
  [['leaf'], ['root'], 'leaf'],
  [['leaf'], ['root', 'middle'], 'leaf intermediate root'],
  [['leaf', 'foreign', 'middle'], ['root'], 'leaf intermediate root'],
  [['leaf', 'root', 'middle'], ['root'], 'leaf intermediate root'],
];
(async () => {
  for (const [sent, ca, wanted] of cases) {
    const names = await connect(sent, ca);
    console.log(`sent: ${sent.join(' ')}; ca: ${ca.join(' ') || '-'}; shown: ${names}`);
    if (names !== wanted) { console.log('CHANGED: expected', wanted); process.exit(1); }
  }
})();
JS
timeout 60 node chain.js
echo "As described."
