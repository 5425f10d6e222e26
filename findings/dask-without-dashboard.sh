#!/usr/bin/env bash
# A good engineer guesses: LocalCluster(dashboard_address=None) opens no HTTP server, so that clusters in several
# processes (the workers of a test run, say) do not meet on a port.
# What happens (distributed 2026.8.0, Python 3.11): the pages are gone (/status answers 404), the HTTP server is not.
# It takes port 8787 where that is free and answers /health, /metrics and /info. Every further cluster warns that port
# 8787 is in use, and under filterwarnings=error that ends its start. With ":0" in place of None nothing is said.
# Why it matters: test suites that are run in parallel and count warnings as errors fail now and then, by who comes
# first; and what was switched off still answers on a port.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile distributed==2026.8.0
cat > clusters.py <<'PY'
import sys
import urllib.error
import urllib.request
import warnings

import distributed


def cluster(address):
    """A cluster, and how often it warned of the port."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        made = distributed.LocalCluster(
            n_workers=0, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address=address
        )
    return made, sum("8787 is already in use" in str(one.message) for one in heard)


def status(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


if __name__ == "__main__":
    print("distributed", distributed.__version__, "Python", sys.version.split()[0])
    first, _ = cluster(None)
    second, warned = cluster(None)
    third, silent = cluster("127.0.0.1:0")
    port = first.scheduler.http_server.port
    answers = {path: status(port, path) for path in ("/status", "/health", "/metrics", "/info/main/workers.html")}
    print("None:", answers)
    print(f"None beside it: {warned} warning(s) of port 8787;  ':0': {silent}")
    for one in (first, second, third):
        one.close()
    if (list(answers.values()), warned, silent) != ([404, 200, 200, 200], 1, 0):
        sys.exit("CHANGED: the HTTP server, its paths or the warning")
PY
venv/bin/python clusters.py
echo "As described."
