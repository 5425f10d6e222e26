#!/usr/bin/env bash
# A good engineer guesses: smtp-server (Node) without key and cert offers no STARTTLS, or makes a certificate.
# What happens (smtp-server 3.21.6): it offers STARTTLS with a certificate that is part of the package: CN=localhost,
# self-signed, the same in every installation, and it ran out on 9 February 2025. nodemailer 10.6.1, which
# uses STARTTLS wherever it is offered, therefore cannot deliver to it by default; it says "certificate has expired",
# where one who knows the certificate expects "self-signed".
# Why it matters: a test server nobody gave a certificate is found "expired" by every TLS monitor and refused
# by verifying clients, and the date suggests a renewal that somebody forgot. `hideSTARTTLS: true` is the way out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need npm install --silent --no-audit --no-fund --ignore-scripts --prefix . smtp-server@3.21.6 nodemailer@10.6.1 >/dev/null
cat >look.js <<'JS'
const { SMTPServer } = require('smtp-server');
const nodemailer = require('nodemailer');
const tls = require('tls'), net = require('net');
const version = (name) => require(name + '/package.json').version;
console.log('node', process.version, 'smtp-server', version('smtp-server'), 'nodemailer', version('nodemailer'));

// What a client sees after STARTTLS: the certificate, unverified.
function certificate(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1').setEncoding('utf8').setTimeout(8000);
    const lines = ['EHLO x\r\n', 'STARTTLS\r\n'];
    socket.on('error', reject).on('data', function next() {
      if (lines.length) return socket.write(lines.shift());
      socket.removeListener('data', next);
      const secure = tls.connect({ socket, rejectUnauthorized: false }, () => {
        const c = secure.getPeerCertificate();
        secure.destroy();
        resolve(c);
      }).on('error', reject);
    });
  });
}

function delivered(port) {
  const transport = nodemailer.createTransport({ host: '127.0.0.1', port });
  return transport.sendMail({ from: 'a@contoso.com', to: 'b@contoso.com', text: 'x' })
    .then(() => 'delivered', (error) => error.message).finally(() => transport.close());
}

function server(options) {
  return new Promise((resolve) => {
    const one = new SMTPServer({ authOptional: true, ...options });
    one.on('error', () => {});
    one.listen(0, '127.0.0.1', () => resolve(one));
  });
}

function must(is, text) { if (!is) { console.log('CHANGED:', text); process.exit(1); } }

(async () => {
  const plain = await server({});
  const port = plain.server.address().port;
  const seen = await certificate(port);
  console.log('presented:', seen.subject.CN, 'issued by', seen.issuer.CN, 'until', seen.valid_to, seen.fingerprint256);
  must(seen.subject.CN === 'localhost' && new Date(seen.valid_to) < new Date('2025-03-01'), 'another certificate');
  const answer = await delivered(port);
  console.log('nodemailer:', answer);
  must(/expired/.test(answer), 'nodemailer says something else');
  const hidden = await server({ hideSTARTTLS: true });
  const other = await delivered(hidden.server.address().port);
  console.log('nodemailer, hideSTARTTLS:', other);
  must(other === 'delivered', 'not delivered');
  process.exit(0);
})();
JS
timeout 60 node look.js
echo "As described."
