"""What the pages of a fleet say, from how it stands; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from probe.eop.vocabulary import WORST_FIRST, Outcome
from probe.history.overview import Lasting
from probe.render.history.words import minute, place
from probe.render.report.fleet import HEADS, Row, Table, dated, table, turn_words
from probe.report.record import Endpoint
from probe.serve.standing import Certified, Stands, Watched
from probe.text import duration

#: Certificates that one page lists, the first to expire; a search finds the others.
MAX_CERTIFICATES = 500
#: Places of one certificate that the list names; its own page has all.
MAX_PLACES = 12

_HEADS = (*HEADS, "Since", "Labels")


class Asked(NamedTuple):
    """How a page is wanted: rows with all of these words and one of the outcomes, sorted by a column."""

    words: str = ""
    outcomes: tuple[str, ...] = ()
    sort: int = -1
    descending: bool = False


class Place(NamedTuple):
    """An endpoint, and the page that tells of it."""

    name: str
    link: str


class Listed(NamedTuple):
    """A certificate that is shown somewhere."""

    certificate: Certified
    expires: str
    left: str
    style: str
    end: bool
    places: tuple[Place, ...]


def asked_of(query: Mapping[str, str], outcomes: Sequence[str]) -> Asked:
    """How a page is asked for; what makes no sense is left out."""
    sort = query.get("sort", "")
    column = sort.removeprefix("-")
    number = int(column) if column.isascii() and column.isdecimal() and len(column) < 3 else -1
    known = {each.value for each in Outcome}
    return Asked(
        query.get("q", "")[:200],
        tuple(each for each in outcomes if each in known),
        number if number < len(_HEADS) else -1,
        sort.startswith("-"),
    )


def since(stands: Stands, lasting: Mapping[Endpoint, Lasting]) -> datetime:
    """Since when an endpoint has had its outcome, as far as the history was asked; else since when its state."""
    known = lasting.get(stands.span.endpoint)
    return known[1] if known and known[0] is stands.span.state.outcome else stands.span.first


def fleet_table(fleet: Iterable[Watched], lasting: Mapping[Endpoint, Lasting], asked: Asked) -> Table:
    """The table of every endpoint, the worst first unless asked otherwise."""
    ranks = {each.value: rank for rank, each in enumerate(WORST_FIRST)}
    rows = sorted(
        (row for target in fleet for row in _rows(target, lasting)), key=lambda row: ranks[row.outcome]
    )
    found = table(rows, _HEADS)
    words = asked.words.lower().split()
    shown = [
        row
        for row in rows
        if (not asked.outcomes or row.outcome in asked.outcomes) and (not words or _has(row, words))
    ]
    if asked.sort > 0:
        shown.sort(key=lambda row: (row.name, *row.cells)[asked.sort - 1].lower(), reverse=asked.descending)
        shown.sort(key=lambda row: not (row.name, *row.cells)[asked.sort - 1])
    elif asked.descending:
        shown.reverse()
    return found._replace(rows=shown)


def _has(row: Row, words: Sequence[str]) -> bool:
    text = " ".join((row.outcome, row.name, *row.cells)).lower()
    return all(word in text for word in words)


def _rows(target: Watched, lasting: Mapping[Endpoint, Lasting]) -> Iterator[Row]:
    link, labels = f"/target/{target.key}", " ".join(f"{name}={text}" for name, text in target.labels.items())
    if not target.endpoints:
        yield Row(
            "unknown", f"{target.text} {target.direction}", link, ("not looked at yet", "", "", "", labels)
        )
    for stands in target.endpoints:
        state = stands.span.state
        why = "" if state.outcome is Outcome.ACCEPTED else state.rule or state.fault or ""
        cells = (why, dated(stands.expires), turn_words(stands.turn), minute(since(stands, lasting)), labels)
        yield Row(state.outcome.value, place(stands.span.endpoint), link, cells)


def certificates(fleet: Iterable[Watched], words: str, now: datetime) -> list[Listed]:
    """The certificates that have these words in them, or in a place that shows them; the first to expire first."""
    found: dict[str, tuple[Certified, dict[Place, bool]]] = {}
    for target in fleet:
        for stands in target.endpoints:
            ends = {chain[0] for chain in stands.span.state.chains if chain}
            where = Place(place(stands.span.endpoint), f"/target/{target.key}")
            for one in stands.certificates:
                found.setdefault(one.sha256, (one, {}))[1][where] = one.sha256 in ends
    wanted = words.lower().split()
    listed = (_listed(one, places, now) for one, places in found.values())
    kept = [one for one in listed if not wanted or _about(one, wanted)]
    return sorted(kept, key=lambda one: (one.certificate.not_after, one.certificate.sha256))


def _about(one: Listed, words: Sequence[str]) -> bool:
    certificate = one.certificate
    names = (certificate.subject, certificate.issuer, certificate.sha256, *(each.name for each in one.places))
    text = " ".join(names).lower()
    return all(word in text for word in words)


def _listed(one: Certified, places: Mapping[Place, bool], now: datetime) -> Listed:
    over = one.not_after < now
    left = duration(now - one.not_after if over else one.not_after - now)
    style = "fault" if over else "warning" if (one.not_after - now).days < 30 else ""
    said = f"expired {left} ago" if over else f"in {left}"
    return Listed(one, dated(one.not_after), said, style, any(places.values()), tuple(sorted(places)))


def target_facts(target: Watched, lasting: Mapping[Endpoint, Lasting]) -> list[tuple[str, str]]:
    """What a page says of a target before its endpoints."""
    expires = min((one.expires for one in target.endpoints if one.expires), default=None)
    begun = [since(one, lasting) for one in target.endpoints if one.span.state.outcome is worst(target)]
    looked = max((one.span.last for one in target.endpoints), default=None)
    turn = min((one.turn for one in target.endpoints if one.turn), key=lambda turn: turn.at, default=None)
    facts = {
        "Since": f"{minute(min(begun))} UTC" if begun else "",
        "Looked at": f"{minute(looked)} UTC" if looked else "not yet",
        "Next look": _next(target),
        "Expires": dated(expires),
        "Next change": turn_words(turn),
        "Direction": target.direction,
        "Labels": " ".join(f"{name}={text}" for name, text in target.labels.items()),
    }
    return [(term, text) for term, text in facts.items() if text]


def _next(target: Watched) -> str:
    if target.again:
        return f"{minute(target.again)} UTC: the last one left a doubt, and this one decides"
    return f"{minute(target.due)} UTC" if target.due else ""


def awaited_words(target: Watched) -> str:
    """What has become of a look that was asked for, and has not come to a result that counts."""
    if target.again:
        at = f"{target.again.astimezone(UTC):%H:%M:%S}"
        return f"The target was looked at, and what it shows is new: a second look at {at} UTC decides"
    return "The target is being looked at"


def worst(target: Watched) -> Outcome:
    """The worst outcome of a target's endpoints."""
    return Outcome.worst(tuple(one.span.state.outcome for one in target.endpoints))
