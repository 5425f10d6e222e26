"""The domains of the lab's own DNS, below a root of its own: their zones, TLSA records and MTA-STS policies.

A domain NAME.example has the exchanger NAME.mx.example, whose address says which certificate it presents.
`write` makes what the services `resolver` and `policies` read: order, zones/ZONE.zone, policies/HOST.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.authority import Issued

HOSTS = (
    "*.mx.example",
    "deep.er.mx.example",
    *(f"mx.{zone}.example" for zone in ("bogus", "broken", "unsigned")),
)
#: What each address presents, a file of the lab's certificates; `none` offers no STARTTLS, `broken` no usable TLS.
SERVERS = (
    "exchanger", "exchanger-root", "exchanger-expired", "exchanger-future", "wrong-name", "exchanger-internal-ca",
    "none", "broken",
)  # fmt: skip
POLICY_ADDRESS = "127.0.2.1"
NOBODY = "127.0.2.9"
BEGINNING = """\
$TTL 60
@ SOA ns.example. hostmaster.example. 1 3600 600 86400 60
@ NS ns.example.
"""
#: Children first; how each is signed is said in dns/entrypoint.
ORDER = """\
_tcp.tlsa-bogus.mx.example elsewhere example
bogus.example expired example
broken.example elsewhere example
unsigned.example not example
example well .
. well .
"""
#: Too large for any reader of policies (RFC 8461 3.3 suggests 64 kB).
OVERSIZED = 70_000

_NO_POLICY = ("sts-404", "sts-refused")
_FETCHED = ("sts-redirect", "sts-type", "sts-expired", "sts-untrusted", "sts-name")
_TO_SERVERS = {
    "sts-right": "exchanger", "sts-host-untrusted": "exchanger-internal-ca", "sts-host-name": "wrong-name",
    "sts-host-expired": "exchanger-expired", "sts-no-starttls": "none",
}  # fmt: skip


def tlsa(usage: int, selector: int, certificate: Issued, matching: int = 1) -> str:
    """A TLSA record's data (RFC 6698 2.2)."""
    public_key = certificate.certificate.public_key()
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = (certificate.der, spki)[selector]
    digest = (data, hashlib.sha256(data).digest(), hashlib.sha512(data).digest())[matching]
    return f"{usage} {selector} {matching} {digest.hex()}"


def policies_hosts() -> tuple[str, ...]:
    """The names in the policy server's certificate; that of sts-name is missing."""
    names = ("sts-404", "sts-redirect", "sts-type", "sts-size", *policies())
    return tuple(f"mta-sts.{name}.example" for name in dict.fromkeys(names) if name != "sts-name")


def policies() -> dict[str, str]:
    """The policies by the names of their domains."""
    return {name: policy(f"{name}.mx.example") for name in (*_TO_SERVERS, *_FETCHED)} | {
        "sts-wildcard": policy("*.mx.example"),
        "sts-deep": policy("*.mx.example"),
        "sts-other-host": policy("other.mx.example"),
        "sts-testing": policy("other.mx.example", mode="testing"),
        "sts-none": policy("other.mx.example", mode="none"),
        "sts-records": policy("sts-records.mx.example"),
        "sts-text": "version: STSv1\r\nmode: enforce\r\n",
        "sts-size": policy("sts-size.mx.example") + "comment: x\r\n" * (OVERSIZED // 12),
        "sts-dane": policy("other.mx.example"),
    }


def policy(host: str, mode: str = "enforce") -> str:
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {host}\r\nmax_age: 604800\r\n"


def _address(server: str) -> str:
    return f"127.0.1.{SERVERS.index(server) + 1}"


def _host(name: str, server: str, *records: str) -> Iterable[str]:
    yield f"{name}.mx A {_address(server)}"
    yield from (f"_25._tcp.{name}.mx TLSA {record}" for record in records)


def _domain(name: str, server: str, *records: str) -> Iterable[str]:
    yield f"{name} MX 10 {name}.mx"
    yield from _host(name, server, *records)


def _dane(files: Mapping[str, tuple[Issued, ...]]) -> Iterable[str]:
    leaf, ca, root = files["exchanger-root"]
    other_name, internal = files["wrong-name"][0], files["exchanger-internal-ca"][0]
    yield from _domain("none", "exchanger")
    yield from _domain("ee-key", "exchanger", tlsa(3, 1, leaf))
    yield from _domain("ee-certificate", "exchanger", tlsa(3, 0, leaf))
    yield from _domain("ee-sha512", "exchanger", tlsa(3, 1, leaf, 2))
    yield from _domain("ee-whole", "exchanger", tlsa(3, 0, leaf, 0))
    yield from _domain("ee-internal-ca", "exchanger-internal-ca", tlsa(3, 1, internal))
    yield from _domain("ee-expired", "exchanger-expired", tlsa(3, 1, files["exchanger-expired"][0]))
    yield from _domain("ee-other-name", "wrong-name", tlsa(3, 1, other_name))
    yield from _domain("ta-key", "exchanger", tlsa(2, 1, ca))
    yield from _domain("ta-certificate", "exchanger", tlsa(2, 0, ca))
    yield from _domain("ta-root", "exchanger-root", tlsa(2, 0, root))
    yield from _domain("ta-root-unsent", "exchanger", tlsa(2, 0, root))
    yield from _domain("ta-expired", "exchanger-expired", tlsa(2, 0, ca))
    yield from _domain("ta-future", "exchanger-future", tlsa(2, 0, ca))
    yield from _domain("ta-other-name", "wrong-name", tlsa(2, 0, ca))
    yield from _domain("wrong", "exchanger", tlsa(3, 1, internal))
    yield from _domain("rollover", "exchanger", tlsa(3, 1, internal), tlsa(3, 1, leaf))
    yield from _domain("pkix", "exchanger", tlsa(1, 1, internal), tlsa(0, 0, internal))
    # A digest of 31 octets is no SHA-256.
    yield from _domain("malformed", "exchanger", tlsa(3, 1, leaf)[:-2], tlsa(3, 1, leaf))
    yield from _domain("malformed-only", "exchanger", tlsa(3, 1, leaf)[:-2])
    yield from _domain("no-starttls", "none", tlsa(3, 1, leaf))
    yield from _domain("tls-broken", "broken", tlsa(3, 1, leaf))
    yield from (
        "two MX 10 wrong.mx",
        "two MX 20 ee-key.mx",
        "two-wrong MX 10 wrong.mx",
        "two-wrong MX 20 no-starttls.mx",
    )
    # An exchanger that is an alias, and TLSA records that are (RFC 7671 7).
    yield from ("alias MX 10 alias.mx", "alias.mx CNAME ee-key.mx")
    yield from _domain("tlsa-alias", "exchanger")
    yield "_25._tcp.tlsa-alias.mx CNAME _25._tcp.ee-key.mx"


def _dnssec(wrong: str) -> Iterable[str]:
    """Zones below this one: see ORDER."""
    for zone in ("bogus", "broken", "unsigned", "_tcp.tlsa-bogus.mx"):
        yield f"{zone} NS ns.example."
    yield from _domain("tlsa-bogus", "exchanger")
    yield from ("host-bogus MX 10 mx.bogus", "host-unsigned MX 10 mx.unsigned")
    # The alias is signed, and so is what stands below it; where it leads is not.
    yield from ("alias-unsigned MX 10 alias-unsigned.mx", "alias-unsigned.mx CNAME mx.unsigned")
    yield f"_25._tcp.alias-unsigned.mx TLSA {wrong}"


def _child(leaf: Issued) -> str:
    return f"{BEGINNING}@ MX 10 mx\nmx A {_address('exchanger')}\n_25._tcp.mx TLSA {tlsa(3, 1, leaf)}\n"


def _sts(leaf: Issued) -> Iterable[str]:
    for name in (*_NO_POLICY, *policies()):
        if name == "sts-deep":
            yield from ("sts-deep MX 10 deep.er.mx", *_host("deep.er", "exchanger"))
        else:
            records = (tlsa(3, 1, leaf),) if name == "sts-dane" else ()
            yield from _domain(name, _TO_SERVERS.get(name, "exchanger"), *records)
        yield f'_mta-sts.{name} TXT "v=STSv1; id=20261128T000000;"'
        yield f"mta-sts.{name} A {NOBODY if name == 'sts-refused' else POLICY_ADDRESS}"
    yield '_mta-sts.sts-records TXT "v=STSv1; id=second;"'


def zones(files: Mapping[str, tuple[Issued, ...]]) -> dict[str, str]:
    """The zones as text, unsigned."""
    leaf = files["exchanger"][0]
    body = "\n".join((*_dane(files), *_dnssec(tlsa(3, 1, files["healthy"][0])), *_sts(leaf)))
    return {
        ".": f"{BEGINNING}example. NS ns.example.\nns.example. A 127.0.0.1\n",
        "example": f"{BEGINNING}ns A 127.0.0.1\n{body}\n",
        **{f"{name}.example": _child(leaf) for name in ("bogus", "broken", "unsigned")},
        "_tcp.tlsa-bogus.mx.example": f"{BEGINNING}_25 TLSA {tlsa(3, 1, leaf)}\n",
    }


def write(folder: Path, files: Mapping[str, tuple[Issued, ...]]) -> None:
    for name in ("zones", "policies"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "order").write_text(ORDER)
    for name, text in zones(files).items():
        (folder / "zones" / f"{name}.zone").write_text(text)
    for name, text in policies().items():
        (folder / "policies" / f"mta-sts.{name}.example").write_bytes(text.encode("ascii"))
