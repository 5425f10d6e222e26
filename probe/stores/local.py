"""A PEM file of roots as a trust store: an internal CA, a lab, or another list altogether."""

from __future__ import annotations

import binascii
import os
from datetime import datetime

from probe.errors import StoreError
from probe.pki.certificate import Certificate, parse
from probe.pki.truststore import AnchorStore
from probe.stores import files
from probe.text import printable

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"


def load(path: str) -> AnchorStore:
    """Read a PEM bundle with at least one self-signed root; raises StoreError saying what is wrong.

    Anything else in it, a private key included, is left alone and never shown.
    """
    shown = printable(path)
    data = files.read_bounded(path)
    certificates = _certificates(data)
    if not certificates:
        raise StoreError(f"{shown} {_why_nothing(data, path)}")
    roots = [c for c in certificates if c.self_signed]
    if not roots:
        raise StoreError(
            f"{shown} holds no root, only {_names(certificates)}: add the self-signed certificate at the end"
            f" of its chain ({printable(certificates[-1].issuer.windows, 200)})"
        )
    return AnchorStore(os.path.basename(path), roots, _dated(roots))


def _dated(roots: list[Certificate]) -> datetime | None:  # noqa: ARG001 - see the docstring
    """Nothing: a file's own time says when it was copied, not when its list was issued."""
    return None


def _certificates(data: bytes) -> list[Certificate]:
    found = []
    for block in data.split(_BEGIN)[1:]:
        try:
            certificate = parse(binascii.a2b_base64(block.partition(_END)[0]))
        except ValueError:
            continue
        if isinstance(certificate, Certificate):
            found.append(certificate)
    return found


def _why_nothing(data: bytes, path: str) -> str:
    if not data.strip():
        return "is empty: it has to hold the PEM text of a root certificate"
    if _BEGIN in data:
        return "holds a PEM block that is no readable certificate"
    if isinstance(parse(data), Certificate):
        name = os.path.basename(path)
        return (
            "is a certificate in DER, a store has to be PEM: convert it with"
            f" openssl x509 -inform der -in {name} -out {name}.pem"
        )
    if b"PRIVATE KEY-----" in data:
        return "holds a private key, but no certificate"
    return "holds no PEM certificate (no -----BEGIN CERTIFICATE----- in it)"


def _names(certificates: list[Certificate]) -> str:
    first = repr(certificates[0].subject.short)
    more = len(certificates) - 1
    return f"the certificate {first}" + (f" and {more} more" if more else "")
