"""What the history holds, span by span, as it is written for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from probe.render.history.documents import export
from probe.render.page.table import csv_row
from probe.render.report.facts import instant
from probe.report.changes import Certificates
from probe.report.phases import leaves_of
from probe.report.record import Endpoint, Span

COLUMNS = (
    "target", *Endpoint._fields, "first", "last", "looks", "outcome", "rule", "reply", "starttls", "tls", "phase",
    "fault", "error", "elapsed_ms", "certificates", "findings",
)  # fmt: skip


def lines(spans: Iterable[Span], certificates: Certificates) -> Iterator[str]:
    """JSON lines: each certificate before the first span that shows it."""
    for document in export(spans, certificates):
        yield json.dumps(document, ensure_ascii=False) + "\n"


def csv(spans: Iterable[Span]) -> Iterator[str]:
    """The header, and a row for each span."""
    yield csv_row(COLUMNS)
    for span in spans:
        state = span.state
        yield csv_row(
            (
                span.target,
                *span.endpoint,
                *(instant(span.first), instant(span.last), span.looks),
                *(state.outcome.value, state.rule, state.reply, _word(state.starttls), state.tls),
                *(state.phase, state.fault, span.error, span.elapsed_ms),
                *(" ".join(leaves_of(state.chains)), " ".join(said.rule for said in state.findings)),
            )
        )


def _word(told: bool | None) -> str | None:  # noqa: FBT001 - what is told
    return None if told is None else "yes" if told else "no"
