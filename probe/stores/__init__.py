"""The root lists a chain is judged by: Microsoft's, Mozilla's, or a PEM file of the user's.

`load` turns what the user wrote into a store; it is the only name most of the program needs.
"""

from __future__ import annotations

import os

from probe.errors import StoreError
from probe.pki.truststore import TrustStore

MICROSOFT = "microsoft"
MOZILLA = "mozilla"


def load(
    spec: str,
    *,
    authroot_stl: str | None = None,
    disallowed_stl: str | None = None,
    cache: str | None = None,
) -> TrustStore:
    """Load the store called `spec`: ``microsoft``, ``mozilla`` or the path of a PEM file; raises StoreError.

    `authroot_stl` and `disallowed_stl` are the user's own copies of Microsoft's lists and concern
    ``microsoft`` only, as does `cache`, the folder `stores update` writes to (None: this user's).
    """
    if spec == MICROSOFT:
        from probe.stores import microsoft, places

        return microsoft.load(authroot_stl, disallowed_stl, cache or places.cache_directory())
    if spec == MOZILLA:
        from probe.stores import mozilla

        return mozilla.load()
    if not os.path.exists(spec) and os.path.basename(spec) == spec and "." not in spec:
        raise StoreError(f"there is no store called {spec!r}: name microsoft, mozilla or a PEM file of roots")
    from probe.stores import local

    return local.load(spec)


def load_default(
    *, authroot_stl: str | None = None, disallowed_stl: str | None = None, cache: str | None = None
) -> tuple[TrustStore, str | None]:
    """Load Microsoft's list; if it is missing or refused, Mozilla's, with a warning saying so.

    A list the user named is never replaced: its failure is raised. Raises StoreError if both fail.
    """
    try:
        return load(MICROSOFT, authroot_stl=authroot_stl, disallowed_stl=disallowed_stl, cache=cache), None
    except StoreError as error:
        if authroot_stl is not None or disallowed_stl is not None:
            raise
        warning = f"{error}. Mozilla's roots are used instead: every verdict is a Mozilla approximation"
    return load(MOZILLA), warning
