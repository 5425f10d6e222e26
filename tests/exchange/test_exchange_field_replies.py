"""Replies as they come from the field: in other programs' words, cut, wrapped, quoted, and beside one another."""

from __future__ import annotations

import pytest

from probe.exchange.online import CLOUDS
from probe.exchange.replies.entry import Flow
from probe.exchange.replies.recognise import Recognised, explain_text
from probe.exchange.replies.tokens import carriers

EOP = "northwind-com.mail.protection.outlook.com"


def first(text: str) -> Recognised:
    return explain_text(text)[0]


def ids(text: str) -> list[str]:
    return [one.entry.id for one in explain_text(text)]


def postfix(words: str, host: str = EOP, dsn: str = "4.7.5") -> str:
    return (
        f"Feb  3 07:11:22 relay postfix/smtp[77]: 9C0FFEE: to=<ben@northwind.com>, relay={host}[198.51.100.9]:25, "
        f"delay=3, delays=0/0/3/0, dsn={dsn}, status=deferred ({words})"
    )


PROGRAMS = {
    "Postfix: not offered": (
        postfix(f"TLS is required, but was not offered by host {EOP}[198.51.100.9]"),
        "mta-starttls-not-offered",
    ),
    "Postfix: refused": (
        postfix(f"TLS is required, but host {EOP}[198.51.100.9] refused to start TLS: 454 4.3.0 Try again later"),
        "mta-starttls-refused",
    ),
    "Postfix: handshake": (postfix("Cannot start TLS: handshake failure"), "mta-handshake-failed"),
    "Postfix: distrusts": (postfix("Server certificate not trusted"), "mta-distrusts-server"),
    "Postfix: name": (postfix("Server certificate not verified"), "mta-server-name"),
    "Postfix: own files": (postfix("TLS is required, but our TLS engine is unavailable"), "mta-own-certificate"),
    "Exim: not offered": (
        (f"2026-05-06 10:11:12 1ab-01 == b@c.com R=dns T=smtp defer (-38) H={EOP} [198.51.100.9]: a TLS session is "
        " required, but the server did not offer TLS support"),
        "mta-starttls-not-offered",
    ),
    "Exim: GnuTLS": (
        (f"2026-05-06 10:11:12 1ab-01 H={EOP} [198.51.100.9] TLS error on connection (gnutls_handshake): A TLS "
        "fatal alert has been received: Handshake failed"),
        "mta-handshake-failed",
    ),
    "Exim: certificate": (
        (f"2026-05-06 10:11:12 1abcde-000001 H={EOP} [198.51.100.9] TLS certificate verification failure "
        "(certificate verification failed): certificate invalid"),
        "mta-distrusts-server",
    ),
    "sendmail: handshake": (
        f"Mar  4 10:24:32 mx sendmail[31]: ruleset=tls_server, relay={EOP}, reject=403 4.7.0 TLS handshake failed.",
        "to-eop-handshake-closed",
    ),
    "sendmail: OpenSSL": (
        (f"Mar  4 10:24:32 mx sendmail[31]: STARTTLS=client, error: connect failed=-1, reason=sslv3 alert handshake "
        f"failure, SSL_error=1, relay={EOP}"),
        "mta-handshake-failed",
    ),
    "OpenSMTPD: not offered": (
        f'8d0f mta delivery relay={EOP} result="TempFail" stat="TLS required but not supported by remote host"',
        "mta-starttls-not-offered",
    ),
    "qmail: handshake": (
        f"@40000000 delivery 3: deferral: TLS_connect_failed:_error:0A000410:SSL_routines;_connecting_to_{EOP}/",
        "mta-handshake-failed",
    ),
    "qmail: bounce": (
        f"<ben@northwind.com>:\nNo TLS achieved while /var/qmail/control/tlshosts/{EOP}.pem exists",
        "mta-starttls-not-offered",
    ),
    "a bounce that breaks the line": (
        f"<ben@northwind.com>: TLS is required, but was not offered by host\n    {EOP}[198.51.100.9]",
        "mta-starttls-not-offered",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "entry"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_mail_server_in_its_own_words_about_exchange_online(text: str, entry: str) -> None:
    found = explain_text(text)
    assert [one.entry.id for one in found] == [entry]
    assert found[0].flow is Flow.TO_EOP
    assert EOP in (found[0].host or found[0].reply or "") or found[0].entry.flow is Flow.TO_EOP


@pytest.mark.parametrize("domain", CLOUDS)
def test_the_host_of_any_cloud_tells_the_way_and_another_host_does_not(domain: str) -> None:
    line = "Cannot start TLS: handshake failure"
    assert first(postfix(line, f"northwind.{domain}")).flow is Flow.TO_EOP
    assert first(postfix(line, f"northwind.{domain}.example.test")).flow is Flow.NEITHER
    assert first(postfix(line, "mx.example.test")).host is None


def test_the_other_way_round_a_sender_of_exchange_online_is_named() -> None:
    host = "mail-db8eur05.outbound.protection.outlook.com"
    found = first(f"Jan  2 03:04:05 mx postfix/smtpd[9]: SSL_accept error from {host}[203.0.113.7]: -1")
    assert (found.entry.id, found.flow, found.host) == ("mta-accept-failed", Flow.FROM_EOP, host)


NETWORK = {
    "450 4.4.312 DNS query failed [Message=ServerFailure]": "from-eop-dns-failed",
    "550 5.4.312 Message expired, DNS query failed(InfoDomainNonexistent)": "from-eop-dns-failed",
    "450 4.4.315 Connection timed out [Message=Socket error code 10060]": "from-eop-timed-out",
    "550 5.4.316 Message expired, connection refused(Socket error code 10061)": "from-eop-refused",
    "450 4.4.317 Cannot connect to remote server [Message=Winsock error code: 10051]": "from-eop-no-connection",
    "450 4.4.318 Connection was closed abruptly (SocketError)": "from-eop-closed",
    "450 4.4.317 Cannot connect [Message=451 4.4.0 Security status Renegotiate]": "from-eop-renegotiate",
}  # fmt: skip


@pytest.mark.parametrize(("text", "entry"), NETWORK.items())
def test_network_codes_of_exchange_online_claim_nothing_about_certificates(text: str, entry: str) -> None:
    found = first(text)
    assert found.entry.id == entry
    assert found.flow is Flow.FROM_EOP
    if entry != "from-eop-renegotiate":
        assert "TLS" not in found.entry.judge + found.entry.meaning


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("450 4.4.315 Connection timed out [Message=UntrustedRoot]", "from-eop-untrusted-root"),
        ("550 5.4.316 Message expired, refused(SubjectMismatch Expected Subject: *.a)", "from-eop-subject-mismatch"),
        (
            "550 5.4.317 Message expired, cannot connect to remote server(451 5.7.3 STARTTLS is required to send mail)",
            "from-eop-starttls-required",
        ),
        ("450 5.4.317 Message expired, cannot connect to remote server (UntrustedRoot)", "from-eop-untrusted-root"),
        ("550 5.4.318 Message expired, reset(TLS negotiation failed with error SocketError)", "from-eop-tls-failed"),
        ("550 5.4.317 Message expired, cannot connect to remote server(SomethingOdd)", "from-eop-cannot-connect"),
    ],
)  # fmt: skip
def test_a_reason_in_brackets_or_parentheses_decides_and_the_end_comes_second(text: str, entry: str) -> None:
    expired = ["from-eop-message-expired"] if "expired" in text else []
    assert ids(text) == [entry, *expired]


def test_of_one_cause_told_twice_the_reply_with_more_facts_is_shown() -> None:
    text = (
        "> ben@northwind.com\n> 2/3/2026 4:05:06 PM - Server at AM0 returned '550 5.4.317 Message expired, "
        "cannot connect to remote server(Failed to connect. Winsock error code: 10060, Win32 error code: 10060)'\n"
        "> 2/3/2026 3:05:06 PM - Server at mx.northwind.com (203.0.113.9) returned '450 4.4.317 Cannot connect to "
        "remote server [Message=Failed to connect. Winsock error code: 10060, Win32 error code: 10060] "
        "[LastAttemptedIP=203.0.113.9:25](Failed to connect. Winsock error code: 10060, Win32 error code: 10060)'"
    )
    cause, end = explain_text(text)
    assert (cause.entry.id, end.entry.id) == ("from-eop-no-connection", "from-eop-message-expired")
    assert cause.reply.startswith("450 4.4.317 ")
    assert "[LastAttemptedIP=203.0.113.9:25]" in cause.reply
    assert end.reply.endswith("(Failed to connect. Winsock error code: 10060, Win32 error code: 10060)")


INSIDE = {
    "curly quotes": "451 4.4.0 Primary target IP address responded with: “421 4.2.1 Unable to connect.” Attempted",
    "an arrow": "451 4.4.397 Error communicating with target host. -> 421 4.2.1 Unable to connect",
    "an event": "Send connector Out: Message delivery was not successful. The message with message ID <a@b> was "
    "acknowledged with SMTP response 421 4.2.1 Unable to connect.",
    "a record": "[{LED=421 4.2.1 Unable to connect};{MSG=};{FQDN=smtp.northwind.com};{IP=203.0.113.9};{LRT=}]",
    "alone": "421 4.2.1 Unable to connect",
}


@pytest.mark.parametrize("text", INSIDE.values(), ids=INSIDE)
def test_the_mask_of_a_certificate_that_cannot_be_used_is_known_inside_anything(text: str) -> None:
    (found,) = explain_text(text)
    assert found.entry.id == "unable-to-connect"
    assert "NoCredentials" in found.entry.meaning
    assert found.reply.rstrip(".") == "421 4.2.1 Unable to connect"


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ('451 4.4.0 Primary target IP address responded with: "452 4.2.2 Mailbox full"', "452 4.2.2 Mailbox full"),
        ('451 4.4.0 Primary target IP address responded with: "421 Go away". Attempted', "421 Go away"),
        ("451 4.4.395 Target host responded with error. -> 554 5.2.0 Odd", "554 5.2.0 Odd"),
        ("450 4.4.101 Proxy session setup failed on Frontend with '550 5.9.9 What?'", "550 5.9.9 What?"),
        ("Send connector Out: Message delivery was not successful. SMTP response 550 5.9.9 What?", "550 5.9.9 What?"),
    ],
)  # fmt: skip
def test_a_reply_inside_that_nobody_knows_is_shown_with_who_quotes_it(text: str, reply: str) -> None:
    (found,) = explain_text(text)
    assert found.reply == reply
    assert found.entry.kind.value == "wrapper"
    assert not any("Explain the reply inside" in str(step) for step in found.entry.remedy)


def test_no_tcp_connection_of_an_exchange_server() -> None:
    text = (
        "2/3/2026 3:05:06 PM - Remote Server at northwind-com.mail.protection.office365.us (203.0.113.9) returned "
        "'441 4.4.1 Error encountered while communicating with primary target IP address: \"Failed to connect. "
        "Winsock error code: 10061, Win32 error code: 10061.\" Attempted failover to alternate host'"
    )
    (found,) = explain_text(text)
    assert (found.entry.id, found.token, found.flow) == (
        "no-tcp-connection",
        "Winsock error code: 10061",
        Flow.TO_EOP,
    )
    assert "Winsock error code: 10061" in found.reply


@pytest.mark.parametrize(
    ("text", "entry", "token"),
    [
        (
            (
                "Ereignis-ID: 11022\nQuelle: MSExchangeTransport\nFailed to confirm domain capabilities "
                "'mail.protection.outlook.com:AcceptCloudServicesMail' on connector 'Anon' because validation of the "
                "Transport Layer Security (TLS) certificate failed with status 'UntrustedRoot'."
            ),
            "event-11022",
            "UntrustedRoot",
        ),
        ("event 11022", "event-11022", None),
        ("Event ID: 11005\nSource: MSExchangeTransport", "event-11005", None),
        (
            (
                "Failed to confirm domain capabilities 'northwind.com:AcceptOorgProtocol' on connector 'Anon' because "
                "validation of the Transport Layer Security (TLS) certificate failed with status 'SubjectMismatch'."
            ),
            "event-11022",
            "SubjectMismatch",
        ),
    ],
)
def test_events_about_the_certificate_of_the_other_side(text: str, entry: str, token: str | None) -> None:
    (found,) = explain_text(text)
    assert (found.entry.id, found.token) == (entry, token)
    assert found.entry.judge.startswith("Your server refuses")


TRANSLATED = {
    "fr": "Échec de la négociation TLS avec l'erreur NoCredentials",
    "es": "La negociación TLS ha fallado: UnknownCredentials",
    "ja": "TLS ネゴシエーションがエラー SocketError で失敗しました",
    "pl": "Negocjowanie protokołu TLS nie powiodło się z powodu błędu NoCredentials",
    "zh": "TLS 协商失败 错误为 UnknownCredentials",
}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_log_line_in_any_language_is_known_by_its_token(language: str) -> None:
    row = f"2026-05-04T09:10:11.123Z,Out,08DE0000000000A1,12,192.0.2.1:418,198.51.100.36:25,*,,{TRANSLATED[language]}"
    (found,) = explain_text(row)
    assert found.token in {"NoCredentials", "UnknownCredentials", "SocketError"}
    assert (found.token or "") in found.entry.examples[-1]
    assert found.connector == "Out"


HALVES = {
    "454 4.7.0 Failed to establish appropriate TLS channel": "to-eop-tls-channel-cut",
    "454 4.7.0 Failed to establish appropriate TLS": "to-eop-tls-channel-cut",
    "Failed to establish appropriate TLS channel: Untr": "to-eop-tls-channel-cut",
    "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot": "to-eop-untrusted-root",
    "TLS negotiation failed with error UntrustedRoot": "tls-untrusted-root",
    "550 5.7.64 TenantAttr": "to-eop-relay-denied",
}


@pytest.mark.parametrize(("text", "entry"), HALVES.items())
def test_half_of_a_text_says_what_it_still_can(text: str, entry: str) -> None:
    assert ids(text) == [entry]


@pytest.mark.parametrize("width", [20, 33, 47, 60, 79])
def test_lines_that_a_console_broke_inside_words_are_put_together(width: int) -> None:
    reply = "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied"
    text = "\n".join(reply[at : at + width] for at in range(0, len(reply), width))
    (found,) = explain_text(f"LastError:\n{text}\n")
    assert (found.entry.id, found.token) == ("to-eop-untrusted-root", "UntrustedRoot")
    assert found.reply.replace(" ", "") == reply.replace(" ", "")
    start, end = found.spans[0]
    assert f"LastError:\n{text}\n"[start:end].replace("\n", "") == reply


@pytest.mark.parametrize(
    ("fragment", "token", "ways"),
    [
        ("UntrustedRoot", "UntrustedRoot", {Flow.TO_EOP, Flow.FROM_EOP, Flow.NEITHER}),
        ("(socketerror)", "socketerror", {Flow.TO_EOP, Flow.FROM_EOP}),
        ("[Message=SubjectMismatch]", "SubjectMismatch", {Flow.TO_EOP, Flow.FROM_EOP}),
        ("TenantAttribution", "TenantAttribution", {Flow.TO_EOP}),
    ],
)
def test_a_token_alone_names_the_texts_that_carry_it(fragment: str, token: str, ways: set[Flow]) -> None:
    assert explain_text(fragment) == ()
    found = carriers(fragment)
    assert found is not None
    assert found.token == token
    assert {entry.flow for entry, _ in found.entries} == ways
    assert all(token.lower() in example.lower() for _, example in found.entries)


def test_what_is_no_token_has_no_carriers() -> None:
    for fragment in ("", "hello world", "mail.contoso.com", "x" * 100 + " UntrustedRoot", "UntrustedRoots"):
        assert carriers(fragment) is None


@pytest.mark.parametrize(
    "text",
    [
        "454 4.7.0 Temporary authentication failure\nCertificate: UntrustedRoot: contoso",
        "454 4.7.0 Temporary authentication failure [EX01]\n\n2026-01-02 status UntrustedRoot",
        "454 4.7.0 TLS not available due to local problem\nChain status: UntrustedRoot: self-signed",
        "454 4.7.0 Temporary failure\nLastChainStatus : UntrustedRoot",
        "454 4.7.0 Try later\nJan  2 03:04:05 mx log: TLS chain is UntrustedRoot: x",
        "454 4.7.0 Try later TLS\n1/2/2026 3:04:05 AM - certificate UntrustedRoot: Access Denied",
    ],
)
def test_words_of_another_line_do_not_complete_a_reply(text: str) -> None:
    assert "to-eop-untrusted-root" not in ids(text)


def test_a_reply_that_a_mail_program_wrapped_is_still_one() -> None:
    text = "454 4.7.0 Failed to establish\n> appropriate TLS channel:\n> UntrustedRoot: Access Denied"
    assert first(text).entry.id == "to-eop-untrusted-root"


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        (
            postfix(
                f"host {EOP}[198.51.100.9] said: 550 5.7.64 TenantAttribution; Relay Access Denied "
                "[AM.prod.outlook.com] (in reply to RCPT TO command)",
                dsn="5.7.64",
            ),
            "550 5.7.64 TenantAttribution; Relay Access Denied [AM.prod.outlook.com]",
        ),
        (
            "Status: 5.7.64\nDiagnostic-Code: smtp; 550 5.7.64 TenantAttribution; Relay Access Denied",
            "550 5.7.64 TenantAttribution; Relay Access Denied",
        ),
        (
            "Error: '550 5.7.64 TenantAttribution; Relay Access Denied' at Microsoft.Exchange.Transport.Deliver()",
            "550 5.7.64 TenantAttribution; Relay Access Denied",
        ),
        (
            "(expected: 250) “550 5.7.64 TenantAttribution; Relay Access Denied” was what we got",
            "550 5.7.64 TenantAttribution; Relay Access Denied",
        ),
        (
            "sm-mta[9]: to=<a@b>, dsn=5.7.64, stat=Sorry: 550 5.7.64 TenantAttribution; Relay Access Denied",
            "550 5.7.64 TenantAttribution; Relay Access Denied",
        ),
    ],
    ids=["Postfix", "a report", "a stack", "a blog", "sendmail"],
)  # fmt: skip
def test_what_a_log_or_a_page_put_around_a_reply_is_no_part_of_it(text: str, reply: str) -> None:
    (found,) = explain_text(text)
    assert (found.entry.id, found.reply) == ("to-eop-tenant-attribution", reply)


@pytest.mark.parametrize("quotes", ["\u201c\u201d", "\u2018\u2019", "\u201e\u201c", "«»", "''"])
def test_a_quote_of_a_page_is_no_part_of_a_name(quotes: str) -> None:
    text = f"could not find a certificate that contains the domain name {quotes[0]}mx.northwind.com{quotes[1]} in the"
    assert first(text).token == "mx.northwind.com"


def test_a_field_of_a_log_alone_is_not_a_reply() -> None:
    assert explain_text("dsn=5.7.64, status=bounced") == ()
