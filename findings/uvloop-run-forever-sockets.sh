#!/usr/bin/env bash
# A good engineer guesses: stopping an event loop and running it again (run_until_complete in a loop, run_forever with
# stop) costs next to nothing, least of all with uvloop, the fast one.
# What happens (uvloop 0.23.0, Python 3.11, Linux): on the main thread every run makes a pair of sockets for signals,
# sets it as the interpreter's wake-up descriptor, and closes it at the end: several times the processor time of
# asyncio's own loop, which keeps one pair for its life.
# Why it matters: a program that drives a loop in small steps (a generator that yields results between two runs, a
# synchronous wrapper around asynchronous calls) loses with uvloop what uvloop gives.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile uvloop==0.23.0
venv/bin/python - <<'PY'
import asyncio
import socket
import sys
import time

RUNS = 2000
pairs = 0
real = socket.socketpair


def counted(*given):
    global pairs
    pairs += 1
    return real(*given)


socket.socketpair = counted
import uvloop  # remembers the function as it is by now

print("uvloop", uvloop.__version__, "Python", sys.version.split()[0])
seen = {}
for name, make in (("asyncio", asyncio.SelectorEventLoop), ("uvloop", uvloop.new_event_loop)):
    loop = make()
    loop.run_until_complete(asyncio.sleep(0))
    pairs, began = 0, time.process_time()
    for _ in range(RUNS):
        loop.call_soon(loop.stop)
        loop.run_forever()
    seen[name] = pairs
    print(f"{name:8} {1e6 * (time.process_time() - began) / RUNS:5.0f} us a run, {pairs} pairs of sockets")
    loop.close()
if seen != {"asyncio": 0, "uvloop": RUNS}:
    sys.exit("CHANGED")
PY
echo "As described."
