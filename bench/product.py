"""The product as users have it: installed from its wheel, compiled, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def install(folder: Path, extra: str = "") -> Path:
    """Build the wheel, install it with the extra into `folder`, and return the environment's folder of programs."""
    wheels = folder / "wheels"
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)], check=True)
    environment = folder / "venv"
    venv.create(environment, with_pip=True)
    programs = environment / "bin"
    wheel = next(wheels.glob("eop_probe-*.whl"))
    its_pip = (str(programs / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
    subprocess.run(
        [*its_pip, "install", "--compile", f"{wheel}[{extra}]" if extra else str(wheel)], check=True
    )
    return programs
