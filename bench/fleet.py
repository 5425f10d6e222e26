"""`python bench/fleet.py [--base BIN/eop-probe] [NAME...]`: many endpoints at once, beside the peers.

A server with a certificate for every address runs in a network namespace of its own (root), on one core, the
clients on the other. Every run's answers are read: each target has to show its own leaf, or the run is void.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import operator
import os
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import peers
import pki
import places
from latency import DEVICE, inside
from measure import Command, Pairs, Run, pairs, run, spread
from product import install
from server import leaf_of

NEAR, FAR = ("127.1.0.1", 20_000), ("10.78.0.1", 256)
"""The first target and the number of /24s from there on, one address in each before any has two: it is not the
rate per network that is measured."""
PORT = 25
LEAVES, TARGETS = 500, 250
START = 2
"""Targets of the run whose time counts as the start: with several the event loop is loaded, with one it is not."""
CLIENT_CORE = 0
RTT_S = 0.050
WALL: Callable[[Run], float] = operator.attrgetter("wall")
CPU: Callable[[Run], float] = operator.attrgetter("cpu")


def addresses(count: int, place: tuple[str, int] = NEAR) -> list[str]:
    """The first `count` targets."""
    first, networks = ipaddress.ip_address(place[0]), place[1]
    return [str(first + n % networks * 256 + n // networks) for n in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all rows share."""

    scratch: Path
    leaves: list[str]  # SHA-256 of each leaf, in hex
    sha1: list[str]
    ours: str
    base: str | None
    uvloop: str
    count: int
    namespace: Path

    def targets(self, count: int, place: tuple[str, int] = NEAR) -> Path:
        """The file of so many targets."""
        file = self.scratch / f"{place[0]}-{count}.targets"
        file.write_text("".join(f"{each}:{PORT}\n" for each in addresses(count, place)))
        return file

    def check(self, program: str, count: int, *, leaves: int) -> Command:
        """`check` of so many targets by three lists, as both builds can; the server shows `leaves` different leaves."""
        named = (f"{each}:{PORT}" for each in addresses(count))  # the build before knows no @FILE
        argv = (program, "check", *named, *self.stores, "--format", "jsonl")
        answers = partial(self.complaint, addresses(count), leaves)
        return Command(name=f"{program} {count}", argv=argv, exit_codes=(2,), answers=answers)

    def fleet(
        self, count: int, *more: str, place: tuple[str, int] = NEAR, leaves: int = LEAVES, program: str = ""
    ) -> Command:
        """`fleet run` of so many targets from standard input, as fast as they answer."""
        rate = ("--rate", "10000", "--format", "jsonl")
        return Command(
            name=f"fleet run, {count}",
            argv=(program or self.ours, "fleet", "run", "-", *self.stores, *rate, *more),
            exit_codes=(2,),
            reads=self.targets(count, place),
            answers=partial(self.complaint, addresses(count, place), leaves),
        )

    def shards(self, count: int) -> Command:
        """The same by two processes at once, each with its half."""
        one = shlex.join(self.fleet(count).argv).replace(" - ", f" @{self.targets(count)} ")
        half = self.scratch / "half.jsonl"
        line = f"{one} --shard 1/2 >{half} & {one} --shard 2/2; wait; cat {half}"
        answers = partial(self.complaint, addresses(count), LEAVES)
        return Command(name="two shards", argv=("sh", "-c", line), answers=answers)

    @property
    def stores(self) -> tuple[str, ...]:
        """Microsoft's list, Mozilla's, and the bench's own root, so that the whole path is built and verified."""
        return ("--store", "microsoft", "--store", "mozilla", "--store", str(self.scratch / "root.pem"))

    def complaint(self, wanted: Sequence[str], leaves: int, output: str) -> str | None:
        """Why a run's answers do not count: every target once, with the leaf that its address shows."""
        found: dict[str, object] = {}
        for line in output.splitlines():
            if line.startswith("{"):
                one = json.loads(line)
                found[one["address"]] = next(
                    (each["sha256"] for each in one["presented_chain"]), one["error"]
                )
        wrong = [each for each in wanted if found.get(each) != self.leaves[leaf_of(each, leaves)]]
        return (
            f"{len(wrong)} of {len(wanted)} not shown, as {wrong[0]}: {found.get(wrong[0])}"
            if wrong
            else None
        )


def against_base(
    setting: Setting, what: str, ours: Callable[[int], Command], leaves: int, target: float
) -> None:
    """Processor time of each of 250 targets, less that of a run with two, in this build and the one before."""
    if setting.base is None:
        print(f"| {what} | the build before | no --base | | | | |")
        return
    theirs = partial(setting.check, setting.base, leaves=leaves)
    starts = pairs(ours(START), theirs(START), setting.count)
    found = pairs(ours(TARGETS), theirs(TARGETS), setting.count)
    costs = [
        [(cpu - statistics.median(starts.values(n, CPU))) / (TARGETS - START) for cpu in found.values(n, CPU)]
        for n in (0, 1)
    ]
    ratios = [one / other for one, other in zip(*costs, strict=True)]
    shown = [spread(each, " ms", scale=1000, digits=2) for each in costs]
    print(row(what, "the build before", *shown, ratios, target))


def row(what: str, peer: str, ours: str, theirs: str, ratios: Sequence[float], target: float) -> str:
    """A line of the table."""
    middle = statistics.median(ratios)
    ratio = f"**{middle:.3f}** ({min(ratios):.3f} to {max(ratios):.3f})"
    good = "held" if middle <= target else "**missed**"
    return f"| {what} | {peer} | {ours} | {theirs} | {ratio} | ≤ {target:g} | {good} |"


def against(what: str, found: Pairs, targets: dict[str, float]) -> None:
    """Whole processes: wall, and processor time where it has a target."""
    for name, target in targets.items():
        value = CPU if name == "CPU" else WALL
        shown = [spread(found.values(n, value), " s", digits=2) for n in (0, 1)]
        print(row(f"{what}, {name}", found.second.name, *shown, found.ratios(value), target))


def xargs_openssl(setting: Setting, count: int) -> Command:
    """What is done without a tool: a process for each target, four at a time."""
    store = f"-CAfile {setting.scratch / 'roots.pem'}"
    one = f"openssl s_client -connect {{}} -starttls smtp -showcerts {store} </dev/null 2>/dev/null"
    line = f"xargs -P4 -I{{}} sh -c '{one}' < {setting.targets(count)} | grep -c '^Verification: OK'"
    return Command(name="xargs -P4 openssl", argv=("sh", "-c", line), says=(rf"^{count}\n",))


def sslyze(setting: Setting, count: int, binary: str) -> Command:
    """The peer that asks many at once; the answers of some of its targets are looked at."""
    store = ("--certinfo", "--certinfo_ca_file", str(setting.scratch / "roots.pem"), "--starttls", "smtp")
    argv = (binary, *store, f"--targets_in={setting.targets(count)}")
    says = tuple(setting.sha1[leaf_of(each, LEAVES)] for each in addresses(count)[::50])
    return Command(name="sslyze", argv=argv, exit_codes=(0, 1), says=says)


def by_processor(setting: Setting, what: str, leaves: int, targets: tuple[float, float]) -> None:
    """With either loop, by `check` as by `fleet run`; the build before has `check` alone."""
    for loop, program, target in zip(("", ", uvloop"), (setting.ours, setting.uvloop), targets, strict=True):
        checked = partial(setting.check, program, leaves=leaves)
        against_base(setting, f"CPU per target, {what}{loop}", checked, leaves, target)
        fleet = partial(setting.fleet, leaves=leaves, program=program)
        against_base(setting, f"the same by `fleet run`{loop}", fleet, leaves, target)


def new_chains(setting: Setting) -> None:
    """A leaf of its own for every target."""
    by_processor(setting, "new chains", LEAVES, (0.38, 0.33))


def seen_chains(setting: Setting) -> None:
    """One leaf for all."""
    by_processor(setting, "chain seen before", 1, (0.31, 0.27))


def two_shards(setting: Setting) -> None:
    """Two processes on both cores, the second of which is the server's too, against one."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        against(
            "2,000 targets, two shards", pairs(setting.shards(2_000), setting.fleet(2_000), 3), {"wall": 0.6}
        )
    finally:
        os.sched_setaffinity(0, {CLIENT_CORE})


def many(setting: Setting) -> None:
    """20,000 live targets, every answer looked at."""
    done = run(setting.fleet(20_000))
    print(
        f"| 20,000 targets, c = 100 | every one right | {done.wall:.0f} s | peak {done.peak / 1024:.0f} MiB | | | |"
    )


def against_openssl(setting: Setting) -> None:
    """500 targets against the shell's way."""
    found = pairs(setting.check(setting.ours, 500, leaves=LEAVES), xargs_openssl(setting, 500), 3)
    against("500 targets", found, {"wall": 0.06})


def against_sslyze(setting: Setting) -> None:
    """300 targets against sslyze."""
    binary = shutil.which(os.environ.get("EOP_PROBE_BENCH_SSLYZE", "sslyze"))
    if binary is None:
        print("| 300 targets | sslyze | not installed | | | | |")
        return
    found = pairs(setting.check(setting.ours, 300, leaves=LEAVES), sslyze(setting, 300, binary), 3)
    against("300 targets", found, {"wall": 0.06, "CPU": 0.15})


def slow_greeters(setting: Setting) -> None:
    """1,000 endpoints that greet after six seconds, all open at once."""
    walls = [run(setting.fleet(1_000, "--concurrency", "1000")).wall for _ in range(3)]
    shown = spread(walls, " s", digits=2)
    print(row("1,000 that greet after 6 s, c = 1000", "6 s", shown, "6 s", [each / 6 for each in walls], 1.3))


def memory(setting: Setting) -> None:
    """The peak does not grow with the number of targets."""
    few, many = (run(setting.fleet(count, "--concurrency", "200")) for count in (1_000, 100_000))
    shown = [f"{each.peak / 1024:.0f} MiB" for each in (many, few)]
    print(row("peak, 100,000 targets, c = 200", "1,000 targets", *shown, [many.peak / few.peak], 1.15))
    print(f"100,000 targets: {many.wall:.0f} s, {many.cpu:.0f} s of processor time", file=sys.stderr)


def far_away(setting: Setting) -> None:
    """What a round trip of 50 ms leaves of the bound: c connections in five round trips."""
    with places.line(setting.namespace, setting.scratch / "connections", RTT_S / 2) as client:
        with inside(setting.namespace):
            subprocess.run(["ip", "route", "add", "local", "10.78.0.0/16", "dev", "lo"], check=True)
        with inside(client):
            subprocess.run(["ip", "route", "add", "10.78.0.0/16", "dev", DEVICE], check=True)
            start, *runs = (run(setting.fleet(count, place=FAR)) for count in (1, 2_000, 2_000, 2_000))
    bound = 100 / (5 * RTT_S)
    shares = [2_000 / (each.wall - start.wall) / bound for each in runs]
    shown = spread(shares, digits=2)
    good = "held" if statistics.median(shares) >= 0.9 else "**missed**"
    print(
        f"| 50 ms round trip, c = 100: share of c / (5 round trips) | {bound:.0f}/s | {shown} | | | ≥ 0.9 | {good} |"
    )


ROWS: dict[str, tuple[Callable[[Setting], None], int, float]] = {
    # name: what, how many leaves the server shows, seconds before its greeting
    "new": (new_chains, LEAVES, 0.0),
    "seen": (seen_chains, 1, 0.0),
    "openssl": (against_openssl, LEAVES, 0.0),
    "sslyze": (against_sslyze, LEAVES, 0.0),
    "shards": (two_shards, LEAVES, 0.0),
    "many": (many, LEAVES, 0.0),
    "slow": (slow_greeters, LEAVES, 6.0),
    "far": (far_away, LEAVES, 0.0),
    "memory": (memory, LEAVES, 0.0),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Many endpoints at once, beside the peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*ROWS, []], help=", ".join(ROWS))
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--base", help="the eop-probe of the build to compare with")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eop-probe-fleet-") as folder:
        scratch = Path(folder)
        leaves = pki.write_many(scratch, peers.HOST, "rsa-2048", LEAVES)
        plain, fast = (install(scratch / each, each) / "eop-probe" for each in ("", "fast"))
        os.sched_setaffinity(0, {CLIENT_CORE})
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        print("| what | against | eop-probe | the other | ratio | target | |\n|---|---|---|---|---|---|---|")
        for name in arguments.names or ROWS:
            measure, shown, delay = ROWS[name]
            with places.synthetic_everywhere(scratch, shown, delay) as namespace, inside(namespace):
                measure(
                    Setting(
                        scratch=scratch,
                        sha1=[each.sha1 for each in leaves],
                        leaves=[each.sha256 for each in leaves],
                        ours=str(plain),
                        base=arguments.base,
                        uvloop=str(fast),
                        count=arguments.pairs,
                        namespace=namespace,
                    )
                )


if __name__ == "__main__":
    main()
