"""A message in words: its subject, its text and its HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from probe.alarms.document import Document, Notice, Shown, steps_of
from probe.render.page.markup import element, escaped
from probe.render.page.options import RenderOptions
from probe.render.page.steps import steps_html
from probe.render.page.text import Page
from probe.render.report.facts import day, instant
from probe.text import counted, printable

#: Characters of a subject: more is cut by many a mail program.
SUBJECT_LENGTH = 150
#: Columns of the text: what mail programs leave as it is.
_WIDTH = 76

_EVENTS = {
    "raised": "ALARM",
    "repeated": "STILL",
    "turned": "CHANGED",
    "recovered": "RECOVERED",
    "ended": "ENDED",
    "test": "TEST",
}


def subject(document: Document) -> str:
    """The subject of a message."""
    notices = document.notices
    if len(notices) == 1:
        return printable(f"[eop-probe] {_headline(notices[0])}", SUBJECT_LENGTH)
    counts = Counter(_EVENTS[notice.event].lower() for notice in notices)
    total = len(notices) + document.more_notices
    told = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return printable(f"[eop-probe] {counted(total, 'change')}: {told}", SUBJECT_LENGTH)


def _headline(notice: Notice) -> str:
    rule = notice.rule or notice.former_rule or notice.outcome
    if notice.former_rule and notice.rule:
        rule = f"{notice.former_rule} is now {notice.rule}"
    about = notice.endpoints[0] if notice.endpoints else notice.target
    if notice.subject == "certificate":
        old = notice.certificate_before or notice.certificate
        many = counted(len(notice.endpoints) + notice.more_endpoints, "endpoint")
        about = f"{old.subject} at {many}" if old and notice.event != "ended" else about
    return f"{_EVENTS[notice.event]} {rule}: {about}"


def _sentences(notice: Notice) -> Iterator[str]:
    """What happened, the verdict, and why, a sentence each."""
    match notice.event:
        case "recovered":
            yield f"{notice.former_rule} is over. Now: {notice.outcome}."
        case "ended":
            yield f"Nobody looks at it any more; {notice.rule or 'all was well'} when it was last seen."
        case "turned":
            yield f"{notice.former_rule} is over; {notice.rule} took its place."
        case _:
            pass
    yield notice.verdict
    if notice.summary != notice.verdict:
        yield notice.summary


def _facts(notice: Notice) -> Iterator[tuple[str, str]]:
    yield "outcome", notice.outcome
    if notice.rule and notice.confidence:
        yield "rule", f"{notice.rule} ({notice.confidence})"
    yield "since", f"{notice.since:%Y-%m-%d %H:%M} UTC"
    if notice.raised and notice.raised != notice.since:
        yield "alarm since", f"{notice.raised:%Y-%m-%d %H:%M} UTC"
    if notice.reply and notice.rule:
        yield "reply", notice.reply
    if notice.certificate:
        yield "certificate", _certificate(notice.certificate)
    if notice.certificate_before:
        yield "before", _certificate(notice.certificate_before)


def _certificate(shown: Shown) -> str:
    return (
        f"{shown.subject}; issuer {shown.issuer}; valid {day(shown.not_before)} to {day(shown.not_after)}; "
        f"thumbprint {shown.sha1.upper()}"
    )


def _endpoints(notice: Notice) -> tuple[str, ...]:
    more = (f"and {notice.more_endpoints:,} more",) if notice.more_endpoints else ()
    return notice.endpoints + more if notice.subject == "certificate" or more else ()


def _closing(document: Document) -> Iterator[str]:
    if document.more_notices:
        yield f"{counted(document.more_notices, 'more change')} of this round stand in the history."
    if document.held:
        yield "This was held back until now."


def text(document: Document) -> str:
    """The message as text; commands stand on lines of their own, whole."""
    page = Page(RenderOptions(width=_WIDTH))
    for notice in document.notices:
        page.blank()
        page.add(_headline(notice))
        page.blank()
        for sentence in _sentences(notice):
            page.add(sentence)
        for name, words in _facts(notice):
            page.add(words, first=f"  {name:<12} ")
        for name in _endpoints(notice):
            page.add(name, first="  - ")
        if notice.remedy and notice.event != "recovered":
            page.blank()
            page.add("What to do:")
            page.steps(steps_of(notice.remedy))
    page.blank()
    for sentence in _closing(document):
        page.add(sentence)
    if document.page_url:
        page.verbatim(document.page_url)
    page.add(f"Sent by eop-probe, {instant(document.at)}, message {document.id}")
    return page.text


def html(document: Document) -> str:
    """The message as HTML that loads nothing."""
    body = "".join(line for notice in document.notices for line in _section(notice))
    closing = "".join(element("p", sentence) for sentence in _closing(document))
    link = ""
    if document.page_url:
        address = escaped(document.page_url)
        link = f'<p><a href="{address}">{address}</a></p>'
    signed = element("p", f"Sent by eop-probe, {instant(document.at)}, message {document.id}")
    return f'<!DOCTYPE html><html lang="en"><body>{body}{closing}{link}{signed}</body></html>\n'


def _section(notice: Notice) -> Iterator[str]:
    yield element("h2", _headline(notice))
    yield from (element("p", sentence) for sentence in _sentences(notice))
    rows = (f"<tr>{element('td', name)}{element('td', words)}</tr>" for name, words in _facts(notice))
    yield f"<table>{''.join(rows)}</table>"
    if names := _endpoints(notice):
        yield f"<ul>{''.join(element('li', name) for name in names)}</ul>"
    if notice.remedy and notice.event != "recovered":
        yield element("h3", "What to do")
        yield steps_html(steps_of(notice.remedy))
