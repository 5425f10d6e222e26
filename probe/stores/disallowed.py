"""Microsoft's list of disallowed certificates (disallowedcert.stl): "effectively revokes the certificate".

A subject is identified by its SHA-1 thumbprint or by its *signature hash*: the hash of the part to be
signed, under the hash of the certificate's own signature (wincrypt.h, CERT_SIGNATURE_HASH_PROP_ID).
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import partial
from pathlib import Path

from probe.pki import microsoft_list
from probe.pki.certificate import Certificate
from probe.pki.microsoft_list import Ctl
from probe.stores import files
from probe.stores.bundle import PemBundle

#: The list's name where Microsoft serves it, and in the folders it is kept in.
DISALLOWED_FILE = "disallowedcert.stl"
# wincrypt.h names a usage for signers of root lists and one for lists of disallowed certificates. Which one
# the signer of this list bears is not documented; either ends at the same pinned root.
_SIGNERS = frozenset({microsoft_list.DISALLOWED_LIST, microsoft_list.ROOT_LIST})
_HASHES = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})


class DisallowedList:
    """The certificates never to be trusted, whatever the list of roots says."""

    def __init__(self, entries: Ctl, origin: str) -> None:
        self.origin = origin
        self._entries = entries

    @classmethod
    def read(
        cls, path: Path, bundle: PemBundle, pin: str = microsoft_list.MICROSOFT_ROOT_2010
    ) -> DisallowedList:
        """Read and verify a file (.stl, .cab, or a folder holding one); raises StoreError."""
        verified = partial(verified_disallowed_list, bundle=bundle, pin=pin)
        kind = "list of disallowed certificates"
        return cls(files.read_signed(path, DISALLOWED_FILE, verified, kind), str(path))

    @property
    def dated(self) -> datetime:
        """When Microsoft issued the list (thisUpdate)."""
        return self._entries.this_update

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, certificate: Certificate) -> bool:
        if self._entries.subject_algorithm == microsoft_list.BY_SHA1:
            return bytes.fromhex(certificate.sha1) in self._entries
        identifier = signature_hash(certificate)
        return identifier is not None and identifier in self._entries


def verified_disallowed_list(
    data: bytes, bundle: PemBundle, pin: str = microsoft_list.MICROSOFT_ROOT_2010
) -> Ctl:
    """The list in `data`, signed by Microsoft; raises CtlError.

    A list of trusted roots is refused, for it would forbid every one of them.
    """
    entries = Ctl(data)
    if microsoft_list.ROOT_LIST in entries.usages:
        raise microsoft_list.CtlError("it is the list of trusted roots")
    if (way := entries.subject_algorithm) not in (microsoft_list.BY_SHA1, microsoft_list.BY_SIGNATURE_HASH):
        raise microsoft_list.CtlError(f"it identifies certificates in an unknown way ({way})")
    entries.verify(bundle.named, pin=pin, usages=_SIGNERS)
    return entries


def signature_hash(certificate: Certificate) -> bytes | None:
    """The hash of the part to be signed under the signature's hash; None where that names no known hash."""
    name = certificate.signature_name.partition("-")[0]
    return hashlib.new(name, certificate.tbs).digest() if name in _HASHES else None
