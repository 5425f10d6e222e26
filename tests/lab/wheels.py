"""Puts the product and what it needs into a folder of wheels, for an image that is built without an index.

    python -m tests.lab.wheels FOLDER MACHINE        MACHINE as Docker names it: x86_64, aarch64

pip on this machine knows how to reach its index (mirrors, proxies, certificates); inside a build it does not.
FOLDER/made says of which sources the wheels are: a second run with the same ones costs nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# The image is Debian bookworm: Python 3.11, glibc 2.36.
PYTHON = "3.11"
GLIBCS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")


def state() -> tuple[str, str]:
    """What the dependencies' wheels and what the product's own wheel are made of, as hashes."""
    locked = hashlib.sha256((ROOT / "requirements.lock").read_bytes())
    sources = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    for path in sorted((ROOT / "probe").rglob("*")):
        if path.suffix in {".py", ".typed"}:
            sources.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return locked.hexdigest(), sources.hexdigest()


def make(folder: Path, machine: str) -> None:
    """See to it that the folder holds the wheels of now."""
    needs, sources = state()
    before = _made(folder)
    if before == (needs, sources):
        return
    (folder / "made").unlink(missing_ok=True)
    if before is None or before[0] != needs:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _download(folder, machine)
    for old in folder.glob("eop_probe-*.whl"):
        old.unlink()
    _pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (folder / "made").write_text(f"{needs} {sources}\n")


def _made(folder: Path) -> tuple[str, str] | None:
    try:
        needs, sources = (folder / "made").read_text().split()
    except (OSError, ValueError):
        return None
    return needs, sources


def _download(folder: Path, machine: str) -> None:
    platforms = [word for glibc in GLIBCS for word in ("--platform", f"{glibc}_{machine}")]
    target = ["--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON, *platforms]
    _pip("download", *target, "--require-hashes", "--dest", folder, "-r", ROOT / "requirements.lock")


def _pip(command: str, *arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2])
