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

from probe.exchange import online
from probe.exchange.replies import catalogue
from probe.exchange.replies.console import shifted, unwrapped
from probe.exchange.replies.entry import Entry, EntryKind, Flow, compiled
from probe.exchange.replies.from_exchange_online import EXPIRED
from probe.exchange.replies.last_error import LastError, read_last_error
from probe.exchange.replies.mentions import EVENT_REACH, MAX_MATCHES, Mention, before, mentions_in
from probe.exchange.replies.segments import MAX_REPLY, Segment, segments
from probe.exchange.replies.shown import MAX_SHOWN, QUOTES, group, shown
from probe.text import counted, printable

#: Characters of one text that are read; a message trace export of a day stays below.
MAX_TEXT = 1 << 20

#: Findings of one text; people read the first few.
MAX_FINDINGS = 200

#: Places kept for one finding.
MAX_SPANS = 20

#: Characters between a wrapper's words and the reply it carries.
_WRAPPER_REACH = 40

#: Characters behind a line's words in which the host may stand: bounces break lines.
_HOST_REACH = 120

_MESSAGE_ID = re.compile(r"<([^<>\s@]{1,200}@[^<>\s@]{1,200})>")
_LOG_ROW = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{1,20}Z?,([^,\r\n]{0,200}),")
_LAST_ERROR = re.compile(r"LED ?= ?\Z", re.IGNORECASE)
_OPENED = re.compile(r"\s{0,9}\[?\{LED ?= ?\Z", re.IGNORECASE)
_INSIDE = f"{QUOTES}:->\r\n\t"
_EXPIRED = frozenset(EXPIRED.codes)


class Recognised(NamedTuple):
    """One finding: the entry, the reply as found (escaped), what was around it, and where.

    `wrappers` run from the outermost inwards. `token` is the reason the text names, as it came.
    `spans` are (start, end) character offsets, at most `MAX_SPANS`. `host` is Exchange Online's that the line
    names, where the entry alone does not tell which way the mail went.
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
    host: str | None = None

    @property
    def flow(self) -> Flow:
        """Which way the mail was going, by the entry or else by the host."""
        if self.entry.flow is not Flow.NEITHER or self.host is None:
            return self.entry.flow
        return Flow.FROM_EOP if online.SENDING_HOST.search(self.host) else Flow.TO_EOP


class Findings(NamedTuple):
    """What a text says, most specific first; `left_out` counts what is beyond `MAX_FINDINGS`."""

    found: tuple[Recognised, ...]
    left_out: int = 0

    @property
    def more(self) -> tuple[str, ...]:
        """What is left out, as a sentence about the text; none where nothing is."""
        told = f"says {counted(self.left_out, 'more thing')} of yet other kinds, which were left out."
        return (told,) if self.left_out else ()


def explain_text(text: str) -> tuple[Recognised, ...]:
    """Everything the catalogue recognises in `text`, most specific first; empty where it knows nothing."""
    return findings(text).found


def findings(text: str) -> Findings:
    """The same with what was left out.

    The first `MAX_TEXT` characters are read. The same finding at several places is one finding.
    """
    text = text[:MAX_TEXT]
    found = _explained(text)
    whole, breaks = unwrapped(text)
    if breaks and (again := _explained(whole)) and (not found or _rank(again[0]) < _rank(found[0])):
        found = [one._replace(spans=tuple(shifted(span, breaks) for span in one.spans)) for one in again]
    return Findings(tuple(found[:MAX_FINDINGS]), max(0, len(found) - MAX_FINDINGS))


def _explained(text: str) -> list[Recognised]:
    mentions = mentions_in(text)
    cut = segments(text)
    coded = list(_in_segments(text, cut))
    found = [_placed(text, one, mentions) for one in coded]
    found += [_placed(text, one, mentions) for one in _in_phrases(text, cut, coded)]
    found += _alone(text, mentions, found, cut)
    return sorted(_merged(found), key=lambda one: (_rank(one), one.spans[0]))


def _rank(one: Recognised) -> int:
    return catalogue.ranks()[one.entry.id]


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
            if entry is not EXPIRED and segment.enhanced in _EXPIRED and _words(text, segment, EXPIRED):
                yield _from_segment(text, segment, opened, EXPIRED, None, around)
        elif around:  # a reply we do not know: who quotes it is all there is to say
            yield _from_segment(text, segment, opened, around[-1], None, around[:-1])
        around = []


def _recognise(text: str, segment: Segment) -> tuple[Entry | None, re.Match[str] | None]:
    for basic, entry in catalogue.by_code().get(segment.enhanced, ()):
        if basic and segment.basic and basic != segment.basic:
            continue
        if found := _words(text, segment, entry):
            return entry, found
    return None, None


def _words(text: str, segment: Segment, entry: Entry) -> re.Match[str] | None:
    return compiled(entry.words).match(text, segment.body, segment.end)


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
    start, told = segment.start, found.end() - segment.start if found else 1
    if found and entry.kind is EntryKind.WRAPPER and text[found.end() : segment.end].strip(_INSIDE):
        start, told = found.end(), 1  # what it quotes has no code that could be read
    return Recognised(
        entry=entry,
        reply=shown(
            _OPENED.sub("", text[start : segment.end]).lstrip(_INSIDE), told, text[max(0, start - 1) : start]
        ),
        spans=((segment.start, segment.end),),
        token=group(found),
        wrappers=wrappers,
        last_error=last_error,
    )


def _in_phrases(text: str, cut: tuple[Segment, ...], coded: list[Recognised]) -> Iterator[Recognised]:
    taken = {one.spans[0][0] for one in coded}
    records = [one.spans[0][0] for one in coded if one.last_error]
    starts = [segment.start for segment in cut]
    claimed: set[int] = set()
    for entry in catalogue.phrases():
        if entry.events:
            continue  # these are mentions
        for found in islice(compiled(entry.phrase).finditer(text), MAX_MATCHES):
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
    words = text[found.start() : found.start() + MAX_SHOWN].partition("\n")[0] if entry.codes else found[0]
    return Recognised(
        entry=entry,
        reply=shown(words) if last_error is None else last_error.error,
        spans=(found.span(),),
        token=group(found),
        last_error=last_error,
    )


def _placed(text: str, one: Recognised, mentions: list[Mention]) -> Recognised:
    """`one` with what the text around it tells: event, message and connector."""
    at = one.spans[0][0]
    near = before(mentions, at)
    host = _host(text, one)
    row = _LOG_ROW.match(text, text.rfind("\n", max(0, at - MAX_SHOWN), at) + 1)
    if near and near[-1].entry.kind is EntryKind.WRAPPER and near[-1].entry is not one.entry:
        same = [mention for mention in near if mention.entry is near[-1].entry]
        ids = _MESSAGE_ID.findall(text, same[0].start, at)
        return one._replace(
            wrappers=(near[-1].entry, *one.wrappers),
            event_id=near[-1].number,
            message_id=printable(ids[-1]) if ids else None,
            connector=next((mention.connector for mention in reversed(same) if mention.connector), None),
            host=host,
        )
    return one._replace(connector=printable(row[1]) if row else None, host=host)


def _host(text: str, one: Recognised) -> str | None:
    """Exchange Online's host in the line, or right behind it, where the entry is about either way."""
    if one.entry.flow is not Flow.NEITHER:
        return None
    if one.last_error is not None and online.domain_of(one.last_error.fqdn):
        return one.last_error.fqdn
    start, end = one.spans[0]
    line = text[max(text.rfind("\n", 0, start) + 1, start - MAX_SHOWN) : end + _HOST_REACH]
    found = online.HOST.search(line) or online.SENDING_HOST.search(line)
    return printable(found[0].lower()) if found else None


def _alone(
    text: str, mentions: list[Mention], found: list[Recognised], cut: tuple[Segment, ...]
) -> list[Recognised]:
    """The events that quote no reply we know."""
    quoted = sorted(one.spans[0][0] for one in found if one.event_id is not None)
    starts = [segment.start for segment in cut]
    alone: list[Recognised] = []
    told: Recognised | None = None
    for mention in mentions:
        place = bisect_left(quoted, mention.start)
        if (
            mention.entry.kind is EntryKind.WRAPPER
            and place < len(quoted)
            and quoted[place] - mention.start <= EVENT_REACH
        ):
            continue
        inside = bisect_left(starts, mention.end)
        reach = mention.entry.kind is EntryKind.WRAPPER and inside < len(cut)
        reply = cut[inside] if reach and cut[inside].start - mention.end <= EVENT_REACH else mention
        one = Recognised(
            entry=mention.entry,
            reply=shown(text[reply.start : reply.end]),
            spans=((mention.start, mention.end),),
            token=mention.token,
            event_id=mention.number,
            connector=mention.connector,
        )
        if (
            told
            and told.entry is one.entry
            and told.token is None
            and told.spans[0][1] + EVENT_REACH > mention.start
        ):
            alone.pop()  # its number, and now its words
        alone.append(one)
        told = one
    return alone


def _merged(found: list[Recognised]) -> list[Recognised]:
    kept: dict[tuple[object, ...], Recognised] = {}
    for one in found:
        event = one.reply if one.entry.kind is EntryKind.WRAPPER and not one.entry.events else ""
        key = (one.entry.id, one.token, one.event_id, one.message_id, event)
        before = kept.get(key)
        if before is None:
            kept[key] = one
        elif len(before.spans) < MAX_SPANS:
            kept[key] = before._replace(
                reply=max(
                    before.reply, one.reply, key=lambda reply: reply.count("[")
                ),  # the one with more facts
                host=before.host or one.host,
                last_error=before.last_error or one.last_error,
                spans=before.spans + one.spans,
                connector=before.connector or one.connector,
                wrappers=before.wrappers or one.wrappers,
            )
    return list(kept.values())
