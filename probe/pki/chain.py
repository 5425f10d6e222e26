"""The chain as sent: what the peer presented, in its order, whether or not it is any good."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from probe.pki.certificate import Certificate, Unreadable, parse
from probe.values import value

#: Certificates of one presented chain that are read; Windows builds at most a dozen deep.
MAX_CERTIFICATES = 64
#: Bytes of one certificate that are read as a certificate; TLS caps the whole list near 100 KiB.
MAX_CERTIFICATE_BYTES = 128 * 1024


@value
class PresentedChain:
    """Certificates in wire order, the end certificate first; `dropped` counts those past the limit."""

    entries: tuple[Certificate | Unreadable, ...]
    dropped: int = 0

    @classmethod
    def from_der(
        cls, blobs: Iterable[bytes], parse: Callable[[bytes], Certificate | Unreadable] = parse
    ) -> PresentedChain:
        """Read DER certificates in wire order; never raises: what does not parse is kept as bytes.

        `parse` can be that of a `probe.pki.memory.Memory`.
        """
        everything = tuple(blobs)
        entries = tuple(
            parse(blob)
            if len(blob) <= MAX_CERTIFICATE_BYTES
            else Unreadable(blob[:MAX_CERTIFICATE_BYTES], f"larger than {MAX_CERTIFICATE_BYTES} bytes")
            for blob in everything[:MAX_CERTIFICATES]
        )
        return cls(entries=entries, dropped=len(everything) - len(entries))

    @property
    def leaf(self) -> Certificate | None:
        """The end certificate: the first one sent, or None where that one is unreadable."""
        first = self.entries[0] if self.entries else None
        return first if isinstance(first, Certificate) else None

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """The readable certificates in wire order."""
        return tuple(entry for entry in self.entries if isinstance(entry, Certificate))

    @property
    def fingerprint(self) -> tuple[str, ...]:
        """The SHA-256 of every entry in order: equal only for the same chain sent alike."""
        return tuple(entry.sha256 for entry in self.entries)
