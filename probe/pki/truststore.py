"""A trust store answers two questions: which roots bear this name, and is this root good for this use.

Issuers are found by subject name and key, but judged by thumbprint: Microsoft's list holds two
self-signed certificates of one key whose states differ.
"""

from __future__ import annotations

import enum
from abc import abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol

from probe.pki.certificate import Certificate
from probe.pki.status import Purpose


class ListRole(enum.Enum):
    """Whose word a list is on what Exchange Online trusts."""

    MICROSOFT = "microsoft"
    """Microsoft's root program, with or without roots that stand in for it."""
    APPROXIMATION = "approximation"
    """Another program's list in its place, where Microsoft's cannot be had and the user was told."""
    OTHER = "other"
    """A list that says nothing of Exchange Online."""


_TITLES = {"microsoft": "Microsoft's list", "mozilla": "Mozilla's list"}


def list_title(name: str) -> str:
    """How a sentence names a store: "Microsoft's list", "Microsoft's list with LAB.pem", "the list roots.pem"."""
    listed, _, extra = name.partition("+")
    if listed not in _TITLES:
        return f"the list {name}"
    return _TITLES[listed] + (f" with {extra}" if extra else "")


class RootState(enum.Enum):
    """What a store says of one root for one purpose at one instant."""

    TRUSTED = "trusted"
    ABSENT = "absent"
    NO_EKU = "no-eku"
    EKU_DISALLOWED = "eku-disallowed"
    DISABLED = "disabled"
    NOT_BEFORE = "notbefore"
    PILOT = "pilot"
    DISALLOWED = "disallowed"


class RootVerdict(NamedTuple):
    """A root's state; `since` is the date of the restriction, `certain` is false where readings differ."""

    state: RootState
    since: datetime | None = None
    certain: bool = True


class RootChange(NamedTuple):
    """From `at` on the verdict is `verdict`; `renewal_only` if only for certificates issued from then on."""

    at: datetime
    verdict: RootVerdict
    renewal_only: bool


class TrustStore(Protocol):
    """The roots of one list and its rules; reading it needs no I/O.

    Its own methods are those of a plain list: each of its roots is trusted for everything, at any time. An
    intermediate is no anchor: Windows wants a path to end at a root.
    """

    @property
    def name(self) -> str:
        """The name in reports: ``microsoft``, ``mozilla`` or a file's name."""

    @property
    def dated(self) -> datetime | None:
        """When the list was issued, where it says so."""

    @property
    def role(self) -> ListRole:
        """Whose word it is."""

    @property
    def stand_in(self) -> str | None:
        """The file whose roots count as if the list held them, if any."""

    @abstractmethod
    def roots(self, subject: bytes) -> tuple[Certificate, ...]:
        """The self-signed certificates whose subject has exactly this DER, in the list's order."""

    # A plain list has no rules for one purpose or date, hence ARG002.
    def verdict(
        self,
        root: Certificate,
        purpose: Purpose,  # noqa: ARG002
        leaf_not_before: datetime,  # noqa: ARG002
        at: datetime,  # noqa: ARG002
    ) -> RootVerdict:
        """Whether `root` is trusted for `purpose` at `at`, for a leaf issued at `leaf_not_before`."""
        held = root in self.roots(root.subject.der)
        return RootVerdict(RootState.TRUSTED if held else RootState.ABSENT)

    def disallows(self, certificate: Certificate) -> bool:  # noqa: ARG002
        """Whether the list names this very certificate as never to be trusted."""
        return False

    def changes(
        self,
        root: Certificate,  # noqa: ARG002
        purpose: Purpose,  # noqa: ARG002
        leaf_not_before: datetime,  # noqa: ARG002
        after: datetime,  # noqa: ARG002
    ) -> tuple[RootChange, ...]:
        """When the list itself says that its verdict on `root` will change after `after`, soonest first."""
        return ()

    def dates(self, root: Certificate) -> tuple[datetime, ...]:  # noqa: ARG002
        """The instants at which what the list says of `root` may change."""
        return ()


class PlainStore(TrustStore, Protocol):
    """A list that says nothing but which roots it holds."""

    name: str = ""
    dated: datetime | None = None
    role: ListRole = ListRole.OTHER
    stand_in: str | None = None


class AnchorStore(PlainStore):
    """A plain store of certificates already at hand, in their order, each once."""

    def __init__(
        self,
        name: str,
        certificates: Iterable[Certificate],
        dated: datetime | None = None,
        role: ListRole = ListRole.OTHER,
    ) -> None:
        self.name, self.dated, self.role = name, dated, role
        self._by_subject: dict[bytes, list[Certificate]] = {}
        for certificate in dict.fromkeys(certificates):
            if certificate.self_issued:
                self._by_subject.setdefault(certificate.subject.der, []).append(certificate)

    def roots(self, subject: bytes) -> tuple[Certificate, ...]:
        """The roots whose subject has exactly this DER, in the order given."""
        return tuple(self._by_subject.get(subject, ()))


class StandInStore:
    """A list with the roots of another one as if it held them: for labs, and for what would be if it did.

    What the list says of a root of its own stands.
    """

    def __init__(self, listed: TrustStore, extra: PlainStore) -> None:
        self.name = f"{listed.name}+{extra.name}"
        self.stand_in = extra.name
        self.dated, self.role = listed.dated, listed.role
        self.disallows, self.changes, self.dates = listed.disallows, listed.changes, listed.dates
        self._listed, self._extra = listed, extra

    def roots(self, subject: bytes) -> tuple[Certificate, ...]:
        """The roots of either whose subject has exactly this DER, the list's own first."""
        return tuple(dict.fromkeys((*self._listed.roots(subject), *self._extra.roots(subject))))

    def verdict(
        self, root: Certificate, purpose: Purpose, leaf_not_before: datetime, at: datetime
    ) -> RootVerdict:
        """The list's own word on a root it holds, else TRUSTED for one that stands in."""
        said = self._listed.verdict(root, purpose, leaf_not_before, at)
        if said.state is not RootState.ABSENT:
            return said
        return self._extra.verdict(root, purpose, leaf_not_before, at)
