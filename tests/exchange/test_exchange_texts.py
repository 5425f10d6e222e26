"""Pasted texts: wrappers, reports, localised events, unknown tokens, and bounds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.exchange.replies.catalogue import CATALOGUE
from probe.exchange.replies.recognise import (
    MAX_FINDINGS,
    MAX_SPANS,
    MAX_TEXT,
    Recognised,
    classify,
    explain_text,
    findings,
)
from probe.exchange.replies.segments import MAX_REPLIES, segments
from probe.statement import Confidence

SAMPLES = Path(__file__).parent.parent / "samples"
UNTRUSTED = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"


def only(text: str) -> Recognised:
    (found,) = explain_text(text)
    return found


def ids(text: str) -> list[str]:
    return [found.entry.id for found in explain_text(text)]


@pytest.mark.parametrize("language", ["en", "it", "pl", "ja", "nl"])
def test_event_2004_is_read_in_every_language(language: str) -> None:
    found = only((SAMPLES / f"event-2004-{language}.txt").read_text("utf-8"))
    assert found.entry.id == "to-eop-untrusted-root"
    assert found.token == "UntrustedRoot"
    assert found.event_id == 2004
    assert [wrapper.id for wrapper in found.wrappers] == ["event-2004"]
    assert found.message_id == "8d1f60c2a4b34e7f9c0a5b6e7d8f9012@EX01.contoso.com"
    assert found.connector == ("Outbound to Office 365" if language == "en" else None)


@pytest.mark.parametrize("language", ["en", "it", "pl", "ja", "nl"])
def test_event_2004_with_another_reply_is_only_the_event(language: str) -> None:
    text = (SAMPLES / f"event-2004-{language}.txt").read_text("utf-8").replace("UntrustedRoot", "Trusted")
    assert "to-eop-untrusted-root" not in ids(text)
    assert "event-2004" in ids(text) or "to-eop-tls-channel-other" in ids(text)


def test_an_event_with_a_reply_nobody_knows_names_the_event_and_the_connector() -> None:
    found = only("Send connector Relay: Message delivery was not successful. ... response 421 4.2.1 Busy.")
    assert (found.entry.id, found.event_id, found.connector) == ("event-2004", 2004, "Relay")


def test_an_expired_message_with_its_last_error_gives_both_the_reason_first() -> None:
    text = (
        "550 5.4.317 Message expired, cannot connect to remote server(450 4.4.317 Cannot connect to remote "
        "server [Message=UntrustedRoot])"
    )
    assert ids(text) == ["from-eop-untrusted-root", "from-eop-message-expired"]


def test_a_queue_error_is_unwrapped_and_its_wrapper_kept() -> None:
    found = only(
        f'451 4.4.0 Primary target IP address responded with: "{UNTRUSTED}." Attempted failover to alternate '
        "host, but that did not succeed. Either there are no alternate hosts, or delivery failed."
    )
    assert found.entry.id == "to-eop-untrusted-root"
    assert found.reply == UNTRUSTED + "."
    assert [wrapper.id for wrapper in found.wrappers] == ["wrapper-primary-target"]


def test_nested_wrappers_come_off_one_by_one() -> None:
    found = only(
        "450 4.4.101 Proxy session setup failed on Frontend with '451 4.4.0 Primary target IP address "
        'responded with: "454 4.7.5 Certificate validation failure, Reason:UntrustedRoot."\''
    )
    assert found.entry.id == "on-premises-distrusts-server"
    assert [wrapper.id for wrapper in found.wrappers] == ["wrapper-frontend-proxy", "wrapper-primary-target"]


def test_a_wrapper_around_an_unknown_reply_is_all_there_is_to_say() -> None:
    found = only(
        "450 4.4.101 Proxy session setup failed on Frontend with '451 4.4.0 Primary target IP address "
        'responded with: "421 4.2.1 Closed for the holidays"'
    )
    assert (found.entry.id, found.reply) == ("wrapper-primary-target", "421 4.2.1 Closed for the holidays")
    assert [wrapper.id for wrapper in found.wrappers] == ["wrapper-frontend-proxy"]


def test_a_reply_far_behind_a_wrapper_is_not_inside_it() -> None:
    text = f"451 4.4.0 Primary target IP address responded with: nothing. {'word ' * 20} {UNTRUSTED}"
    assert ids(text) == ["to-eop-untrusted-root", "wrapper-primary-target"]
    assert explain_text(text)[0].wrappers == ()


def test_a_last_error_record_is_read_field_by_field() -> None:
    found = only(
        "[{LED=451 4.4.397 Error communicating with target host. -> 421 4.4.2 Connection dropped due to "
        "TimedOut};{MSG=};{FQDN=mail.contoso.com};{IP=192.0.2.10};{LRT=11/3/2026 9:14:02 AM}]"
    )
    assert found.entry.id == "connection-dropped"
    assert found.token == "TimedOut"
    assert [wrapper.id for wrapper in found.wrappers] == ["wrapper-last-error", "wrapper-communicating"]
    assert found.last_error is not None
    assert found.last_error.fqdn == "mail.contoso.com"
    assert found.last_error.address == "192.0.2.10"
    assert found.last_error.at == "11/3/2026 9:14:02 AM"
    assert found.last_error.message == ""


def test_a_last_error_record_keeps_its_bracketed_items() -> None:
    found, _ = explain_text(
        "{LED=450 4.4.317 Cannot connect to remote server [Message=SubjectMismatch Expected Subject: "
        "*.contoso.com.] [mail.contoso.com] [LastAttemptedIP=192.0.2.10:25] [SmtpSecurity=-1;-1]};{LED=next}"
    )
    assert found.entry.id == "from-eop-subject-mismatch"
    assert found.last_error is not None
    assert found.last_error.items == (
        ("Message", "SubjectMismatch Expected Subject: *.contoso.com."),
        ("LastAttemptedIP", "192.0.2.10:25"),
        ("SmtpSecurity", "-1;-1"),
    )


def test_a_last_error_of_an_unknown_reply_is_still_a_record() -> None:
    found = only("[{LED=421 4.2.1 Busy};{FQDN=mail.contoso.com};{IP=192.0.2.10}]")
    assert found.entry.id == "wrapper-last-error"
    assert found.reply == "421 4.2.1 Busy"
    assert found.last_error is not None
    assert found.last_error.address == "192.0.2.10"
    assert ids("[{MSG=421 4.2.1 Busy};{FQDN=mail.contoso.com}]") == []


def test_two_records_one_known_and_one_not_are_two_findings() -> None:
    text = f"[{{LED={UNTRUSTED}}};{{MSG=}}] [{{LED=421 4.2.1 Busy}};{{MSG=}}]"
    assert ids(text) == ["to-eop-untrusted-root", "wrapper-last-error"]
    assert ids("".join(reversed(text.partition(" [{LED=421")))) != []


def test_a_report_that_names_the_code_twice_is_one_reply() -> None:
    found = only("<XX1PR00MB0001 #5.7.64 smtp;550 5.7.64 TenantAttribution; Relay Access Denied SMTP> #SMTP#")
    assert found.entry.id == "to-eop-tenant-attribution"
    assert found.reply == "550 5.7.64 TenantAttribution; Relay Access Denied SMTP"


def test_a_multi_line_reply_is_one_reply() -> None:
    found = only("550-5.7.64 TenantAttribution;\r\n550 5.7.64 Relay Access Denied SMTP")
    assert found.entry.id == "to-eop-tenant-attribution"
    assert only("454-4.7.0 Failed to open a channel:\r\n454 4.7.0 UntrustedRoot").token == "UntrustedRoot"


def test_lines_with_two_basic_codes_are_two_replies() -> None:
    assert ids("451-4.7.0 Temporary failure\r\n454 4.7.0 UntrustedRoot") == ["to-eop-untrusted-root"]
    assert only("451-4.7.0 Temporary failure\r\n454 4.7.0 UntrustedRoot").reply == "454 4.7.0 UntrustedRoot"


def test_two_replies_with_one_code_stay_two() -> None:
    assert ids("550 5.7.64 TenantAttribution; no. 550 5.7.64 Relay Access Denied ATTR36") == [
        "to-eop-attr36",
        "to-eop-tenant-attribution",
    ]


def test_words_of_the_next_record_do_not_complete_a_code() -> None:
    for gap in ("\n", "\n\n", "\n2026-11-03T09:14:02.451Z,Relay,08DE,4,,,*,,", "};{MSG=", " 250 2.1.0 "):
        assert ids(f"454 4.7.0 Temporary failure{gap}UntrustedRoot") == []


def test_a_log_row_gives_the_connector() -> None:
    row = f"2026-11-03T09:14:02.451Z,Relay via EOP,08DE,44,1.2.3.4:5,6.7.8.9:25,<,{UNTRUSTED},\r\n"
    assert only("#Fields: date-time\r\n" + row).connector == "Relay via EOP"
    assert only(row).reply == UNTRUSTED


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("454 4.7.0 Failed to establish appropriate TLS channel: OddReason: Access Denied", "OddReason"),
        ("454 4.7.5 Certificate validation failure, Reason:OddReason", "OddReason"),
        ("TLS negotiation failed with error OddReason", "OddReason"),
        ("450 4.4.317 Cannot connect to remote server [Message=Odd reason 5]", "Odd reason 5"),
        ("550 5.7.64 Relay Access Denied ATTR4711", "ATTR4711"),
    ],
)
def test_an_unknown_token_is_kept_as_it_came_and_never_explained_with_certainty(
    text: str, token: str
) -> None:
    found = only(text)
    assert found.token == token
    assert found.entry.label is Confidence.INFERRED


def test_codes_alone_without_a_basic_code_are_understood() -> None:
    assert ids("5.7.64 TenantAttribution; Relay Access Denied") == ["to-eop-tenant-attribution"]
    assert ids("TenantAttribution; Relay Access Denied") == ["to-eop-tenant-attribution"]
    assert ids("Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied") == [
        "to-eop-untrusted-root"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "250 2.1.0 Sender OK",
        "550 5.1.1 User unknown",
        "UntrustedRoot",
        "Version 15.4.7.0 UntrustedRoot",
        "1454 4.7.0 Failed: UntrustedRoot",
        "454 4.7.0.1 UntrustedRoot",
        "Time: 2004, MSSource",
        "event 4711",
    ],
)
def test_what_the_catalogue_does_not_know_gives_nothing(text: str) -> None:
    assert explain_text(text) == ()
    assert classify(text) is None


def test_a_reply_ends_where_a_last_error_record_begins() -> None:
    expired = "550 5.4.317 Message expired, cannot connect to remote server(UntrustedRoot)"
    found = explain_text(f"{expired} [{{LED=421 4.4.2 Connection dropped due to TimedOut}};{{MSG=}}]")
    assert expired in [one.reply for one in found]


def test_the_most_specific_comes_first_whatever_the_order_in_the_text() -> None:
    network = "421 4.4.2 Connection dropped due to TimedOut"
    assert ids(f"{network}\n\n{UNTRUSTED}") == ids(f"{UNTRUSTED}\n\n{network}")
    assert classify(f"{network}\n\n{UNTRUSTED}") == explain_text(f"{network}\n\n{UNTRUSTED}")[0]


def test_the_same_finding_many_times_is_one_with_some_places() -> None:
    found = only(f"{UNTRUSTED}\n\n" * 100)
    assert len(found.spans) == MAX_SPANS
    assert found.spans[1][0] - found.spans[0][0] == len(UNTRUSTED) + 2


def test_findings_replies_and_text_are_bounded() -> None:
    many = "\n\n".join(f"550 5.7.64 Relay Access Denied ATTR{number}" for number in range(1000, 2000))
    assert (len(explain_text(many)), findings(many).left_out) == (MAX_FINDINGS, 1000 - MAX_FINDINGS)
    worse = explain_text(f"{many}\n\n{UNTRUSTED}")[0]
    assert worse.entry.id == only(UNTRUSTED).entry.id  # the worst is told, wherever it stands
    assert findings(UNTRUSTED).more == ()
    assert len(segments("550 5.1.1 x " * (MAX_REPLIES + 5))) == MAX_REPLIES
    assert explain_text(" " * MAX_TEXT + UNTRUSTED) == ()


def test_what_a_peer_wrote_is_escaped() -> None:
    found = only("450 4.4.317 Cannot connect to remote server [Message=\x1b[31mred]")
    assert found.token is not None
    assert (found.reply + found.token).isprintable()


PIECES = [text for entry in CATALOGUE for text in entry.examples]
PIECES += [
    "{LED=",
    "};{",
    "[Message=",
    "454 ",
    "4.7.0 ",
    "4.4.317",
    "\n\n",
    " ",
    '"',
    "event 2004",
    ": 12014",
]
PIECES += ["MSExchangeTransport", "<a@b>", "Send connector ", "TLS negotiation failed with error ", "-> "]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), max_size=12).map("".join))
@example("{LED={LED={LED=")
def test_no_text_breaks_it_and_every_place_is_inside(text: str) -> None:
    for found in explain_text(text):
        assert found.spans
        assert all(0 <= start < end <= len(text) for start, end in found.spans)
        assert found.reply.isprintable()
        assert (found.token or "").isprintable()


HOSTILE = [
    "454 4.7.0 ",
    "5.7.64 smtp;",
    "550-5.7.64 ",
    "[{LED=450 4.4.317 [Message=",
    ": 2004 MSExchangeTransport ",
    "Send connector x",
    "Failed to establish appropriate TLS channel: ",
    "CERT_CHAIN_POLICY_SSL ",
    "ATTR1 ",
    " \t\n>",
    "\u3000",
    "1.1.",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_eight_times_the_text_takes_about_eight_times_the_time(piece: str) -> None:
    def cost(size: int) -> float:
        text = piece * (size // len(piece))
        started = time.process_time()
        explain_text(text)
        return time.process_time() - started

    cost(1 << 10)  # compiles the recognisers
    small, large = cost(1 << 13), cost(1 << 16)
    assert large < 24 * small + 0.1  # seconds; eight times is linear, sixty-four times quadratic
