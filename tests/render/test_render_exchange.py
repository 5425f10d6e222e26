"""Pages and rows about Exchange evidence that whole commands seldom show."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.logs.certificate import Cut, LogCertificate
from probe.exchange.logs.summary import Example, Group, LogSummary, Refused
from probe.exchange.replies.recognise import explain_text
from probe.render.exchange import log as exchange_log
from probe.render.exchange import replies as exchange_text
from probe.render.page.options import RenderOptions

AT = datetime(2026, 11, 3, 9, 14, tzinfo=UTC)
CERTIFICATE = LogCertificate(
    thumbprint="ab" * 20,
    subject=None,
    issuer=None,
    serial=None,
    names=("mail.contoso.com",),
    not_before=AT,
    not_after=AT.replace(year=2027),
    cut=Cut.UNKNOWN,
)


def group(**changes: object) -> Group:
    values: dict[str, object] = {
        "connector": "To EOP",
        "certificate": CERTIFICATE,
        "sessions": 3,
        "delivered": 0,
        "denied": 1,
        "tls_failed": 1,
        "dropped": 1,
        "refused": (Refused(reason="other", sessions=1, first=Example("08DE", "a.log", AT, "550 no")),),
        "first_seen": AT,
        "last_seen": AT.replace(hour=10),
        "servers": ("192.0.2.10",),
        "listed": None,
    } | changes
    return Group(**values)  # type: ignore[arg-type]


def page(*groups: Group, left_out: int = 0) -> str:
    summary = LogSummary(groups=groups, changes=(), sessions=3, left_out=left_out)
    return exchange_log.render(exchange_log.LogReport(summary, ("a.log",), ()), RenderOptions())


def test_what_a_log_does_not_tell() -> None:
    said = " ".join(page(group()).split())
    assert "not told apart from the issuer (where the subject ends is not known: give --inventory)" in said
    assert "TLS failed in 1, 1 dropped" in said
    assert "a reply that the catalogue does not know" in said
    assert "seen 2026-11-03 09:14:00 UTC to 2026-11-03 10:14:00 UTC, from 192.0.2.10" in said
    assert "valid 2026-11-03 to 2027-11-03" in said


def test_sessions_left_out_are_counted() -> None:
    assert "5 sessions more are not shown" in page(group(), left_out=5)
    assert "not shown" not in page(group())


def test_a_group_without_a_certificate() -> None:
    document = exchange_log.document(
        exchange_log.LogReport(
            LogSummary(groups=(group(certificate=None),), changes=(), sessions=1, left_out=0), ("a.log",), ()
        )
    )
    assert document["groups"][0]["certificate"] is None
    assert "no certificate logged" in page(group(certificate=None, refused=(), delivered=0))


def test_many_rows_come_in_pieces_and_stay_whole() -> None:
    row = dict.fromkeys(exchange_log.COLUMNS, "x" * 50)
    pieces = list(exchange_log.csv_lines(row for _ in range(1_000)))
    assert len(pieces) > 5
    read = list(csv.DictReader(io.StringIO("".join(pieces))))
    assert len(read) == 1_000
    assert all(one == row for one in read)


@given(st.lists(st.text(max_size=20), min_size=16, max_size=16))
def test_no_cell_begins_a_formula(cells: list[str]) -> None:
    rows = [dict(zip(exchange_log.COLUMNS, cells, strict=True))]
    read = list(csv.reader(io.StringIO("".join(exchange_log.csv_lines(rows)), newline="")))
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in read[1])


def test_an_event_by_itself_and_a_hint_to_its_rule() -> None:
    event = explain_text("event 12016")
    assert event
    assert "event       12016" in exchange_text.render(exchange_text.Explained(event), RenderOptions())
    reply = explain_text(
        "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
    )
    assert "eop-probe explain untrusted-root" in exchange_text.render(
        exchange_text.Explained(reply), RenderOptions()
    )


def test_what_a_text_tells_stands_in_place_of_placeholders() -> None:
    event = (
        "Event ID: 2004 Source: MSExchangeTransport Send connector It's ours: Message delivery was not successful. "
        "<1@contoso.com> was acknowledged with SMTP response 454 4.7.5 The certificate specified in "
        "TlsCertificateName of the SendConnector could not be found."
    )
    page = exchange_text.render(exchange_text.Explained(explain_text(event)), RenderOptions())
    assert "Set-SendConnector 'It''s ours' -TlsCertificateName" in page
    assert "<name of the Send connector>" not in page
    led = "[{LED=450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]};{MSG=};{FQDN=mx.contoso.com}]"
    page = exchange_text.render(exchange_text.Explained(explain_text(led)), RenderOptions())
    assert "    eop-probe check mx.contoso.com --direction from-eop\n" in page
    # The control: where nothing is told the placeholder stays.
    found = explain_text("450 4.4.317 x [Message=UntrustedRoot]")
    bare = exchange_text.render(exchange_text.Explained(found), RenderOptions())
    assert "    eop-probe check '<server>' --direction from-eop\n" in bare
