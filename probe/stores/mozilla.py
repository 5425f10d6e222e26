"""Mozilla's root list, as the package certifi carries it: the second opinion, and the fallback.

PEM cannot carry Mozilla's own date limits: a root is trusted for everything until Mozilla removes it.
"""

from __future__ import annotations

from datetime import datetime

from probe.pki.certificate import Certificate
from probe.pki.status import Purpose
from probe.pki.truststore import RootState, RootVerdict
from probe.stores import files
from probe.stores.bundle import PemBundle


class MozillaStore:
    """The roots of certifi, by the protocol of `probe.pki.truststore`; its file names no date."""

    name = "mozilla"
    dated: datetime | None = None

    def __init__(self, bundle: PemBundle, origin: str) -> None:
        self.origin = origin
        self._bundle = bundle

    @property
    def size(self) -> int:
        """How many roots the list holds."""
        return len(self._bundle)

    def roots(self, subject: bytes) -> tuple[Certificate, ...]:
        """The roots whose subject has exactly this DER."""
        return tuple(root for root in self._bundle.named(subject) if root.self_issued)

    def certificates(self) -> tuple[Certificate, ...]:
        """Every root, parsed."""
        return tuple(self._bundle)

    def verdict(
        self,
        root: Certificate,
        purpose: Purpose,  # noqa: ARG002 - the file has no rules for one purpose or date
        leaf_not_before: datetime,  # noqa: ARG002
        at: datetime,  # noqa: ARG002
    ) -> RootVerdict:
        """TRUSTED for a root of the list, ABSENT for any other."""
        return RootVerdict(RootState.TRUSTED if root in self.roots(root.subject.der) else RootState.ABSENT)

    def disallows(self, certificate: Certificate) -> bool:  # noqa: ARG002 - the file forbids nothing
        """Nothing: the file names no certificate as distrusted."""
        return False


def load() -> MozillaStore:
    """Read certifi's bundle; raises StoreError."""
    path = files.package_file("certifi", "cacert.pem")
    return MozillaStore(PemBundle(files.read_bounded(path)), path)
