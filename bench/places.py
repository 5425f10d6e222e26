"""Where the servers run: a synthetic one on loopback, a real Postfix in a container without a network."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from latency import inside

HERE = Path(__file__).resolve().parent
LAB_IMAGE = "eop-probe-lab"
SYNTHETIC_ADDRESS, SYNTHETIC_PORT = "127.1.0.1", 2525
START_SECONDS = 30.0
SERVER_CORE = "1"


@contextlib.contextmanager
def background(*argv: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has said "ready", ended in the end."""
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{argv[1]} did not start")
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def synthetic(pem: Path, address: str = SYNTHETIC_ADDRESS) -> Iterator[None]:
    """The synthetic server, on loopback or at another address of this name space."""
    pinned = ("taskset", "-c", SERVER_CORE, sys.executable, str(HERE / "server.py"))
    where = ("--address", address, "--port", str(SYNTHETIC_PORT))
    with background(*pinned, "--pem", str(pem), *where):
        yield


@contextlib.contextmanager
def synthetic_everywhere(folder: Path, leaves: int, delay: float) -> Iterator[Path]:
    """The synthetic server on every address of a network namespace of its own; yields the namespace's path."""
    with own_namespace() as namespace, inside(namespace):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        Path("/proc/sys/net/core/somaxconn").write_text("4096")
        pinned = ("taskset", "-c", SERVER_CORE, sys.executable, str(HERE / "server.py"))
        where = ("--address", "0.0.0.0", "--port", "25", "--delay", str(delay))  # noqa: S104 - nobody else is in there
        with background(*pinned, *where, "--pem", *(str(folder / f"leaf-{n}.pem") for n in range(leaves))):
            yield namespace


@contextlib.contextmanager
def own_namespace() -> Iterator[Path]:
    """A new network namespace, as long as it is needed."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    path = Path(f"/proc/{holder.pid}/ns/net")
    try:
        while path.readlink() == Path("/proc/self/ns/net").readlink():
            time.sleep(0.01)
        yield path
    finally:
        holder.kill()
        holder.wait()


@contextlib.contextmanager
def postfix(folder: Path) -> Iterator[Path]:
    """A real Postfix in a container that has no network but its own loopback; yields that name space's path."""
    certificate = ("-v", f"{folder}/server.pem:/certificates/server.pem:ro")
    chain = ("-e", "POSTCONF_smtpd_tls_chain_files=/certificates/server.pem")
    # Above the rate at which Postfix slows a client down, which benches exceed.
    unlimited = ("-e", "POSTCONF_smtpd_client_connection_rate_limit=0", "--ulimit", "nofile=4096")
    isolated = ("--network", "none", "--cpuset-cpus", SERVER_CORE)
    container = _docker("run", "-d", "--rm", *isolated, *certificate, *chain, *unlimited, LAB_IMAGE)
    try:
        pid = _docker("inspect", "-f", "{{.State.Pid}}", container)
        # As important as this process: what it starts from now on, which is what answers, inherits that.
        os.setpriority(os.PRIO_PROCESS, int(pid), os.getpriority(os.PRIO_PROCESS, 0))
        namespace = Path(f"/proc/{pid}/ns/net")
        with inside(namespace):
            _await_greeting("127.0.0.1", 25)
        yield namespace
    finally:
        _docker("kill", container)


@contextlib.contextmanager
def line(server: Path, seen: Path, delay: float) -> Iterator[Path]:
    """A slow line from a new name space to the server's; yields the new one's path."""
    with own_namespace() as client:
        program = (sys.executable, str(HERE / "latency.py"), str(client), str(server), str(seen))
        with background("taskset", "-c", SERVER_CORE, *program, "--delay", str(delay)):
            yield client


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"docker {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def _await_greeting(address: str, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection((address, port), timeout=5) as connection:
                if connection.recv(4) == b"220 ":
                    return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"{address}:{port} does not greet")
        time.sleep(0.2)
