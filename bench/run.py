"""`python bench/run.py [--pairs N] [NAME...]`: ratios of the product to its peers, with target and verdict.

A benchmark: it prints, it never fails for being slow. See bench/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import peers
import pki
import places
from latency import SERVER, inside
from measure import Command, Pairs, VoidError, pairs, run, spread
from peers import Endpoint
from product import install

RTT_S = 0.050
CLIENT_CORE = 0
HIGH_PRIORITY = -15
"""For clients and servers alike, on a machine that others work on at the same time."""
SSLYZE_VARIABLE = "EOP_PROBE_BENCH_SSLYZE"
KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One row: a name to ask for it by, the peer, what is compared, and the ratio to hold (None: for information)."""

    name: str
    place: str  # postfix, synthetic, slow, far, none
    peer: str
    target: float | None = None
    strictly: bool = False  # below the target, not at it
    title: str = ""


BENCHES = (
    Bench(name="cold-openssl", place="postfix", peer="openssl", target=5.5),
    Bench(name="cold-sslyze", place="postfix", peer="sslyze", target=0.35),
    Bench(name="cold-nmap", place="postfix", peer="nmap", target=0.8),
    Bench(name="cold-posttls-finger", place="postfix", peer="posttls_finger"),
    Bench(name="cold-gnutls", place="postfix", peer="gnutls"),
    Bench(name="cold-swaks", place="postfix", peer="swaks"),
    Bench(name="synthetic-openssl", place="synthetic", peer="openssl", target=5.5),
    Bench(name="rtt-synthetic", place="far", peer="openssl", target=1.1),
    Bench(name="rtt-openssl", place="slow", peer="openssl", target=1.1),
    Bench(name="rtt-posttls-finger", place="slow", peer="posttls_finger", target=1.0, strictly=True),
    Bench(name="help", place="none", peer="pass", target=8.0, title="`eop-probe --help`"),
    Bench(name="check-help", place="none", peer="pass", target=8.0, title="`eop-probe check --help`"),
)

PLACES = {
    "postfix": "Postfix, loopback",
    "synthetic": "synthetic server, loopback",
    "far": f"synthetic server, {RTT_S * 1000:.0f} ms round trip",
    "slow": f"Postfix, {RTT_S * 1000:.0f} ms round trip",
    "none": "start-up",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all benches share."""

    scratch: Path
    programs: Path
    leaf: bytes
    count: int
    sslyze: str

    def endpoint(self, address: str, port: int) -> Endpoint:
        roots = {"root": self.scratch / "root.pem", "roots": self.scratch / "roots.pem"}
        return Endpoint(address=address, port=port, leaf=self.leaf, scratch=self.scratch, **roots)

    def peer(self, name: str, endpoint: Endpoint) -> Command:
        makers: dict[str, Callable[[Endpoint], Command]] = {
            "openssl": peers.openssl,
            "posttls_finger": peers.posttls_finger,
            "gnutls": peers.gnutls,
            "swaks": peers.swaks,
            "nmap": peers.nmap,
            "sslyze": lambda where: peers.sslyze(where, self.sslyze),
        }
        return makers[name](endpoint)


def measure(benches: Sequence[Bench], setting: Setting, endpoint: Endpoint) -> None:
    """Run the benches of one place and print their rows."""
    ours = peers.product(endpoint, setting.programs / "eop-probe")
    peaks: list[int] = []
    for bench in benches:
        peer = setting.peer(bench.peer, endpoint)
        if not peers.is_there(peer):
            print(row(bench, f"{peer.name}", "not installed", "", "", ""))
            continue
        found = attempt(bench, ours, peer, setting.count)
        peaks += [each[0].peak for each in found.runs] if found else []
    if peaks:
        peak = max(peaks) / KIB_PER_MIB
        print(
            f"| {PLACES[benches[0].place]} | peak memory of one check | {peak:.0f} MiB | | | ≤ 50 MiB "
            f"| {verdict(peak <= 50)} |"
        )


def attempt(bench: Bench, ours: Command, peer: Command, count: int) -> Pairs | None:
    """Measure one row and print it, also when the peer cannot be measured."""
    try:
        found = pairs(ours, peer, count)
    except VoidError as error:
        print(row(bench, peer.name, "void", "", "", ""))
        print(f"{bench.name}: {error}", file=sys.stderr)
        return None
    print(result(bench, found))
    return found


def result(bench: Bench, found: Pairs) -> str:
    """The row of a measured bench."""
    ratios = found.ratios(lambda each: each.wall)
    middle = statistics.median(ratios)
    cpu = statistics.median(found.ratios(lambda each: each.cpu))
    times = [spread(found.values(n, lambda each: each.wall), " ms", scale=1000) for n in (0, 1)]
    void = f", {found.void} void" if found.void else ""
    good = (
        None
        if bench.target is None
        else middle < bench.target or (middle == bench.target and not bench.strictly)
    )
    ratio = f"**{middle:.2f}** ({min(ratios):.2f} to {max(ratios):.2f}); processor time {cpu:.2f}{void}"
    return row(bench, found.second.name, times[0], times[1], ratio, verdict(good))


def row(bench: Bench, peer: str, ours: str, theirs: str, ratio: str, word: str) -> str:
    """A line of the table."""
    what = bench.title or PLACES[bench.place]
    sign = "<" if bench.strictly else "≤"
    target = "" if bench.target is None else f"{sign} {bench.target:g}"
    return f"| {what} | {peer} | {ours} | {theirs} | {ratio} | {target} | {word} |"


def verdict(good: bool | None) -> str:  # noqa: FBT001 - a word for a truth value
    """What the last column says."""
    return "" if good is None else "held" if good else "**missed**"


def round_trips(setting: Setting, endpoint: Endpoint, connections: Path) -> str:
    """The product's round trips on the slow line, and how long they take from its first packet to its last word."""
    before = len(connections.read_text().splitlines())
    ours = peers.product(endpoint, setting.programs / "eop-probe")
    for _ in range(setting.count):
        run(ours)
    lines = [each.split() for each in connections.read_text().splitlines()[before:]]
    took = spread([float(seconds) for seconds, _ in lines], " ms", scale=1000)
    trips = {int(count) for _, count in lines}
    found = ", ".join(map(str, sorted(trips)))
    held = trips == {5} and len(lines) == setting.count
    return f"| {PLACES['slow']} | on the wire | {took} | | **{found}** round trips | 5 | {verdict(held)} |"


def on_postfix(benches: Sequence[Bench], setting: Setting) -> None:
    """The benches against a real Postfix, near and far."""
    with places.postfix(setting.scratch) as namespace:
        if near := [each for each in benches if each.place == "postfix"]:
            with inside(namespace):
                measure(near, setting, setting.endpoint("127.0.0.1", 25))
        if far := [each for each in benches if each.place == "slow"]:
            seen = setting.scratch / "connections"
            with places.line(namespace, seen, RTT_S / 2) as client, inside(client):
                endpoint = setting.endpoint(SERVER, 25)
                measure(far, setting, endpoint)
                print(round_trips(setting, endpoint, seen))


def on_synthetic(benches: Sequence[Bench], setting: Setting) -> None:
    """The benches against the synthetic server, near and far."""
    pem, port = setting.scratch / "server.pem", places.SYNTHETIC_PORT
    if near := [each for each in benches if each.place == "synthetic"]:
        with places.synthetic(pem):
            measure(near, setting, setting.endpoint(places.SYNTHETIC_ADDRESS, port))
    if far := [each for each in benches if each.place == "far"]:
        with places.own_namespace() as server, contextlib.ExitStack() as held:
            with inside(server):
                held.enter_context(places.synthetic(pem, "0.0.0.0"))  # noqa: S104 - nobody else is in there
            client = held.enter_context(places.line(server, setting.scratch / "far", RTT_S / 2))
            with inside(client):
                measure(far, setting, setting.endpoint(SERVER, port))


def on_nothing(benches: Sequence[Bench], setting: Setting) -> None:
    """Start-up alone, against a Python that does nothing."""
    for bench in benches:
        words = ("check", "--help") if bench.name == "check-help" else ("--help",)
        ours = Command(name="help", argv=(str(setting.programs / "eop-probe"), *words), says=("Usage",))
        nothing = Command(name="python -c pass", argv=(str(setting.programs / "python"), "-c", "pass"))
        attempt(bench, ours, nothing, setting.count)


@contextlib.contextmanager
def prepared(arguments: argparse.Namespace) -> Iterator[Setting]:
    """Certificates, the product in its own environment, and this process (with its children) on one core."""
    with tempfile.TemporaryDirectory(prefix="eop-probe-bench-") as folder:
        scratch = Path(folder)
        leaf = pki.write(scratch, peers.HOST, arguments.key)
        programs = arguments.programs or install(scratch)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {CLIENT_CORE})
        if arguments.priority:
            os.setpriority(os.PRIO_PROCESS, 0, HIGH_PRIORITY)
        sslyze = os.environ.get(SSLYZE_VARIABLE, "sslyze")
        yield Setting(scratch=scratch, programs=programs, leaf=leaf.der, count=arguments.pairs, sslyze=sslyze)


def heading(arguments: argparse.Namespace) -> str:
    """Machine, date and the table's head."""
    system = f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    load = f"load {os.getloadavg()[0]:.1f}"
    return (
        f"{datetime.now(UTC):%d %B %Y}; {system}; {load}; {arguments.key}; {arguments.pairs} pairs,"
        " medians (least to greatest)\n\n"
        "| where | against | eop-probe | the other | ratio, pair by pair | target | |\n|---|---|---|---|---|---|---|"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Ratios of eop-probe to its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(each.name for each in BENCHES))
    parser.add_argument("--pairs", type=int, default=11, help="pairs to a bench [11]")
    parser.add_argument("--key", default="rsa-2048", help="keys of the chain: rsa-2048 or ec-p256")
    parser.add_argument("--priority", action="store_true", help="run before other work; needs root")
    parser.add_argument(
        "--programs", type=Path, help="bin folder with an eop-probe that is installed already"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {each.name for each in BENCHES}:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    wanted = [each for each in BENCHES if not arguments.names or each.name in arguments.names]
    with prepared(arguments) as setting:
        print(heading(arguments))
        for stage, names in (
            (on_nothing, {"none"}),
            (on_synthetic, {"synthetic", "far"}),
            (on_postfix, {"postfix", "slow"}),
        ):
            if chosen := [each for each in wanted if each.place in names]:
                try:
                    stage(chosen, setting)
                except (RuntimeError, OSError) as error:
                    print(
                        f"{', '.join(each.name for each in chosen)}: not measured: {error}", file=sys.stderr
                    )


if __name__ == "__main__":
    main()
