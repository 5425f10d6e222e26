"""Short ways to put a chain before the engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from probe.pki.certificate import Certificate
from probe.pki.path import BuiltPath, build
from probe.pki.status import ChainStatus, Purpose
from probe.pki.truststore import AnchorStore, RootState, RootVerdict
from tests.authority import Authority, Issued

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOST = "mail.contoso.test"


class Lab:
    """An authority with a trusted root and an issuing CA, and the verdict on whatever is presented."""

    def __init__(self, name: str = "lab") -> None:
        self.authority = Authority(now=NOW, name=name)
        self.root = self.authority.root(f"{name} root")
        self.issuing = self.authority.intermediate(self.root, f"{name} issuing")

    def leaf(self, issuer: Issued | None = None, *names: str, **overrides: object) -> Issued:
        return self.authority.leaf(issuer or self.issuing, *(names or (HOST,)), **overrides)

    def judge(
        self,
        *presented: Issued | Certificate,
        store: Sequence[Issued] | AnchorStore | None = None,
        purpose: Purpose = Purpose.SERVER_AUTH,
        at: datetime = NOW,
    ) -> BuiltPath:
        """What the engine says of `presented`; the store holds the lab's root unless told otherwise."""
        if store is None:
            store = [self.root]
        roots = store if not isinstance(store, Sequence) else AnchorStore("lab", map(read, store))
        return build([read(each) for each in presented], roots, purpose, at)

    def flags(self, *presented: Issued | Certificate, **how: object) -> str:
        """The flags of the chain, in .NET's order, or NoError."""
        return shown(self.judge(*presented, **how).status)


class RuledStore(AnchorStore):
    """A store that says one thing of all its roots, and forbids some certificates."""

    def __init__(
        self, roots: Sequence[Issued], state: RootState = RootState.TRUSTED, forbidden: Sequence[Issued] = ()
    ) -> None:
        super().__init__("ruled", map(read, roots))
        self._state = state
        self._forbidden = {read(each) for each in forbidden}

    def verdict(self, root: Certificate, *_: object) -> RootVerdict:
        return RootVerdict(self._state if root in self.roots(root.subject.der) else RootState.ABSENT)

    def disallows(self, certificate: Certificate) -> bool:
        return certificate in self._forbidden


def read(issued: Issued | Certificate) -> Certificate:
    return issued if isinstance(issued, Certificate) else Certificate(issued.der)


def shown(status: ChainStatus) -> str:
    return " ".join(status.names()) or "NoError"
