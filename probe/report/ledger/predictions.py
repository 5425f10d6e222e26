"""What was predicted, out of a history's spans and out of reports of earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby

from probe.eop.vocabulary import Basis, Outcome
from probe.report.ledger.held import HOLDS
from probe.report.ledger.values import HOLDING, Prediction, Series
from probe.report.phases import leaves_of
from probe.report.reader import ReportedCapture
from probe.report.record import Endpoint, Span


def of_history(
    spans: Iterable[Span], name: str, domains: Mapping[Endpoint, tuple[str, ...]] | None = None
) -> list[Series]:
    """The predictions of a history; the spans of each endpoint stand together in their order.

    `domains` are the targets that are domains, of each endpoint.
    """
    known = domains or {}
    grouped = ((endpoint, list(of)) for endpoint, of in groupby(spans, lambda span: span.endpoint))
    return [
        Series(
            of[-1].target,
            endpoint,
            _runs(_of_span(span, name) for span in of),
            known.get(endpoint, ()),
        )
        for endpoint, of in grouped
    ]


def _runs(found: Iterable[Prediction]) -> list[Prediction]:
    """What was said again and again is one prediction, unless looks lie so far apart that none held between them."""
    runs: list[Prediction] = []
    for one in found:
        before = runs[-1] if runs else None
        if before and _alike(before, one) and one.first - before.last <= HOLDS:
            runs[-1] = before._replace(last=one.last, looks=before.looks + one.looks)
        else:
            runs.append(one)
    return runs


def _alike(before: Prediction, one: Prediction) -> bool:
    return before[2:7] == one[2:7] and (before.source, before.holds) == (one.source, one.holds)


def _of_span(span: Span, name: str) -> Prediction:
    state = span.state
    return Prediction(
        first=span.first,
        last=span.last,
        outcome=state.outcome,
        rule=state.rule,
        reply=state.reply,
        confidence=next((one.confidence for one in state.findings if one.rule == state.rule), ""),
        leaves=leaves_of(state.chains),
        looks=span.looks,
        source=name,
        holds=tuple(one.rule for one in state.findings if one.rule in HOLDING),
    )


def with_thumbprints(series: Series, sha1_of: Callable[[str], str]) -> Series:
    """The series with the SHA-1 of each certificate by its SHA-256, "" where it is not known."""
    made = [
        one._replace(thumbprints=tuple(filter(None, map(sha1_of, one.leaves)))) for one in series.predictions
    ]
    return series._replace(predictions=made)


def with_reports(series: Iterable[Series], captures: Iterable[ReportedCapture]) -> list[Series]:
    """The series, with what reports say besides: a look that the history has, too, is told once."""
    found = {one.endpoint: one for one in series}
    for capture in captures:
        # A file is no endpoint: nobody has met its certificate yet.
        if capture.at is None or not capture.direction or capture.basis == Basis.FILE.value:
            continue
        port = 0 if capture.by_listener else capture.port
        endpoint = Endpoint(capture.host, capture.address, port, capture.direction, capture.basis)
        made = Prediction(
            first=capture.at,
            last=capture.at,
            outcome=_OUTCOMES.get(capture.outcome, Outcome.UNKNOWN),
            rule=capture.rule,
            reply=capture.reply,
            confidence=capture.confidence,
            leaves=capture.leaves,
            looks=1,
            source=capture.source,
            thumbprints=capture.thumbprints[:1],
        )
        before = found.get(endpoint)
        if before is None:
            found[endpoint] = Series(capture.target, endpoint, [made])
            continue
        if _of_domain(capture.target):  # as a history does
            called = before.target if _of_domain(before.target) else capture.target
            before = before._replace(target=called, targets=(*before.targets, capture.target))
        if not any(_same(made, one) for one in before.predictions):
            before = before._replace(predictions=[*before.predictions, made])
        found[endpoint] = before
    return [
        one._replace(predictions=_runs(sorted(one.predictions, key=lambda each: each.first)))
        for one in found.values()
    ]


def _of_domain(target: str) -> bool:
    return target[:3].lower() == "mx:"


_OUTCOMES = {one.value: one for one in Outcome}


def _same(made: Prediction, one: Prediction) -> bool:
    """Whether a look is among those of another prediction: a history keeps whole seconds."""
    told = made.outcome is one.outcome and made.rule == one.rule and made.leaves == one.leaves
    return told and one.first <= made.first.replace(microsecond=0) <= one.last
