"""Mails and pages as people save and paste them: what a person read there is what is read here."""

from __future__ import annotations

import base64
import quopri
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.exchange.messages.mail import MAX_CHARACTERS, MAX_PARTS, is_mail, text_of_mail
from probe.exchange.messages.markup import is_markup, text_of_markup
from probe.exchange.messages.read import readable, readable_text
from probe.exchange.problem import Problems
from probe.exchange.replies.recognise import explain_text
from tests.examples import examples

REPLY = "450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot] [LastAttemptedIP=192.0.2.10:25]"
HEAD = b"From: postmaster@contoso.test\r\nTo: anna@contoso.test\r\nMIME-Version: 1.0\r\n"

MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"


def mail(kind: str, body: bytes, encoding: str = "8bit") -> bytes:
    return HEAD + f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def part(kind: str, body: bytes, encoding: str = "8bit") -> bytes:
    return (
        f"--x\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + body
        + b"\r\n"
    )


def read(data: bytes) -> str:
    problems = Problems("a.eml")
    text = readable(data, problems)
    assert problems.found == ()
    return text


def first(text: str) -> tuple[str, str | None, str]:
    found = explain_text(text)[0]
    return found.entry.id, found.token, found.reply


def test_a_header_may_be_folded_into_many_lines() -> None:
    folded = b"X-Spam-Report: one\r\n two\r\n\tthree\r\n four\r\n"
    assert is_mail(folded + HEAD + b"\r\nbody")
    assert not is_mail(folded + b"no header\r\n" + HEAD + b"\r\nbody")


PLAIN = f"Server at mail.contoso.test returned '{REPLY}'\r\n".encode()
QUOTED = quopri.encodestring(PLAIN)
BASE64 = base64.encodebytes(PLAIN)
HTML = (
    b"<html><head><style>p {color: red} 550 5.7.64 x</style></head><body><p>Server at <b>mail.contoso.test</b> "
    b"returned &#39;450&#32;4.4.<span>317</span> Cannot connect to remote server&nbsp;"
    b"&#91;Message=UntrustedRoot&#93; [LastAttemptedIP=192.0.2.10:25]&#39;</p></body></html>"
)
STATUS = (
    b"Reporting-MTA: dns;mx.contoso.test\r\n\r\nFinal-Recipient: rfc822;boss@fabrikam.test\r\nAction: failed\r\n"
    b"Status: 5.4.317\r\nDiagnostic-Code: smtp;" + REPLY.replace(" [L", "\r\n [L").encode() + b"\r\n"
)
SAVED = {
    "quoted-printable": mail("text/plain; charset=utf-8", QUOTED, "quoted-printable"),
    "base64": mail("text/plain; charset=utf-8", BASE64, "base64"),
    "8bit": mail("text/plain", PLAIN),
    "html": mail("text/html; charset=utf-8", HTML),
    "html in base64": mail("text/html", base64.encodebytes(HTML), "base64"),
    "an unknown charset": mail("text/plain; charset=x-nonsense", PLAIN),
    "UTF-16 in base64": mail(
        "text/plain; charset=utf-16", base64.encodebytes(PLAIN.decode().encode("utf-16")), "base64"
    ),
    "alternatives": mail(
        'multipart/alternative; boundary="x"',
        part("text/plain", QUOTED, "quoted-printable") + part("text/html", HTML) + b"--x--",
    ),
    "an empty plain part": mail(
        'multipart/alternative; boundary="x"', part("text/plain", b" \r\n") + part("text/html", HTML) + b"--x--"
    ),
    "a report": mail(
        "multipart/report; report-type=delivery-status; boundary=x", part("message/delivery-status", STATUS) + b"--x--"
    ),
    "a report with addresses beyond ASCII": mail(  # RFC 6533
        "multipart/report; report-type=global-delivery-status; boundary=x",
        part("message/global-delivery-status", STATUS) + b"--x--",
    ),
    "a report in base64": mail(
        "multipart/report; boundary=x", part("message/delivery-status", base64.encodebytes(STATUS), "base64") + b"--x--"
    ),
    "forwarded": mail("multipart/mixed; boundary=x", part("message/rfc822", mail("text/plain", PLAIN)) + b"--x--"),
    "forwarded in base64": mail(
        "multipart/mixed; boundary=x",
        part("message/rfc822", base64.encodebytes(mail("text/plain", PLAIN)), "base64") + b"--x--",
    ),
    "no last boundary": mail("multipart/mixed; boundary=x", part("text/plain", PLAIN)),
    "an mbox": b"From postmaster Tue Mar  3 22:22:11 2026\r\n" + mail("text/plain", PLAIN),
    "a BOM and blank lines": b"\xef\xbb\xbf\r\n\r\n" + mail("text/plain", PLAIN),
    "UTF-16 from Notepad": mail("text/plain; charset=utf-8", QUOTED, "quoted-printable").decode().encode("utf-16"),
    "a part without the mail's head": part("text/plain", QUOTED, "quoted-printable"),
    "quoted-printable without any head": QUOTED,
    "a page": HTML,
}  # fmt: skip


@pytest.mark.parametrize("saved", SAVED.values(), ids=SAVED)
def test_the_same_reply_however_it_was_saved(saved: bytes) -> None:
    entry, token, reply = first(read(saved))
    assert (entry, token) == first(REPLY)[:2]
    assert reply.startswith("450 4.4.317 Cannot connect to remote server [Message=UntrustedRoot]")
    assert not set("<>&=3D") & set(reply.replace("[Message=", "").replace("IP=", "").replace("4.4.317", ""))


def test_as_an_argument_too() -> None:
    assert first(readable_text(HTML.decode()))[:2] == first(REPLY)[:2]
    assert first(readable_text(QUOTED.decode()))[:2] == first(REPLY)[:2]


@pytest.mark.parametrize(
    "text",
    [
        REPLY,
        "Server: mail.contoso.test\nsays 450 4.4.317",  # one label is no mail
        "TlsCertificateName : <I>CN=Contoso CA<S>CN=mail.contoso.test",
        "Set-SendConnector '<name>' -TlsCertificateName \"<I>$($cert.Issuer)<S>$($cert.Subject)\"",
        "if a < b and c > d then x=3D or y=\n",
        "AuthMechanism : Tls\nName : A\nFqdn : mail.contoso.test\n",
    ],
)
def test_what_is_none_stays_as_it_is(text: str) -> None:
    assert readable_text(text) == text
    assert read(text.encode()) == text


def test_placeholders_and_addresses_of_a_page_stay() -> None:
    page = "<p>Run it for &lt;thumbprint&gt; or <thumbprint>, tell <anna@contoso.test>: &lt;I&gt;CN=a&lt;S&gt;CN=b</p>"
    assert (
        text_of_markup(page).strip()
        == "Run it for <thumbprint> or <thumbprint>, tell <anna@contoso.test>: <I>CN=a<S>CN=b"
    )


def test_what_nobody_saw_is_not_read() -> None:
    page = (
        "<div>a<script>550 5.7.64</script>b<!-- 454 4.7.0 --><style>x</style><td>c</td><td>d</td><br/>e</div>"
    )
    assert text_of_markup(page).split() == ["ab", "c", "d", "e"]


def test_a_subject_is_decoded() -> None:
    head = b"Subject: =?utf-8?B?" + base64.b64encode("Unzustellbar: Größe".encode()) + b"?=\r\n"
    assert text_of_mail(head + HEAD + b"\r\nx") == "Unzustellbar: Größe\n\nx"


def test_a_report_names_its_recipients_and_their_codes() -> None:
    text = read(SAVED["a report"])
    assert "Final-Recipient: rfc822;boss@fabrikam.test" in text
    assert f"Diagnostic-Code: smtp;{REPLY}" in text


@pytest.mark.parametrize(
    "data",
    [
        mail("multipart/mixed; boundary=x", part("text/plain", b"a") * 10_000 + b"--x--"),
        MIXED + b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
        mail("text/html", b"<" * 200_000),
        mail("text/html", b"<!--" * 100_000),
        mail("text/html", b"<script>" * 125_000),
        mail("text/html", b"<p " * 100_000),
        HEAD + b"To: " + b'"(' * 200_000 + b"\r\n\r\nx",
        HEAD + b"Content-Type: " + b";a=" * 100_000 + b"\r\n\r\nx",
        b"a: b\r\n" * 200_000,
        mail("text/plain", b"a" * (MAX_CHARACTERS + 1_000_000)),
    ],
    ids=["parts", "depth", "brackets", "comments", "scripts", "tags", "addresses", "parameters", "headers", "length"],
)  # fmt: skip
def test_a_hostile_mail_ends_in_bounded_time(data: bytes) -> None:
    started = time.process_time()
    text = readable(data, Problems("a.eml"))
    assert time.process_time() - started < 3
    assert len(text) <= MAX_CHARACTERS + 2 * MAX_PARTS


@settings(max_examples=examples(200))
@given(
    st.binary(max_size=2_000),
    st.sampled_from([b"", HEAD, MIXED]),
)
def test_nothing_raises(data: bytes, head: bytes) -> None:
    assert isinstance(readable(head + data, Problems("a")), str)
    is_mail(data)
    is_markup(data.decode("latin-1"))
