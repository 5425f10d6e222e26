"""Rows and certificate lines of protocol logs, whatever the file has been through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.logs.certificate import Cut, Known, from_fields, from_line, instant
from probe.exchange.logs.rows import MAX_LINE, MAX_STRANGE, LogFile, LogKind
from probe.exchange.problem import MAX_PROBLEMS, Problem, Problems

SAMPLES = Path(__file__).parent.parent / "samples"
HEADER = (
    b"#Software: Microsoft Exchange Server\r\n#Version: 15.0.0.0\r\n#Log-type: SMTP Send Protocol Log\r\n"
    b"#Date: 2026-11-03T09:14:02.482Z\r\n#Fields: date-time,connector-id,session-id,sequence-number,"
    b"local-endpoint,remote-endpoint,event,data,context\r\n"
)
ROW = b"2026-11-03T09:14:02.118Z,Relay,08DE,0,,198.51.100.36:25,*,,attempting to connect\r\n"
FIELDS = [
    "2026-11-03T09:14:02.118Z",
    "Relay",
    "08DE",
    "0",
    "",
    "198.51.100.36:25",
    "*",
    "",
    "attempting to connect",
]


def read(*chunks: bytes, ansi: str = "cp1252") -> tuple[list[list[str]], tuple[Problem, ...], LogKind]:
    file = LogFile("a.log", Problems("a.log"), ansi=ansi)
    rows = list(file.rows(chunks))
    return rows, file.problems.found, file.kind


def sentences(problems: Sequence[Problem]) -> list[str]:
    return [str(problem) for problem in problems]


def test_a_row_is_nine_texts_and_the_header_tells_the_kind() -> None:
    assert read(HEADER + ROW) == ([FIELDS], (), LogKind.SEND)
    assert read(HEADER.replace(b"Send", b"Receive") + ROW)[2] is LogKind.RECEIVE
    assert read(ROW) == ([FIELDS], (), LogKind.UNKNOWN)


def test_header_keys_count_in_any_case() -> None:
    assert read(HEADER.upper() + ROW) == ([FIELDS], (), LogKind.SEND)


@pytest.mark.parametrize("name", ["multiline", "singleline-2016", "singleline-2019"])
def test_all_rows_of_the_samples_are_read(name: str) -> None:
    data = (SAMPLES / f"send-log-{name}.log").read_bytes()
    rows, problems, kind = read(data)
    assert (len(rows), problems, kind) == (data.count(b"\n") - 5, (), LogKind.SEND)


@given(st.lists(st.integers(0, 8000), max_size=8))
def test_chunks_may_be_cut_anywhere(cuts: list[int]) -> None:
    data = (SAMPLES / "send-log-multiline.log").read_bytes()
    places = [0, *sorted(cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(places)]
    assert read(*chunks) == read(data)


def test_a_byte_order_mark_before_a_header_or_a_row_is_nothing() -> None:
    assert read(b"\xef\xbb\xbf" + HEADER + ROW)[:2] == ([FIELDS], ())
    assert read(b"\xef\xbb\xbf" + ROW)[:2] == ([FIELDS], ())
    assert read(ROW, b"\xef\xbb\xbf" + HEADER + ROW) == ([FIELDS, FIELDS], (), LogKind.SEND)


def test_quotes_keep_commas_and_doubled_quotes() -> None:
    rows, problems, _ = read(ROW.replace(b",*,,", b',*,"CN=x, O=""Fabrikam, Inc.""",'))
    assert rows[0][7] == 'CN=x, O="Fabrikam, Inc."'
    assert problems == ()


def test_lines_that_are_not_utf8_are_read_in_the_code_page_given() -> None:
    cyrillic = "Исходящий".encode("cp1251")
    utf8 = "Исходящий".encode()
    rows, problems, _ = read(ROW.replace(b"Relay", utf8) + ROW.replace(b"Relay", cyrillic), ansi="cp1251")
    assert [row[1] for row in rows] == ["Исходящий", "Исходящий"]
    assert problems == ()
    assert read(ROW.replace(b"Relay", b"B\xfcro"))[0][0][1] == "Büro"


def test_another_order_of_fields_is_honoured() -> None:
    header = b"#Fields: session-id,event,data,sequence-number,context,date-time,connector-id,extra\r\n"
    rows, problems, _ = read(header + b"08DE,>,QUIT,5,ctx,2026-11-03T09:14:02Z,Relay,x\r\n")
    assert rows == [["2026-11-03T09:14:02Z", "Relay", "08DE", "5", "", "", ">", "QUIT", "ctx"]]
    assert problems == ()
    assert read(header + b"08DE,?,QUIT,5,ctx,2026,Relay,x\r\n")[0] == []


def test_a_header_without_the_fields_that_are_needed_is_a_problem() -> None:
    _, problems, _ = read(b"#Fields: date-time,connector-id,event\r\n")
    assert sentences(problems) == ["a.log, line 1, Fields: lacks session-id, sequence-number, data."]


def test_another_kind_of_log_is_named() -> None:
    _, problems, _ = read(b"#Log-type: Message Tracking Log\r\n")
    assert sentences(problems) == ["a.log, line 1, Log-type: is another kind of log: 'Message Tracking Log'"]


def test_a_half_written_last_line_is_told_and_left_out() -> None:
    for cut in (b"2026-11-03T09:14:02.118Z,Rel", ROW[:-25]):
        rows, problems, _ = read(HEADER + ROW + cut)
        assert rows == [FIELDS]
        assert sentences(problems) == [
            "a.log, line 7: ends in the middle of a row (the file may still be written to)."
        ]
    assert read(HEADER + ROW + ROW.rstrip())[:2] == ([FIELDS, FIELDS], ())


def test_a_row_that_lacks_a_comma_before_its_context_is_read() -> None:
    line = b"2026-11-03T09:14:02.118Z,Relay,08DE,0,,198.51.100.36:25,*,mail.contoso.com;x.contoso.com%b\r\n"
    for glue in (b" Certificate alternate names", b"Certificate alternate names", b" alternate names"):
        ((*_, data, context),), problems, _ = read(line.replace(b"%b", glue))
        assert (data, context) == ("mail.contoso.com;x.contoso.com", glue.decode().strip())
        assert problems == ()
    ((*_, data, context),), _, _ = read(line.replace(b"%b", b""))
    assert (data, context) == ("mail.contoso.com;x.contoso.com", "")


def test_a_time_glued_to_the_connector_is_taken_apart() -> None:
    for time in (b"Date/Time", b"2026-11-03T09:14:02.118Z"):
        rows, problems, _ = read(ROW.replace(FIELDS[0].encode() + b",", time + b"."))
        assert rows == [[time.decode(), *FIELDS[1:]]]
        assert problems == ()


def test_commas_that_were_not_quoted_are_put_back() -> None:
    ((*_, data, context),), _, _ = read(ROW.replace(b"*,,", b"*,CN=a, O=b, C=US,"))
    assert (data, context) == ("CN=a, O=b, C=US", "attempting to connect")
    ((*_, data, context),), _, _ = read(ROW.replace(b"connect", b"connect, MAC, and so on"))
    assert (data, context) == ("", "attempting to connect, MAC, and so on")


def test_the_articles_placeholders_are_no_log() -> None:
    text = b"Date/Time,Outbound to Microsoft 365,SessionID,1,LocalIP,RemoteIP,>,EHLO Date/Time,Outbound,SessionID,2\n"
    rows, problems, _ = read(text)
    assert rows == []
    assert len(problems) == 1
    assert "placeholders" in problems[0].sentence


def test_malformed_rows_are_told_with_file_and_line_and_the_rest_is_used() -> None:
    rows, problems, _ = read(HEADER + b"nonsense \x1b[31m\r\n" + ROW + b"\r\n" + b'"\x00,\r\n')
    assert rows == [FIELDS]
    assert sentences(problems) == [
        "a.log, line 6: is no row of a protocol log: 'nonsense \\x1b[31m'",
        "a.log, line 9: is no row of a protocol log: '\"\\x00,'",
    ]


def test_a_file_of_another_kind_is_given_up() -> None:
    rows, problems, _ = read(*[b"nothing\n" * 1000] * 5, HEADER + ROW)
    assert rows == []
    assert len(problems) == MAX_PROBLEMS + 1
    file = LogFile("a.log", Problems("a.log"))
    assert list(file.rows([b"nothing\n" * 1000] * 5)) == []
    assert MAX_STRANGE < file.line <= 2 * 1000


def test_utf16_is_told() -> None:
    _, problems, _ = read((HEADER + ROW).decode().encode("utf-16"))
    assert "UTF-16" in problems[0].sentence


@pytest.mark.parametrize("size", [MAX_LINE + 1, 3 * MAX_LINE, 200_000])
@pytest.mark.parametrize("start", [b"", b'"', ROW.rstrip()])
def test_a_line_without_end_costs_no_memory_and_the_next_is_read(start: bytes, size: int) -> None:
    long = start + b"x" * size + b"\r\n"
    chunks = [long[at : at + 1000] for at in range(0, len(long), 1000)]
    for given_as in (chunks, [long]):
        rows, problems, _ = read(*given_as, ROW)
        assert rows == [FIELDS]
        assert sentences(problems)[0].startswith("a.log, line 1: is longer than")


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from([HEADER, ROW, b",", b'"', b"\n", b"#"])),
        max_size=12,
    )
)
def test_no_bytes_break_it_and_every_row_has_nine_fields(chunks: list[bytes]) -> None:
    rows, problems, _ = read(*chunks)
    assert all(len(row) == 9 and row[6] in set("+-<>*") for row in rows)
    assert all(problem.sentence.isprintable() for problem in problems)


# ---- certificate lines ----------------------------------------------------------------------------

THUMBPRINT = "F5770C7F9A5EB836EE4670B72C25B24001E522D3"
SUBJECT = "CN=mail.contoso.com, O=Contoso Ltd, C=US"
ISSUER = 'CN=Fabrikam Public TLS RSA CA 1, O="Fabrikam, Inc.", C=US'
TAIL = f"0A4F3C9E17B25D608142F7AC3B905E11 {THUMBPRINT}"
DATES = "2026-06-10T00:00:00.000Z 2026-12-26T23:59:59.000Z"


def test_shape_b_is_read_from_the_right() -> None:
    found = from_line(f" {SUBJECT} {ISSUER} {TAIL} mail.contoso.com;contoso.com", {})
    assert found is not None
    assert (found.subject, found.issuer, found.cut) == (SUBJECT, ISSUER, Cut.INFERRED)
    assert (found.thumbprint, found.serial) == (THUMBPRINT.lower(), "0a4f3c9e17b25d608142f7ac3b905e11")
    assert found.names == ("mail.contoso.com", "contoso.com")
    assert (found.not_before, found.not_after) == (None, None)


def test_shape_c_has_dates() -> None:
    found = from_line(f" {SUBJECT} {ISSUER} {TAIL} {DATES} mail.contoso.com", {})
    assert found is not None
    assert found.not_before == datetime(2026, 6, 10, tzinfo=UTC)
    assert found.not_after == datetime(2026, 12, 26, 23, 59, 59, tzinfo=UTC)
    assert (found.subject, found.issuer, found.names) == (SUBJECT, ISSUER, ("mail.contoso.com",))


def test_a_certificate_without_names_is_read() -> None:
    found = from_line(f" {SUBJECT} {ISSUER} {TAIL} {DATES} ", {})
    assert found is not None
    assert found.names == ()
    assert found.not_after is not None


@pytest.mark.parametrize(
    "subject",
    [
        "CN=EX01",
        "CN=a, OU=CN of x, O=y",
        'CN="a CN=b", O=x',
        "O=No common name",
        "E=x@y.z, CN=a + OU=b",
        "OID.1.2.3=a, DC=b",
    ],
)
@pytest.mark.parametrize(
    "issuer", ["CN=EX01", ISSUER, "OU=Class 2, O=Go, C=US", 'O="say ""CN=x""", C=US', "DC=local"]
)
def test_subject_and_issuer_come_apart_by_the_way_windows_writes_names(subject: str, issuer: str) -> None:
    found = from_line(f" {subject} {issuer} {TAIL} x", {})
    assert found is not None
    assert (found.subject, found.issuer, found.cut) == (subject, issuer, Cut.INFERRED)


def test_a_self_signed_certificate_is_cut_in_halves() -> None:
    name = "CN=a O=b"  # not as Windows writes it: three places could be the cut
    found = from_line(f"{name} {name} {TAIL}", {})
    assert found is not None
    assert (found.subject, found.issuer) == (name, name)


def test_several_possible_cuts_are_candidates_not_a_guess() -> None:
    found = from_line(f" CN=a CN=b CN=c {TAIL} x", {})
    assert found is not None
    assert (found.subject, found.issuer, found.cut) == (None, None, Cut.UNKNOWN)
    assert found.candidates == (("CN=a", "CN=b CN=c"), ("CN=a CN=b", "CN=c"))
    assert from_line(TAIL, {}) is not None


def test_the_inventory_decides_where_the_line_is_ambiguous() -> None:
    known = {THUMBPRINT.lower(): Known("CN=a", "CN=b CN=c")}
    found = from_line(f" CN=a CN=b CN=c {TAIL} x", known)
    assert found is not None
    assert (found.subject, found.issuer, found.cut) == ("CN=a", "CN=b CN=c", Cut.INVENTORY)
    assert found.candidates == ()


@pytest.mark.parametrize("line", ["", "CN=a CN=b", f"{THUMBPRINT[:-1]} x", f"{TAIL} a b"])
def test_a_line_without_a_thumbprint_is_none(line: str) -> None:
    assert from_line(line, {}) is None


def test_shape_a_keeps_what_is_there() -> None:
    found = from_fields({"subject": "CN=a", "thumbprint": THUMBPRINT, "alternate names": "a; b;;"})
    assert (found.subject, found.issuer, found.serial) == ("CN=a", None, None)
    assert (found.thumbprint, found.names, found.cut) == (THUMBPRINT.lower(), ("a", "b"), Cut.FIELDS)


def test_instants_are_utc_or_none() -> None:
    at = datetime(2026, 11, 3, 9, 14, 2, tzinfo=UTC)
    assert instant("2026-11-03T09:14:02Z") == instant("2026-11-03T10:14:02+01:00") == at
    assert instant("2026-11-03T09:14:02") == at
    assert instant("Date/Time") is None


@given(st.text(max_size=200))
def test_no_line_breaks_the_certificate_reader(line: str) -> None:
    found = from_line(line + " " + TAIL, {})
    assert found is not None
    assert found.thumbprint == THUMBPRINT.lower()
