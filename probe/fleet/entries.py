"""One target of a fleet, its keys put together with those of its group and of [defaults], and what makes no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import convert

from probe.check.options import CheckOptions
from probe.check.run import Job
from probe.eop.expectations import Expectation
from probe.eop.settings import Settings
from probe.eop.vocabulary import ConnectorMode, Direction, Outcome
from probe.errors import ConfigurationError, StoreError, TargetError
from probe.fleet.keys import TargetKeys
from probe.fleet.mistakes import Mistakes, Place
from probe.fleet.tables import Table, checked, nearest, shown
from probe.net.request import KeyType
from probe.net.target import Target, is_ip_address, name_server, parse_target, server_name
from probe.smtp.ehlo import ehlo_argument
from probe.stores import MICROSOFT, MOZILLA

if TYPE_CHECKING:
    from probe.pki.truststore import TrustStore

#: Different lists of stores in one fleet: each is held for the whole run.
MAX_STORE_LISTS = 32

#: Keys that say something of one direction only.
_OF_DIRECTION = {
    "tls-domain": "from-eop",
    "dnssec-resolver": "from-eop",
    "connector-mode": "from-eop",
    "tls-sender-certificate-name": "to-eop",
    "accepted-domains": "to-eop",
}

Load = Callable[[], Sequence["TrustStore"]]


class Judges:
    """The trust stores that targets name: each list of them is loaded once."""

    def __init__(self, loader: Callable[[tuple[str, ...]], Load]) -> None:
        """`loader` answers what loads the stores of these names, () for those of the command line."""
        self._loader = loader
        self._known: dict[tuple[str, ...], Load] = {}

    def of(self, names: tuple[str, ...]) -> Load:
        """What answers the stores of these names; raises StoreError, also where there are too many lists."""
        if names not in self._known:
            if len(self._known) >= MAX_STORE_LISTS:
                raise StoreError(f"a fleet has at most {MAX_STORE_LISTS} different lists of stores")
            # A list that cannot be loaded is told of once.
            self._known[names] = load = self._loader(names)
            load()
        return self._known[names]


class Inherited(NamedTuple):
    """What a target takes from around it; `groups` is None where any name of a group will do."""

    folder: Path
    judges: Judges
    defaults: Table
    groups: dict[str, Table] | None = None

    def merged(self, own: Table) -> Table:
        """The keys of a target: its own, else its group's, else the defaults'; labels and expectations key by key."""
        group = (self.groups or {}).get(own.get("group", ""), {})
        if not self.defaults and not group:
            return own
        keys = self.defaults | {key: value for key, value in group.items() if key != "name"} | own
        for key in ("labels", "expect"):
            parts = [part[key] for part in (self.defaults, group, own) if key in part]
            if len(parts) > 1:
                keys[key] = {name: value for part in parts for name, value in part.items()}
        direction = keys.get("direction", "to-eop")
        # What was inherited for the other direction says nothing of this one.
        other = {key for key, wanted in _OF_DIRECTION.items() if wanted != direction} - own.keys()
        return {key: value for key, value in keys.items() if key not in other}

    def store_names(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names of stores as they are loaded; a file's is relative to this folder."""
        return tuple(name if name in (MICROSOFT, MOZILLA) else str(self.folder / name) for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A target of a fleet, ready to be probed; `stores` answers its trust stores."""

    target: Target
    keys: TargetKeys
    stores: Load

    @property
    def identity(self) -> tuple[object, ...]:
        """What two entries have in common that would be probed alike."""
        keys = self.keys
        target = self.target._replace(text="")
        asked = (keys.key_type if keys.key_type != "any" else None, keys.force_ip)
        how = (keys.direction or "to-eop", keys.addresses, keys.sni, keys.implicit_tls or False)
        # Without those that say nothing: a watch knows its targets by this.
        return (target, *how, *filter(None, asked))

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels; the group counts as one."""
        return {**({"group": self.keys.group} if self.keys.group else {}), **(self.keys.labels or {})}

    @property
    def expectation(self) -> Expectation | None:
        """What is pinned of it."""
        pinned = self.keys.expect
        if pinned is None:
            return None
        return Expectation(
            tuple(mark.replace(":", "").lower() for mark in pinned.sha256 or ()),
            pinned.issuer,
            pinned.names or (),
            Outcome(pinned.outcome) if pinned.outcome else None,
        )

    def job(self, key: int, base: CheckOptions) -> Job:
        """The job of this entry, by `base` where the entry says nothing."""
        keys = self.keys
        options = replace(
            base,
            stores=self.stores,
            direction=Direction(keys.direction) if keys.direction else base.direction,
            settings=_settings(keys, base.settings),
            ehlo_name=ehlo_argument(keys.ehlo) if keys.ehlo else base.ehlo_name,
            sni=server_name(keys.sni) if keys.sni else base.sni,
            timeout_s=keys.timeout or base.timeout_s,
            total_s=keys.total_timeout or base.total_s,
            nameserver=keys.resolver or base.nameserver,
            ip_version=keys.force_ip or base.ip_version,
            key_type=KeyType(keys.key_type) if keys.key_type else base.key_type,
            revocation=bool(keys.revocation),
            revocation_allow_private=bool(keys.revocation_allow_private),
            implicit_tls=bool(keys.implicit_tls),
            samples=keys.samples,
            thorough=bool(keys.thorough),
            dnssec_resolver=keys.dnssec_resolver or base.dnssec_resolver,
            connector_mode=ConnectorMode(keys.connector_mode) if keys.connector_mode else base.connector_mode,
        )
        return Job(key, self.target, options, keys.addresses or ())


def _settings(keys: TargetKeys, base: Settings) -> Settings:
    given = {
        "tls_sender_certificate_name": keys.tls_sender_certificate_name,
        "accepted_domains": keys.accepted_domains,
        "tls_domain": keys.tls_domain,
        "expiring_days": keys.expiring_days,
        "expiring_fraction": keys.expiring_share,
        "critical_days": keys.critical_days,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    return replace(base, **changed) if changed else base  # type: ignore[arg-type]  # each of its field's type


def make_sense(own: Table, around: Inherited, place: Place, mistakes: Mistakes) -> None:
    """Note what of a table's values can be read, but not used: names, addresses, stores."""
    for key, read in (
        ("ehlo", ehlo_argument),
        ("sni", server_name),
        ("dnssec-resolver", name_server),
        ("resolver", name_server),
    ):
        if key in own:
            try:
                read(own[key])
            except (ValueError, ConfigurationError) as error:
                mistakes.add(place.at(key), str(error))
    for number, address in enumerate(own.get("addresses", ())):
        if not is_ip_address(address):
            mistakes.add(place.at("addresses").at(number), f"{shown(address)} is no IP address")
    if "stores" in own:
        try:
            around.judges.of(around.store_names(own["stores"]))
        except StoreError as error:
            mistakes.add(place.at("stores"), str(error))


def entry_of(
    table: object, around: Inherited, place: Place, mistakes: Mistakes, *, strict: bool = True
) -> Entry | None:
    """The entry of a target's table; None, and every mistake noted, where there are any."""
    before = mistakes.count
    own = checked(table, TargetKeys, place, mistakes, strict=strict)
    if mistakes.count > before and not {"host", "mx"} & own.keys():
        return None  # that it has neither follows from what was said
    make_sense(own, around, place, mistakes)
    group, groups = own.get("group"), around.groups
    if group is not None and groups is not None and group not in groups:
        mistakes.add(place.at("group"), f"there is no [[group]] {shown(group)}{nearest(group, groups)}")
    keys = convert(around.merged(own), TargetKeys, strict=False)
    direction = keys.direction or "to-eop"
    for key in _OF_DIRECTION.keys() & own.keys():
        if _OF_DIRECTION[key] != direction:
            said = f"this is for the direction {_OF_DIRECTION[key]}, and the target's is {direction}"
            mistakes.add(place.at(key), said)
    if keys.thorough and keys.key_type not in {None, "any"}:
        mistakes.add(place.at("key-type"), "thorough asks for each kind of key: one of the two has to go")
    target = _target(keys, place, mistakes)
    if target is None or mistakes.count > before:
        return None
    return Entry(target=target, keys=keys, stores=around.judges.of(around.store_names(keys.stores or ())))


def _target(keys: TargetKeys, place: Place, mistakes: Mistakes) -> Target | None:
    """What is to be probed, by its host or its domain."""
    name = keys.host or keys.mx
    if name is None or (keys.host and keys.mx):
        mistakes.add(place, "a target has either a host or an mx" + (", not both" if name else ""))
        return None
    key = "host" if keys.host else "mx"
    try:
        found = parse_target(f"mx:{name}" if keys.mx else name)
    except TargetError as error:
        mistakes.add(place.at(key), str(error))
        return None
    if found.port is not None or (found.mx and not keys.mx):
        mistakes.add(place.at(key), f"{shown(name)} is more than a name; port and mx are keys of their own")
    elif keys.addresses and (keys.mx or found.is_address):
        mistakes.add(place.at("addresses"), "addresses take the place of DNS for a host's name only")
    host = f"[{found.host}]" if ":" in found.host else found.host
    text = ("mx:" if keys.mx else "") + host + (f":{keys.port}" if keys.port else "")
    return Target(text, found.host, keys.port, found.mx)
