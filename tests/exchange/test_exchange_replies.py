"""The catalogue: every text of Microsoft's articles and of reports, with a wrong text near each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probe.eop.rules import RULES
from probe.eop.vocabulary import Direction
from probe.exchange.replies.catalogue import CATALOGUE, by_id
from probe.exchange.replies.entry import Entry, EntryKind, Flow
from probe.exchange.replies.recognise import explain_text
from tests.exchange.lookalikes import LOOKALIKES


def texts(of: Callable[[Entry], tuple[str, ...]]) -> list[object]:
    return [
        pytest.param(entry, text, id=f"{entry.id}-{place}")
        for entry in CATALOGUE
        for place, text in enumerate(of(entry))
    ]


@pytest.mark.parametrize(("entry", "text"), texts(lambda entry: entry.examples))
def test_an_entry_recognises_its_own_texts_and_comes_first(entry: Entry, text: str) -> None:
    assert explain_text(text)[0].entry is entry


@pytest.mark.parametrize(("entry", "text"), texts(lambda entry: LOOKALIKES[entry.id]))
def test_an_entry_leaves_a_text_near_its_own_alone(entry: Entry, text: str) -> None:
    assert entry not in [one.entry for one in explain_text(text)]


@pytest.mark.parametrize(("entry", "text"), texts(lambda entry: entry.examples))
def test_case_wrapping_and_a_final_full_stop_do_not_matter(entry: Entry, text: str) -> None:
    wrapped = text.upper().replace(" ", "\r\n   ") + "."
    assert explain_text(wrapped)[0].entry is entry


@pytest.mark.parametrize(
    ("number", "entry"), [(number, entry) for entry in CATALOGUE for number in entry.events]
)
def test_an_event_is_known_by_number_and_source_in_any_language(number: int, entry: Entry) -> None:
    (found,) = explain_text(f"イベント ID: {number}\nソース: MSExchangeFrontEndTransport")
    assert (found.entry, found.event_id) == (entry, number)
    assert explain_text(f"event {number}")[0].entry is entry
    assert explain_text(f"Source: ESENT\nEvent ID: {number}") == ()
    assert explain_text(f"Event ID: {number}0\nSource: MSExchangeTransport") == ()


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.id)
def test_an_entry_says_everything_a_reader_needs(entry: Entry) -> None:
    assert all((entry.title, entry.judge, entry.meaning, entry.causes, entry.remedy, entry.check))
    assert all((entry.references, LOOKALIKES[entry.id], entry.examples or entry.events))
    assert entry.codes or entry.phrase or entry.events


def test_ids_are_unique_and_words_agree_with_those_of_the_reports() -> None:
    assert len(by_id()) == len(CATALOGUE)
    assert {flow.value for flow in Flow} == {direction.value for direction in Direction} | {"none"}
    assert {entry.rule for entry in CATALOGUE} - {""} <= {rule.id for rule in RULES}


def test_the_three_untrusted_roots_are_three_entries_with_three_judges() -> None:
    found = [
        explain_text(text)[0].entry
        for text in (
            "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied",
            "454 4.7.5 Certificate validation failure, Reason:UntrustedRoot",
            "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]",
        )
    ]
    assert [entry.flow for entry in found] == [Flow.TO_EOP, Flow.TO_EOP, Flow.FROM_EOP]
    assert len({entry.judge for entry in found}) == 3


def test_the_three_meanings_of_475_are_three_entries() -> None:
    found = [
        explain_text(text)[0].entry.id
        for text in (
            "450 4.7.5 Remote certificate failed MTA-STS validation. Reason: UntrustedRoot",
            "454 4.7.5 The certificate specified in TlsCertificateName of the SendConnector could not be found.",
            "454 4.7.5 Certificate validation failure, Reason:UntrustedRoot",
        )
    ]
    assert found == ["mta-sts-certificate", "pin-not-found", "on-premises-distrusts-server"]
    assert explain_text("454 4.7.5 something else") == ()


def test_nothing_but_wrappers_and_events_is_of_their_kind() -> None:
    wrapping = {entry.id for entry in CATALOGUE if entry.kind is EntryKind.WRAPPER}
    assert wrapping == {
        "event-2004",
        "event-2005",
        "wrapper-primary-target",
        "wrapper-communicating-with-target",
        "wrapper-target-host-error",
        "wrapper-communicating",
        "wrapper-frontend-proxy",
        "wrapper-last-error",
    }
