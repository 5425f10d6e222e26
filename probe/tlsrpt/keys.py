"""The public keys of DKIM signatures: from files, else from DNS, each name asked once."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from pathlib import Path

from probe.errors import InputError, ResolveError
from probe.exchange.messages.dkim import DkimError
from probe.files import open_file
from probe.text import printable

#: Names asked for in one run: a sender has one or two at a time, and who writes mails chooses the names.
MAX_NAMES = 16
#: Seconds for one name.
TIMEOUT_S = 5.0
#: Bytes of one file with keys.
MAX_KEY_BYTES = 64 * 1024

_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Keys:
    """Gives the records of a key's name; where there are files only they count, and nobody is asked."""

    def __init__(self, files: Iterable[Path] = (), nameserver: str | None = None) -> None:
        self._held = [one for path in files for one in _read(path)]
        self._nameserver = nameserver
        self._asked: dict[str, tuple[bytes, ...] | str] = {}

    def records(self, name: str) -> tuple[tuple[bytes, ...], str]:
        """The records, and where they are from: "dns", or "file"; raises DkimError."""
        if self._held:
            return tuple(record for owner, record in self._held if owner in ("", name)), "file"
        if name not in self._asked:
            if len(self._asked) >= MAX_NAMES:
                raise DkimError(f"was not verified: more than {MAX_NAMES} keys would have to be looked up")
            self._asked[name] = self._ask(name)
        found = self._asked[name]
        if isinstance(found, str):
            raise DkimError(found)
        return found, "dns"

    def _ask(self, name: str) -> tuple[bytes, ...] | str:
        from probe.net.nameserver import txt_records

        try:
            return txt_records(name, self._nameserver, TIMEOUT_S)
        except ResolveError as error:
            return f"could not be verified: {error}"


def _read(path: Path) -> list[tuple[str, bytes]]:
    """The keys of a file with the name each is for, "" for any; raises InputError."""
    name = printable(str(path))
    try:
        with open_file(path) as file:
            data = file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_KEY_BYTES:
        raise InputError(f"{name}: a file with DKIM keys has at most {MAX_KEY_BYTES:,} bytes")
    found = [("", _record(one[1])) for one in _PEM.finditer(data)] or _records(
        data.decode("utf-8", "replace")
    )
    if not found:
        raise InputError(
            f"{name} holds no DKIM key: a public key in PEM, or the text of its DNS record (v=DKIM1; k=rsa; p=...)"
        )
    return found


def _record(pem: bytes) -> bytes:
    """The record of a key in PEM; of Ed25519 it holds the key alone (RFC 8463 4)."""
    try:
        der = base64.b64decode(pem, validate=False)
    except binascii.Error:
        return b"p=?"
    if der[:12] == bytes.fromhex("302a300506032b6570032100"):
        return b"k=ed25519; p=" + base64.b64encode(der[12:])
    return b"k=rsa; p=" + base64.b64encode(der)


def _records(text: str) -> list[tuple[str, bytes]]:
    """The records of a text, one a line as ``name IN TXT "v=DKIM1; ..." "..."`` or bare; one may be folded in ()."""
    joined = re.sub(r"\(([^()]*)\)", lambda found: " ".join(found[1].split()), text)
    found = []
    for line in joined.splitlines():
        quoted = "".join(re.sub(r"\\(.)", r"\1", piece) for piece in _QUOTED.findall(line))
        value = quoted or line.strip()
        if not re.search(r"(?:\A|;)\s*p\s*=", value):
            continue
        owner = (
            line.split(None, 1)[0].lower().removesuffix(".")
            if quoted and not line.lstrip().startswith('"')
            else ""
        )
        found.append((owner, value.encode()))
    return found
