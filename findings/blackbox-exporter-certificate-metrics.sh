#!/usr/bin/env bash
# A good engineer guesses: blackbox_exporter's probe_ssl_* metrics tell about the server's certificate, whatever the
# judgement is, and an alarm on "expires within 30 days" by them is right.
# What happens (0.23.0, TCP module with STARTTLS): if the certificate is not trusted or has another name, no
# probe_ssl_* metric exists, the probe is 0, and no metric says why. If one therefore sets insecure_skip_verify,
# probe_ssl_last_chain_expiry_timestamp_seconds is -62135596800 (the year 1): every "expires soon" rule on it fires.
# And probe_ssl_earliest_cert_expiry counts certificates that the server sends without need: an expired one beside a
# sound, verified chain gives probe_success 1 and an expiry in the past.
# Why it matters: three alarms that look like an expired certificate are not; a series that vanishes raises none.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
unpack() { # Debian packages with their versions, into ./root
    need apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null
    for deb in *.deb; do dpkg-deb -x "$deb" root; done
}
cat >server.py <<'PY'
"""SMTP with STARTTLS on loopback for a minute. "454": refuses STARTTLS, "silent": does not offer it, else PEM files:
the first is what it presents, the second what it presents to a client that names localhost (SNI)."""
import socket
import ssl
import sys
import threading
import time

listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(60)
mode, files = sys.argv[1], sys.argv[1:]
contexts = []
for file in files if mode not in ("454", "silent") else ():
    contexts.append(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    contexts[-1].load_cert_chain(file)


def named(connection, name, _):
    print("server name:", name, file=sys.stderr, flush=True)
    if name == "localhost":
        connection.context = contexts[-1]


if contexts:
    contexts[0].sni_callback = named
print(listener.getsockname()[1], flush=True)


def converse(connection):
    connection.settimeout(20)
    connection.sendall(b"220 mail.contoso.com ESMTP\r\n")
    peer = connection.makefile("rb", buffering=0)
    while line := peer.readline(2000):
        print("client:", line[:40], file=sys.stderr, flush=True)
        verb = line.strip().upper().partition(b" ")[0]
        offer = b"" if mode == "silent" or isinstance(connection, ssl.SSLSocket) else b"250-STARTTLS\r\n"
        answers = {
            b"EHLO": b"250-mail.contoso.com\r\n" + offer + b"250 SIZE 1000\r\n",
            b"STARTTLS": b"220 2.0.0 Ready" if contexts else b"454 4.7.0 TLS not available due to local problem",
            b"NOOP": b"250 2.0.0 Ok",
            b"QUIT": b"221 2.0.0 Bye",
        }
        connection.sendall(answers.get(verb, b"502 5.5.2 Command not recognized").strip() + b"\r\n")
        if verb == b"QUIT":
            return
        if verb == b"STARTTLS" and contexts:
            connection = contexts[0].wrap_socket(connection, server_side=True)
            peer = connection.makefile("rb", buffering=0)


def quietly(connection):
    try:
        converse(connection)
    except OSError as error:
        print("server:", error, file=sys.stderr, flush=True)
    finally:
        connection.close()


until = time.monotonic() + 60
while time.monotonic() < until:
    threading.Thread(target=quietly, args=(listener.accept()[0],), daemon=True).start()
PY
serve() { # arguments of the server; sets server and port
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    : >port
    : >heard
    python3 server.py "$@" >port 2>>heard &
    server=$!
    for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
    port=$(cat port)
}
certificate() { # file, common name, days: self-signed, with its key
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt" -days "$3" \
        -subj "/CN=$2" -addext "subjectAltName=DNS:$2" 2>/dev/null
    cat "$1.crt" "$1.key" >"$1.pem"
}
unpack prometheus-blackbox-exporter=0.23.0-4+b4
root/usr/bin/prometheus-blackbox-exporter --version 2>&1 | head -1
exporter=
trap 'kill $server $exporter 2>/dev/null || true; rm -rf "$work"' EXIT
certificate good mail.contoso.com 90
certificate spare spare.contoso.com 90
# An expired certificate, sent along without need.
python3 - <<'PY'
import datetime

now = datetime.datetime.now(datetime.timezone.utc)
for file, days in (("from", 20), ("to", 10)):
    open(file, "w").write((now - datetime.timedelta(days=days)).strftime("%y%m%d%H%M%SZ"))
PY
mkdir ca && touch ca/index && echo 01 >ca/serial
printf '%s\n' '[ca]' 'default_ca=d' '[d]' 'database=ca/index' 'serial=ca/serial' 'new_certs_dir=ca' 'policy=p' \
    'default_md=sha256' '[p]' 'commonName=supplied' >ca.cnf
openssl req -new -key spare.key -subj /CN=expired.contoso.com -out expired.csr
openssl ca -batch -config ca.cnf -selfsign -keyfile spare.key -in expired.csr -out expired.crt -notext \
    -startdate "$(cat from)" -enddate "$(cat to)" 2>/dev/null
cat good.crt expired.crt good.key >good-and-expired.pem

module() { # name of the module, name that the certificate has to have, skip the verification?
    cat <<YML
  $1:
    prober: tcp
    timeout: 10s
    tcp:
      preferred_ip_protocol: ip4
      tls_config: {ca_file: $work/good.crt, server_name: $2, insecure_skip_verify: $3}
      query_response:
        - expect: "^220"
        - send: "EHLO prober"
        - expect: "^250[- ]STARTTLS"
        - send: "STARTTLS"
        - expect: "^220"
        - starttls: true
        - send: "EHLO prober"
        - expect: "^250"
YML
}
{
    echo "modules:"
    module right mail.contoso.com false
    module wrong other.contoso.com false
    module skip other.contoso.com true
} >blackbox.yml
listen=127.0.0.1:$((20000 + RANDOM % 9000))
root/usr/bin/prometheus-blackbox-exporter --config.file=blackbox.yml --web.listen-address="$listen" >log 2>&1 &
exporter=$!
probe() { # module
    curl -sS --retry 20 --retry-delay 1 --retry-connrefused --max-time 30 "http://$listen/probe?module=$1&target=127.0.0.1:$port" 2>/dev/null |
        grep -E '^probe_(success|ssl|failed)' >metrics
    echo "$2:"
    sed 's/^/    /;s/{.*}//' metrics
}
value() { awk -v name="$1" '$1 == name { printf "%.0f", $2 }' metrics; }

serve good.pem
probe right "sound, right name"
[ "$(value probe_success)" = 1 ] && [ "$(value probe_ssl_earliest_cert_expiry)" -gt "$(date +%s)" ] || changed "not sound"
probe wrong "another name"
[ "$(value probe_success)" = 0 ] || changed "accepted"
if grep -q probe_ssl metrics; then changed "metrics of the certificate are there"; fi
probe skip "another name, insecure_skip_verify"
[ "$(value probe_ssl_last_chain_expiry_timestamp_seconds)" = -62135596800 ] || changed "not the year 1"
serve good-and-expired.pem
probe right "sound, with an expired certificate beside it"
[ "$(value probe_success)" = 1 ] || changed "not accepted"
[ "$(value probe_ssl_earliest_cert_expiry)" -lt "$(date +%s)" ] || changed "the expired one does not count"
echo "As described."
