"""Certificate files opened with a password from a file, the environment or a prompt; never from the command line.

Every user of a machine can read the arguments of its processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from probe.cli.files import contents
from probe.errors import InputError
from probe.pki.containers import MAX_FILE_BYTES, Container, PasswordNeededError, read
from probe.text import printable

#: The variable a password may come from.
PASSWORD_VARIABLE = "EOP_PROBE_PASSWORD"  # noqa: S105 - the name of a variable, not a password


T = TypeVar("T")


class Passwords:
    """Opens files, asking for a password only where one needs it; it is kept in memory for the run alone."""

    def __init__(self, path: Path | None) -> None:
        """Take the password from the first line of `path`, else from the environment; raises InputError."""
        given = _first_line(path) if path is not None else os.environ.get(PASSWORD_VARIABLE)
        # Bytes that are no UTF-8 come through as they are.
        self._given = None if given is None else given.encode("utf-8", "surrogateescape")

    def open(self, path: Path) -> Container:
        """Read one file; raises InputError, which names the file and never holds the password."""
        return self.opened(path, lambda data, password: read(data, password=password))

    def opened(self, path: Path, reader: Callable[[bytes, bytes | None], T]) -> T:
        """The same with a reader of one's own, which raises InputError, PasswordNeededError among them."""
        name, data = printable(str(path)), contents(path, MAX_FILE_BYTES + 1)
        try:
            return reader(data, self._given)
        except PasswordNeededError as error:
            if self._given is not None:
                raise InputError(f"{name} {error}") from None
            if sys.stdin is None or not sys.stdin.isatty():
                raise InputError(f"{name} {error}; give --password-file or ${PASSWORD_VARIABLE}") from None
        except InputError as error:
            raise InputError(f"{name} {error}") from None
        try:
            return reader(data, _asked(name))
        except InputError as error:
            raise InputError(f"{name} {error}") from None


def _asked(name: str) -> bytes:
    """Ask at the terminal, without echo."""
    from getpass import getpass

    try:
        return getpass(f"Password for {name}: ").encode("utf-8", "surrogateescape")
    except EOFError:
        raise InputError("needs a password, and none was given") from None


def _first_line(path: Path) -> str:
    text = contents(path, MAX_FILE_BYTES + 1).decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    return text.splitlines()[0] if text else ""
