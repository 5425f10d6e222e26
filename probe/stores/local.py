"""A PEM file of roots as a trust store: an internal CA, a lab, or another list altogether."""

from __future__ import annotations

from pathlib import Path

from probe.errors import StoreError
from probe.pki.certificate import Certificate, parse
from probe.stores import files
from probe.stores.bundle import BundleStore, PemBundle
from probe.text import printable


def load(path: Path) -> BundleStore:
    """Read a PEM bundle with at least one root; raises StoreError saying what is wrong and what to do.

    Anything else in it, a private key included, is left alone and never shown.
    """
    shown = printable(str(path))
    data = files.read_bounded(path)
    bundle = PemBundle(data)
    store = BundleStore(printable(path.name), bundle, shown)
    if next(store.certificates(), None) is None:
        others = list(bundle)
        raise StoreError(f"{shown} {_no_root(others) if others else _no_certificate(data, bundle)}")
    return store


def _no_root(others: list[Certificate]) -> str:
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return (
        f"holds no root certificate, only {others[0].subject.short!r}{more}: add the self-signed certificate"
        f" its chain ends at ({others[-1].issuer.short!r} is the next one up)"
    )


def _no_certificate(data: bytes, bundle: PemBundle) -> str:
    if not data.strip():
        return "is empty: it has to hold a root certificate as PEM text"
    if len(bundle):
        return "holds a certificate block that cannot be read: copy the PEM text again, whole"
    if isinstance(parse(data), Certificate):
        return (
            "is a DER file, a store has to be PEM: convert it with `openssl x509 -inform der -in IN -out OUT`"
        )
    if b"PRIVATE KEY-----" in data:
        return "holds a private key, but no certificate: give a PEM file with the root certificate"
    return "holds no PEM certificate: give a file with -----BEGIN CERTIFICATE----- in it"
