"""What the trust stores cost a cold check: imports, both lists opened and verified, the first roots looked up.

    python -m bench.stores [--runs N]

Each run is a process of its own, begun with the modules a check has anyway (typer, certificates, paths), so
that what is timed is the stores' share. Beside it, in turn, the same process without the stores: the ratio tells
more than the milliseconds, which are this machine's.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

LIMIT_MS = 15.0

_COMMON = "import time, typer, probe.eop.evidence, probe.pki.path, probe.pki.signature, probe.eop.rules"
_STORES = """
begun = time.perf_counter()
from datetime import UTC, datetime
from probe import stores
from probe.pki.status import Purpose
lists = [stores.load("microsoft"), stores.load("mozilla")]
now = datetime.now(UTC)
# Any name that both lists hold: USERTrust's RSA root, whose certificates are in wide use for mail.
name = bytes.fromhex(
    "308188310b3009060355040613025553311330110603550408130a4e6577204a6572736579311430120603550407130b4a6572736579"
    "2043697479311e301c060355040a131554686520555345525452555354204e6574776f726b312e302c06035504031325555345525472"
    "757374205253412043657274696669636174696f6e20417574686f72697479"
)
for store in lists:
    [root] = store.roots(name)
    assert store.verdict(root, Purpose.SERVER_AUTH, now, now).state.value == "trusted"
print((time.perf_counter() - begun) * 1000)
"""


def main() -> None:
    """Print the median, and what it is of a whole process without stores."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=25)
    runs = parser.parse_args().runs
    inside: list[float] = []
    without: list[float] = []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", _COMMON], check=True)
        without.append((time.perf_counter() - begun) * 1000)
        done = subprocess.run(
            [sys.executable, "-c", _COMMON + _STORES], check=True, capture_output=True, text=True
        )
        inside.append(float(done.stdout))
    median = statistics.median(inside)
    print(
        f"stores of a cold check: median {median:.1f} ms, least {min(inside):.1f} ms, of {runs} runs "
        f"(limit {LIMIT_MS:g} ms): {'held' if median <= LIMIT_MS else 'MISSED'}"
    )
    print(f"that is {median / statistics.median(without):.2f} of a process that imports the rest and ends")


if __name__ == "__main__":
    main()
