"""Predictions beside Microsoft's word: what confirms one, what contradicts it, and what says nothing of it.

A contradiction is the loudest thing there is to say, so it is found only where nothing else explains the word:

1. the word is of the certificate, of a policy that is enforced, and nobody can have forged it unseen (`Word.silent`);
2. predictions cover all of its time, every one of them says the opposite, and the certificate was not changed then;
3. where the word names no host, that holds for every host it may be of.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from probe.eop.vocabulary import Outcome
from probe.report.ledger.held import Held, Timeline
from probe.report.ledger.values import Entry, Joined, Prediction, Reading, Series, Word
from probe.statement import Statement, documented, inferred
from probe.text import counted


class _Fit(enum.Enum):
    """How a prediction goes together with a word."""

    AGREES = "agrees"
    AGAINST = "against"
    TOLERATES = "tolerates"
    """It said that this may happen, or the word is of another question."""
    OPEN = "open"
    """Nothing was predicted."""


# inferred: of two looks that differ nobody knows when the one state ended and the other began.
_SWAPPED = inferred("The certificate was changed about that time: which one Microsoft saw is not known.")
_CHANGED = inferred("The prediction changed about that time, and one of the two agrees.")
# documented: at-risk says that it is accepted today, and what makes that uncertain.
_SAID_SO = documented("The prediction was that it is uncertain.")
_UNPREDICTED = inferred("Nothing was predicted for all of that time.")
# inferred: one bad host of several makes some sessions fail, one good host makes some succeed; whose is not told.
_DISAGREE = inferred(
    "What is predicted of the endpoints that it may be of differs; which of them it was is not told."
)
_INCOMPLETE = inferred("The word names no host, and it may be of one of which nothing is predicted.")
# documented: who vouches for a policy in testing lets mail go; who is asked of DANE is not asked of roots.
_NOT_JUDGED = documented("Microsoft did not judge by what the prediction rests on.", "RFC 7672, RFC 8461 5")


def join(
    series: Sequence[Series], words: Iterable[Word]
) -> tuple[tuple[Entry, ...], tuple[tuple[Word, Statement], ...]]:
    """The entries of all series, and the words that belong to none of them."""
    index = _Index(series)
    joined: defaultdict[int, list[Joined]] = defaultdict(list)
    nowhere: list[tuple[Word, Statement]] = []
    for word in sorted(words, key=lambda one: one.begin):
        found, complete = index.meant(word)
        if not found:
            nowhere.append((word, word.silent or inferred(_nobody(word))))
        for place, told in _read(word, found, index, complete=complete):
            joined[place].append(told)
    entries = [Entry(series=one, joined=tuple(joined[place])) for place, one in enumerate(series)]
    return tuple(sorted(entries, key=lambda one: one.series.endpoint)), tuple(nowhere)


def _nobody(word: Word) -> str:
    if word.thumbprint:
        return f"No prediction is of the certificate {word.thumbprint.upper()}."
    if word.hosts or word.address:
        whom = " or ".join(filter(None, (*word.hosts[:4], word.address)))
        return f"Nothing is predicted of {whom}, {word.direction.value}, at port 25."
    if word.domain:
        return f"It names no host, and no prediction is of mx:{word.domain}."
    return "It names no endpoint."


#: Where Exchange Online delivers, and of whom no port is known: a sender that a listener met.
_PORTS = frozenset({25, 0})


class _Index:
    """Series by what a word may name: their places in the list.

    Nothing that Microsoft says is of another port than 25, so a word by name or address is of no other; a certificate
    that a word tells is the same at each.
    """

    def __init__(self, series: Sequence[Series]) -> None:
        self.series = series
        self.timelines = [Timeline(one.predictions) for one in series]
        self._hosts: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._parents: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._addresses: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._domains: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._thumbprints: defaultdict[tuple[str, str], dict[int, None]] = defaultdict(dict)
        for place, one in enumerate(series):
            way, host = one.endpoint.direction, one.endpoint.host.lower()
            self._addresses[way, one.endpoint.address].append(place)
            for thumbprint in (each for made in one.predictions for each in made.thumbprints):
                self._thumbprints[way, thumbprint][place] = None
            if one.endpoint.port not in _PORTS:
                continue
            self._hosts[way, host].append(place)
            self._parents[way, host.partition(".")[2]].append(place)
            for domain in one.domains:
                self._domains[way, domain].append(place)

    def meant(self, word: Word) -> tuple[list[int], bool]:
        """The series that a word may be of, and whether these are all there can be."""
        way = word.direction.value
        there = self._addresses.get((way, word.address), []) if word.address else []
        if word.thumbprint:  # whoever presents it, at the address first
            presenting = self._thumbprints.get((way, word.thumbprint), {})
            return [place for place in presenting if place in there] or list(presenting), True
        there = [place for place in there if self.series[place].endpoint.port in _PORTS]
        exchangers = self._domains.get((way, word.domain), []) if word.domain else []
        if not word.hosts:
            if word.address:
                return there, True
            return exchangers, bool(exchangers)
        found: dict[int, None] = {}
        complete = True
        for name in word.hosts:
            one, known = self._named(way, name, exchangers)
            found |= dict.fromkeys(one)
            complete = complete and known
        # Of the hosts' series those at the address that is told, where there are any; else whoever has the address.
        return [place for place in found if place in there] or list(found) or there, complete or bool(there)

    def _named(self, way: str, name: str, exchangers: Sequence[int]) -> tuple[Sequence[int], bool]:
        """One label stands for an asterisk (RFC 8461 4.1); only who looked up the exchangers knows all there are."""
        if not name.startswith("*."):
            found = self._hosts.get((way, name.lower()), [])
            return found, bool(found)
        found = self._parents.get((way, name[2:].lower()), [])
        return found, bool(exchangers) and set(found) <= set(exchangers)


def _read(word: Word, found: Sequence[int], index: _Index, *, complete: bool) -> Iterator[tuple[int, Joined]]:
    """What a word is to each of the series it may be of."""
    held = {place: _held(word, index.timelines[place]) for place in found}
    fits = {place: _fit(word, held[place]) for place in found}
    hosts: defaultdict[tuple[str, str], list[_Fit]] = defaultdict(list)
    for place in found:
        hosts[index.series[place].endpoint[:2]].append(fits[place][0])
    alike = _alike(word, [_of_place(each) for each in hosts.values()], complete=complete)
    shared = _shared(len(hosts)) if len(hosts) > 1 else None
    for place in found:
        fit, note = fits[place]
        if word.silent:
            reading, note = Reading.SILENT, word.silent
        elif fit is _Fit.AGAINST and alike is None:
            reading, note = Reading.CONTRADICTS, shared
        elif fit is _Fit.AGREES and (word.accepted or alike is None):
            reading, note = Reading.CONFIRMS, shared
        else:
            reading, note = Reading.SILENT, note or alike
        yield place, Joined(word, reading, held[place].predictions, note)


def _held(word: Word, timeline: Timeline) -> Held:
    """What held then; of a word on one certificate only what was said of that one."""
    held = timeline.held(word.begin, word.end)
    if not word.thumbprint:
        return held
    of_it = tuple(one for one in held.predictions if word.thumbprint in one.thumbprints)
    return Held(of_it, held.whole)


def _shared(hosts: int) -> Statement:
    return inferred(
        f"Counted for each of the {counted(hosts, 'endpoint')} it may be of; which of them was met is not told."
    )


def _alike(word: Word, places: Sequence[_Fit], *, complete: bool) -> Statement | None:
    """None where the word can be of nothing but what is predicted alike; else why it decides between nothing."""
    fits = set(places) - {_Fit.OPEN}
    if len(fits) > 1 or _Fit.TOLERATES in fits:
        return _DISAGREE
    # Where no session at all got through, those to the hosts that are known did not.
    known = complete and _Fit.OPEN not in places
    return None if known or not (word.accepted or word.others) else _INCOMPLETE


def _of_place(fits: Sequence[_Fit]) -> _Fit:
    """How one address fits that is seen in several ways: what disagrees with itself tolerates anything."""
    said = set(fits) - {_Fit.OPEN}
    return said.pop() if len(said) == 1 else _Fit.TOLERATES if said else _Fit.OPEN


def _fit(word: Word, held: Held) -> tuple[_Fit, Statement | None]:
    """How the predictions of one series fit, and what is to be said where they neither agree nor are against."""
    fits = {_of_one(word, one) for one in held.predictions} - {_Fit.OPEN}
    if not fits:
        return _Fit.OPEN, _UNPREDICTED
    if len(fits) > 1:
        return _Fit.TOLERATES, _CHANGED
    [fit] = fits
    if fit is _Fit.TOLERATES:
        return fit, _NOT_JUDGED if word.accepted or word.needs else _SAID_SO
    if fit is _Fit.AGAINST and held.swapped:
        return _Fit.TOLERATES, _SWAPPED
    if fit is _Fit.AGAINST and not (held.whole and word.binding):
        return (_Fit.OPEN, _UNPREDICTED) if word.binding else (_Fit.TOLERATES, _NOT_JUDGED)
    return fit, None


def _of_one(word: Word, one: Prediction) -> _Fit:
    if one.outcome is Outcome.UNKNOWN:
        return _Fit.OPEN
    if one.outcome is Outcome.REJECTED:
        if word.accepted:
            return _Fit.AGAINST if word.judges(one.rule) else _Fit.TOLERATES
        return _Fit.AGREES if not word.needs or one.rule in word.needs else _Fit.TOLERATES
    if word.accepted:
        return _Fit.AGREES
    knew = not word.needs or not word.needs.isdisjoint(one.holds)
    return _Fit.AGAINST if one.outcome is Outcome.ACCEPTED and knew else _Fit.TOLERATES
