"""What a pasted text says: replies, reports, queue errors, log lines and events, in any language.

Recognised by code and token, never by prose, since translated pages and systems change the words
around them. Wrappers are taken off and kept as context; the innermost reply is what counts.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from probe.exchange.replies import catalogue
from probe.exchange.replies.entry import Entry, EntryKind, compiled
from probe.exchange.replies.last_error import LastError, read_last_error
from probe.exchange.replies.segments import MAX_REPLY, Segment, segments
from probe.text import printable

#: Characters of one text that are read; a message trace export of a day stays below.
MAX_TEXT = 1 << 20

#: Findings of one text; people read the first few.
MAX_FINDINGS = 200

#: Places kept for one finding.
MAX_SPANS = 20

#: Matches of one phrase that are looked at.
_MAX_MATCHES = 2_000

#: Characters between an event's number or first words and the reply it quotes; the longest sample has 500.
_EVENT_REACH = 3_000

#: Characters between a wrapper's words and the reply it carries.
_WRAPPER_REACH = 40

#: A text this short was typed by a person: ``event 12014`` needs no event source then.
_TYPED = 80

#: Characters of a reply that are shown.
_SHOWN = 500

_EVENT_NUMBER = re.compile(r"(?:\b(event)(?: ?id)?|[:\uff1a=>])\s{0,5}(\d{4,5})(?!\d)", re.IGNORECASE)
_EVENT_SOURCE = re.compile(r"MSExchange(?:FrontEnd)?Transport", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([^<>\s@]{1,200}@[^<>\s@]{1,200})>")
_LOG_ROW = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{1,20}Z?,([^,\r\n]{0,200}),")
_LAST_ERROR = re.compile(r"LED ?= ?\Z", re.IGNORECASE)
_REPLY_ENDS = re.compile(r'"|\};\{|\}\]|>\s*#')


class Recognised(NamedTuple):
    """One finding: the entry, the reply as found (escaped), what was around it, and where.

    `wrappers` run from the outermost inwards. `token` is the reason the text names, as it came.
    `spans` are (start, end) character offsets, at most `MAX_SPANS`.
    """

    entry: Entry
    reply: str
    spans: tuple[tuple[int, int], ...]
    token: str | None = None
    wrappers: tuple[Entry, ...] = ()
    event_id: int | None = None
    message_id: str | None = None
    connector: str | None = None
    last_error: LastError | None = None


class _Mention(NamedTuple):
    """A place where the text speaks of an event."""

    start: int
    end: int
    entry: Entry
    number: int
    connector: str | None


def explain_text(text: str) -> tuple[Recognised, ...]:
    """Everything the catalogue recognises in `text`, most specific first; empty where it knows nothing.

    The first `MAX_TEXT` characters are read. The same finding at several places is one finding.
    """
    text = text[:MAX_TEXT]
    mentions = _mentions(text)
    cut = segments(text)
    coded = list(_in_segments(text, cut))
    found = [_placed(text, one, mentions) for one in coded]
    found += [_placed(text, one, mentions) for one in _in_phrases(text, cut, coded)]
    found += _alone(text, mentions, found)
    order = catalogue.ranks()
    return tuple(sorted(_merged(found), key=lambda one: (order[one.entry.id], one.spans[0])))


@lru_cache(maxsize=4096)
def classify(reply: str) -> Recognised | None:
    """The most specific finding in one reply or log line, or None."""
    return next(iter(explain_text(reply)), None)


def _in_segments(text: str, cut: tuple[Segment, ...]) -> Iterator[Recognised]:
    around: list[Entry] = []
    opened = 0
    for place, segment in enumerate(cut):
        entry, found = _recognise(text, segment)
        if not around:
            opened = segment.start
        if entry and found and entry.kind is EntryKind.WRAPPER and _carries(cut, place, found.end()):
            around.append(entry)
            continue
        if entry:
            yield _from_segment(text, segment, opened, entry, found, around)
        elif around:  # a reply we do not know: the wrapper is all there is to say
            whole = segment._replace(start=opened)
            yield _from_segment(text, whole, opened, around[-1], None, around[:-1])
        around = []


def _recognise(text: str, segment: Segment) -> tuple[Entry | None, re.Match[str] | None]:
    for basic, entry in catalogue.by_code().get(segment.enhanced, ()):
        if basic and segment.basic and basic != segment.basic:
            continue
        if found := compiled(entry.words).match(text, segment.body, segment.end):
            return entry, found
    return None, None


def _carries(cut: tuple[Segment, ...], place: int, words_end: int) -> bool:
    following = cut[place + 1] if place + 1 < len(cut) else None
    return (
        following is not None
        and following.start == cut[place].end
        and following.start - words_end <= _WRAPPER_REACH
    )


def _from_segment(
    text: str, segment: Segment, opened: int, entry: Entry, found: re.Match[str] | None, around: list[Entry]
) -> Recognised:
    last_error = None
    wrappers = tuple(around)
    if led := _LAST_ERROR.search(text, max(0, opened - 8), opened):
        last_error = read_last_error(text, max(0, led.start() - 1))
        wrappers = (catalogue.by_id()["wrapper-last-error"], *wrappers)
    return Recognised(
        entry=entry,
        reply=_shown(text[segment.start : segment.end]),
        spans=((segment.start, segment.end),),
        token=_token(found),
        wrappers=wrappers,
        last_error=last_error,
    )


def _shown(raw: str) -> str:
    ends = _REPLY_ENDS.search(raw, 1)
    return printable(" ".join(raw[: ends.start() if ends else None].split()).rstrip(" ,'"), _SHOWN)


def _token(found: re.Match[str] | None) -> str | None:
    token = found.groupdict().get("token") if found else None
    return printable(token, _SHOWN) if token else None


def _in_phrases(text: str, cut: tuple[Segment, ...], coded: list[Recognised]) -> Iterator[Recognised]:
    taken = {one.spans[0][0] for one in coded}
    records = [one.spans[0][0] for one in coded if one.last_error]
    starts = [segment.start for segment in cut]
    claimed: set[int] = set()
    for entry in catalogue.phrases():
        if entry.events:
            continue  # these are mentions
        for found in islice(compiled(entry.phrase).finditer(text), _MAX_MATCHES):
            at = found.start()
            told = (
                _quoted(text, at, records)
                if entry.kind is EntryKind.WRAPPER
                else _told(at, entry, cut, starts, taken)
            )
            if at not in claimed and not told:
                claimed.add(at)
                yield _from_phrase(text, entry, found)


def _told(at: int, entry: Entry, cut: tuple[Segment, ...], starts: list[int], taken: set[int]) -> bool:
    """Whether the reply around these words has been judged by its code."""
    place = bisect_left(starts, at + 1) - 1
    inside = place >= 0 and at < cut[place].end
    return inside and (bool(entry.codes) or cut[place].start in taken)


def _quoted(text: str, at: int, records: list[int]) -> bool:
    """Whether the last-error record at `at` is the one around a reply already found."""
    place = bisect_left(records, at)
    return place < len(records) and "{LED" not in text[at + 1 : min(records[place], at + MAX_REPLY)].upper()


def _from_phrase(text: str, entry: Entry, found: re.Match[str]) -> Recognised:
    last_error = read_last_error(text, found.start()) if entry.kind is EntryKind.WRAPPER else None
    words = text[found.start() : found.start() + _SHOWN].partition("\n")[0] if entry.codes else found[0]
    return Recognised(
        entry=entry,
        reply=_shown(words) if last_error is None else last_error.error,
        spans=(found.span(),),
        token=_token(found),
        last_error=last_error,
    )


def _mentions(text: str) -> list[_Mention]:
    found = [*_numbered(text), *_worded(text)]
    return sorted(found, key=lambda mention: mention.start)


def _numbered(text: str) -> Iterator[_Mention]:
    known = catalogue.by_event()
    for found in islice(_EVENT_NUMBER.finditer(text), 50 * _MAX_MATCHES):
        entry = known.get(int(found[2]))
        if entry is None:
            continue
        near = _EVENT_SOURCE.search(text, max(0, found.start() - _SHOWN), found.end() + _SHOWN)
        if near or (found[1] and len(text) <= _TYPED and "source" not in text.lower()):
            yield _Mention(found.start(), found.end(), entry, int(found[2]), None)


def _worded(text: str) -> Iterator[_Mention]:
    for entry in catalogue.phrases():
        if not entry.events:
            continue
        for found in islice(compiled(entry.phrase).finditer(text), _MAX_MATCHES):
            connector = found.groupdict().get("connector")
            yield _Mention(
                found.start(),
                found.end(),
                entry,
                entry.events[0],
                printable(connector) if connector else None,
            )


def _placed(text: str, one: Recognised, mentions: list[_Mention]) -> Recognised:
    """`one` with what the text around it tells: event, message and connector."""
    at = one.spans[0][0]
    near = _before(mentions, at)
    row = _LOG_ROW.match(text, text.rfind("\n", max(0, at - _SHOWN), at) + 1)
    if near and near[-1].entry.kind is EntryKind.WRAPPER and near[-1].entry is not one.entry:
        same = [mention for mention in near if mention.entry is near[-1].entry]
        ids = _MESSAGE_ID.findall(text, same[0].start, at)
        return one._replace(
            wrappers=(near[-1].entry, *one.wrappers),
            event_id=near[-1].number,
            message_id=printable(ids[-1]) if ids else None,
            connector=next((mention.connector for mention in reversed(same) if mention.connector), None),
        )
    return one._replace(connector=printable(row[1]) if row else None)


def _before(mentions: list[_Mention], at: int) -> list[_Mention]:
    end = bisect_left(mentions, at, key=lambda mention: mention.start)
    start = bisect_left(mentions, at - _EVENT_REACH, key=lambda mention: mention.start)
    return mentions[start:end]


def _alone(text: str, mentions: list[_Mention], found: list[Recognised]) -> list[Recognised]:
    """The events that quote no reply we know."""
    quoted = sorted(one.spans[0][0] for one in found if one.event_id is not None)
    alone = []
    for mention in mentions:
        place = bisect_left(quoted, mention.start)
        if (
            mention.entry.kind is EntryKind.WRAPPER
            and place < len(quoted)
            and quoted[place] - mention.start <= _EVENT_REACH
        ):
            continue
        alone.append(
            Recognised(
                entry=mention.entry,
                reply=_shown(text[mention.start : mention.end]),
                spans=((mention.start, mention.end),),
                event_id=mention.number,
                connector=mention.connector,
            )
        )
    return alone


def _merged(found: list[Recognised]) -> list[Recognised]:
    kept: dict[tuple[object, ...], Recognised] = {}
    for one in found:
        event = one.entry.id if one.entry.events else one.reply if one.entry.kind is EntryKind.WRAPPER else ""
        key = (one.entry.id, one.token, one.event_id, one.message_id, event)
        before = kept.get(key)
        if before is None:
            if len(kept) < MAX_FINDINGS:
                kept[key] = one
        elif len(before.spans) < MAX_SPANS:
            kept[key] = before._replace(
                spans=before.spans + one.spans,
                connector=before.connector or one.connector,
                wrappers=before.wrappers or one.wrappers,
            )
    return list(kept.values())
