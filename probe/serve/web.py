"""The web configuration in force: read at the start, and again when a file of it has changed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from probe.errors import ConfigurationError
from probe.files import open_file
from probe.serve.web_config import NOTHING, TlsConfig, web_config
from probe.text import printable

#: Bytes of a web configuration, and of each file it names: a list of CAs that was cut off would be another list.
MAX_BYTES = 256 << 10

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class Web:
    """What is in force. What was in force stays where a change is wrong, and `tell` hears of it once."""

    def __init__(self, path: Path | None, tell: Callable[[str], None]) -> None:
        """Raises ConfigurationError."""
        self.config = NOTHING
        self._path, self._tell = path, tell
        self._context: ssl.SSLContext | None = None
        self._files: tuple[Path, ...] = (path,) if path else ()
        self._stamp = self._stamps()
        if path:
            self._read(path)
            self._stamp = self._stamps()

    def tls(self) -> ssl.SSLContext | None:
        """What the next connection is secured with; None for plain HTTP."""
        return self._context

    @property
    def verifies(self) -> bool:
        """Whether clients need a certificate."""
        return self.config.tls is not None and self.config.tls.client_required

    def admitted(self, transport: asyncio.Transport) -> bool:
        """Whether a client's certificate bears one of the names wanted, if any are."""
        wanted = self.config.tls.client_names if self.config.tls else None
        return wanted is None or not wanted.isdisjoint(_names(transport.get_extra_info("peercert") or {}))

    def renew(self) -> None:
        """Read again what has changed since."""
        stamp = self._stamps()
        if stamp == self._stamp or self._path is None:
            return
        self._stamp = stamp
        try:
            self._read(self._path)
        except ConfigurationError as error:
            self._tell(f"{error}; what was read before holds")
        else:
            self._tell(f"{printable(str(self._path))} was read again")

    def _read(self, path: Path) -> None:
        config = web_config(_bytes(path, "the web configuration"), path)
        tls = config.tls
        if tls:
            given = (tls.cert_file, tls.key_file, tls.client_ca_file)
            self._files = (path, *(each for each in given if each))
        self._context = _context(tls, path) if tls else None
        self.config = config

    def _stamps(self) -> tuple[tuple[int, ...], ...]:
        return tuple(map(_stamp, self._files))


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _bytes(path: Path, what: str) -> bytes:
    try:
        with open_file(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{what} {printable(str(path))} cannot be read: {error.strerror or error}"
        ) from None
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{what} {printable(str(path))} has more than {MAX_BYTES:,} bytes")
    return data


def _context(tls: TlsConfig, path: Path) -> ssl.SSLContext:
    for key, file in (("cert_file", tls.cert_file), ("key_file", tls.key_file)):
        _bytes(file, f"{printable(str(path))}: {key}")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version, made.maximum_version = (_VERSIONS[each] for each in tls.versions)
    made.set_alpn_protocols(["http/1.1"])
    if tls.ciphers:
        made.set_ciphers(":".join(tls.ciphers))
    if tls.curve:
        made.set_ecdh_curve(tls.curve)
    if not tls.own_preference:
        made.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        # Without a password of ours OpenSSL would ask for one at the terminal.
        made.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "PEM"
        raise ConfigurationError(
            f"{printable(str(path))}: cert_file and key_file are no certificate and its unencrypted key ({reason})"
        ) from None
    if tls.client_ca_file or tls.client_ca:
        _ask_clients(made, tls, path)
    return made


def _ask_clients(made: ssl.SSLContext, tls: TlsConfig, path: Path) -> None:
    file = tls.client_ca_file
    data = _bytes(file, f"{printable(str(path))}: client_ca_file") if file else tls.client_ca.encode()
    try:
        made.load_verify_locations(cadata=data.decode("ascii", "replace"))
    except ssl.SSLError:
        raise ConfigurationError(
            f"{printable(str(path))}: the CA of clients is no certificate in PEM"
        ) from None
    made.verify_mode = ssl.CERT_REQUIRED if tls.client_required else ssl.CERT_OPTIONAL


def _names(certificate: dict[str, tuple[tuple[str, str], ...]]) -> set[str]:
    """The subject alternative names as Go writes them."""
    return {
        str(ip_address(name)) if kind == "IP Address" else name
        for kind, name in certificate.get("subjectAltName", ())
        if kind in {"DNS", "email", "URI", "IP Address"}
    }
