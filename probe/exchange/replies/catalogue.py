"""The catalogue of replies, log lines and events: one ordered table, most specific first.

It drives ``explain``, the classification of protocol logs, their tests, and a page in ``docs/``.
Texts are those of Microsoft's articles and of practitioners' reports; each entry says which.
"""

from __future__ import annotations

from functools import cache

from probe.exchange.replies import (
    connections,
    events,
    from_exchange_online,
    mail_servers,
    on_premises,
    policies,
    tenant_attribution,
    to_exchange_online,
    wrappers,
)
from probe.exchange.replies.entry import Entry

#: Every entry. Where several recognise a text, the first one is what it says.
CATALOGUE: tuple[Entry, ...] = (
    *to_exchange_online.ENTRIES,
    *tenant_attribution.ENTRIES,
    *on_premises.ENTRIES,
    *connections.ENTRIES,
    *mail_servers.ENTRIES,
    *from_exchange_online.ENTRIES,
    *policies.ENTRIES,
    from_exchange_online.EXPIRED,  # after every cause
    tenant_attribution.OTHER_ATTR,  # any other ATTR code: after everything that explains its own
    *events.ENTRIES,
    *wrappers.ENTRIES,
)


@cache
def by_id() -> dict[str, Entry]:
    return {entry.id: entry for entry in CATALOGUE}


@cache
def by_event() -> dict[int, Entry]:
    """The entries of Windows events under their numbers."""
    return {number: entry for entry in CATALOGUE for number in entry.events}


@cache
def by_code() -> dict[str, tuple[tuple[str, Entry], ...]]:
    """The entries under their enhanced code, each with the basic code it needs ("" for any), in table order."""
    found: dict[str, tuple[tuple[str, Entry], ...]] = {}
    for entry in CATALOGUE:
        for code in entry.codes:
            basic, _, enhanced = code.rpartition(" ")
            found[enhanced] = (*found.get(enhanced, ()), (basic, entry))
    return found


@cache
def phrases() -> tuple[Entry, ...]:
    """The entries that are recognised without a code, in table order."""
    return tuple(entry for entry in CATALOGUE if entry.phrase)


@cache
def ranks() -> dict[str, int]:
    """The place of each entry in the table: the lower, the more specific."""
    return {entry.id: place for place, entry in enumerate(CATALOGUE)}
