"""One endpoint as the history tells it, where the evidence of its last look is no longer at hand."""

from __future__ import annotations

from collections.abc import Mapping

from probe.eop.evidence import Evidence
from probe.eop.rules import Rule
from probe.eop.rules.every import EVERY_RULE
from probe.pki.truststore import list_title
from probe.render.page.steps import numbered
from probe.render.report.chain import as_built, as_sent, remarks
from probe.render.report.facts import day, instant
from probe.render.report.html import Endpoint, Row, Told
from probe.render.report.wording import path_end
from probe.report.record import ListUsed, Said, Span
from probe.text import counted

_RULES: Mapping[str, Rule] = {rule.id: rule for rule in EVERY_RULE}


def recorded_view(span: Span, place: str, evidence: Evidence | None, anchor: str) -> Endpoint:
    """What a page says of a recorded look, for the macro of `endpoint.html`; `evidence` holds the chain it met."""
    state = span.state
    store = evidence.deciding if evidence else None
    sent = as_sent(evidence) if evidence else []
    rule = _RULES.get(state.rule or "")
    return Endpoint(
        anchor=anchor,
        outcome=state.outcome.value,
        host=span.endpoint.host,
        place=place,
        verdict=f"The last look came to {state.outcome.value}"
        + (f" by the rule {state.rule}." if state.rule else "."),
        reason=rule.title if rule else "",
        samples=[],
        shown="",
        reply=state.reply or "",
        error=span.error or "",
        theirs="",
        facts=(
            ("Looked at", instant(span.last) or ""),
            ("Told by", "the history, which keeps no conversation"),
        ),
        sent=sent,
        sent_words=counted(len(sent), "certificate"),
        built=as_built(evidence) if evidence else [],
        built_words=path_end(store.best(), store) if store else "",
        remarks=remarks(store) if store else [],
        findings=[_told(said) for said in state.findings],
        line=None,
        stores=[_store(used) for used in span.lists],
        connection=(("TLS", state.tls),) if state.tls else (),
        transcript=(),
    )


def _told(said: Said) -> Told:
    rule = _RULES.get(said.rule)
    if rule is None:
        return Told(said.rule, said.severity, said.confidence, said.rule, [], [], ())
    steps = numbered(rule.advice)
    return Told(said.rule, said.severity, said.confidence, rule.title, [rule.meaning], steps, rule.references)


def _store(used: ListUsed) -> Row:
    said = ("accepted", "trusted") if used.trusted else ("rejected", "not trusted")
    return Row(*said, (list_title(used.name), day(used.dated) if used.dated else "no date", ""))
