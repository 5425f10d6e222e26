"""Mozilla's root list, as the package certifi carries it: the second opinion, and the fallback.

PEM cannot carry Mozilla's own date limits: a root is trusted for everything until Mozilla removes it.
"""

from __future__ import annotations

from probe.stores import files
from probe.stores.bundle import BundleStore, PemBundle


def load() -> BundleStore:
    """Read certifi's bundle; raises StoreError."""
    path = files.package_folder("certifi") / "cacert.pem"
    return BundleStore("mozilla", PemBundle(files.read_bounded(path)), str(path))
