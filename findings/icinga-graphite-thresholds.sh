#!/usr/bin/env bash
# A good engineer guesses: Icinga 2's GraphiteWriter with enable_send_thresholds sends a plugin's warning and critical
# thresholds, and what is checked while Graphite listens arrives there.
# What happens (Icinga 2.13.6, Debian 12): of a threshold that is a range ("30:", alert below 30: what days left need)
# nothing is sent, beside a plain number (30) that is. It first connects ten seconds after its start, however long
# Graphite has been listening, and the results of those seconds are thrown away; the log has no line about it.
# Why it matters: graphs of days left have no threshold to draw, and each restart leaves a hole.
set -euo pipefail
work=$(mktemp -d)
pids=()
set -m # a group of its own for each, to end it whole
trap 'for pid in "${pids[@]}"; do { kill -9 -- "-$pid"; wait "$pid"; } 2>/dev/null || true; done; rm -rf "$work"' EXIT
cd "$work"
changed() { echo "CHANGED: $*"; exit 1; }
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
boost() { printf 'libboost-%s1.74.0=1.74.0+ds1-21 ' "$@"; }
# shellcheck disable=SC2046  # words
need apt-get -q -o APT::Sandbox::User=root download icinga2-bin=2.13.6-2+deb12u2 icinga2-common=2.13.6-2+deb12u2 \
    libedit2 libyajl2 $(boost context coroutine filesystem iostreams program-options regex thread) >/dev/null
for package in *.deb; do dpkg-deb -x "$package" root; done
libraries=$work/root/usr/lib/x86_64-linux-gnu
mkdir data log cache run
cat >graphite.py <<'END'
import socket, sys, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
print("listens", time.time(), file=sys.stderr, flush=True)
with server.accept()[0].makefile() as lines:
    for line in lines:
        print(time.time(), line.rstrip(), file=sys.stderr, flush=True)
END
timeout 60 python3 graphite.py >port 2>told &
pids+=($!)
until [ -s port ]; do sleep 0.1; done
cat >main.conf <<END
include <itl>
object Zone "z" { }
object CheckerComponent "checker" { }
object CheckCommand "plugin" { command = [ "/bin/echo", "OK | range=20;30:;7: number=20;30;7" ] }
object Host "host" { check_command = "plugin"; check_interval = 1s }
object GraphiteWriter "graphite" { port = $(<port); enable_send_thresholds = true }
END
LD_LIBRARY_PATH=$libraries timeout -s KILL 40 "$libraries/icinga2/sbin/icinga2" daemon -D RunAsUser=root -D RunAsGroup=root \
    -D DataDir="$work/data" -D LogDir="$work/log" -D CacheDir="$work/cache" -D InitRunDir="$work/run" \
    -D ConfigDir="$work" -I root/usr/share/icinga2/include -c main.conf >icinga.log 2>&1 &
pids+=($!)
for _ in {1..35}; do
    [ "$(grep -c 'range.value' told)" -lt 3 ] || break
    sleep 1
done
grep -o 'version: [^)]*' icinga.log
python3 - <<'END' || changed "the first result came in time"
listens, first = (float(line.split()[i]) for line, i in zip(open("told").readlines()[:2], (1, 0)))
print(f"    Graphite listened; {first - listens:.0f} s later the first of the results of every second came")
raise SystemExit(first - listens < 9)
END
grep -o 'icinga2\.host[^ ]*perfdata[^ ]* [^ ]*' told | sort -u | sed 's/^/    /'
grep -q 'number\.warn 30' told || changed "no threshold of the plain number"
! grep -q 'range\.\(warn\|crit\)' told || changed "the range's thresholds are sent"
! grep -qi 'graphite.*\(drop\|discard\|not connected\)' icinga.log || changed "the log says what was lost"
echo "As described."
