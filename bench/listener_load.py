"""How many senders `eop-probe listen` carries at once: 500 sessions, none lost and none mixed up.

    .venv/bin/python bench/listener_load.py [--sessions 500] [--same] [--rounds 3]

Every sender has a certificate of its own (with --same all share one), and all of them are inside TLS before the
first one goes on: so many sessions are open at the same time. What the listener wrote is then compared, session by
session, with what each sender presented and was told. The CPU time is the listener's own: wall time on one machine
is shared with the load generator, which costs more than the listener does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.authority import Authority, Issued, chain_pem  # noqa: E402 - found by the line above

# Descriptors for the sessions of both sides, and what a process has besides.
FILES = 4096
PATIENCE_S = 120.0
NO_MAIL = "451 4.7.0 eop-probe listener: no mail is accepted here"
UNTRUSTED = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One sender: its name, what it presents, and what it has to be told."""

    name: str
    context: ssl.SSLContext
    sha1: tuple[str, ...]
    told: str

    @property
    def recipient(self) -> str:
        return f"to-{self.name}"


def make_senders(authority: Authority, ca: Issued, count: int, folder: Path, *, same: bool) -> list[Sender]:
    """Senders with complete chains; every third one leaves its intermediate out, and is refused for it."""
    senders = []
    file = folder / "sender.pem"
    for number in range(count):
        if not (same and number):
            leaf = authority.leaf(ca, f"sender{number}.contoso.test")
        whole = same or number % 3 != 0
        sent = (leaf, ca) if whole else (leaf,)
        file.write_text(leaf.key_pem + chain_pem(*sent))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(file)
        senders.append(
            Sender(
                name=f"sender{number}.contoso.test",
                context=context,
                sha1=tuple(each.sha1 for each in sent),
                told=NO_MAIL if whole else UNTRUSTED,
            )
        )
    return senders


class Client:
    """One session of a sender."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, command: str) -> str:
        self._writer.write(command.encode() + b"\r\n")
        return await self.hear()

    async def hear(self) -> str:
        while (line := await self._reader.readline())[3:4] == b"-":
            pass
        return line.decode().rstrip()

    async def start_tls(self, sender: Sender) -> None:
        await self.hear()
        await self.say(f"EHLO {sender.name}")
        assert (await self.say("STARTTLS")).startswith("220")
        await self._writer.start_tls(sender.context)
        await self.say(f"EHLO {sender.name}")

    async def offer(self, sender: Sender) -> str:
        await self.say(f"MAIL FROM:<from-{sender.name}@contoso.test>")
        reply = await self.say(f"RCPT TO:<{sender.recipient}@contoso.example>")
        if reply.startswith("250"):
            await self.say("DATA")
            reply = await self.say("Subject: load\r\n\r\nload\r\n.")
        await self.say("QUIT")
        self._writer.close()
        return reply


async def run_round(port: int, senders: list[Sender]) -> list[str]:
    """All senders at once; what each was told."""
    inside = asyncio.Barrier(len(senders))

    async def session(sender: Sender) -> str:
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        await client.start_tls(sender)
        await inside.wait()
        return await client.offer(sender)

    async with asyncio.timeout(PATIENCE_S):
        return list(await asyncio.gather(*map(session, senders)))


class Listener:
    """The command as a process; `output` has its lines."""

    def __init__(self, folder: Path, own: Path, root: Path, sessions: int) -> None:
        self.output = folder / "sessions.jsonl"
        self.log = (folder / "log").open("w+")
        command = [sys.executable, "-m", "probe", "listen", "--port", "0", "--format", "jsonl"]
        limits = ["--max-sessions", str(sessions + 10), "--max-per-address", str(sessions + 10)]
        files = ["--certificate", str(own), "--stand-in", str(root), "--output", str(self.output)]
        self.process = subprocess.Popen([*command, *limits, *files], cwd=ROOT, stderr=self.log)
        self.port = self._port()

    def _port(self) -> int:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            said = Path(self.log.name).read_text()
            if " as " in said:
                return int(said.partition(" as ")[0].rpartition(":")[2])
            time.sleep(0.05)
        raise SystemExit(f"the listener does not start: {Path(self.log.name).read_text()}")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def wait_for(self, lines: int) -> list[str]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = self.output.read_text().splitlines()
            if len(found) >= lines:
                return found
            time.sleep(0.05)
        return self.output.read_text().splitlines()

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        self.log.close()
        return code


def compare(senders: list[Sender], lines: list[str]) -> tuple[int, int]:
    """Sessions lost, and sessions whose report holds anything of another one."""
    found: dict[str, list[dict]] = {}
    for line in lines:
        assessment = json.loads(line)
        found.setdefault(assessment["host"], []).append(assessment)
    lost = sum(sender.name not in found for sender in senders)
    mixed = sum(not _fits(sender, one) for sender in senders for one in found.get(sender.name, ()))
    return lost, mixed


def _fits(sender: Sender, assessment: dict) -> bool:
    texts = " ".join(line["text"] for line in assessment["smtp"]["transcript"])
    others = texts.count("RCPT TO") - texts.count(f"RCPT TO:<{sender.recipient}@")
    told = any(line["text"] == sender.told for line in assessment["smtp"]["transcript"])
    sent = tuple(each["sha1"] for each in assessment["presented_chain"])
    return sent == sender.sha1 and told and not others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--same", action="store_true", help="one certificate for all")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most), most))
    with tempfile.TemporaryDirectory() as name:
        measure(Path(name), options.sessions, options.rounds, same=options.same)


def measure(folder: Path, count: int, rounds: int, *, same: bool) -> None:
    authority = Authority(now=datetime.now(UTC).replace(microsecond=0), name="load")
    root = authority.root()
    ca = authority.intermediate(root)
    own = authority.leaf(ca, "listener.contoso.test")
    (folder / "own.pem").write_text(own.key_pem + chain_pem(own, ca))
    (folder / "root.pem").write_text(root.pem)
    senders = make_senders(authority, ca, count, folder, same=same)
    listener = Listener(folder, folder / "own.pem", folder / "root.pem", count)
    idle = listener.peak_mib()
    cpu, wall = [], []
    for number in range(rounds):
        before, started = listener.cpu_seconds(), time.monotonic()
        told = asyncio.run(run_round(listener.port, senders))
        lines = listener.wait_for(count * (number + 1))
        wall.append(time.monotonic() - started)
        cpu.append(listener.cpu_seconds() - before)
        wrong = sum(said != sender.told for said, sender in zip(told, senders, strict=True))
        lost, mixed = compare(senders, lines[count * number :])
        print(
            f"round {number + 1}: {count} sessions at once, {lost} lost, {mixed} mixed up, {wrong} told wrongly"
        )
    peak = listener.peak_mib()
    code = listener.stop()
    spent = statistics.median(cpu)
    print(f"chains:         {'one for all' if same else 'a different one for each sender'}, P-256")
    print(
        f"listener's CPU: {spent / count * 1000:.2f} ms a session, {count / spent:.0f} sessions a second and core"
    )
    print(
        f"wall time:      {count / statistics.median(wall):.0f} sessions a second, the load generator included"
    )
    each = (peak - idle) / count * 1024
    print(f"memory:         {idle:.0f} MiB before, {peak:.0f} MiB at most, {each:.0f} KiB a session")
    print(f"exit code:      {code}")


if __name__ == "__main__":
    main()
