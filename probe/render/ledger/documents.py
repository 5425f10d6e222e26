"""The ledger as a JSON document and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probe.eop.rules.contradicted import PREDICTION_CONTRADICTED
from probe.render.exchange.documents import picked
from probe.render.ledger.words import advice
from probe.render.page.steps import commands_json, steps_json
from probe.render.page.table import csv_row
from probe.report.ledger.values import Entry, Joined, Ledger, Standing, Word

SCHEMA = "eop-probe/ledger/1"
COLUMNS = (
    "standing", "target", "host", "address", "port", "direction", "basis", "variant", "vantage", "reading",
    "begin", "end", "source", "trust", "accepted", "kind", "policy", "domain", "sessions", "predicted", "rule",
    "confidence", "place", "note",
)  # fmt: skip


def document(ledger: Ledger) -> dict[str, Any]:
    """The document; entries stand the contradicted first, then the confirmed, then the others."""
    return {
        "schema": SCHEMA,
        **picked(ledger, "generated_at=at outcome"),
        "history": ledger.history or None,
        "entries": [_entry(one) for standing in Standing for one in ledger.standing(standing)],
        "unjoined": [_word(word, note=why) for word, why in ledger.unjoined],
        **picked(ledger, "foreign_reports=foreign others unread problems"),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    steps = advice(entry) if entry.contradictions else ()
    newest = entry.confirmed
    return {
        "target": entry.series.target,
        "domains": list(entry.series.domains),
        **picked(entry.series.endpoint, "host address port direction basis variant vantage"),
        **picked(entry, "standing outcome"),
        "rule": PREDICTION_CONTRADICTED.id if entry.contradictions else None,
        "confirmed": picked(newest.word, "on=day source trust=trust begin") if newest else None,
        "predictions": [
            picked(one, "first last looks outcome rule reply confidence leaves source")
            for one in entry.series.predictions
        ],
        "words": [_joined(one) for one in entry.joined],
        "remedy": steps_json(steps),
        "remedy_commands": commands_json(steps),
    }


def _joined(one: Joined) -> dict[str, Any]:
    predicted = [picked(each, "outcome rule first") for each in one.held]
    return {"reading": one.reading.value, "predicted": predicted, **_word(one.word, note=one.note)}


def _word(word: Word, **more: object) -> dict[str, Any]:
    told = "source trust direction begin end accepted kind policy domain hosts address sessions place why"
    return picked(word, told, **more)


def csv(ledger: Ledger) -> str:
    """The header, and a row for each word on each endpoint; one without a word where nothing was said of it."""
    rows = (row for standing in Standing for one in ledger.standing(standing) for row in _rows(one))
    return csv_row(COLUMNS) + "".join(map(csv_row, rows))


def _rows(entry: Entry) -> Iterator[tuple[object, ...]]:
    own = (entry.standing.value, entry.series.target, *entry.series.endpoint)
    if not entry.joined:
        last = entry.series.predictions[-1]
        yield (*own, *[""] * 10, last.outcome.value, last.rule, last.confidence, "", "")
    for one in entry.joined:
        word, held = one.word, one.held[-1] if one.held else None
        yield (
            *(*own, one.reading.value, word.begin.isoformat(), word.end.isoformat(), word.source.value),
            *(word.trust.value, word.accepted, word.kind, word.policy.value if word.policy else ""),
            *(word.domain, word.sessions, held.outcome.value if held else "", held.rule if held else ""),
            *(held.confidence if held else "", word.place, one.note.text if one.note else ""),
        )
