"""The exporter-toolkit's web configuration file, as far as it can be kept; the rest is refused, never ignored.

Names, defaults and meanings are those of its documentation (prometheus/exporter-toolkit, docs/web-configuration.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from probe.serve.web_yaml import Yaml, document
from probe.text import printable
from probe.values import value

#: bcrypt's cost: each step doubles the time of a look (14: a second or so); a hash with 31 would take a day.
MAX_COST = 14
#: Users: each is held, and asked about.
MAX_USERS = 1000

_HASH = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+")
_PART = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

#: Go's names of suites up to TLS 1.2, and OpenSSL's.
SUITES = {
    f"TLS_ECDHE_{key}_WITH_{go}": f"ECDHE-{key}-{ours}"
    for key in ("ECDSA", "RSA")
    for go, ours in (
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
    )
}
#: Those of TLS 1.3 are always offered, as by Go.
SUITES_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
VERSIONS = ("TLS12", "TLS13")
#: The headers that may be set, and the values of those that know only some.
HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}


@value
class TlsConfig:
    """`tls_server_config`; `ciphers` are OpenSSL's names, empty for its own choice."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_ca: str = ""
    client_required: bool = False
    client_names: frozenset[str] | None = None
    versions: tuple[str, str] = ("TLS12", "TLS13")
    ciphers: tuple[str, ...] = ()
    own_preference: bool = True
    curve: str | None = None


@value
class WebConfig:
    """What the file says. `users` have bcrypt hashes; `interval_s` is 0 for no limit of the rate."""

    tls: TlsConfig | None = None
    headers: Mapping[str, str]
    users: Mapping[bytes, bytes]
    interval_s: float = 0.0
    burst: int = 1


NOTHING = WebConfig(headers={}, users={})


def web_config(data: bytes, path: Path) -> WebConfig:
    """What a file says; raises ConfigurationError with the line, the key and a sentence."""
    top = document(data, path).table(
        "tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"
    )
    interval_s, burst = _rate(top.get("rate_limit"))
    return WebConfig(
        tls=_tls(top["tls_server_config"], path.parent) if "tls_server_config" in top else None,
        headers=_headers(top.get("http_server_config")),
        users=_users(top.get("basic_auth_users")),
        interval_s=interval_s,
        burst=burst,
    )


_TLS_KEYS = (
    "cert", "key", "client_ca", "cert_file", "key_file", "client_auth_type", "client_ca_file", "client_allowed_sans",
    "min_version", "max_version", "cipher_suites", "prefer_server_cipher_suites", "curve_preferences",
)  # fmt: skip


def _tls(given: Yaml, folder: Path) -> TlsConfig | None:
    keys = given.table(*_TLS_KEYS)
    for inline in ("cert", "key"):
        if inline in keys and keys[inline].text():
            raise keys[inline].wrong(f"is read from a file only; give {inline}_file")
    texts = {key: keys[key].text() for key in keys if key.endswith(("_file", "_type", "client_ca"))}
    if not any(texts.values()):
        return None
    for needed in ("cert_file", "key_file"):
        if not texts.get(needed):
            raise given.wrong(f"needs {needed}")
    required, authority = _clients(keys, given, texts)
    return TlsConfig(
        cert_file=folder / texts["cert_file"],
        key_file=folder / texts["key_file"],
        client_ca_file=folder / texts["client_ca_file"] if texts.get("client_ca_file") else None,
        client_ca=texts.get("client_ca", ""),
        client_required=required,
        client_names=_allowed(keys.get("client_allowed_sans"), authority and required),
        versions=_versions(keys),
        ciphers=tuple(_suites(keys["cipher_suites"])) if "cipher_suites" in keys else (),
        own_preference=keys["prefer_server_cipher_suites"].flag()
        if "prefer_server_cipher_suites" in keys
        else True,
        curve=_curve(keys.get("curve_preferences")),
    )


def _clients(keys: Mapping[str, Yaml], given: Yaml, texts: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether a client certificate is required, and whether one is verified at all."""
    kind = texts.get("client_auth_type") or "NoClientCert"
    authority = bool(texts.get("client_ca_file") or texts.get("client_ca"))
    if kind == "NoClientCert":
        if authority:
            raise given.wrong("names a CA of clients, and no client_auth_type that asks for them")
        return False, False
    if kind in {"RequestClientCert", "RequireAnyClientCert", "RequireClientCert"}:
        raise keys["client_auth_type"].wrong(
            f"{kind} takes certificates that nobody verified; give RequireAndVerifyClientCert"
        )
    if kind not in {"VerifyClientCertIfGiven", "RequireAndVerifyClientCert"}:
        raise keys["client_auth_type"].wrong(f'there is no "{printable(kind, 100)}"')
    if not authority:
        raise given.wrong("needs client_ca_file where client certificates are verified")
    return kind == "RequireAndVerifyClientCert", True


def _allowed(given: Yaml | None, required: bool) -> frozenset[str] | None:  # noqa: FBT001 - one caller
    if given is None:
        return None
    if not required:
        raise given.wrong("needs client_auth_type: RequireAndVerifyClientCert")
    return frozenset(each.text() for each in given.each())


def _versions(keys: Mapping[str, Yaml]) -> tuple[str, str]:
    said = []
    for key, usual in zip(("min_version", "max_version"), VERSIONS, strict=True):
        version = keys[key].text() if key in keys else usual
        if version not in VERSIONS:
            raise keys[key].wrong(
                f'there is no "{printable(version, 100)}" here: {" or ".join(VERSIONS)}; older ones are not spoken'
            )
        said.append(version)
    if said[0] > said[1]:
        raise (
            keys["max_version"].wrong("is less than min_version")
            if "max_version" in keys
            else keys["min_version"].wrong("is more than max_version")
        )
    return said[0], said[1]


def _suites(given: Yaml) -> list[str]:
    found = []
    for each in given.each():
        name = each.text()
        if name in SUITES:
            found.append(SUITES[name])
        elif name not in SUITES_13:
            raise each.wrong(f'there is no cipher suite "{printable(name, 100)}"')
    return found


def _curve(given: Yaml | None) -> str | None:
    each = given.each() if given else ()
    if not each:
        return None
    for one in each:
        if one.text() not in CURVES:
            raise one.wrong(f'there is no curve "{printable(one.text(), 100)}"')
    if len(each) > 1:
        raise each[1].wrong("one curve can be given; leave the key out for all of them")
    return CURVES[each[0].text()]


def _headers(given: Yaml | None) -> dict[str, str]:
    keys = given.table("http2", "headers") if given else {}
    if "http2" in keys and keys["http2"].flag():
        raise keys["http2"].wrong("HTTP/2 is not spoken; leave it out or say false")
    found = {}
    for name, each in (keys["headers"].table(*HEADERS) if "headers" in keys else {}).items():
        said = each.text()
        if HEADERS[name] and said not in {"", *HEADERS[name]}:
            raise each.wrong(f"is {' or '.join(HEADERS[name])}")
        if not said.isascii() or (said and not said.isprintable()):
            raise each.wrong("is one line of ASCII")
        if said:
            found[name] = said
    return found


def _users(given: Yaml | None) -> dict[bytes, bytes]:
    every = given.table() if given else {}
    if given and len(every) > MAX_USERS:
        raise given.wrong(f"has more than {MAX_USERS:,} users")
    found = {}
    for name, each in every.items():
        if ":" in name or not name.isprintable():
            raise each.wrong("a user's name has no colon and no control characters")
        fits = _HASH.fullmatch(each.text())
        if not fits:
            raise each.wrong("is no bcrypt hash ($2y$10$ and 53 characters), as htpasswd -nBC 10 prints one")
        if not 4 <= int(fits[1]) <= MAX_COST:
            raise each.wrong(f"has the cost {int(fits[1])}; one from 4 to {MAX_COST} is kept")
        found[name.encode()] = fits[0].encode()
    return found


def _rate(given: Yaml | None) -> tuple[float, int]:
    keys = given.table("interval", "burst") if given else {}
    said = keys["interval"].text() if "interval" in keys else "0"
    if said not in {"", "0"} and not _DURATION.fullmatch(said):
        raise keys["interval"].wrong("is a duration: 1s, 500ms, 1m30s; 0 for no limit")
    interval_s = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(said))
    burst = keys["burst"].text() if "burst" in keys else "0"
    if not re.fullmatch(r"[0-9]{1,9}", burst):
        raise keys["burst"].wrong("is a number of requests")
    if given and interval_s and not int(burst):
        raise given.wrong("needs a burst of at least 1: with none there is no request")
    return interval_s, int(burst)
