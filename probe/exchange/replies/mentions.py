"""The events of Windows that a text speaks of: by number and source in any language, or by their words."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from probe.exchange.replies import catalogue
from probe.exchange.replies.entry import Entry, compiled
from probe.exchange.replies.shown import MAX_SHOWN, group

#: Matches of one phrase that are looked at.
MAX_MATCHES = 2_000

#: Characters between an event's number or first words and the reply it quotes; the longest sample has 500.
EVENT_REACH = 3_000

#: A text this short was typed by a person: ``event 12014`` needs no event source then.
_TYPED = 80

_EVENT_NUMBER = re.compile(r"(?:\b(event)(?: ?id)?|[:\uff1a=>])\s{0,5}(\d{4,5})(?!\d)", re.IGNORECASE)
_EVENT_SOURCE = re.compile(r"MSExchange(?:FrontEnd)?Transport", re.IGNORECASE)


class Mention(NamedTuple):
    """A place where the text speaks of an event."""

    start: int
    end: int
    entry: Entry
    number: int
    connector: str | None = None
    token: str | None = None


def mentions_in(text: str) -> list[Mention]:
    found = [*_numbered(text), *_worded(text)]
    return sorted(found, key=lambda mention: mention.start)


def _numbered(text: str) -> Iterator[Mention]:
    known = catalogue.by_event()
    for found in islice(_EVENT_NUMBER.finditer(text), 50 * MAX_MATCHES):
        entry = known.get(int(found[2]))
        if entry is None:
            continue
        near = _EVENT_SOURCE.search(text, max(0, found.start() - MAX_SHOWN), found.end() + MAX_SHOWN)
        if near or (found[1] and len(text) <= _TYPED and "source" not in text.lower()):
            yield Mention(*found.span(), entry, int(found[2]))


def _worded(text: str) -> Iterator[Mention]:
    for entry in catalogue.phrases():
        if not entry.events:
            continue
        for found in islice(compiled(entry.phrase).finditer(text), MAX_MATCHES):
            yield Mention(*found.span(), entry, entry.events[0], group(found, "connector"), group(found))


def before(mentions: list[Mention], at: int) -> list[Mention]:
    """Those whose reach goes to `at`."""
    end = bisect_left(mentions, at, key=lambda mention: mention.start)
    start = bisect_left(mentions, at - EVENT_REACH, key=lambda mention: mention.start)
    return mentions[start:end]
