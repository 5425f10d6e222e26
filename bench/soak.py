"""What stays flat, and who is still served, while some peers misbehave on purpose: the command line on loopback.

    .venv/bin/python bench/soak.py listen [--count 20000]   # 5 % hostile senders
    .venv/bin/python bench/soak.py check [--count 2000]     # 10 % hostile servers

Senders and servers have addresses of their own in 127.0.0.0/8. Ends with 1 where a healthy peer was not served, or an
endpoint took longer than its deadline by more than GRACE_S.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import pki  # noqa: E402 - found by the line above
from bench.listener_load import Client, Listener, Sender, make_senders  # noqa: E402
from tests.authority import Authority, chain_pem  # noqa: E402

TOGETHER = 64
HOLD_S = 3.0
TIMEOUT_S = 10.0
GRACE_S = 2.0
HEALTHY_PORT, HOSTILE_PORT = 12525, 12526
_ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: a reset, nothing else


def reset(writer: asyncio.StreamWriter) -> None:
    """Close without a goodbye."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    writer.transport.abort()


# Senders that misbehave.


async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A command byte by byte, never ended."""
    for byte in b"EHLO slow":
        writer.write(bytes((byte,)))
        await asyncio.sleep(HOLD_S / 9)
    writer.close()


async def half_open(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Nothing at all, then a reset."""
    await asyncio.sleep(HOLD_S)
    reset(writer)


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes of no protocol."""
    writer.write(os.urandom(20_000))
    await reader.read()
    writer.close()


async def oversized(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A line without an end."""
    writer.write(b"A" * 200_000)
    await reader.read()
    writer.close()


async def abort_in_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A handshake that ends in its first record."""
    client = Client(reader, writer)
    await client.hear()
    await client.say("EHLO abort")
    await client.say("STARTTLS")
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00")
    reset(writer)


SENDERS = (slow, half_open, garbage, oversized, abort_in_tls)


async def sending(listener: Listener, senders: list[Sender], count: int) -> Counter[str]:
    """`count` sessions, TOGETHER at once, every twentieth hostile; what became of them."""
    numbers, seen = iter(range(count)), Counter[str]()

    async def work() -> None:
        for number in numbers:
            await one(number)
            if sum(seen.values()) % 2000 == 0:
                show(listener, sum(seen.values()))

    async def one(number: int) -> None:
        address = f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"
        streams = await asyncio.open_connection("127.0.0.1", listener.port, local_addr=(address, 0))
        if number % 20 == 0:
            with suppress(OSError):
                await SENDERS[number // 20 % len(SENDERS)](*streams)
            seen["hostile"] += 1
            return
        sender, told = senders[number % len(senders)], ""
        with suppress(OSError, AssertionError):
            client = Client(*streams)
            await client.start_tls(sender)
            told = await client.offer(sender)
        seen["healthy, served" if told == sender.told else f"healthy, told {told!r}"] += 1

    await asyncio.gather(*(work() for _ in range(TOGETHER)))
    return seen


def show(listener: Listener, done: int) -> None:
    """Memory and descriptors of the listener now."""
    process = Path(f"/proc/{listener.process.pid}")
    kib = int((process / "status").read_text().partition("VmRSS:")[2].split()[0])
    descriptors = len(list((process / "fd").iterdir()))
    print(f"| {done:,} | {kib / 1024:.1f} | {descriptors} |", flush=True)


def listen(folder: Path, count: int) -> bool:
    """The listener's soak; whether all went well."""
    authority = Authority(now=datetime.now(UTC).replace(microsecond=0), name="soak")
    root = authority.root()
    ca = authority.intermediate(root)
    own = authority.leaf(ca, "listener.contoso.test")
    (folder / "own.pem").write_text(own.key_pem + chain_pem(own, ca))
    (folder / "root.pem").write_text(root.pem)
    senders = make_senders(authority, ca, 100, folder, same=False)
    listener = Listener(folder, folder / "own.pem", folder / "root.pem", 502)
    print("| sessions | memory, MiB | descriptors |\n|---|---|---|")
    show(listener, 0)
    started = time.monotonic()
    seen = asyncio.run(sending(listener, senders, count))
    seconds, cpu = time.monotonic() - started, listener.cpu_seconds()
    time.sleep(GRACE_S * 2)
    show(listener, count)
    reported = Counter(json.loads(line)["host"] for line in listener.wait_for(0))
    missing = seen["healthy, served"] - sum(reported[sender.name] for sender in senders)
    code = listener.stop()
    print(f"{dict(seen)}, {missing} without a report, {seconds:.0f} s, {cpu:.0f} s of CPU, exit code {code}")
    return not missing and seen["healthy, served"] + seen["hostile"] == count


# Servers that misbehave.


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Never a word."""
    await reader.read()


async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A greeting that goes on for ever, a byte at a time."""
    writer.write(b"220-")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.3)


async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A greeting without an end, as fast as it is read."""
    while True:
        writer.write(b"220-mail.contoso.test\r\n" * 500)
        await writer.drain()


async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes of no protocol."""
    writer.write(os.urandom(20_000) + b"\r\n")
    await reader.read()


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A reset after the first command."""
    writer.write(b"220 mail.contoso.test ESMTP\r\n")
    await reader.readline()
    reset(writer)


SERVERS: tuple[Callable[..., Awaitable[None]], ...] = (silent, trickle, flood, noise, cut)


async def misbehave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What the address that was called does."""
    last = int(writer.get_extra_info("sockname")[0].rpartition(".")[2])
    with suppress(OSError, asyncio.CancelledError):
        await SERVERS[last % len(SERVERS)](reader, writer)
    writer.transport.abort()


async def checking(folder: Path, targets: Path) -> int:
    """Serve the hostile ones while the command checks them all; its exit code."""
    command = ["check", f"@{targets}", "--stand-in", str(folder / "root.pem"), "--timeout", str(TIMEOUT_S)]
    output = ["--format", "jsonl", "--output", str(folder / "report.jsonl")]
    async with await asyncio.start_server(misbehave, "0.0.0.0", HOSTILE_PORT, backlog=4096):  # noqa: S104 - all of 127/8
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "probe", *command, *output, cwd=ROOT
        )
        return await process.wait()


def check(folder: Path, count: int) -> bool:
    """The soak of `check`; whether all went well."""
    leaves = pki.write_many(folder, "mail.contoso.test", "ec-p256", 20)
    spread = [f"127.20.{n // 250}.{1 + n % 250}:{HEALTHY_PORT}" for n in range(count)]
    spread[::10] = [f"127.21.{n // 250}.{1 + n % 250}:{HOSTILE_PORT}" for n in range(len(spread[::10]))]
    hostile = {each for each in spread if each.endswith(str(HOSTILE_PORT))}
    (folder / "targets").write_text("\n".join(spread))
    files = [str(folder / f"leaf-{number}.pem") for number in range(len(leaves))]
    where = ["--address", "0.0.0.0", "--port", str(HEALTHY_PORT), "--pem", *files]  # noqa: S104
    serving = [sys.executable, str(ROOT / "bench" / "server.py"), *where]
    with subprocess.Popen(serving, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        started = time.monotonic()
        code = asyncio.run(checking(folder, folder / "targets"))
        seconds = time.monotonic() - started
        server.terminate()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    healthy = [each for each in lines if f"{each['address']}:{each['port']}" not in hostile]
    bad = [each for each in lines if f"{each['address']}:{each['port']}" in hostile]
    served = sum(each["outcome"] != "unknown" and bool(each["presented_chain"]) for each in healthy)
    longest = {
        name: max(each["elapsed_ms"] for each in some) / 1000
        for name, some in (("healthy", healthy), ("hostile", bad))
    }
    errors = Counter((each["error"] or {}).get("phase", "none") for each in bad)
    print(
        f"{served} of {count - len(hostile)} healthy and {len(bad)} of {len(hostile)} hostile endpoints reported"
    )
    print(f"longest: {longest} s at a deadline of {TIMEOUT_S:g} s; the hostile ones failed at {dict(errors)}")
    print(f"{seconds:.1f} s, peak {used.ru_maxrss / 1024:.0f} MiB, exit code {code}")
    on_time = max(longest.values()) <= TIMEOUT_S + GRACE_S
    return served == count - len(hostile) and len(lines) == count and on_time


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("listen", "check"))
    parser.add_argument("--count", type=int)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, most), most))
    soak, usual = (listen, 20_000) if options.what == "listen" else (check, 2000)
    with tempfile.TemporaryDirectory() as name:
        sys.exit(not soak(Path(name), options.count or usual))


if __name__ == "__main__":
    main()
