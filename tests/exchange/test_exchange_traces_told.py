"""What is said of message traces: rows counted once, faults out of replies, what is not understood."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from probe.exchange.traces.groups import MAX_GROUPS, MAX_NAMES, counts, grouped, replies, told
from probe.exchange.traces.report import Traces
from probe.statement import Confidence
from tests.exchange.diagnosing import UNTRUSTED
from tests.exchange.test_exchange_traces import EVENT, LED, MESSAGE, VALIDATION, read, sample


def of(*rows: dict[str, object]) -> Traces:
    return read(json.dumps(rows))


def event(minute: int, **more: object) -> dict[str, object]:
    return {**EVENT, "Date": f"2026-11-02T08:{minute:02}:00Z", **more}


class TestGroups:
    def test_the_same_ones_are_counted_once_with_first_and_last_instant(self) -> None:
        other = LED.replace("8:12:22", "9:00:00").replace("192.0.2.10", "192.0.2.11")
        rows = [
            event(30, RecipientAddress="a@contoso.com"),
            event(10, RecipientAddress="a@contoso.com", Detail=other),
            event(20, RecipientAddress="b@fabrikam.com"),
        ]
        (one,) = grouped(of(*rows).rows)
        assert (one.rows, one.messages) == (3, 2)
        assert (one.first, one.last) == (
            datetime(2026, 11, 2, 8, 10, tzinfo=UTC), datetime(2026, 11, 2, 8, 30, tzinfo=UTC),
        )  # fmt: skip
        assert (one.recipient_domains, one.hosts) == (("contoso.com", "fabrikam.com"), ("mail.contoso.com",))
        assert counts(one) == (
            "2 messages in 3 rows, from 2026-11-02 08:10:00 to 2026-11-02 08:30:00 UTC, to contoso.com, fabrikam.com; "
            "the first: message <a@contoso.com> to a@contoso.com"
        )

    def test_other_replies_status_and_directions_are_others(self) -> None:
        rows = [
            event(1), event(2, Event="Fail"), event(3, Detail=LED.replace("UntrustedRoot", "SubjectMismatch")),
            event(4, Detail=UNTRUSTED), event(5, Event="Deliver"), event(6, Detail="no reply"),
            event(7, Detail="550 5.9.998 a"), event(8, Detail="550 5.9.999 b"), event(9, Detail="550 5.9.999 c"),
        ]  # fmt: skip
        assert [one.rows for one in grouped(of(*rows).rows)] == [1] * 7 + [2]

    def test_are_bounded_and_the_rest_is_told(self) -> None:
        found = of(*(event(1, Event=f"Event {number}") for number in range(MAX_GROUPS + 3)))
        assert len(grouped(found.rows)) == MAX_GROUPS
        assert "3 rows of yet other kinds are not told apart." in [one.text for one in told(found)]

    def test_their_names_are_bounded(self) -> None:
        found = of(*(event(1, RecipientAddress=f"a@{number}.test") for number in range(MAX_NAMES + 3)))
        assert len(grouped(found.rows)[0].recipient_domains) == MAX_NAMES

    def test_a_row_that_names_nothing_is_a_message_of_its_own(self) -> None:
        rows = [{**MESSAGE, "MessageId": "", "MessageTraceId": "", "RecipientAddress": ""}] * 2
        (one,) = grouped(of(*rows).rows)
        assert (one.messages, counts(one)) == (2, "2 messages, at 2026-11-02 08:12:00 UTC")

    def test_without_dates(self) -> None:
        (one,) = grouped(of(event(1, Date=None)).rows)
        assert (one.first, counts(one)) == (None, "1 message; the first: message <a@contoso.com>")


class TestTold:
    def test_a_known_reply_has_the_label_of_the_catalogue(self) -> None:
        _, one = told(of(event(1)))
        assert (one.label, one.source) == (Confidence.DOCUMENTED, "the catalogue")
        assert "Exchange Online does not trust your server's certificate: 450 4.4.317" in one.text

    def test_an_unknown_one_is_shown(self) -> None:
        *_, one = told(of(event(1, Event="Fail", Detail="550 5.9.999 what")))
        assert one.text.endswith("The reply is none of those known here: 550 5.9.999 what")

    def test_a_message_trace_does_not_say_why(self) -> None:
        *_, one = told(of(MESSAGE))
        assert one.text.endswith("Why, Get-MessageTraceDetailV2 tells.")

    def test_what_was_delivered_says_no_more(self) -> None:
        assert [one.text for one in told(of({**MESSAGE, "Status": "Delivered"}))][-2:] == [
            f"Delivered: {counts(grouped(of(MESSAGE).rows)[0])}.",
            "Of what was delivered or sent it tells no TLS version, no certificate and no connector.",
        ]

    def test_columns_are_shown_as_they_are(self) -> None:
        assert [one.text for one in told(of(*({**VALIDATION, "TaskName": str(n)} for n in range(7))))] == [
            "Validation of a connector (a): 7 rows.",
            "Microsoft does not document what follows; it is shown, not interpreted.",
            "taskname: 0 (1); 1 (1); 2 (1); 3 (1); 4 (1); 2 others",
            "istasksuccessful: False (7)",
            "whatever: a, b (7)",
        ]

    def test_known_replies_are_given_once(self) -> None:
        found = of(event(1), event(2, Event="Fail"), event(3, Detail="550 5.9.999 what"))
        assert [one.entry.id for one in replies(found)] == ["from-eop-untrusted-root"]

    @pytest.mark.parametrize("name", ["Get-OnPremServerReportInfo", "Validate-OutboundConnector"])
    def test_what_the_lines_of_export_name(self, name: str) -> None:
        found = of({"Cmdlet": name, "Some": "thing"})
        assert [(one.name, one.values) for one in found.columns][1:] == [("some", (("thing", 1),))]
        assert not found.rows


def test_samples_are_not_interpreted_beyond_what_they_say() -> None:
    assert not any("TLS" in one.text for one in told(sample("get-messagetracedetailv2.json")))
