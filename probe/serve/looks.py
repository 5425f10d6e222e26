"""What the pages ask of the history, and of the chains that it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby
from typing import NamedTuple

from sqlalchemy import Connection

from probe.capture import Capture
from probe.eop.evidence import Evidence, weigh
from probe.eop.vocabulary import Basis
from probe.fleet.by_history import ByHistory
from probe.fleet.entries import Entry
from probe.fleet.watch.described import Described
from probe.history.overview import hosts_moved, latest_spans
from probe.history.query import called, changes_since, held
from probe.history.read import domains, spans
from probe.pki.chain import PresentedChain
from probe.render.history.changes import facts, like
from probe.render.history.line import MAX_PERIODS, Told, line, told
from probe.render.history.words import differs, minute, place
from probe.render.report.timeline import TimeLine
from probe.report.changes import Certificates, Change
from probe.report.periods import lives
from probe.report.record import Endpoint, Span
from probe.report.vantages import differing, several
from probe.serve.standing import Stands, Watched
from probe.text import counted

#: Changes that one page tells, the latest; spans of one target that its history is made of, the latest.
MAX_CHANGES, MAX_SPANS = 1_000, 2_000
WEEK = timedelta(days=7)


class Changed(NamedTuple):
    """One change as its page tells it."""

    time: str
    kind: str
    style: str
    words: str
    place: str
    link: str


class Week(NamedTuple):
    """The changes of a week by day, the latest first."""

    words: str
    days: list[tuple[str, list[Changed]]]


class Lived(NamedTuple):
    """The history of one endpoint; `more` says what is left out."""

    name: str
    line: TimeLine
    words: str
    periods: list[Told]
    more: str


class Past(NamedTuple):
    """What a history tells of one target: its lives, the chain of each endpoint's last look, and what differs now."""

    lives: list[Lived]
    chains: Mapping[Endpoint, PresentedChain]
    differing: Sequence[str] = ()


def week(connection: Connection, now: datetime, what: Described) -> Week:
    """The changes of the week before `now`, with the pages of what is watched."""
    since = now - WEEK
    found, certificates = changes_since(connection, since, hosts_moved(since))
    latest = found[: -MAX_CHANGES - 1 : -1]
    links = _links(what, latest, domains(connection))
    days = groupby(latest, lambda change: change.at.astimezone(UTC).date().isoformat())
    kinds = Counter(change.kind.value for change in found)
    counts = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
    total = f"{counted(len(found), 'change') if found else 'No change'} since {minute(since)} UTC"
    cut = f". Told are the latest {MAX_CHANGES:,}." if len(found) > len(latest) else ""
    return Week(
        total + (f": {counts}" if counts else "") + cut,
        [(day, [_changed(change, certificates, links) for change in of]) for day, of in days],
    )


def _changed(change: Change, certificates: Certificates, links: Mapping[Endpoint, str]) -> Changed:
    shown_like = like(change)
    style = shown_like.value if shown_like else "info"
    link = links.get(change.endpoint, "")
    words = facts(change, certificates)
    return Changed(minute(change.at)[11:], change.kind.value, style, words, place(change.endpoint), link)


def _links(
    what: Described, found: Iterable[Change], domains: Mapping[Endpoint, Iterable[str]]
) -> dict[Endpoint, str]:
    """The page of each endpoint's target; of a domain's, rather than of the host, where that is how it is called."""
    found = list(found)
    named = {change.target for change in found} | {change.endpoint.host for change in found}
    named.update(*(domains.get(change.endpoint, ()) for change in found))
    by_history = ByHistory(found, domains)
    links: dict[Endpoint, str] = {}
    for key, entry in what.entries.items():
        if not named.isdisjoint((entry.target.text, entry.target.host)):
            for change in by_history.of(entry, what.base):
                if entry.target.text == change.target:
                    links[change.endpoint] = f"/target/{key}"
                else:
                    links.setdefault(change.endpoint, f"/target/{key}")
    return links


def past(connection: Connection, target: Watched, now: datetime) -> Past:
    """What the history tells of a target's endpoints."""
    wanted = {one.span.endpoint for one in target.endpoints}
    every = list(spans(connection, latest_spans(connection, called(connection, target.text), MAX_SPANS)))
    found = [one for one in every if one.endpoint in wanted]
    differ = [one for one in differing(several(_by_endpoint(every))) if not (one.over or one.silent)]
    chains = {one.span.endpoint: one.span.state.chains for one in target.endpoints}
    leaves = (chain[0] for one in every for chain in one.state.chains if chain)
    last = chain.from_iterable(chain.from_iterable(chains.values()))
    known = held(connection, chain(leaves, last))
    lived = [
        Lived(
            place(life.endpoint),
            line(life, known, now),
            counted(len(life.periods), "state"),
            told(life, known),
            _more(len(life.periods)),
        )
        for life in lives(found)
    ]
    sent = {endpoint: _presented(shown[0], known) for endpoint, shown in chains.items() if shown}
    return Past(lived, sent, [differs(one, known) for one in differ])


def _by_endpoint(found: Iterable[Span]) -> Iterator[Sequence[Span]]:
    return (list(of) for _, of in groupby(found, lambda span: span.endpoint))


def _more(periods: int) -> str:
    return f"Told are the latest {MAX_PERIODS} of {periods:,} states." if periods > MAX_PERIODS else ""


def _presented(thumbprints: Sequence[str], known: Certificates) -> PresentedChain:
    read = (known(sha256) for sha256 in thumbprints)
    return PresentedChain(entries=tuple(one for one in read if one is not None))


def weighed(stands: Stands, presented: PresentedChain, entry: Entry, what: Described) -> Evidence:
    """What the lists say of a chain that the history holds, as of the look that met it."""
    endpoint, options = stands.span.endpoint, entry.job(0, what.base).options
    capture = Capture(host=endpoint.host, address=endpoint.address, port=endpoint.port, presented=presented)
    return weigh(
        capture,
        options.stores(),
        direction=options.direction,
        basis=Basis(endpoint.basis),
        at=stands.span.last,
        settings=options.settings,
    )
