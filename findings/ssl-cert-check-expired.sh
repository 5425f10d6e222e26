#!/usr/bin/env bash
# A good engineer guesses: a script that reports when certificates run out says "Expired" of a certificate that has run
# out, and something else where it got none; and run from cron, it exits with another code than 0 then.
# What happens (ssl-cert-check 4.14): a server that answers without a certificate is "Expired", by more than two million
# days (minus the Julian day of today): nothing read is taken for the day 0. STARTTLS is chosen by the number of the
# port, so that befalls every sound SMTP server that does not listen on 25 or 587. A refused connection has a word of
# its own. The exit code is 0 for all of them, unless -n asks for the Nagios form; then it is CRITICAL, with the millions
# as performance data.
# Why it matters: somebody renews a certificate that is sound, and a graph of the days left is of no use from then on.
set -euo pipefail
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download ssl-cert-check >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
check=$work/root/usr/bin/ssl-cert-check
need bash "$check" -V
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out leaf.pem \
    -subj "/CN=mail.contoso.com" -days 90 2>/dev/null
cat >server.py <<'PY'
import socket
import ssl
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("leaf.pem", "key.pem")


def talk(sock, tls):
    try:
        if not tls:
            sock.sendall(b"220 mail.contoso.com ESMTP\r\n")
            for line in sock.makefile("rb"):
                verb = line.strip().upper()
                sock.sendall(
                    b"250-mail.contoso.com\r\n250 STARTTLS\r\n" if verb.startswith(b"EHLO")
                    else b"220 go\r\n" if verb == b"STARTTLS" else b"500 what\r\n"
                )
                if verb == b"STARTTLS":
                    break
        with context.wrap_socket(sock, server_side=True) as secure:
            secure.recv(100)
    except OSError:
        pass
    finally:
        sock.close()


def accept(listener, tls):
    while True:
        threading.Thread(target=talk, args=(listener.accept()[0], tls), daemon=True).start()


listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
for listener, tls in zip(listeners, (False, True)):
    threading.Thread(target=accept, args=(listener, tls), daemon=True).start()
free = socket.create_server(("127.0.0.1", 0))
closed = free.getsockname()[1]
free.close()
print(*(each.getsockname()[1] for each in listeners), closed, flush=True)
threading.Event().wait()
PY
python3 server.py >ports & pid=$!
for _ in $(seq 100); do [ -s ports ] && break; sleep 0.1; done
read -r starttls tls closed <ports

expect() { # WANTED-EXIT-CODE WANTED-LINE OPTIONS...
    local code=0 wanted=$1 line=$2
    shift 2
    bash "$check" "$@" >out.txt 2>error.txt || code=$?
    echo "exit code $code: $(tail -n 1 out.txt)"
    grep -qE "$line" out.txt && [ "$code" = "$wanted" ] || { echo "CHANGED: expected exit code $wanted, $line"; exit 1; }
}
echo "sound certificates, with TLS at once and behind STARTTLS (openssl s_client sees it):"
openssl s_client -connect "127.0.0.1:$starttls" -starttls smtp </dev/null 2>/dev/null | openssl x509 -noout -subject
expect 0 "Valid .* (89|90)$" -s 127.0.0.1 -p "$tls"
expect 0 "Expired .* -2[0-9]{6}$" -s 127.0.0.1 -p "$starttls"
expect 2 "Expired .*days=-2[0-9]{6}$" -n -s 127.0.0.1 -p "$starttls"
echo "nothing listens:"
expect 0 "Connection refused" -s 127.0.0.1 -p "$closed"
echo "As described."
