"""What one judgement costs without the network: chains judged by three lists, with verdict, forecast and JSON.

``python -m bench.judgement`` prints the microseconds of processor time per chain, part by part, of this build;
``--base PYTHON`` puts beside it an earlier build, installed in that interpreter's environment, and the ratio. *New*: a
leaf of its own for each host, one intermediate under all; *seen*: one chain for all hosts, as after the first of a run.
Each figure is the median over the hosts of one process, builds in turn; of the rounds the median, least and greatest.
"""

from __future__ import annotations

import argparse
import gc
import inspect
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

HOSTS, WARM_UP = 200, 20
NOW = datetime(2026, 11, 21, tzinfo=UTC)
PARTS = ("read", "judge", "assess", "JSON", "all")


def main() -> int:
    """Print the table; the ratio is taken pair by pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", help="the Python of an earlier build's environment")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--key", default="rsa-2048")
    parser.add_argument(
        "--trusted", action="store_true", help="the bench's root decides, so every rule is asked"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_chains(folder, options.key)
        print("| chain | part | µs |" + (" base, µs | ratio |" if options.base else ""))
        print("|---|---|---|" + ("---|---|" if options.base else ""))
        for kind in ("new", "seen"):
            pythons = [sys.executable, *([options.base] if options.base else [])]
            rounds = [
                [_measured(python, folder, kind, trusted=options.trusted) for python in pythons]
                for _ in range(options.rounds)
            ]
            for part in PARTS:
                _print_row(kind, part, [[each[part] for each in run] for run in rounds])
    return 0


def _write_chains(folder: Path, key: str) -> None:
    from tests.authority import Authority

    authority = Authority(now=NOW, name="bench")
    root = authority.root("CN=Bench Root CA,O=Bench", key=key)
    issuing = authority.intermediate(root, "CN=Bench Issuing CA,O=Bench", key=key)
    pair = authority.leaf(issuing, key=key).key
    leaves = [authority.leaf(issuing, f"m{number}.bench.test", key=pair) for number in range(HOSTS + WARM_UP)]
    (folder / "chains.json").write_text(json.dumps([[each.der.hex(), issuing.der.hex()] for each in leaves]))
    (folder / "root.pem").write_text(root.pem)


def _measured(python: str, folder: Path, kind: str, *, trusted: bool) -> dict[str, float]:
    command = (python, __file__, "--child", str(folder), kind, "at-risk" if trusted else "rejected")
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def _print_row(kind: str, part: str, runs: list[list[float]]) -> None:
    cells = [_spread([run[index] for run in runs], 0) for index in range(len(runs[0]))]
    if len(cells) == 2:
        cells.append(_spread([ours / theirs for ours, theirs in runs], 2))
    print(f"| {kind} | {part} | " + " | ".join(cells) + " |")


def _spread(values: list[float], digits: int) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _child(folder: Path, kind: str, outcome: str) -> None:
    """Judge the chains with whichever build this interpreter has, and print what each part took."""
    from probe import stores
    from probe.net.target import parse_target
    from probe.pki.chain import PresentedChain

    try:
        from probe import capture
        from probe.check import endpoints, judge, options
        from probe.render.report import json_v1
        from probe.report import assessment
    except ImportError:  # before the parts had folders of their own
        from probe import assessment, plan
        from probe import judgement as judge
        from probe.eop import evidence as capture
        from probe.render import json_v1

        endpoints = options = plan
    names = ["microsoft", "mozilla", str(folder / "root.pem")]
    lists = [stores.load(each) for each in (names if outcome == "rejected" else reversed(names))]
    asked = options.CheckOptions(stores=lambda: lists)
    chains = [
        [bytes.fromhex(each) for each in chain] for chain in json.loads((folder / "chains.json").read_text())
    ]
    smtp = capture.SmtpFacts(
        banner="220 bench ESMTP Postfix",
        ehlo=("250-bench", "250 STARTTLS"),
        starttls_offered=True,
        transcript=(),
    )
    tls = capture.TlsFacts(
        version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", group="X25519", client_certificate_requested=False
    )
    remembered, read = {}, {}
    if "memory" in inspect.signature(judge.judge_captures).parameters:
        from probe.pki.memory import Memory

        remembered["memory"] = Memory()
        read["parse"] = remembered["memory"].parse
    spent: list[list[int]] = []
    gc.set_threshold(50_000, 20, 20)  # as `probe.__main__` does
    gc.freeze()
    for number, chain in enumerate(chains):
        host = f"m{number}.bench.test"
        marks = [time.process_time_ns()]
        presented = PresentedChain.from_der(chain if kind == "new" else chains[0], **read)
        marks.append(time.process_time_ns())
        seen = capture.Capture(
            host=host, address="127.0.0.1", port=25, presented=presented, tls=tls, smtp=smtp
        )
        endpoint = endpoints.Endpoint(parse_target(f"{host}:25"), host, 25, "127.0.0.1")
        judged = judge.judge_captures((seen,), endpoint, asked, lists, NOW, **remembered)
        marks.append(time.process_time_ns())
        one = judge.assessment(endpoint, NOW, timedelta(milliseconds=3), *judged, lists, **remembered)
        marks.append(time.process_time_ns())
        text = json_v1.lines(assessment.Report(generated_at=NOW, version="0", assessments=(one,)))
        marks.append(time.process_time_ns())
        if f'"outcome": "{outcome}"' not in text or host not in text:
            raise SystemExit(f"judged otherwise: {text}")
        spent.append([after - before for before, after in pairwise([*marks, marks[0]])])
    figures = [statistics.median(each) / 1000 for each in zip(*spent[WARM_UP:], strict=True)]
    print(json.dumps(dict(zip(PARTS, map(abs, figures), strict=True))))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(Path(sys.argv[2]), *sys.argv[3:])
    else:
        sys.exit(main())
