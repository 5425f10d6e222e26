#!/usr/bin/env bash
# A good engineer guesses: `promtool check metrics` reads a page of metrics as Prometheus, of which it is part, reads it:
# what one takes the other takes.
# What happens (Prometheus 2.42.0): promtool has another parser. The same sample twice, with two values, passes, exit 0;
# Prometheus keeps the first, counts both in scrape_samples_scraped, has `up` at 1 and logs nothing by default. A page in
# OpenMetrics, the format Prometheus asks for first, is "unknown metric type" as soon as an info metric is in it; a
# second HELP, or no line end after the last sample, is an error too. Prometheus takes all three whole.
# Why it matters: a check before deployment that is green for a value that never arrives, and red for what Prometheus
# client libraries write; only a scrape tells.
set -euo pipefail
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do { kill "$pid"; wait "$pid"; } 2>/dev/null || true; done; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need apt-get -q -o APT::Sandbox::User=root download prometheus=2.42.0+ds-5+deb12u1 >/dev/null
dpkg-deb -x prometheus*.deb root
head=$'# HELP left_seconds Time left.\n# TYPE left_seconds gauge\n'
mkdir pages
printf '%sleft_seconds{host="a"} 1\nleft_seconds{host="a"} 2\n' "$head" >pages/twice
printf '# HELP tls Version.\n# TYPE tls info\ntls_info{version="1.3"} 1\n%sleft_seconds{host="a"} 1\n# EOF\n' "$head" \
    >pages/openmetrics
printf '%s# HELP left_seconds Seconds left.\nleft_seconds{host="a"} 1\n' "$head" >pages/help
printf '%sleft_seconds{host="a"} 1' "$head" >pages/end
cat >serve.py <<'PY'
import http.server
import pathlib
import sys


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path[1:]
        open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        self.send_response(200)
        self.send_header("Content-Type", open_metrics if name == "openmetrics" else "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(pathlib.Path("pages", name).read_bytes())

    def log_message(self, *_):
        pass


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
    print(server.server_address[1], file=sys.stderr, flush=True)
    server.serve_forever()
PY
timeout 120 python3 serve.py 2>port & pids+=($!)
for _ in {1..100}; do [ ! -s port ] || break; sleep 0.1; done
echo "scrape_configs:" >config.yml
for page in pages/*; do
    echo "- {job_name: ${page#*/}, scrape_interval: 1s, metrics_path: /${page#*/}, static_configs: [{targets:" \
        "['127.0.0.1:$(cat port)']}]}" >>config.yml
done
web=127.0.0.1:$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
root/usr/bin/prometheus --version | head -1
timeout 120 root/usr/bin/prometheus --config.file=config.yml --storage.tsdb.path=data --web.listen-address="$web" 2>log &
pids+=($!)
curl -s --retry 20 --retry-connrefused --retry-delay 1 -o /dev/null "http://$web/-/ready"
ask() { # query
    for _ in {1..60}; do
        curl -sS "http://$web/api/v1/query" --data-urlencode "query=$1" | python3 -c '
import json, sys
print(*(each["value"][1] for each in json.load(sys.stdin)["data"]["result"]))' >answer
        [ ! -s answer ] || grep -q '^$' answer || break
        sleep 0.5
    done
    cat answer
}
for page in twice openmetrics help end; do
    code=0
    root/usr/bin/promtool check metrics <pages/$page 2>said || code=$?
    echo "$page: promtool exit $code $(cat said)"
    value=$(ask "left_seconds{job=\"$page\"}")
    scraped=$(ask "scrape_samples_scraped{job=\"$page\"}")
    echo "    Prometheus: up $(ask "up{job=\"$page\"}"), left_seconds $value, samples scraped $scraped"
    [ "$value" = 1 ] || changed "expected the (first) sample, 1"
    if [ $page = twice ]; then
        [ "$code" = 0 ] && [ ! -s said ] || changed "promtool sees the second value"
        [ "$scraped" = 2 ] || changed "expected two samples"
    else
        [ "$code" != 0 ] || changed "promtool takes it"
    fi
done
! grep -E 'level=(warn|error)' log || changed "the log tells"
echo "As described."
