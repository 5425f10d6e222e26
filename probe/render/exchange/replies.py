"""What a pasted text says: a block for each finding, the most specific first."""

from __future__ import annotations

from typing import Any, NamedTuple

from probe.exchange.messages.arrival import Arrival
from probe.exchange.replies.entry import Entry, EntryKind, Flow
from probe.exchange.replies.last_error import bracketed
from probe.exchange.replies.recognise import Recognised
from probe.exchange.replies.tokens import Carriers
from probe.exchange.traces.report import Traces
from probe.powershell import CONNECTOR, SERVER, eop_probe, filled
from probe.render.exchange.arrivals import add_arrivals, arrivals_json
from probe.render.exchange.documents import picked
from probe.render.exchange.parts import fact, title
from probe.render.exchange.traces import add_traces, traces_json
from probe.render.page.options import RenderOptions
from probe.render.page.steps import commands_json
from probe.render.page.text import Page, Style
from probe.text import counted

SCHEMA = "eop-probe/explain/1"

_FLOWS = {
    Flow.TO_EOP: "your server to Exchange Online",
    Flow.FROM_EOP: "Exchange Online to your server",
    Flow.NEITHER: "either way, or it does not say",
}


class Explained(NamedTuple):
    """What a text says: replies, headers of messages that arrived, and message traces."""

    found: tuple[Recognised, ...]
    arrivals: tuple[Arrival, ...] = ()
    traces: tuple[Traces, ...] = ()
    left_out: int = 0
    """Findings that are not among those."""


def render(explained: Explained, options: RenderOptions) -> str:
    """The page: the first finding in full, the others briefly unless all the detail is wanted."""
    found, arrivals, traces, left_out = explained
    page = Page(options)
    add_arrivals(page, arrivals)
    add_traces(page, traces)
    for number, one in enumerate(found):
        page.blank()
        if number == 0 or options.verbose:
            _add(page, one)
        else:
            page.add(one.entry.title, first="Also here  ", mark=Style.STRONG)
            page.verbatim(one.reply, first="  ", style=Style.FAINT)
    if left_out:
        page.blank()
        page.add(f"{counted(left_out, 'more thing')} of yet other kinds it says, which were left out.")
    if len(found) > 1 and not options.verbose:
        page.blank()
        page.add("--verbose says as much of the others.", style=Style.FAINT)
    return page.text


def render_entry(entry: Entry, options: RenderOptions) -> str:
    page = Page(options)
    page.add(entry.title, style=Style.STRONG)
    _add_entry(page, entry)
    return page.text


def _add(page: Page, one: Recognised) -> None:
    page.add(one.entry.title, style=Style.STRONG)
    if one.entry.kind is not EntryKind.EVENT:
        page.verbatim(one.reply, first="  ", style=Style.BAD)
    record = one.last_error
    facts = [
        ("token", one.token),
        ("inside", "; ".join(wrapper.title for wrapper in one.wrappers)),
        ("event", str(one.event_id or "")),
        ("connector", one.connector),
        ("message", one.message_id),
        ("host", (record.fqdn if record else "") or one.host),
        ("address", record.address if record else ""),
        ("at", record.at if record else ""),
        *(("in it", f"{key}: {value}") for key, value in (record.items if record else bracketed(one.reply))),
    ]
    for label, text in facts:
        if text:
            fact(page, label, text, indent=2)
    _add_entry(page, _filled(one), one.flow)


def _filled(one: Recognised) -> Entry:
    """The entry with what the text tells in place of placeholders."""
    host = one.last_error.fqdn if one.last_error is not None else None
    known = {CONNECTOR: one.connector, SERVER: host}
    return one.entry._replace(remedy=filled(one.entry.remedy, known), check=filled(one.entry.check, known))


def _add_entry(page: Page, entry: Entry, flow: Flow | None = None) -> None:
    fact(page, "mail", _FLOWS[flow or entry.flow], indent=2)
    fact(page, "who", entry.judge, indent=2)
    fact(page, "confidence", entry.label.value, indent=2)
    title(page, "Meaning")
    page.add(entry.meaning, first="  ")
    title(page, "Causes")
    page.steps(entry.causes, bullet="·")
    title(page, "What to do")
    page.steps(entry.remedy)
    if entry.check:
        title(page, "What to check next")
        page.steps(entry.check, bullet="·")
    title(page, "Sources")
    page.steps(entry.references, bullet="·")
    if entry.rule:
        page.blank()
        page.steps(("The rule about it:", eop_probe("explain", entry.rule)), bullet="·")


def render_carriers(found: Carriers, options: RenderOptions) -> str:
    """The page of a token alone: which texts carry it, which way the mail went, and what to ask for."""
    page = Page(options)
    (entry, example), *others = found.entries
    if not others:
        page.add(f"'{found.token}' is known from one reply or log line:", style=Style.STRONG)
        page.verbatim(example, first="  ", style=Style.BAD)
        page.blank()
        return page.text + render_entry(entry, options)
    number = f"{len(found.entries)} known texts carry it"
    page.add(f"'{found.token}' alone does not say who refuses whom: {number}.", style=Style.STRONG)
    for entry, example in found.entries:
        page.blank()
        page.add(entry.title, first="  ", mark=Style.STRONG)
        page.verbatim(example, first="    ", style=Style.BAD)
        fact(page, "mail", _FLOWS[entry.flow])
        fact(page, "who", entry.judge)
    page.blank()
    page.add("Which of them is it? Explain the whole reply, or the line that it stands in.")
    return page.text


def carriers_json(found: Carriers) -> dict[str, Any]:
    """The JSON document of a token alone: every entry that carries it."""
    return {
        "schema": SCHEMA,
        "findings": [entry_json(entry) for entry, _ in found.entries],
        "left_out": 0,
        "arrivals": [],
        "traces": [],
    }


def document(explained: Explained) -> dict[str, Any]:
    """The JSON document; empty `findings` where nothing was recognised."""
    found, arrivals, traces, left_out = explained
    return {
        "schema": SCHEMA,
        "findings": [_json(one) for one in found],
        "left_out": left_out,
        "arrivals": arrivals_json(arrivals),
        "traces": traces_json(traces),
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    return {
        **picked(
            entry, "id title kind direction=flow who=judge confidence=label meaning causes remedy check"
        ),
        "remedy_commands": commands_json(entry.remedy),
        "check_commands": commands_json(entry.check),
        **picked(entry, "references", rule=entry.rule or None),
    }


def _json(one: Recognised) -> dict[str, Any]:
    record = one.last_error
    return {
        **entry_json(_filled(one)),
        "direction": one.flow.value,
        **picked(one, "reply host token wrappers=wrappers.id event=event_id message_id connector spans"),
        "last_error": picked(record, "error message fqdn address at items") if record else None,
    }
