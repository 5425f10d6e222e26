"""Protocol logs as stories: sessions, outcomes, and what they add up to."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.logs import reader as log_reader
from probe.exchange.logs import session as log_session
from probe.exchange.logs import summary as log_summary
from probe.exchange.logs.certificate import Cut
from probe.exchange.logs.reader import Known, LogReader, LogSession
from probe.exchange.logs.rows import LogKind
from probe.exchange.logs.session import SessionOutcome, TlsResult
from probe.exchange.logs.summary import LogSummary, Summary

SAMPLES = Path(__file__).parent.parent / "samples"
PUB = "f5770c7f9a5eb836ee4670b72c25b24001e522d3"
INT = "5cacf68c83cb082d1c34d4956d1c248080b611e5"
SELF = "dbe6567b43527985a0378e028639238f449053a6"
MULTI, SINGLE_2016, SINGLE_2019 = (
    SAMPLES / f"send-log-{name}.log" for name in ("multiline", "singleline-2016", "singleline-2019")
)
STALE = "454 4.7.5 The certificate specified in TlsCertificateName of the SendConnector could not be found."
SHAPE = "Sending certificate Subject Issuer name Serial number Thumbprint Subject alternate names"
SEND = "#Log-type: SMTP Send Protocol Log\r\n"
RECEIVE = "#Log-type: SMTP Receive Protocol Log\r\n"
START = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


def summarise(found: Iterable[LogSession], known: dict[str, Known] | None = None) -> LogSummary:
    summary = Summary(known=known)
    for session in found:
        summary.add(session)
    return summary.result()


def sessions(*paths: Path, reader: LogReader | None = None) -> list[LogSession]:
    reader = reader or LogReader()
    found = [session for path in paths for session in reader.read(path.name, [path.read_bytes()])]
    return found + list(reader.finish())


def written(
    rows: Iterable[tuple[str, str, str]],
    *,
    session: str = "08DE000000000001",
    connector: str = "Relay",
    at: datetime = START,
    local: str = "192.0.2.10:4000",
    first: int = 0,
) -> list[str]:
    """The lines of one session: event, data, context of each row."""
    time = at.isoformat().replace("+00:00", ".000Z")
    return [
        f"{time},{connector},{session},{number},{local},198.51.100.36:25,{event},{data},{context}\r\n"
        for number, (event, data, context) in enumerate(rows, first)
    ]


def told(lines: Iterable[str], header: str = SEND) -> list[LogSession]:
    reader = LogReader()
    found = list(reader.read("a.log", [(header + "".join(lines)).encode()]))
    return found + list(reader.finish())


def one(rows: Iterable[tuple[str, str, str]], header: str = SEND) -> LogSession:
    (session,) = told(written(rows), header)
    return session


# ---- the samples ----------------------------------------------------------------------------------


def test_shape_a_internal_certificate_refused_as_untrusted() -> None:
    (session,) = sessions(MULTI)
    assert session.id == "08DE1A94C37B5E01"
    assert session.connector == "Outbound to Office 365"
    assert (session.kind, session.complete) == (LogKind.SEND, True)
    assert session.started == datetime(2026, 11, 3, 9, 14, 2, 118000, tzinfo=UTC)
    assert session.remote_endpoint == "198.51.100.36:25"
    assert session.local_endpoint == "192.0.2.10:41873"
    assert session.sent is not None
    assert session.sent.thumbprint == INT
    assert session.sent.issuer == "CN=Contoso Issuing CA 01, DC=contoso, DC=local"
    assert session.sent.serial == "5d00000017a3c2b41e6f09d8c1000000000017"
    assert len(session.sent.names) == 5
    assert session.remote is not None
    assert session.remote.subject == "CN=mail.protection.outlook.com, O=Fabrikam Cloud, C=US"
    assert session.tls == TlsResult("TLS 1.2", None)
    assert session.message_ids == ("8d1f60c2a4b34e7f9c0a5b6e7d8f9012@EX01.contoso.com",)
    assert [reply.verb for reply in session.replies] == [
        "",
        "EHLO",
        "STARTTLS",
        "EHLO",
        "MAIL",
        "RCPT",
        "QUIT",
    ]
    assert (session.outcome, session.delivered) == (SessionOutcome.REFUSED, 0)
    assert session.reason is not None
    assert session.reason.reason == "to-eop-untrusted-root"
    assert session.reason.reply.verb == "RCPT"
    assert session.reason.token == "UntrustedRoot"


def test_shape_b_two_interleaved_sessions_one_delivers_one_has_no_key() -> None:
    failed, delivered = sessions(SINGLE_2016)
    assert (failed.connector, failed.outcome) == ("Partner fabrikam", SessionOutcome.TLS_FAILED)
    assert failed.tls == TlsResult(None, "NoCredentials")
    assert failed.sent is not None
    assert (failed.sent.thumbprint, failed.sent.subject, failed.sent.issuer) == (SELF, "CN=EX01", "CN=EX01")
    assert failed.reason is not None
    assert failed.reason.reason == "tls-no-credentials"
    assert (delivered.outcome, delivered.delivered, delivered.refused) == (SessionOutcome.DELIVERED, 1, ())
    assert delivered.sent is not None
    assert delivered.sent.thumbprint == PUB
    assert delivered.sent.issuer == 'CN=Fabrikam Public TLS RSA CA 1, O="Fabrikam, Inc.", C=US'


def test_shape_c_public_certificate_refused_for_attribution() -> None:
    (session,) = sessions(SINGLE_2019)
    assert session.sent is not None
    assert (session.sent.thumbprint, session.sent.cut) == (PUB, Cut.INFERRED)
    assert session.sent.not_after == datetime(2026, 12, 26, 23, 59, 59, tzinfo=UTC)
    assert session.reason is not None
    assert session.reason.reason == "to-eop-tenant-attribution"
    assert session.outcome is SessionOutcome.REFUSED


def test_the_inventory_tells_subject_and_issuer_apart() -> None:
    known = {PUB: Known("CN=from the inventory", "CN=its issuer")}
    (session,) = sessions(SINGLE_2019, reader=LogReader(known=known))
    assert session.sent is not None
    assert (session.sent.subject, session.sent.cut) == ("CN=from the inventory", Cut.INVENTORY)
    assert session.remote is not None
    assert session.remote.cut is Cut.INFERRED


def test_the_samples_add_up_per_connector_and_certificate() -> None:
    summary = summarise(sessions(MULTI, SINGLE_2016, SINGLE_2019), known={PUB: Known("", "")})
    told_of = [
        (
            group.connector,
            group.certificate.thumbprint if group.certificate else None,
            group.delivered,
            [(refused.reason, refused.sessions) for refused in group.refused],
            group.listed,
        )
        for group in summary.groups
    ]
    assert told_of == [
        ("Outbound to Office 365", PUB, 1, [], True),
        ("Outbound to Office 365", INT, 0, [("to-eop-untrusted-root", 1)], False),
        ("Partner fabrikam", SELF, 0, [("tls-no-credentials", 1)], False),
        ("Relay via EOP", PUB, 0, [("to-eop-tenant-attribution", 1)], True),
    ]
    assert summary.groups[2].tls_failed == 1
    assert summary.groups[1].refused[0].first.session == "08DE1A94C37B5E01"
    assert summary.groups[1].refused[0].first.reply.startswith("454 4.7.0")
    (change,) = summary.changes
    assert (change.connector, change.server, change.before, change.after) == (
        "Outbound to Office 365",
        "192.0.2.10",
        PUB,
        INT,
    )
    assert change.at == datetime(2026, 11, 3, 9, 14, 2, 118000, tzinfo=UTC)
    assert not change.overlapping


# ---- grouping and order ---------------------------------------------------------------------------


def rows_of(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.startswith(b"20")]


@given(st.integers(), st.integers(100, 4000))
def test_rows_in_any_order_and_any_chunks_give_the_same_sessions(seed: int, size: int) -> None:
    rows = rows_of(MULTI) + rows_of(SINGLE_2016) + rows_of(SINGLE_2019)
    expected = {session.id: session for session in told_bytes(b"".join(rows), 1 << 20)}
    random.Random(seed).shuffle(rows)  # noqa: S311 - an order, not a secret
    found = {session.id: session for session in told_bytes(b"".join(rows), size)}
    for key, session in found.items():
        assert session == expected[key]
    assert len(found) == 4


def told_bytes(data: bytes, size: int) -> list[LogSession]:
    reader = LogReader()
    header = SEND.encode()
    chunks = [header, *(data[start : start + size] for start in range(0, len(data), size))]
    return [*reader.read("a.log", chunks), *reader.finish()]


def test_a_session_may_run_on_into_the_next_file() -> None:
    data = MULTI.read_bytes()
    middle = data.index(b"\n", len(data) // 2) + 1
    reader = LogReader()
    found = [*reader.read("1.log", [data[:middle]]), *reader.read("2.log", [data[middle:]])]
    assert [session.complete for session in found] == [True]
    assert found[0].reason is not None
    assert found[0].source == "1.log"
    assert list(reader.finish()) == []


@pytest.mark.parametrize("cut", ["head", "tail", "middle"])
def test_a_session_with_rows_missing_is_told_and_incomplete(cut: str) -> None:
    lines = rows_of(MULTI)
    parts = {"head": lines[17:], "tail": lines[:45], "middle": lines[:20] + lines[25:]}
    (session,) = told_bytes(b"".join(parts[cut]), 100)
    assert not session.complete
    assert session.sent is not None
    assert (session.outcome, session.sent.serial is None) == (SessionOutcome.REFUSED, cut == "middle")


def test_rows_written_twice_do_no_harm() -> None:
    rows = [
        ("+", "", ""),
        ("<", "220 hello", ""),
        (">", "QUIT", ""),
        ("<", "221 bye", ""),
        ("-", "", "Local"),
    ]
    lines = written(rows)
    first, *_ = told([lines[0], *lines])
    assert first.complete


def test_a_row_without_a_number_is_taken_where_it_stands() -> None:
    lines = [
        line.replace(",2,192", ",x,192")
        for line in written([("+", "", ""), ("<", "220 a", ""), ("-", "", "Local")])
    ]
    (session,) = told(lines)
    assert session.complete


def test_a_row_without_a_session_is_a_problem() -> None:
    reader = LogReader()
    line = written([("+", "", "")])[0].replace("08DE000000000001", "")
    assert list(reader.read("a.log", [(SEND + line).encode()])) == []
    assert [str(problem) for problem in reader.problems] == [
        "a.log, line 2, session-id: has no session-id and was left out."
    ]


def test_open_sessions_are_bounded_and_none_is_lost() -> None:
    count = log_reader.MAX_OPEN + 50
    lines = [line for number in range(count) for line in written([("+", "", "")], session=f"{number:016X}")]
    reader = LogReader()
    early = list(reader.read("a.log", [(SEND + "".join(lines)).encode()]))
    assert [session.id for session in early] == [f"{number:016X}" for number in range(50)]
    assert len(early) + len(list(reader.finish())) == count


def test_waiting_rows_are_bounded_for_a_session_and_for_all() -> None:
    quiet = [("*", "", "note")] * (log_reader.MAX_WAITING + 10)
    (session,) = told(written([*quiet, ("-", "", "Local")], first=7))
    assert session.ended is not None
    assert not session.complete
    each = 100
    count = log_reader.MAX_WAITING_TOTAL // each + 5
    lines = [
        line
        for number in range(count)
        for line in written([*quiet[:each], ("-", "", "Local")], session=f"{number:016X}", first=3)
    ]
    assert len(told(lines)) == count


def test_rows_that_wait_are_counted_at_every_row() -> None:
    """All rows but the first of each session, which never comes."""
    reader = LogReader()
    most = [0]

    def rows(sessions: int, each: int) -> Iterator[bytes]:
        yield SEND.encode()
        for number in range(sessions):
            for line in written([("*", "", "note")] * each, session=f"{number:016X}", first=3):
                most[0] = max(most[0], reader._waiting)
                yield line.encode()

    list(reader.read("a.log", rows(1, 2 * log_reader.MAX_WAITING)))
    assert most == [log_reader.MAX_WAITING]
    list(reader.read("b.log", rows(log_reader.MAX_WAITING_TOTAL // 100 + 50, 100)))
    assert most == [log_reader.MAX_WAITING_TOTAL]


def test_a_long_session_keeps_a_bounded_part_and_counts_on() -> None:
    message = [
        ("*", "", "sending message with RecordId 1 and InternetMessageId <a@b>"),
        (">", "RCPT TO:<x@y>", ""),
        ("<", "550 5.7.64 TenantAttribution; Relay Access Denied", ""),
        (">", "BDAT 10 LAST", ""),
        ("<", "250 2.6.0 Queued mail for delivery", ""),
    ]
    session = one([*(message * 200), ("-", "", "Local")])
    assert session.delivered == 200
    assert len(session.replies) == len(session.refused) == log_session.MAX_REPLIES
    assert len(session.message_ids) == log_session.MAX_MESSAGES


# ---- what rows mean -------------------------------------------------------------------------------


def test_data_bdat_and_pipelines_pair_with_their_replies() -> None:
    session = one(
        [
            ("<", "220 hello", ""),
            (">", "MAIL FROM:<a@b>", ""),
            (">", "RCPT TO:<c@d>", ""),
            (">", "RCPT TO:<e@f>", ""),
            ("<", "250 2.1.0 Sender OK", ""),
            ("<", "250 2.1.5 Recipient OK", ""),
            ("<", "550 5.1.1 User unknown", ""),
            (">", "DATA", ""),
            ("<", "354 Start mail input", ""),
            ("<", "250 2.6.0 Queued mail for delivery", ""),
            (">", "BDAT 8121", ""),
            ("<", "250 2.0.0 chunk", ""),
            (">", "BDAT 10 LAST", ""),
            ("<", "250 2.6.0 Queued mail for delivery", ""),
        ]
    )
    assert [reply.verb for reply in session.replies] == [
        "", "MAIL", "RCPT", "RCPT", "DATA", ".", "BDAT", "BDAT"
    ]  # fmt: skip
    assert session.delivered == 2
    assert session.outcome is SessionOutcome.REFUSED
    assert session.reason is not None
    assert (session.reason.reason, session.reason.entry) == ("other", None)


def test_a_refusal_of_several_lines_answers_one_command() -> None:
    session = one(
        [
            (">", "RCPT TO:<c@d>", ""),
            ("<", "550-5.7.64 TenantAttribution; Relay", ""),
            ("<", "550 5.7.64 Access Denied", ""),
            (">", "QUIT", ""),
            ("<", "221 bye", ""),
        ]
    )
    assert [reply.verb for reply in session.replies] == ["RCPT", "RCPT", "QUIT"]
    assert session.reason is not None
    assert session.reason.reason == "to-eop-tenant-attribution"


def test_an_answer_to_nothing_and_a_refused_ehlo() -> None:
    lonely = one([("<", "550-5.7.64 TenantAttribution; Relay", "")])
    assert lonely.replies[0].verb == ""
    ehlo = one(
        [
            (">", "EHLO x", ""),
            ("<", "500 5.5.1 Unrecognized command", ""),
            (">", "HELO x", ""),
            ("<", "250 x", ""),
        ]
    )
    assert (ehlo.outcome, ehlo.refused) == (SessionOutcome.NOTHING, ())


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (STALE, "pin-not-found"),
        ("454 4.7.5 Certificate validation failure, Reason:UntrustedRoot", "on-premises-distrusts-server"),
        ("Remote host closed connection in response to EHLO", "to-eop-handshake-closed"),
    ],
)  # fmt: skip
def test_what_this_server_says_itself_is_a_refusal_too(note: str, reason: str) -> None:
    for row in (("*", "", f'"{note}"'), ("*", f'"{note}"', "")):
        session = one([("+", "", ""), row, ("-", "", "Local")])
        assert session.reason is not None
        assert (session.outcome, session.reason.reason) == (SessionOutcome.REFUSED, reason)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("NoCredentials", "tls-no-credentials"),
        ("UnknownCredentials", "tls-unknown-credentials"),
        ("SocketError", "to-eop-socket-error"),
        ("OddReason", "tls-negotiation-other"),
    ],
)
def test_tls_failures_keep_their_token(token: str, reason: str) -> None:
    session = one([("*", "", f"TLS negotiation failed with error {token}"), ("-", "", "Local")])
    assert session.tls == TlsResult(None, token)
    assert session.reason is not None
    assert (session.outcome, session.reason.reason) == (SessionOutcome.TLS_FAILED, reason)


@pytest.mark.parametrize(
    ("protocol", "version"),
    [
        ("TLS1_2_CLIENT", "TLS 1.2"),
        ("TLS1_3_SERVER", "TLS 1.3"),
        ("TLS1_0_CLIENT", "TLS 1.0"),
        ("SSL3_CLIENT", "SSL3"),
    ],
)
def test_tls_versions_are_named_as_people_do(protocol: str, version: str) -> None:
    text = f"TLS protocol SP_PROT_{protocol} negotiation succeeded using bulk encryption algorithm X"
    assert one([("*", "", text)]).tls == TlsResult(version, None)
    assert one([("*", "", "TLS is something else")]).tls is None


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ([("+", "", ""), ("<", "220 a", ""), ("-", "", "Remote")], SessionOutcome.DROPPED),
        ([("+", "", ""), (">", "QUIT", ""), ("<", "221 a", ""), ("-", "", "Remote")], SessionOutcome.NOTHING),
        ([("*", "", "attempting to connect")], SessionOutcome.NOTHING),
        ([("+", "", ""), ("-", "", "Local")], SessionOutcome.NOTHING),
    ],
)
def test_sessions_without_a_message(rows: list[tuple[str, str, str]], outcome: SessionOutcome) -> None:
    assert one(rows).outcome is outcome


RECEIVED = [
    ("+", "", ""),
    (">", "220 EX01.contoso.com Microsoft ESMTP MAIL Service ready", ""),
    ("<", "EHLO mail.example", ""),
    (">", "250  EX01.contoso.com Hello STARTTLS", ""),
    ("<", "STARTTLS", ""),
    (">", "220 2.0.0 SMTP server ready", ""),
    ("*", f" CN=EX01 CN=EX01 0A {SELF.upper()} EX01", SHAPE),
    ("*", "", "Received certificate"),
    ("*", PUB.upper(), "Certificate thumbprint"),
    ("*", "", "Client certificate chain validation status: 'EmptyCertificate'"),
    ("<", "MAIL FROM:<a@b>", ""),
    (">", "250 2.1.0 Sender OK", ""),
    ("<", "RCPT TO:<c@d>", ""),
    (">", "550 5.7.1 Unable to relay", ""),
    ("-", "", "Remote"),
]  # fmt: skip


@pytest.mark.parametrize("header", [RECEIVE, ""])
def test_a_receive_log_turns_the_arrows_round(header: str) -> None:
    session = one(RECEIVED, header)
    assert session.kind is LogKind.RECEIVE
    assert [reply.verb for reply in session.replies] == ["", "EHLO", "STARTTLS", "MAIL", "RCPT"]
    assert session.sent is not None
    assert session.sent.thumbprint == SELF
    assert session.remote is None
    assert session.outcome is SessionOutcome.REFUSED


@pytest.mark.parametrize(
    ("event", "data", "kind"),
    [
        ("<", "220 a", LogKind.SEND),
        (">", "220 a", LogKind.RECEIVE),
        (">", "EHLO a", LogKind.SEND),
        ("<", "EHLO a", LogKind.RECEIVE),
    ],
)
def test_without_a_header_the_first_words_tell_whose_log_it_is(event: str, data: str, kind: LogKind) -> None:
    assert one([(event, data, "")], "").kind is kind


def test_a_thumbprint_alone_and_an_unreadable_certificate_line() -> None:
    session = one([("*", PUB.upper(), "Remote certificate"), ("*", "something", "Sending certificate x")])
    assert session.remote is not None
    assert session.remote.thumbprint == PUB
    assert session.sent is None
    assert one([("*", PUB, "Certificate thumbprint")]).sent is None


def test_problems_are_kept_of_a_bounded_number_of_files() -> None:
    reader = LogReader()
    for number in range(log_reader.MAX_FILES + 5):
        assert list(reader.read(str(number), [b"nonsense\n"])) == []
    assert len(reader.problems) == log_reader.MAX_FILES


def test_what_a_peer_wrote_is_escaped() -> None:
    session = one([("<", "550 5.7.1 \x1b[31mred\u202e", ""), ("-", "", "Local")])
    assert session.replies[0].text.isprintable()


# ---- filters, sums, changes -----------------------------------------------------------------------


def test_since_and_connector_leave_sessions_out() -> None:
    paths = (MULTI, SINGLE_2016, SINGLE_2019)
    since = datetime(2026, 11, 1, tzinfo=UTC)
    assert len(sessions(*paths, reader=LogReader(since=since))) == 2
    assert [s.connector for s in sessions(*paths, reader=LogReader(connector="RELAY VIA eop"))] == [
        "Relay via EOP"
    ]
    assert sessions(*paths, reader=LogReader(connector="none")) == []


def delivered(connector: str, thumbprint: str, hour: int, local: str = "192.0.2.10:4000") -> list[str]:
    rows = [
        (
            "*",
            f" CN=a CN=b 0A {thumbprint} a",
            "Sending certificate Subject Issuer name Serial number Thumbprint",
        ),
        (">", "BDAT 1 LAST", ""),
        ("<", "250 ok", ""),
        ("-", "", "Local"),
    ]
    at = START + timedelta(hours=hour)
    return written(rows, session=f"{connector}{hour}{local}", connector=connector, at=at, local=local)


def added_up(*parts: list[str]) -> LogSummary:
    return summarise(told([line for part in parts for line in part]))


def test_the_moment_of_a_change_does_not_depend_on_the_order_of_files() -> None:
    parts = [delivered("R", INT, 5), delivered("R", PUB, 1), delivered("R", PUB, 2), delivered("R", SELF, 9)]
    summary = added_up(*parts)
    assert [(change.before, change.after) for change in summary.changes] == [(PUB, INT), (INT, SELF)]
    assert summary.changes[0].at == START + timedelta(hours=5)
    assert summary == added_up(*reversed(parts))


def test_certificates_used_in_turns_overlap() -> None:
    summary = added_up(delivered("R", PUB, 1), delivered("R", INT, 2), delivered("R", PUB, 3))
    assert [change.overlapping for change in summary.changes] == [True]


def test_two_servers_with_two_certificates_are_no_change() -> None:
    summary = added_up(
        delivered("R", PUB, 1), delivered("R", INT, 2, "192.0.2.11:4000"), delivered("R", PUB, 3)
    )
    assert summary.changes == ()
    assert [group.servers for group in summary.groups] == [("192.0.2.10",), ("192.0.2.11",)]


def test_sessions_without_a_time_or_a_certificate_are_counted() -> None:
    (group,) = summarise([one([("+", "", ""), ("-", "", "Remote")])]).groups
    assert (group.certificate, group.dropped, group.listed) == (None, 1, None)
    untimed = told(["Date/Time" + line[24:] for line in written([("-", "", "Local")])])
    assert summarise(untimed).groups[0].first_seen is None


def test_groups_and_servers_are_bounded() -> None:
    base = one([("-", "", "Local")])
    summary = log_summary.Summary()
    for number in range(log_summary.MAX_GROUPS + 3):
        summary.add(replace(base, connector=str(number)))
    for number in range(log_summary.MAX_SERVERS + 3):
        summary.add(replace(base, local_endpoint=f"192.0.2.{number}:1", connector="0"))
    result = summary.result()
    assert (len(result.groups), result.left_out) == (log_summary.MAX_GROUPS, 3)
    assert len(result.groups[0].servers) < log_summary.MAX_SERVERS + 1


@given(
    st.lists(
        st.sampled_from(
            [
                line.decode("utf-8-sig")
                for path in (MULTI, SINGLE_2016)
                for line in path.read_bytes().splitlines(keepends=True)
            ]
            + ["x\n", ",,,,,,*,,\n"]
        ),
        max_size=40,
    )
)
def test_any_selection_of_lines_gives_sessions_that_add_up(lines: list[str]) -> None:
    found = told(lines)
    assert summarise(found).sessions == len(found)
