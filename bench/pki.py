"""The bench's own certificates, made by the test suite's authority: root, intermediate, leaves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import certifi

from tests.authority import Authority, Issued, chain_pem, pooled_key


def write(folder: Path, host: str, key: str) -> Issued:
    """Write `server.pem` (key, leaf, intermediate), `root.pem` and `roots.pem` (Mozilla's as well)."""
    (leaf,) = write_many(folder, host, key, 1)
    (folder / "leaf-0.pem").rename(folder / "server.pem")
    return leaf


def write_many(folder: Path, host: str, key: str, count: int) -> list[Issued]:
    """The same with `count` leaves of one key, as `leaf-N.pem`."""
    authority = Authority(now=datetime.now(UTC).replace(microsecond=0), name="bench")
    root = authority.root("CN=Bench Root CA,O=Bench", key=key)
    issuing = authority.intermediate(root, "CN=Bench Issuing CA,O=Bench", key=key)
    leaves = [
        authority.leaf(issuing, host, key=pooled_key(key, "bench leaf"), serial=n + 1) for n in range(count)
    ]
    for number, leaf in enumerate(leaves):
        server = folder / f"leaf-{number}.pem"
        server.touch(mode=0o600)
        server.write_text(leaf.key_pem + chain_pem(leaf, issuing))
    (folder / "root.pem").write_text(root.pem)
    (folder / "roots.pem").write_text(Path(certifi.where()).read_text(encoding="utf-8") + "\n" + root.pem)
    return leaves
