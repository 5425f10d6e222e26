"""What the `stores` commands show: every root with its rules, counts of them, and two lists compared."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

from probe.pki import rootprogram
from probe.pki.certificate import Certificate, parse
from probe.pki.microsoft_list import CtlEntry
from probe.pki.status import Purpose
from probe.pki.truststore import RootState, RootVerdict, TrustStore
from probe.stores.microsoft import MicrosoftStore

#: Hex digits of a thumbprint from which on a text is taken for the beginning of one.
MIN_THUMBPRINT_DIGITS = 6


class ListedRoot(NamedTuple):
    """One root of Microsoft's list; `certificate` is None where the list names one nobody here has."""

    entry: CtlEntry
    certificate: Certificate | None

    @property
    def name(self) -> str:
        """What a person calls it: the subject's CN, for the list's friendly name is often the company's only."""
        if self.certificate:
            return self.certificate.subject.short
        return self.entry.friendly_name or self.entry.sha1

    def verdict(self, purpose: Purpose, at: datetime, leaf_not_before: datetime | None = None) -> RootVerdict:
        """The list's verdict at `at`, for a leaf issued at `leaf_not_before` or, without it, at `at`."""
        pilot = self.certificate is not None and rootprogram.is_pilot(self.certificate)
        return rootprogram.judge(self.entry, purpose, leaf_not_before or at, at, pilot=pilot)

    def describe(self, purpose: Purpose, at: datetime, leaf_not_before: datetime | None = None) -> str:
        """One sentence for a person."""
        verdict = self.verdict(purpose, at, leaf_not_before)
        text = rootprogram.describe(self.name, verdict, purpose, self.entry)
        return text if self.certificate else f"{text} Its certificate is not known here."


class Count(NamedTuple):
    """How many roots are in `state` for `purpose`, and how many of those have not expired."""

    purpose: Purpose
    state: RootState
    total: int
    unexpired: int


class Difference(NamedTuple):
    """Two lists of trusted roots compared by subject and key; one certificate stands for each key."""

    common: tuple[Certificate, ...]
    only_first: tuple[Certificate, ...]
    only_second: tuple[Certificate, ...]


class Listable(TrustStore, Protocol):
    """A store that can name all its roots."""

    def certificates(self) -> Iterable[Certificate]:
        """Every root, parsed."""


def listed(store: MicrosoftStore) -> Iterator[ListedRoot]:
    """Every root of Microsoft's list in its order, with its certificate where one is at hand."""
    blobs = store.blobs_by_sha1()
    for entry in store.entries():
        blob = blobs.get(entry.sha1)
        certificate = parse(blob) if blob else None
        yield ListedRoot(entry, certificate if isinstance(certificate, Certificate) else None)


def find(store: MicrosoftStore, text: str) -> tuple[ListedRoot, ...]:
    """The roots a thumbprint (SHA-1 or SHA-256, also its beginning) or a part of a name means, in order.

    Case is ignored, and in thumbprints spaces and colons too.
    """
    digits = re.sub(r"[\s:\u200e]", "", text).lower()  # Windows' certificate dialog copies a U+200E along
    thumbprint = len(digits) >= MIN_THUMBPRINT_DIGITS and not digits.strip("0123456789abcdef")
    wanted = text.strip().casefold()
    return tuple(root for root in listed(store) if _means(root, wanted, digits if thumbprint else None))


def _means(root: ListedRoot, wanted: str, digits: str | None) -> bool:
    if digits and (root.entry.sha1.startswith(digits) or root.entry.sha256.startswith(digits)):
        return True
    subject = root.certificate.subject.windows if root.certificate else ""
    return bool(wanted) and (wanted in root.entry.friendly_name.casefold() or wanted in subject.casefold())


def counts(roots: Iterable[ListedRoot], at: datetime) -> tuple[Count, ...]:
    """Roots by purpose and state for certificates issued at `at`; a root without certificate is not expired."""
    totals: Counter[tuple[Purpose, RootState]] = Counter()
    unexpired: Counter[tuple[Purpose, RootState]] = Counter()
    for root in roots:
        alive = root.certificate is None or root.certificate.not_after >= at
        for purpose in Purpose:
            key = purpose, root.verdict(purpose, at).state
            totals[key] += 1
            unexpired[key] += alive
    return tuple(
        Count(purpose, state, totals[purpose, state], unexpired[purpose, state])
        for purpose in Purpose
        for state in RootState
        if totals[purpose, state]
    )


def trusted(
    store: Listable, purpose: Purpose, at: datetime, *, pilots: bool = False
) -> Iterator[Certificate]:
    """The unexpired roots `store` trusts for certificates issued at `at`; with `pilots` those of pilots too."""
    wanted = (RootState.TRUSTED, RootState.PILOT) if pilots else (RootState.TRUSTED,)
    return (
        root
        for root in store.certificates()
        if root.not_after >= at and store.verdict(root, purpose, at, at).state in wanted
    )


def difference(first: Iterable[Certificate], second: Iterable[Certificate]) -> Difference:
    """Compare two lists of roots by subject and key: one key may have several self-signed certificates."""
    ours = {(root.subject.der, root.spki): root for root in first}
    theirs = {(root.subject.der, root.spki): root for root in second}
    return Difference(
        tuple(root for key, root in ours.items() if key in theirs),
        tuple(root for key, root in ours.items() if key not in theirs),
        tuple(root for key, root in theirs.items() if key not in ours),
    )
