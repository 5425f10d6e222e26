"""Joins what several files say: one value for each certificate on a server, and for each connector.

Known wins over unknown, stated over inferred, RawData over text, and otherwise the file given first;
two that contradict each other are a problem.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias, TypeVar

from probe.exchange.connector import (
    AcceptedDomain,
    InboundConnector,
    OutboundConnector,
    ReceiveConnector,
    SendConnector,
)
from probe.exchange.exports.read import Export
from probe.exchange.inventory import ExchangeCertificate, Inventory, Services, same_server
from probe.exchange.problem import Problem, quoted

Named: TypeAlias = SendConnector | ReceiveConnector | InboundConnector | OutboundConnector | AcceptedDomain
NamedT = TypeVar("NamedT", bound=Named)
MergeableT = TypeVar("MergeableT", bound=ExchangeCertificate | Named)

#: Compared by rules of their own, or not at all.
_APART = frozenset(
    {"source", "inferred", "incomplete", "server", "thumbprint", "certificate", "names", "names_complete"}
)
#: What RawData tells, so that the text beside or elsewhere no longer matters.
_IN_DER: dict[str, Any] = dict.fromkeys(
    ("subject", "issuer", "serial", "not_before", "not_after", "is_self_signed")
)
#: What is true of a certificate on one server only.
_PER_SERVER: dict[str, Any] = dict.fromkeys(
    ("services", "status", "root_ca_type", "has_private_key", "friendly_name")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Everything that the files given together say, and every problem, in the order of the files."""

    inventory: Inventory
    send_connectors: tuple[SendConnector, ...] = ()
    receive_connectors: tuple[ReceiveConnector, ...] = ()
    inbound_connectors: tuple[InboundConnector, ...] = ()
    outbound_connectors: tuple[OutboundConnector, ...] = ()
    accepted_domains: tuple[AcceptedDomain, ...] = ()
    problems: tuple[Problem, ...] = ()


def gather(exports: Iterable[Export]) -> Gathered:
    """Join the exports of any number of files."""
    exports = tuple(exports)
    inventory = join(export.inventory for export in exports)
    problems: list[Problem] = []
    return Gathered(
        inventory=inventory,
        send_connectors=_named((c for e in exports for c in e.send_connectors), problems),
        receive_connectors=_named((c for e in exports for c in e.receive_connectors), problems),
        inbound_connectors=_named((c for e in exports for c in e.inbound_connectors), problems),
        outbound_connectors=_named((c for e in exports for c in e.outbound_connectors), problems),
        accepted_domains=_named((c for e in exports for c in e.accepted_domains), problems),
        problems=(*inventory.problems, *problems),
    )


def join(inventories: Iterable[Inventory]) -> Inventory:
    """Merge the records of one certificate on one server; fragments go to the only one they can belong to.

    A record that names no server joins the certificate's only server. Where the certificate is on
    several, only what is true on all of them is taken from it, and a problem says so.
    """
    inventories = tuple(inventories)
    problems = [problem for inventory in inventories for problem in inventory.problems]
    joined = _Joined(problems)
    records = [record for inventory in inventories for record in inventory.certificates]
    for record in sorted(records, key=lambda one: one.server is None):
        (joined.add_anywhere if record.server is None else joined.add)(record)
    fragments = [one for inventory in inventories for one in inventory.fragments]
    rest = tuple(fragment for fragment in fragments if not joined.complete(fragment))
    order = {record.thumbprint: position for position, record in reversed(list(enumerate(records)))}
    certificates = sorted(joined.certificates, key=lambda found: order[found.thumbprint])
    return Inventory(
        certificates=tuple(certificates), fragments=rest, problems=tuple(dict.fromkeys(problems))
    )


class _Joined:
    """The certificates merged so far, in the order first seen, by thumbprint."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._by_thumbprint: dict[str, list[ExchangeCertificate]] = {}

    @property
    def certificates(self) -> list[ExchangeCertificate]:
        return [found for group in self._by_thumbprint.values() for found in group]

    def add(self, record: ExchangeCertificate) -> None:
        """Merge a record that names its server."""
        group = self._by_thumbprint.setdefault(record.thumbprint, [])
        for position, known in enumerate(group):
            if known.server is None or same_server(known.server, record.server or ""):
                group[position] = merge_certificates(known, record, self._problems)
                return
        group.append(record)

    def add_anywhere(self, record: ExchangeCertificate) -> None:
        """Merge a record that names no server."""
        group = self._by_thumbprint.setdefault(record.thumbprint, [])
        if not group:
            group.append(record)
        elif len(group) == 1:
            group[0] = merge_certificates(group[0], record, self._problems)
        else:
            everywhere = replace(record, **_PER_SERVER)
            group[:] = [merge_certificates(known, everywhere, self._problems) for known in group]
            self._doubt(record, "names no server, and the certificate is on several; Services is not used.")

    def complete(self, fragment: ExchangeCertificate) -> bool:
        """Merge a fragment into the only certificate it can belong to; False where none or several fit."""
        fitting = [found for found in self.certificates if _belongs(fragment, found)]
        if len(fitting) != 1:
            label = fragment.thumbprint or fragment.friendly_name or fragment.subject or "no name"
            many = "several known certificates" if fitting else "no known certificate"
            why = "its Thumbprint is cut off" if fragment.thumbprint else "it has no Thumbprint"
            self._doubt(
                fragment,
                f"({quoted(label)}) was joined with nothing: it could belong to {many}, since {why}. Add that "
                "column: Get-ExchangeCertificate | fl Thumbprint,Services,Subject.",
            )
            return False
        known = fitting[0]
        group = self._by_thumbprint[known.thumbprint]
        whole = replace(fragment, thumbprint=known.thumbprint)
        group[group.index(known)] = merge_certificates(known, whole, self._problems)
        return True

    def _doubt(self, record: ExchangeCertificate, sentence: str) -> None:
        self._problems.append(
            Problem(record.source.file, record.source.line, None, f"This record {sentence}")
        )


def _belongs(fragment: ExchangeCertificate, known: ExchangeCertificate) -> bool:
    if fragment.server and known.server and not same_server(fragment.server, known.server):
        return False
    if any(
        None not in {getattr(fragment, name), getattr(known, name)}
        and getattr(fragment, name) != getattr(known, name)
        for name in _IN_DER
    ):
        return False  # a renewed certificate often keeps its friendly name
    if fragment.thumbprint:
        return known.thumbprint.startswith(fragment.thumbprint)
    return bool(fragment.friendly_name) and fragment.friendly_name == known.friendly_name


def merge_certificates(
    first: ExchangeCertificate, second: ExchangeCertificate, problems: list[Problem]
) -> ExchangeCertificate:
    """Merge two records of one certificate on one server."""
    if first.certificate is None and second.certificate is not None:
        first = replace(first, **_IN_DER)
    elif second.certificate is None and first.certificate is not None:
        second = replace(second, **_IN_DER)
    named = max(first, second, key=lambda one: (one.names_complete, len(one.names)))
    servers = (first.server, second.server)
    return replace(
        _merge(first, second, problems),
        server=max((server for server in servers if server), key=len, default=None),
        certificate=first.certificate or second.certificate,
        names=named.names,
        names_complete=named.names_complete,
    )


def _named(values: Iterable[NamedT], problems: list[Problem]) -> tuple[NamedT, ...]:
    found: dict[tuple[str, str], NamedT] = {}
    for value in values:
        server = value.server or "" if isinstance(value, ReceiveConnector) else ""
        name = value.domain_name if isinstance(value, AcceptedDomain) else value.name
        key = (name.lower(), server.partition(".")[0].lower())
        found[key] = _merge(found[key], value, problems) if key in found else value
    return tuple(found.values())


def _merge(first: MergeableT, second: MergeableT, problems: list[Problem]) -> MergeableT:
    """Take each field from the record that states it; problems are about the second one."""
    from_second: dict[str, Any] = {}
    confirmed: set[str] = set()
    optional = {field.name for field in fields(first) if field.default is None}
    for name in (field.name for field in fields(first) if field.name not in _APART):
        mine, theirs = getattr(first, name), getattr(second, name)
        stated = theirs is not None and name not in _doubtful(second)
        if mine is None or (stated and name in _doubtful(first)):
            from_second[name] = theirs
            confirmed.update({name} if stated else ())
        elif stated and mine != theirs:
            used = "which is used"
            if first.source.file == second.source.file and name in optional:
                from_second[name] = None  # which of them is the present state is not told
                used = (
                    "as before and after a change, or on two servers; neither is used. Give the listing of the "
                    "present state, of one server, alone"
                )
            sentence = f"says {_shown(theirs)} where {first.source} says {_shown(mine)}, {used}."
            problems.append(Problem(second.source.file, second.source.line, name, sentence))
    marks: dict[str, Any] = {}
    for mark in ("inferred", "incomplete"):
        if hasattr(first, mark):
            kept = [name for name in getattr(first, mark) if name not in confirmed]
            taken = [name for name in getattr(second, mark) if name in from_second and name not in kept]
            marks[mark] = (*kept, *taken)
    return replace(first, **from_second, **marks)


def _doubtful(value: object) -> tuple[str, ...]:
    return (*getattr(value, "inferred", ()), *getattr(value, "incomplete", ()))


def _shown(value: object) -> str:
    if isinstance(value, Services):
        return quoted(value.text)
    return quoted(getattr(value, "value", value))
