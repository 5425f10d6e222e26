"""``--save-chain``: what every address presented, as PEM files, whether or not it is any good."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import OutputError

if TYPE_CHECKING:
    from probe.assessment import Report
    from probe.eop.evidence import Capture

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def save_chains(report: Report, folder: str) -> tuple[Path, ...]:
    """Write one PEM file for each capture with a chain; returns the paths; raises OutputError.

    Names are made of host, address and port, with everything unusual replaced: a host name comes
    from DNS and must not choose a path.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return tuple(_write(Path(folder) / name, capture) for name, capture in _named(report))
    except OSError as error:
        raise OutputError(f"cannot save chains in {folder}: {error.strerror or error}") from None


def _named(report: Report) -> list[tuple[str, Capture]]:
    found: list[tuple[str, Capture]] = []
    for assessment in report.assessments:
        observed = assessment.evidence.observations
        captures = [o.capture for o in observed] if observed else [assessment.capture]
        for capture in captures:
            if capture.presented is not None and capture.presented.entries:
                parts = (capture.host, capture.address or "", str(capture.port), capture.variant)
                found.append((_UNSAFE.sub("-", "_".join(filter(None, parts))) + ".pem", capture))
    return found


def _write(path: Path, capture: Capture) -> Path:
    entries = capture.presented.entries if capture.presented else ()
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write("".join(entry.pem for entry in entries))
    return path
