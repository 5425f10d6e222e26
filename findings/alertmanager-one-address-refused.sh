#!/usr/bin/env bash
# A good engineer guesses: of an alert mailed to two addresses, one of which the mail server refuses for good, the other
# gets its mail; a 550 is not tried again.
# What happens (Alertmanager 0.25.0): with `to: gone@..., here@...` it asks for the first address, is told 550, and gives
# up the mail: the second address is not even named to the server. It logs "will retry later", tries several times in
# ten seconds, and begins anew with each group_interval, with the same end. `amtool check-config` says SUCCESS. In the
# other order the server hears of both, and still gets no mail.
# Why it matters: a colleague leaves, the mailbox is deleted, and from then on nobody on that list is told anything; the
# one trace is Alertmanager's own log and counter. Each address as an email_config of its own fails alone.
set -euo pipefail
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do { kill "$pid"; wait "$pid"; } 2>/dev/null || true; done; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download prometheus-alertmanager=0.25.0-1+b4 >/dev/null
dpkg-deb -x prometheus-alertmanager*.deb root
# Debian's binary reads its templates from a fixed path; the copy reads them here.
python3 - <<'PY'
import pathlib

fixed = b"/usr/share/prometheus/alertmanager"
binary = pathlib.Path("root/usr/bin/prometheus-alertmanager").read_bytes()
folder = "./templates".ljust(len(fixed), "_")
pathlib.Path("alertmanager").write_bytes(binary.replace(fixed, folder.encode()))
pathlib.Path("root/usr/share/prometheus/alertmanager").rename(folder)
PY
chmod +x alertmanager
cat >smtp.py <<'PY'
import socketserver
import sys

ANSWERS = {b"EHLO": b"250 mail", b"DATA": b"354 Go on", b"QUIT": b"221 2.0.0 Bye"}


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 mail ESMTP\r\n")
        for line in self.rfile:
            print(line.decode().strip(), flush=True)
            refused = line.startswith(b"RCPT") and b"gone@" in line
            self.wfile.write((b"550 5.1.1 No such mailbox" if refused else ANSWERS.get(line[:4], b"250 Ok")) + b"\r\n")
            if line.startswith(b"DATA"):
                list(iter(self.rfile.readline, b".\r\n"))
                self.wfile.write(b"250 Taken\r\n")


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
    print(server.server_address[1], file=sys.stderr, flush=True)
    server.serve_forever()
PY
timeout 120 python3 smtp.py >heard 2>port & pids+=($!)
for _ in {1..100}; do [ ! -s port ] || break; sleep 0.1; done
web=127.0.0.1:$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
cat >config.yml <<END
global: {smtp_smarthost: "127.0.0.1:$(cat port)", smtp_from: alarm@contoso.com, smtp_require_tls: false}
route:
  receiver: both
  group_wait: 1s
  group_interval: 10s
  routes:
  - {receiver: turned, matchers: [list = "turned"]}
  - {receiver: here, matchers: [list = "here"]}
receivers:
- {name: both, email_configs: [{to: "gone@contoso.com, here@contoso.com"}]}
- {name: turned, email_configs: [{to: "here@contoso.com, gone@contoso.com"}]}
- {name: here, email_configs: [{to: here@contoso.com}]}
END
./alertmanager --version 2>&1 | head -1
root/usr/bin/amtool check-config config.yml | head -1
timeout 120 ./alertmanager --config.file=config.yml --storage.path=data --web.listen-address="$web" \
    --cluster.listen-address= 2>log & pids+=($!)
curl -s --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null "http://$web/-/ready"
try() { # list, lines to wait for, pattern, file
    : >heard
    root/usr/bin/amtool --alertmanager.url="http://$web" alert add CertificateExpires list="$1"
    for _ in {1..80}; do
        [ "$(grep -ac "$3" "$4")" -lt "$2" ] || break
        sleep 0.5
    done
    echo "list $1: the server heard"
    tr -d '\0' <heard | grep -E 'RCPT|DATA' | sort | uniq -c
}
try here 1 DATA heard
grep -aq DATA heard || changed "one good address gets no mail"
try both 2 'both/.*canceled' log
! grep -aq -e 'DATA' -e 'TO:<here@' heard || changed "the other address is tried"
[ "$(grep -ac 'TO:<gone@' heard)" -gt 2 ] || changed "it is not tried again"
grep -o 'will retry later.*' log | head -1
grep -o 'Notify for alerts failed.*' log | head -1
try turned 1 'turned/.*canceled' log
grep -aq 'TO:<here@' heard && ! grep -aq DATA heard || changed "the first of the two gets the mail"
echo "As described."
