"""A month simulated: every planted disagreement is found with its day and its source, and none is invented."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from probe.history.database import Database
from probe.ledger.gather import Gathering, predicted
from probe.render.ledger import documents
from probe.report.ledger import held, join, reported
from probe.report.ledger.values import Ledger, Standing
from probe.tlsrpt.keys import Keys
from tests.ledger.month import DOMAINS, NOW, PLANTED, SENDERS, written
from tests.schemas import validate

Made = Callable[[], Ledger]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Made:
    history, said, pem = written(tmp_path_factory.mktemp("month"))
    gathering = Gathering(Keys([pem]), NOW)
    gathering.read([said])
    database = Database(str(history), create=False)
    series = predicted(database, thumbprints=gathering.logs)
    database.close()
    return lambda: gathering.ledger(series, database.name)


def found(ledger: Ledger) -> set[tuple[str, int, str, str]]:
    return {
        (entry.series.endpoint.host, one.word.begin.day, one.word.source.value, one.word.trust.value)
        for entry in ledger.entries
        for one in entry.contradictions
    }


def test_every_planted_disagreement_is_found_and_none_invented(month: Made) -> None:
    ledger = month()
    assert found(ledger) == PLANTED
    assert len(ledger.entries) == 2 * DOMAINS + SENDERS == 40
    assert ledger.foreign == 1
    validate(documents.document(ledger))


def test_what_is_confirmed_and_when(month: Made) -> None:
    ledger = month()
    told = {entry.series.endpoint.host: entry for entry in ledger.entries}
    newest = {host: entry.confirmed.word.day if entry.confirmed else None for host, entry in told.items()}
    assert newest["mx1.d10.test"] == "2026-11-30"
    # A refusal that was predicted is confirmed, too; of hosts that differ nothing that has a host to itself is.
    assert told["mx1.d1.test"].confirmed is not None
    assert newest["mx2.d11.test"] is None
    assert newest["s3.test"] == "2026-11-10"
    assert newest["s9.test"] == "2026-11-13"  # by a log
    # Nobody says anything of these: no message arrived, or it shows nothing.
    assert {host for host, entry in told.items() if entry.standing is Standing.UNCONFIRMED} == {
        "mx1.d7.test", "mx2.d7.test", "mx2.d11.test", "s2.test", "s5.test", "s6.test", "s7.test", "s10.test",
    }  # fmt: skip


class Boundless(held.Timeline):
    """Takes what was predicted once for what was predicted always."""

    def held(self, begin: datetime, end: datetime) -> held.Held:
        return held.Held(super().held(begin, end).predictions or (self.windows[0].prediction,), whole=True)


#: The guards of the join, and what is put in the place of each.
GUARDS: dict[str, tuple[object, str, object]] = {
    "another cause": (reported, "_silent", lambda *_: None),
    "what a prediction knows of": (reported, "DANE", frozenset()),
    "a certificate that was swapped": (held.Held, "swapped", False),
    "a time that is covered": (join, "Timeline", Boundless),
    "hosts that differ": (join, "_alike", lambda *_, **__: None),
    "several predictions": (join, "_of_one", lambda word, one: join._Fit.AGAINST),  # noqa: ARG005 - as it is called
}


@pytest.mark.parametrize(("where", "name", "without"), GUARDS.values(), ids=GUARDS)
def test_without_a_guard_contradictions_are_invented(
    month: Made, monkeypatch: pytest.MonkeyPatch, where: object, name: str, without: object
) -> None:
    """The control: the test above fails wherever the join takes less care."""
    monkeypatch.setattr(where, name, without)
    assert found(month()) - PLANTED
