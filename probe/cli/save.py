"""``--save-chain``: what every address presented, as PEM files, whether or not it is any good."""

from __future__ import annotations

import os
import re
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import OutputError
from probe.files import open_file, write_file
from probe.text import printable

if TYPE_CHECKING:
    from probe.capture import Capture
    from probe.report.assessment import Report

#: Characters of a file's name before ".pem"; file systems take 255 bytes in all.
MAX_STEM = 200
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def make_folder(folder: str) -> None:
    """Make the folder before anything is probed; raises OutputError, also if nothing can be written there."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"cannot save chains in {printable(folder)}: it is no folder") from None
    except OSError as error:
        raise _failure(folder, error) from None
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot save chains in {printable(folder)}: nothing can be written there")


def save_chains(report: Report, folder: str) -> None:
    """Write one PEM file for each capture with a chain, over no other file; raises OutputError."""
    for assessment in report.assessments:
        observed = assessment.evidence.observations
        for capture in [o.capture for o in observed] or [assessment.capture]:
            if capture.presented is None or not capture.presented.entries:
                continue
            pem = "".join(entry.pem for entry in capture.presented.entries)
            try:
                _save(Path(folder), _stem(capture), pem.encode("ascii"))
            except OSError as error:
                raise _failure(folder, error) from None


def _save(folder: Path, stem: str, pem: bytes) -> None:
    """Write a file, with a number where the name is taken by another content; raises OSError."""
    for number in count(1):
        path = folder / f"{stem}{f'-{number}' if number > 1 else ''}.pem"
        try:
            write_file(path, (pem,), new=True)
        except FileExistsError:
            if not _holds(path, pem):
                continue
        return


def _holds(path: Path, content: bytes) -> bool:
    try:
        with open_file(path) as file:
            return not path.is_symlink() and file.read(len(content) + 1) == content
    except OSError:  # a folder, or nobody's to read
        return False


def _stem(capture: Capture) -> str:
    """Host, address and port without what is unusual: the name comes from DNS and must not choose a path.

    No leading dash or dot, which tools would take for an option or hide; short enough for any file system.
    """
    parts = (capture.host, capture.address, str(capture.port), capture.how.label)
    return _UNSAFE.sub("-", "_".join(filter(None, parts))).strip("-.")[:MAX_STEM]


def _failure(folder: str, error: OSError) -> OutputError:
    return OutputError(f"cannot save chains in {printable(folder)}: {error.strerror or error}")
