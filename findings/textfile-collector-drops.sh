#!/usr/bin/env bash
# A good engineer guesses: node_exporter's textfile folder merges *.prom files, says in node_textfile_scrape_error when
# it could not, and leaves hidden files (".host.prom", written first, renamed when complete) alone.
# What happens (node_exporter 1.5.0, Debian 12): of two files with the same metric and another wording of HELP one file's
# samples are dropped; node_textfile_scrape_error stays 0 and node_textfile_mtime_seconds lists the file as read. The
# only trace is a line in the log. A hidden file is read like any other.
# Why it matters: after an update that rewords HELP, hosts whose file is still of the older version vanish without an
# alarm; and a temporary file beside the real one repeats its samples, or is read half written.
set -euo pipefail
work=$(mktemp -d)
exporter=
trap '[ -z "$exporter" ] || kill "$exporter" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download prometheus-node-exporter=1.5.0-1+b6 >/dev/null
dpkg-deb -x prometheus-node-exporter*.deb root
mkdir folder
sample() { # file, HELP, host
    printf '# HELP mail_certificate_days %s\n# TYPE mail_certificate_days gauge\nmail_certificate_days{host="%s"} 9\n' \
        "$2" "$3" >"folder/$1"
}
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
timeout 60 root/usr/bin/prometheus-node-exporter --web.listen-address="127.0.0.1:$port" \
    --collector.disable-defaults --collector.textfile --collector.textfile.directory=folder 2>log &
exporter=$!
root/usr/bin/prometheus-node-exporter --version 2>&1 | head -1
scrape() {
    echo "$1:"
    curl -sS --retry 20 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$port/metrics" >page
    grep -E '^(mail_|node_textfile_)' page | sed 's/^/    /'
}
sample a.prom 'Days left.' a
sample b.prom 'Days left.' b
scrape "the same HELP"
[ "$(grep -c ^mail_certificate_days page)" = 2 ] || changed "expected both samples"

sample b.prom 'Days left until the certificate runs out.' b
scrape "another HELP in b.prom"
[ "$(grep -c ^mail_certificate_days page)" = 1 ] || changed "expected one sample"
grep -q '^node_textfile_scrape_error 0' page || changed "the error is shown"
grep -q '^node_textfile_mtime_seconds{file="folder/b.prom"}' page || changed "b.prom is not listed as read"
grep -o 'has help .*' log | head -1 | grep . || changed "nothing in the log"

rm folder/*.prom
sample .c.prom 'Days left.' c
scrape "hidden file .c.prom"
grep -q '^mail_certificate_days{host="c"}' page || changed "the hidden file is not read"
echo "As described."
