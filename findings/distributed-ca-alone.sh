#!/usr/bin/env bash
# A good engineer guesses: to a scheduler at tls:// a client needs the authority that issued the scheduler's certificate,
# as for https; and where the scheduler wants a certificate of the client's, the handshake says so.
# What happens (distributed 2026.8.0): nothing is sent. With `tls_ca_file` alone, and with no Security at all, Client
# raises the same TypeError about an `ssl_context` of None, though the file is all that a context needs. With a
# certificate and its key it connects, and it has to have them: the scheduler refuses a TLS client without, though
# nothing in its configuration asks for that.
# Why it matters: the message sends one to look at the CA file, which is sound, and a program that only reads cannot
# be given the authority alone: it gets a key with which it could be a worker.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
need() { "$@" || { echo "cannot run here: $*" >&2; exit 2; }; }
need python3 -m venv venv
need venv/bin/pip install -q --disable-pip-version-check --no-compile distributed==2026.8.0 dask==2026.8.0 trustme==1.2.1
venv/bin/python -W ignore - <<'PY'
import asyncio
import logging
import ssl
import sys

import distributed
import trustme

print("distributed", distributed.__version__)
logging.disable()
authority = trustme.CA()
member = authority.issue_cert("127.0.0.1")
authority.cert_pem.write_to_path("ca.pem")
member.private_key_and_cert_chain_pem.write_to_path("member.pem")
CA = {"tls_ca_file": "ca.pem", "require_encryption": True}


async def attempt(address, security):
    try:
        async with distributed.Client(address, asynchronous=True, security=security, timeout=10):
            return "connected"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def plain_tls(address):
    """What a TLS client without a certificate hears from the scheduler."""
    host, port = address.removeprefix("tls://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=ssl.create_default_context(cafile="ca.pem"))
    try:
        return f"connected, {len(await reader.read(1))} byte"
    except ssl.SSLError as error:
        return error.reason
    finally:
        writer.transport.abort()


async def main():
    own = distributed.Security(tls_scheduler_cert="member.pem", tls_scheduler_key="member.pem", **CA)
    async with distributed.Scheduler(host="127.0.0.1", protocol="tls", port=0, security=own, dashboard=False) as scheduler:
        return {
            "no Security": await attempt(scheduler.address, None),
            "the authority": await attempt(scheduler.address, distributed.Security(**CA)),
            "the authority, in Python's ssl": await plain_tls(scheduler.address),
            "the authority, a certificate and its key": await attempt(
                scheduler.address, distributed.Security(tls_client_cert="member.pem", tls_client_key="member.pem", **CA)
            ),
        }


seen = asyncio.run(main())
for given, said in seen.items():
    print(f"{given}: {said}")
first, second, plain, third = seen.values()
if third != "connected":
    sys.exit("CHANGED: a member cannot connect")
if "CERTIFICATE_REQUIRED" not in plain.upper():
    sys.exit("CHANGED: the scheduler lets a client without a certificate in")
if first != second or "TypeError" not in first or "Instead got None" not in first:
    sys.exit("CHANGED: another error")
PY
echo "As described."
