#!/usr/bin/env bash
# A good engineer guesses: a time stamp of a certificate that psycopg has stored, psycopg reads back; the session's time
# zone changes how it is written, and nothing else.
# What happens (psycopg 3.3.9, PostgreSQL 15): 99991231235959Z, the date of a certificate without an end (RFC 5280
# 4.1.2.5), is stored without a word and read back in UTC and New York. In a session east of Greenwich the server writes
# it as 10000-01-01 00:59:59+01, and psycopg raises DataError for the whole result, the other rows with it; the text
# protocol and the binary one alike. In the same sessions "not_after - timestamp" gives the days that it gives elsewhere.
# Why it matters: one device certificate (they have no end) in a table of a thousand, and the list of all is empty, only
# on the server whose clock is set to Berlin. What asks for the difference, or sets the session's zone to UTC, is safe.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; } 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need test -e /usr/share/zoneinfo/Europe/Berlin -a -e /usr/share/zoneinfo/America/New_York
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile 'psycopg[binary]==3.3.9'
need apt-get -q -o APT::Sandbox::User=root download postgresql-15 libpq5 libllvm14 libxml2 libicu72 libldap-2.5-0 \
    libsasl2-2 libz3-4 >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
mkdir -m 700 data
as=()
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root
    chmod 755 .
    chown 65534:65534 data
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
bin=$work/root/usr/lib/postgresql/15/bin
as+=(env LC_ALL=C "LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu)")
need "${as[@]}" "$bin/initdb" -D data -E UTF8 -A trust -U test >/dev/null
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
"${as[@]}" "$bin/postgres" -D "$work/data" -p "$port" -k '' -h 127.0.0.1 2>server.log & server=$!

venv/bin/python - "$port" <<'PY'
import datetime
import sys
import time

import psycopg

for _ in range(100):
    try:
        connection = psycopg.connect(f"host=127.0.0.1 port={sys.argv[1]} user=test dbname=postgres", autocommit=True)
        break
    except psycopg.OperationalError:
        time.sleep(0.1)
print("psycopg", psycopg.__version__, "PostgreSQL", connection.info.server_version)
connection.execute("CREATE TABLE certificate (host text, not_after timestamptz)")
for host, year in (("mail", 2027), ("device", 9999)):
    end = datetime.datetime(year, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
    connection.execute("INSERT INTO certificate VALUES (%s, %s)", (host, end))
for zone, wanted in (("UTC", 2), ("America/New_York", 2), ("Europe/Berlin", "DataError")):
    connection.execute(f"SET TIME ZONE '{zone}'")
    for binary in (False, True):
        try:
            rows = connection.cursor(binary=binary).execute("SELECT host, not_after FROM certificate").fetchall()
            seen, said = len(rows), [f"{host} {end:%Y-%m-%d %H:%M}" for host, end in rows]
        except psycopg.Error as error:
            seen, said = type(error).__name__, error
        print(f"{zone}, {'binary' if binary else 'text'}: {seen}: {said}")
        if seen != wanted:
            sys.exit(f"CHANGED: expected {wanted}")
    left = connection.execute("SELECT not_after - '2026-11-28Z' FROM certificate ORDER BY 1").fetchall()
    print("    the differences are read:", *[row[0].days for row in left])
PY
echo "As described."
