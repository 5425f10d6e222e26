"""Headers of messages that arrived in Exchange Online: what confirms, what is missing, what is no such message."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from probe.exchange.messages.arrival import (
    MAX_HOPS,
    MAX_SHOWN,
    MAX_VALUES,
    Arrival,
    read_arrival,
)
from probe.exchange.messages.confirmation import told
from probe.exchange.messages.parts import MAX_HEADER_BYTES
from probe.statement import Confidence
from tests.exchange.compound import compound_file

INSIDE = (
    b"Received: from AM0PR01MB1234.eurprd01.prod.outlook.com (2001:db8::1) by\r\n"
    b" DB7PR01MB5678.eurprd01.prod.outlook.com with Microsoft SMTP Server (version=TLS1_3,\r\n"
    b" cipher=TLS_AES_256_GCM_SHA384) id 15.20.9000.2; Mon, 2 Nov 2026 08:12:30 +0000\r\n"
)
HOP = (
    b"Received: from mail.contoso.com (192.0.2.10) by\r\n"
    b" DB5EUR03FT012.mail.protection.outlook.com (10.152.20.123) with Microsoft SMTP\r\n"
    b" Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id\r\n"
    b" 15.20.9000.1 via Frontend Transport; Mon, 2 Nov 2026 09:12:22 +0100\r\n"
)
BEFORE = (
    b"Received: from EX02.contoso.com (10.0.0.2) by EX01.contoso.com (10.0.0.1) with\r\n"
    b" Microsoft SMTP Server (version=TLS1_3, cipher=TLS_AES_128_GCM_SHA256) id\r\n"
    b" 15.2.1748.10; Mon, 2 Nov 2026 08:12:20 +0000\r\n"
)
HEAD = b"From: anna@contoso.com\r\nTo: bert@contoso.com\r\nSubject: Test\r\nMessage-ID: <1@contoso.com>\r\n"
TENANT = "84df9e7f-e9f6-40af-b435-aaaaaaaaaaaa"
OTHER = "11111111-2222-3333-4444-555555555555"
ATTRIBUTED = f"X-EOPTenantAttributedMessage: {TENANT.upper()}:0\r\n".encode()
AUTH_AS = b"X-MS-Exchange-Organization-AuthAs: Internal\r\n"
ORIGINATING = b"X-MS-Exchange-Organization-MessageDirectionality: Originating\r\n"
MARKS = AUTH_AS + ORIGINATING + ATTRIBUTED
WHOLE = INSIDE + HOP + BEFORE + HEAD + MARKS + b"\r\nHello\r\n"
NOW = datetime(2026, 11, 2, 8, 12, 22, tzinfo=UTC)
READ = Arrival(
    source="a.eml",
    endpoint="mail.contoso.com",
    address="192.0.2.10",
    host="DB5EUR03FT012.mail.protection.outlook.com",
    at=NOW,
    tls_version="TLSv1.2",
    cipher="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    tenants=(TENANT,),
    auth_as=("Internal",),
    directionality=("Originating",),
)


def read(data: bytes) -> Arrival:
    found = read_arrival(data, "a.eml")
    assert found is not None
    return found


def said(one: Arrival) -> str:
    return " ".join(map(str, told(one)))


def outlook_file(headers: bytes, kind: str = "001F") -> bytes:
    text = headers if kind == "001E" else headers.decode().encode("utf-16-le")
    attached = {"__substg1.0_3701000D": {"__substg1.0_007D001F": "Received: from evil".encode("utf-16-le")}}
    body = {"__substg1.0_1000001F": "Hello".encode("utf-16-le")}
    return compound_file({"__attach_version1.0_#00000000": attached, f"__substg1.0_007D{kind}": text, **body})


FORMS = {
    "a saved mail": WHOLE,
    "indented": b"Hello\r\n    " + WHOLE.replace(b"\r\n", b"\r\n    "),
    "bare line feeds": WHOLE.replace(b"\r\n", b"\n"),
    "headers alone": INSIDE + HOP + BEFORE + HEAD + MARKS,
    "the marks first": MARKS + HEAD + INSIDE + HOP + BEFORE + b"\r\n",
    "folded at every space": WHOLE.replace(b"\r\n ", b" ").replace(b" ", b"\r\n\t"),
    "other case": WHOLE.replace(b"X-EOPTenant", b"x-eoptenant").replace(b"Received:", b"RECEIVED :"),
    "the other name": WHOLE.replace(b"X-EOPTenantAttributed", b"X-EOPAttributed"),
    "UTF-16": WHOLE.decode().encode("utf-16"),
    "a BOM": b"\xef\xbb\xbf" + WHOLE,
    "quoted": b"> " + WHOLE.replace(b"\n", b"\n> "),
    "pasted into a ticket": b"Hi, these are the headers:\r\n\r\n" + INSIDE + HOP + BEFORE + MARKS + b"\r\nThanks",
    "pasted with indentation": b"Hi!\r\n  " + HOP + MARKS,
    "its first line indented as a fold is": b"Hi!\r\n " + HOP + MARKS,
    "an mbox": b"From anna Mon Nov  2 08:12:22 2026\r\n" + WHOLE,
    "an Outlook file": outlook_file(INSIDE + HOP + BEFORE + HEAD + MARKS),
    "an Outlook file, ANSI": outlook_file(INSIDE + HOP + BEFORE + HEAD + MARKS, "001E"),
    "the same attribution twice": WHOLE.replace(ATTRIBUTED, ATTRIBUTED + ATTRIBUTED.lower()),
    "a hop into Exchange Online before": WHOLE.replace(BEFORE, BEFORE + HOP.replace(b"mail.contoso", b"old.fabrikam")),
    "a remark that lies": WHOLE.replace(b"(192.0.2.10)", b"(192.0.2.10) (by (x) version=TLS1_0, cipher=NONE)"),
}  # fmt: skip


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS)
def test_the_same_of_every_form(data: bytes) -> None:
    assert read(data) == READ


def test_the_receivers_own_address_is_not_the_senders() -> None:
    assert read(WHOLE.replace(b" (192.0.2.10)", b"")) == replace(READ, address=None)


def test_all_of_it_confirms() -> None:
    one = read(WHOLE)
    assert (one.confirmed, one.internal, one.tenant, one.direction) == (True, True, TENANT, "to-eop")
    hop, confirmed, doubt = told(one)
    assert "a.eml; supplied, and headers can be forged" in hop.text
    assert (
        "mail.contoso.com (192.0.2.10) handed it to DB5EUR03FT012.mail.protection.outlook.com on 2026-11-02"
        in hop.text
    )
    assert confirmed.label is Confidence.REPORTED
    assert (
        f"confirms to-eop for 2026-11-02: the certificate was accepted, and the message attributed to the "
        f"tenant {TENANT} as internal" in confirmed.text
    )
    assert doubt.label is Confidence.INFERRED


MISSING = {
    "no hop": (WHOLE.replace(HOP, b""), "the Received header of the hop into Exchange Online."),
    "no attribution": (WHOLE.replace(ATTRIBUTED, b""), "with the tenant's GUID."),
    "an attribution without a tenant": (
        WHOLE.replace(ATTRIBUTED, b"X-EOPAttributedMessage: 0\r\n"), "with the tenant's GUID.",
    ),
    "no AuthAs": (WHOLE.replace(AUTH_AS, b""), "X-MS-Exchange-Organization-AuthAs."),
    "no direction": (WHOLE.replace(ORIGINATING, b""), "X-MS-Exchange-Organization-MessageDirectionality."),
    "no TLS": (
        WHOLE.replace(b" (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)", b""),
        "the TLS version of the hop, its cipher.",
    ),
    "no name": (WHOLE.replace(b"from mail.contoso.com (192.0.2.10) by\r\n", b"by\r\n"), "who handed it over."),
    "no date": (WHOLE.replace(b"Mon, 2 Nov 2026 09:12:22 +0100", b"yesterday"), "the time of the hop."),
    "a date of no calendar": (WHOLE.replace(b"2 Nov", b"32 Nov"), "the time of the hop."),
    "a year long ago": (WHOLE.replace(b"2026 09", b"0001 09"), "the time of the hop."),
    "half a zone": (WHOLE.replace(b"+0100", b"+01"), "the time of the hop."),
    "a zone of no world": (WHOLE.replace(b"+0100", b"+9999"), "the time of the hop."),
    "a date without end": (WHOLE.replace(b"09:12:22", b"09" * 5_000 + b":12:22"), "the time of the hop."),
}  # fmt: skip


@pytest.mark.parametrize(("data", "missing"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_said(data: bytes, missing: str) -> None:
    one = read(data)
    assert not one.confirmed
    *_, last = told(one)
    assert last.text.startswith("The headers do not confirm to-eop; missing: ")
    assert last.text.endswith(missing)


CONTRADICTIONS = {
    "anonymous": (WHOLE.replace(b"Internal", b"Anonymous"), "AuthAs Anonymous; MessageDirectionality"),
    "incoming": (WHOLE.replace(b"Originating", b"Incoming"), "AuthAs Internal; MessageDirectionality Incoming, where"),
    "anonymous alone": (
        WHOLE.replace(b"Internal", b"Anonymous").replace(ORIGINATING, b""), "AuthAs Anonymous, where",
    ),
    "both": (
        WHOLE.replace(AUTH_AS, AUTH_AS + AUTH_AS.replace(b"Internal", b"Anonymous")), "AuthAs Internal and Anonymous;",
    ),
    "two tenants": (
        WHOLE.replace(ATTRIBUTED, ATTRIBUTED + f"X-EOPAttributedMessage: {OTHER}\r\n".encode()),
        f"names 2 tenants, {TENANT}, {OTHER}:",
    ),
    "Exchange Online itself": (
        WHOLE.replace(b"from mail.contoso.com", b"from mail-db3eur0401.outbound.protection.outlook.com"),
        "Exchange Online itself handed it over",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "words"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_contradicts_is_said(data: bytes, words: str) -> None:
    one = read(data)
    assert not one.confirmed
    assert words in said(one)
    assert "The headers do not confirm to-eop" in said(one)
    assert words not in said(READ)


LOOKALIKES = {
    "mail that stayed on the premises": BEFORE + HEAD + AUTH_AS + b"\r\n",
    "mail between mailboxes elsewhere": INSIDE + HEAD + b"\r\n",
    "a host that only looks like it": HOP.replace(b"outlook.com (10", b"outlook.com.evil.test (10") + HEAD + b"\r\n",
    "a remark that names it": b"Received: from a (b by x.mail.protection.outlook.com (y) z) by c.test; x\r\n" + HEAD,
    "mail to it": b"Received: from a.test by b.test for <c@x.mail.protection.outlook.com>; x\r\n" + HEAD + b"\r\n",
    "mail from it": HOP.replace(b"mail.contoso.com", b"x.mail.protection.outlook.com").replace(
        b"DB5EUR03FT012.mail.protection.outlook.com", b"mail.contoso.com") + HEAD + b"\r\n",
    "the body of a mail": HEAD + b"Content-Type: text/plain\r\n\r\n" + HOP + MARKS,
    "a text that speaks of them": b"X-MS-Exchange-Organization-AuthAs: Internal means it is ours. Received: by mail.",
    "a longer number": HEAD + f"X-EOPAttributedMessage: {TENANT}-0\r\n\r\n".encode(),
    "a reply": b"450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]",
    "an Outlook file without headers": compound_file({"__substg1.0_1000001F": "Hello".encode("utf-16-le")}),
    "a damaged Outlook file": outlook_file(HOP + MARKS)[:900],
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("data", LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_is_no_such_message(data: bytes) -> None:
    assert read_arrival(data, "a.eml") is None


def test_hostile_values_are_escaped() -> None:
    hostile = "\x1b[2J\u202e".encode()
    data = WHOLE.replace(b"from mail.contoso.com", b"from mail" + hostile + b"\xff").replace(
        b"Internal", hostile
    )
    one = read(data)
    assert one.endpoint == r"mail\x1b[2J\u202e\xff"
    assert one.auth_as == (r"\x1b[2J\u202e",)
    assert said(one).isprintable()


HOSTILE = {
    "open remarks": b"Received: " + b"(" * MAX_HEADER_BYTES,
    "remarks": b"Received: from a " + b"(b)" * 80_000 + b" by c",
    "by by by": b"Received: from " + b"by " * 80_000,
    "versions": HOP[:-2] + b"(version=" * 20_000,
    "numbers": b"X-EOPAttributedMessage: " + b"12345678-1234-" * 18_000,
    "names": b"Received:" * 28_000,
    "spaces": b"X\r\nReceived: from" + b" " * 250_000,
    "indentation": b" " * 500_000 + b"Received:",
    "line ends": b"x" + b"\r\n" * 250_000 + b"Received:",
    "hops": b"Received: from a by b; c\r\n" * 9_000,
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_headers_end_in_bounded_time(data: bytes) -> None:
    began = time.process_time()
    read_arrival(data, "a.eml")
    assert time.process_time() - began < 2


def test_so_many_hops_are_looked_at() -> None:
    assert read(BEFORE * (MAX_HOPS - 1) + HOP + HEAD + MARKS).host
    beyond = read(BEFORE * MAX_HOPS + HOP + HEAD + MARKS)
    assert (beyond.host, beyond.hops_left_out) == (None, 1)
    assert [one.text for one in told(beyond) if "left out" in one.text] == [
        f"Of its Received headers the first {MAX_HOPS} were looked at; 1 was left out."
    ]
    found = read(BEFORE * (MAX_HOPS - 1) + HOP + BEFORE * 9 + HEAD + MARKS)
    assert (found.hops_left_out, [one.text for one in told(found) if "left out" in one.text]) == (0, [])


def test_so_many_values_are_kept() -> None:
    more = b"".join(AUTH_AS.replace(b"Internal", b"I%d" % number) for number in range(MAX_VALUES + 1))
    assert len(read(HOP + HEAD + more).auth_as) == MAX_VALUES


@pytest.mark.parametrize(
    "date",
    ["2 Nov 2026 08:12:22 -0000", "Mon, 2 Nov 2026 08:12:22 GMT", "Mon, 2 Nov 2026 08:12:22 +0000 (UTC)"],
)
def test_other_forms_of_the_date(date: str) -> None:
    assert read(WHOLE.replace(b"Mon, 2 Nov 2026 09:12:22 +0100", date.encode())).at == NOW


def test_long_names_are_cut() -> None:
    name = b"a" * (MAX_SHOWN + 1)
    assert read(WHOLE.replace(b"mail.contoso.com", name[1:])).endpoint == name[1:].decode()
    cut = read(WHOLE.replace(b"mail.contoso.com", name)).endpoint
    assert cut is not None
    assert cut.endswith("(1 more)")
    host = read(WHOLE.replace(b"DB5EUR03FT012", b".".join([name[:60]] * 5))).host
    assert host is not None
    assert host.endswith(" more)")
    marked = read(b"X-MS-Exchange-Organization-AuthAs: " + name + b"\r\n" + WHOLE)
    assert marked.auth_as[0].endswith("(1 more)")
