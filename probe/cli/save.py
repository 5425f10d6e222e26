"""``--save-chain``: what every address presented, as PEM files, whether or not it is any good."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import OutputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.capture import Capture
    from probe.report.assessment import Report

#: Characters of a file's name before ".pem"; file systems take 255 bytes in all.
MAX_STEM = 200
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def save_chains(report: Report, folder: str) -> tuple[Path, ...]:
    """Write one PEM file for each capture with a chain; returns the paths; raises OutputError.

    Names are made of host, address and port, with everything unusual replaced: a host name comes
    from DNS and must not choose a path.
    """
    try:
        return tuple(_write(Path(folder) / name, capture) for name, capture in _named(report))
    except OSError as error:
        raise _failure(folder, error) from None


def make_folder(folder: str) -> None:
    """Make the folder before anything is probed; raises OutputError, also if nothing can be written there."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _failure(folder, error) from None
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot save chains in {printable(folder)}: nothing can be written there")


def _failure(folder: str, error: OSError) -> OutputError:
    return OutputError(f"cannot save chains in {printable(folder)}: {error.strerror or error}")


def _named(report: Report) -> list[tuple[str, Capture]]:
    found: list[tuple[str, Capture]] = []
    for assessment in report.assessments:
        observed = assessment.evidence.observations
        captures = [o.capture for o in observed] if observed else [assessment.capture]
        for capture in captures:
            if capture.presented is not None and capture.presented.entries:
                parts = (capture.host, capture.address or "", str(capture.port), capture.variant)
                found.append((_file_name("_".join(filter(None, parts))), capture))
    return found


def _file_name(text: str) -> str:
    """No leading dash or dot, which tools would take for an option or hide; short enough for any file system."""
    return _UNSAFE.sub("-", text).strip("-.")[:MAX_STEM] + ".pem"


def _write(path: Path, capture: Capture) -> Path:
    entries = capture.presented.entries if capture.presented else ()
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write("".join(entry.pem for entry in entries))
    return path
