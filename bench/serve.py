"""`python bench/serve.py EXPORTER [--rounds 10]`: `eop-probe serve` beside blackbox_exporter.

Both probe the same synthetic servers with STARTTLS, warm (each target was scraped before, as Prometheus does), in turn:
rounds of scrapes of one, then of the other. What counts is the processor time of the whole process for a scrape (all
threads, the kernel's own account), and the wall time of one at a round trip of 50 ms. Every answer is read: it has to
tell when the certificate expires. The peer verifies with one list of roots, we judge by three. Needs root, for the
network namespaces; `eop-probe` is the one beside this Python. Debian's exporter:
`apt-get install prometheus-blackbox-exporter`.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import peers
import pki
import places
from fleet import PORT, RTT_S, addresses
from latency import SERVER, inside
from measure import spread

SCRAPES = 50
"""Those of one round: 500 in ten."""
CLIENT_CORE = "0"
OURS, THEIRS = 9825, 9115
MODULE = """modules:
  smtp:
    prober: tcp
    timeout: 30s
    tcp:
      preferred_ip_protocol: ip4
      query_response:
        - expect: "^220 "
        - send: "EHLO probe.test\\r"
        - expect: "^250-STARTTLS"
        - send: "STARTTLS\\r"
        - expect: "^220"
        - starttls: true
      tls_config: {{ca_file: {roots}, server_name: {host}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """One that answers scrapes, on its own connection."""

    process: subprocess.Popen[str]
    connection: http.client.HTTPConnection
    query: str

    def scrape(self, target: str) -> float:
        """Seconds for one."""
        began = time.perf_counter()
        self.connection.request("GET", f"/probe?target={target}{self.query}")
        answer = self.connection.getresponse().read()
        seconds = time.perf_counter() - began
        assert b"\nprobe_ssl_earliest_cert_expiry " in answer, answer.decode()
        return seconds

    def cpu(self) -> float:
        """Seconds of processor time so far, of every thread."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9


@contextlib.contextmanager
def exporter(argv: Sequence[str], port: int, query: str) -> Iterator[Exporter]:
    """One that has answered, on the clients' core."""
    with subprocess.Popen(
        ["taskset", "-c", CLIENT_CORE, *argv], stderr=subprocess.DEVNULL, text=True
    ) as process:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            while True:
                with contextlib.suppress(OSError):
                    connection.connect()
                    break
                time.sleep(0.1)
            yield Exporter(process=process, connection=connection, query=query)
        finally:
            connection.close()
            process.terminate()


@contextlib.contextmanager
def both(folder: Path, peer: str) -> Iterator[tuple[Exporter, Exporter]]:
    """Ours and the peer."""
    module = folder / "blackbox.yml"
    module.write_text(MODULE.format(roots=folder / "roots.pem", host=peers.HOST))
    stores = ("--store", "microsoft", "--store", "mozilla", "--store", str(folder / "root.pem"))
    ours = (
        str(Path(sys.executable).with_name("eop-probe")),
        "serve",
        "--allow-any-target",
        "--allow-private",
        *stores,
    )
    theirs = (peer, f"--config.file={module}", f"--web.listen-address=127.0.0.1:{THEIRS}")
    with exporter(ours, OURS, "") as first, exporter(theirs, THEIRS, "&module=smtp") as second:
        yield first, second


def cpu(pair: tuple[Exporter, Exporter], rounds: int) -> list[tuple[float, float]]:
    """Milliseconds of processor time for a scrape, round by round."""
    targets = [f"{address}:{PORT}" for address in addresses(SCRAPES * 4)]
    for one in pair:
        one.connection.close()  # the other's turn took longer than a connection is kept
        for target in targets:
            one.scrape(target)
    found = []
    for number in range(rounds):
        measured = []
        for one in pair:
            one.connection.close()
            before = one.cpu()
            for scrape in range(SCRAPES):
                one.scrape(targets[(number * SCRAPES + scrape) % len(targets)])
            measured.append((one.cpu() - before) / SCRAPES * 1e3)
        found.append((measured[0], measured[1]))
    return found


def wall(pair: tuple[Exporter, Exporter], count: int) -> list[tuple[float, float]]:
    """Milliseconds of a scrape over a slow line, in turn."""
    found = [
        (pair[0].scrape(f"{SERVER}:{PORT}") * 1e3, pair[1].scrape(f"{SERVER}:{PORT}") * 1e3)
        for _ in range(count)
    ]
    return found[1:]


def row(what: str, found: list[tuple[float, float]], target: str, digits: int) -> None:
    """One line of the table."""
    ours, theirs = ([pair[index] for pair in found] for index in (0, 1))
    ratios = spread([one / other for one, other in found], digits=2)
    cells = (spread(ours, " ms", digits=digits), spread(theirs, " ms", digits=digits), ratios, target)
    print(f"| {what} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="eop-probe serve beside blackbox_exporter.")
    parser.add_argument("peer", help="the exporter's program")
    parser.add_argument("--rounds", type=int, default=10, help=f"of {SCRAPES} scrapes each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eop-probe-serve-") as name:
        folder = Path(name)
        pki.write_many(folder, peers.HOST, "rsa-2048", 1)
        print(
            "| a warm scrape | eop-probe serve | blackbox_exporter | ratio | target |\n|---|---|---|---|---|"
        )
        with places.synthetic_everywhere(folder, 1, 0.0) as namespace:
            with inside(namespace), both(folder, arguments.peer) as pair:
                row("processor time", cpu(pair, arguments.rounds), "≤ 0.35", 2)
            with places.line(namespace, folder / "seen", RTT_S / 2) as client, inside(client):
                subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
                with both(folder, arguments.peer) as pair:
                    row("wall at 50 ms", wall(pair, 2 * arguments.rounds + 1), "≤ 1.05", 0)


if __name__ == "__main__":
    main()
