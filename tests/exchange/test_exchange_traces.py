"""Message traces, validations and reports of Exchange Online: what they say, and what is no such file."""

from __future__ import annotations

import csv
import io
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.exchange.replies.entry import Flow
from probe.exchange.traces.groups import told
from probe.exchange.traces.read import MAX_COLUMNS, MAX_SHOWN, MAX_TEXT, MAX_TEXTS, MAX_VALUES, read_traces
from probe.exchange.traces.report import Status, Traced, TraceKind, Traces, with_addresses
from tests.examples import examples

SAMPLES = Path(__file__).parent / "traces"

LED = (
    "Reason: [{LED=450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot] "
    "[LastAttemptedServerName=mail.contoso.com]};{MSG=UntrustedRoot};{FQDN=};{IP=192.0.2.10};"
    "{LRT=11/2/2026 8:12:22 AM}]"
)
EVENT: dict[str, object] = {
    "MessageTraceId": "1", "MessageId": "<a@contoso.com>", "Date": "2026-11-02T08:12:22.1234567Z", "Event": "Defer",
    "Detail": LED, "Data": None,
}  # fmt: skip
MESSAGE: dict[str, object] = {
    "Received": "2026-11-02T08:12:00Z", "SenderAddress": "anna@contoso.com", "RecipientAddress": "carl@fabrikam.com",
    "Status": "Pending", "MessageId": "<a@contoso.com>", "MessageTraceId": "1",
}  # fmt: skip
VALIDATION: dict[str, object] = {"TaskName": "Connect", "IsTaskSuccessful": False, "Whatever": ["a", "b"]}
AT = datetime(2026, 11, 2, 8, 12, 22, tzinfo=UTC)


def read(data: bytes | str, source: str = "a") -> Traces:
    found = read_traces(data if isinstance(data, bytes) else data.encode(), source)
    assert found is not None
    return found


def sample(name: str) -> Traces:
    return read((SAMPLES / name).read_bytes(), name)


def as_csv(*rows: dict[str, object], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def only(found: Traces) -> Traced:
    (row,) = found.rows
    return row


class TestSamples:
    def test_a_message_trace(self) -> None:
        found = sample("get-messagetracev2.csv")
        assert (found.kind, found.whole, found.columns) == (TraceKind.MESSAGES, True, ())
        assert [one.status for one in found.rows] == [
            Status.DELIVERED, Status.DEFERRED, Status.FAILED, Status.DELIVERED,
        ]  # fmt: skip
        assert [one.direction for one in found.rows] == [*[Flow.FROM_EOP] * 3, Flow.TO_EOP]
        assert [one.recipient_domain for one in found.rows[:2]] == ["fabrikam.com", "onprem.contoso.com"]
        one = found.rows[1]
        assert one.at == AT  # the date of the 23rd shows that the month comes first
        assert (one.message_id, one.sender_domain, one.to_address) == (
            "2@contoso.com",
            "contoso.com",
            "192.0.2.10",
        )
        assert (one.said, one.reply, one.text, one.source.line) == ("Pending", None, "", 4)
        (problem,) = found.problems
        assert "without a time zone, taken as UTC" in problem.sentence

    def test_its_details(self) -> None:
        found = sample("get-messagetracedetailv2.json")
        assert (found.kind, found.problems) == (TraceKind.EVENTS, ())
        assert [one.status for one in found.rows] == [
            Status.OTHER, Status.DEFERRED, Status.DEFERRED, Status.FAILED,
        ]  # fmt: skip
        assert [one.reply for one in found.rows] == [
            None,
            *["from-eop-untrusted-root"] * 2,
            None,
        ]
        one = found.rows[1]
        assert (one.host, one.direction) == ("mail.contoso.com", Flow.FROM_EOP)
        assert one.at == datetime(2026, 11, 2, 8, 12, 30, tzinfo=UTC)
        assert found.rows[0].text == ""
        assert found.rows[3].host == "mail.contoso.com"

    def test_graphs(self) -> None:
        sent, failed = sample("graph-exchangemessagetracedetail.json").rows
        assert (sent.status, sent.said, sent.found, sent.text) == (Status.SENT, "Send external", None, "")
        assert (failed.status, failed.reply, failed.message_id) == (
            Status.FAILED, "from-eop-untrusted-root", "6@contoso.com",
        )  # fmt: skip

    def test_a_report(self) -> None:
        found = sample("historical-search.csv")
        assert found.kind is TraceKind.REPORT
        fine, refused = found.rows
        assert (fine.tls, fine.reply, fine.at) == ("TLSv1.3", None, datetime(2026, 11, 5, 10, tzinfo=UTC))
        assert (refused.tls, refused.reply) == ("no TLS", "from-eop-subject-mismatch-older")
        assert [one.name for one in found.columns] == ["tlsused", "invented column (1)"]
        assert found.columns[0].values == (("TLS1.3", 1), ("No Tls", 1))

    def test_events_get_the_addresses_of_their_message(self) -> None:
        messages, events = with_addresses(
            map(sample, ("get-messagetracev2.csv", "get-messagetracedetailv2.json"))
        )
        assert messages == sample("get-messagetracev2.csv")
        assert [one.recipient for one in events.rows] == [
            *["carl@onprem.contoso.com"] * 3, "dora@onprem.contoso.com",
        ]  # fmt: skip

    def test_but_not_where_it_has_several(self) -> None:
        two = read(json.dumps([MESSAGE, {**MESSAGE, "RecipientAddress": "dora@fabrikam.com"}]))
        assert [one.recipient for one in with_addresses((two, read(json.dumps(EVENT))))[1].rows] == [""]
        assert with_addresses([read(json.dumps(EVENT))])[0].rows[0].sender == ""


FORMS = {
    "an array": json.dumps([EVENT]),
    "one object": json.dumps(EVENT, indent=2),
    "PowerShell's list": json.dumps({"value": [EVENT], "Count": 1}),
    "Graph's list": json.dumps({"@odata.context": "https://x", "@odata.nextLink": "https://y", "value": [EVENT]}),
    "Graph's list, the link last": json.dumps({"value": [EVENT], "@odata.nextLink": "https://y"}),
    "a date of .NET": json.dumps({**EVENT, "Date": "/Date(1793607142123)/"}),
    "a date with more about it": json.dumps(
        {**EVENT, "Date": {"value": "/Date(1793607142123)/", "DateTime": "Monday"}}
    ),
    "CSV": as_csv(EVENT),
    "CSV with semicolons": as_csv(EVENT, delimiter=";"),
    "CSV with tabs": "#TYPE System.Object\n" + as_csv(EVENT, delimiter="\t"),
    "CSV for a spreadsheet": "sep=;\n" + as_csv(EVENT, delimiter=";"),
    "a listing": "PS C:\\> Get-MessageTraceDetailV2 | fl\n\n"
    + "".join(f"{name:<14} : {value or ''}\n" for name, value in EVENT.items()),
    "JSON in a text": f"Here it is:\n{json.dumps([EVENT], indent=1)}\nRegards",
    "an element of CLIXML": '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
    '<Obj RefId="0"><MS><S N="MessageTraceId">1</S><S N="MessageId">&lt;a@contoso.com&gt;</S><S N="Event">Defer</S>'
    f'<DT N="Date">2026-11-02T08:12:22Z</DT><S N="Detail">{LED}</S></MS></Obj></Objs>',
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_in_every_encoding(form: str, encoding: str) -> None:
    found = read(FORMS[form].encode(encoding))
    row = only(found)
    assert (row.kind, row.status, row.reply) == (TraceKind.EVENTS, Status.DEFERRED, "from-eop-untrusted-root")
    assert (row.at or AT).replace(microsecond=0) == AT
    assert row.at is not None
    assert (row.message_id, row.host, row.trace_id) == ("a@contoso.com", "mail.contoso.com", "1")
    assert found.whole == (form not in {"a listing", "JSON in a text"})


class TestDates:
    def date(self, text: str) -> tuple[datetime | None, int]:
        found = read(as_csv({**EVENT, "Date": text}))
        return only(found).at, len(found.problems)

    def test_day_first_with_dots_is_taken_as_utc(self) -> None:
        assert self.date("02.11.2026 08:12:22") == (AT, 1)

    def test_an_order_that_nothing_shows_is_not_guessed(self) -> None:
        assert self.date("11/2/2026 8:12:22 AM") == (None, 1)

    def test_none_is_no_problem(self) -> None:
        assert self.date("") == (None, 0)


class TestDirection:
    @pytest.mark.parametrize(
        ("addresses", "direction"),
        [
            ({"FromIP": "203.0.113.5", "ToIP": ""}, Flow.TO_EOP),
            ({"FromIP": "", "ToIP": "192.0.2.10"}, Flow.FROM_EOP),
            ({"FromIP": "203.0.113.5", "ToIP": "192.0.2.10"}, Flow.NEITHER),
            ({}, Flow.NEITHER),
        ],
    )
    def test_by_the_address_that_is_told(self, addresses: dict[str, str], direction: Flow) -> None:
        assert only(read(json.dumps({**MESSAGE, **addresses}))).direction is direction

    def test_the_reply_says_more(self) -> None:
        detail = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
        row = only(read(json.dumps({**EVENT, "Event": "FAIL", "Detail": detail, "ToIP": "192.0.2.10"})))
        assert (row.direction, row.reply, row.host) == (Flow.TO_EOP, "to-eop-untrusted-root", "")


def test_a_reply_in_the_data_counts_where_the_detail_has_none() -> None:
    data = f'<root><MEP Name="x" String="{LED}"/></root>'.replace("[", "&#91;")
    row = only(read(json.dumps({**EVENT, "Detail": "Message deferred", "Data": data})))
    assert row.reply == "from-eop-untrusted-root"


def test_what_was_delivered_says_no_more_than_that() -> None:
    row = only(read(json.dumps({**EVENT, "Event": "DELIVER"})))
    assert (row.status, row.said, row.found, row.text) == (Status.DELIVERED, "DELIVER", None, "")


def test_a_reply_that_nobody_knows_is_kept() -> None:
    row = only(read(json.dumps({**EVENT, "Event": "Fail", "Detail": "550 5.9.999 \x1b[31mred"})))
    assert (row.status, row.found, row.text) == (Status.FAILED, None, "550 5.9.999 \\x1b[31mred")


def test_a_validation_is_shown_not_interpreted() -> None:
    found = read(json.dumps([VALIDATION, {**VALIDATION, "IsTaskSuccessful": None}]))
    assert (found.kind, found.rows, found.number, found.whole) == (TraceKind.VALIDATION, (), 2, True)
    assert next(told(found)).text == "Validation of a connector (a): 2 rows."
    assert [(one.name, one.values) for one in found.columns] == [
        ("taskname", (("Connect", 2),)), ("istasksuccessful", (("False", 1), ("", 1))), ("whatever", (("a, b", 2),)),
    ]  # fmt: skip


def test_a_reply_in_a_validation_is_known_by_its_words() -> None:
    refused = {**VALIDATION, "Whatever": f"Reason: {LED}"}
    found = read(json.dumps([VALIDATION, refused, {**VALIDATION, "Whatever": "550 5.9.999 no"}]))
    assert [(one.reply, one.direction) for one in found.rows] == [("from-eop-untrusted-root", Flow.FROM_EOP)]
    assert (found.number, len(found.columns)) == (3, 3)
    assert "Rows: 1 row. Exchange Online does not trust" in " ".join(one.text for one in told(found))


@pytest.mark.parametrize("name", ["connector_type", "Connector Type", "ConnectorType"])
def test_a_connector_report_is_known_by_its_parameters(name: str) -> None:
    found = read(f"sender_address,message_id,{name},tls_version\na@b.test,1,OnPremises,TLS1_2\n")
    assert (found.kind, only(found).sender, only(found).tls) == (TraceKind.REPORT, "a@b.test", "")
    assert [one.values for one in found.columns] == [(("OnPremises", 1),), (("TLS1_2", 1),)]


OTHERS = {
    "an ordinary CSV": "name,city\nAnna,Berlin\nBert,Rome\n",
    "one of addresses": "SenderAddress,RecipientAddress,Note\na@contoso.com,b@contoso.com,hello\n",
    "one of hosts": "host,tls used\nmail.contoso.com,TLS1.2\n",
    "a reply": LED,
    "a word": "MessageId",
    "prose": "The RecipientAddress was wrong, the MessageId missing.\nEvent : none\n",
    "another record": json.dumps({"MessageId": "1", "Event": "x"}),
    "no table": "recipientaddress,recipientaddress\na,b\n",
    "a connector": json.dumps(
        {"Name": "x", "RecipientDomains": ["a"], "ConnectorType": "Partner", "TLSUsed": "y"}
    ),
    "nothing": "",
    "an empty list": "[]  recipientaddress",
}


@pytest.mark.parametrize("form", OTHERS)
def test_what_is_no_trace(form: str) -> None:
    assert read_traces(OTHERS[form].encode(), "a") is None


def test_a_file_with_other_things_too_is_not_whole() -> None:
    found = read(json.dumps([EVENT, {"Thumbprint": "AA"}]))
    assert (len(found.rows), found.whole) == (1, False)


class TestHostile:
    def test_texts_are_escaped_and_short(self) -> None:
        evil = "\x1b]0;x\x07<script>" + "a" * 5_000
        row = only(read(json.dumps({**MESSAGE, "RecipientAddress": evil, "Status": evil, "FromIP": evil})))
        for text in (row.recipient, row.said, row.from_address):
            assert text.isprintable()
            assert len(text) < MAX_SHOWN + 30
        assert not row.recipient_domain

    def test_columns_and_values_are_bounded(self) -> None:
        wide: dict[str, object] = {
            "TLSUsed": "TLS1.2",
            "MessageId": "1",
            **{f"c{n}": "x" for n in range(MAX_COLUMNS + 9)},
        }
        found = read(as_csv(*({**wide, "c0": str(n)} for n in range(MAX_VALUES + 2))))
        assert len(found.columns) == MAX_COLUMNS
        assert (len(found.columns[1].values), found.columns[1].others) == (MAX_VALUES, 2)

    def test_a_reply_past_the_bound_is_not_looked_for(self) -> None:
        def reply(blanks: int) -> str | None:
            return only(read(json.dumps({**EVENT, "Detail": "4.0.0 " + " " * blanks + LED}))).reply

        assert reply(MAX_TEXT - 10 - len(LED)) == "from-eop-untrusted-root"
        assert reply(MAX_TEXT) is None

    def test_the_texts_of_a_file_are_looked_through_up_to_a_bound_together(self) -> None:
        rows = [
            {**EVENT, "Detail": f"{LED} {number:03} {'-' * 1_500}"} for number in range(MAX_TEXTS // 1_500)
        ]
        found = read(json.dumps(rows))
        assert found.rows[0].reply
        assert not found.rows[-1].reply
        assert [one.sentence for one in found.problems] == [
            f"has more than {MAX_TEXTS} characters of replies; not all are looked at."
        ]
        assert not read(json.dumps([{**row, "Detail": LED} for row in rows])).problems

    @pytest.mark.parametrize("text", ["450 4.4.317 " * 170, "[{LED=" * 340, "&amp;" * 400, "{LRT=" * 400])
    def test_many_rows_end_in_bounded_time(self, text: str) -> None:
        rows = [{**EVENT, "Detail": f"{number} {text}"} for number in range(30)]
        started = time.process_time()
        assert len(read(json.dumps(rows)).rows) == 30
        assert time.process_time() - started < 20


NAMES = st.sampled_from(
    ["RecipientAddress", "senderAddress", "MessageId", "Event", "Status", "Detail", "Date", "TLSUsed"]
)
VALUES = (
    st.text(max_size=40)
    | st.none()
    | st.integers()
    | st.sampled_from([LED, "Fail", "TLS1.2"])
    | st.lists(st.text())
)


@settings(max_examples=examples(200))
@given(
    st.lists(st.dictionaries(NAMES, VALUES, min_size=2), max_size=4), st.binary(max_size=60), st.booleans()
)
def test_nothing_raises(rows: list[dict[str, object]], more: bytes, cut: bool) -> None:
    data = json.dumps(rows).encode()
    for one in (data, data[:-3] + more, more + data, b"Event,MessageId,Detail\n" + more):
        if (found := read_traces(one[: len(one) // 2] if cut else one, "a\x1b")) is not None:
            assert found.source == "a\\x1b"
            assert all(row.said.isprintable() and row.text.isprintable() for row in found.rows)


def test_a_trace_in_any_order_of_columns_says_the_same() -> None:
    names = list(EVENT)
    for at in range(len(names)):
        turned = {name: EVENT[name] for name in names[at:] + names[:at]}
        assert only(read(as_csv(turned))) == only(read(as_csv(EVENT)))
