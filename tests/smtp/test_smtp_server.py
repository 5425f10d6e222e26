"""The server's half, as transcripts: what the client says, what the server answers, what comes of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.smtp.reply import Reply
from probe.smtp.server import ServerConversation
from probe.smtp.server_values import (
    ContentEnded,
    Introduced,
    MailOffered,
    Quit,
    RecipientOffered,
    ServerEvent,
    ServerLimits,
    ServerProfile,
    StartTls,
    Violation,
    ViolationKind,
)

FINAL = "451 4.7.0 eop-probe listener: no mail is accepted here"
UNTRUSTED = Reply(
    code=454, lines=("4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied",)
)


def profile(**changes: object) -> ServerProfile:
    return ServerProfile(hostname="mx.test", **changes)  # type: ignore[arg-type]  # a test's shorthand


def allow_all(server: ServerConversation, events: tuple[ServerEvent, ...]) -> list[ServerEvent]:
    """Answer every question that `events` end in with yes, and return all events."""
    found = list(events)
    while found and isinstance(found[-1], MailOffered | RecipientOffered):
        more = server.answer(None, 0)
        if not more:
            break
        found += more
    return found


def talk(server: ServerConversation, data: bytes) -> tuple[list[ServerEvent], list[str]]:
    """Feed `data`, allow everything, and return the events and the lines of the answer."""
    events = allow_all(server, server.receive(data, 0))
    return events, server.bytes_to_send(0).decode().splitlines()


def answers(server: ServerConversation, data: bytes) -> list[str]:
    return talk(server, data)[1]


def greeted(**changes: object) -> ServerConversation:
    """Return a server inside TLS that has been greeted, with its answers so far sent."""
    limits = changes.pop("limits", None)
    assert limits is None or isinstance(limits, ServerLimits)
    server = ServerConversation(profile(**changes), limits=limits, implicit_tls=True)
    server.receive(b"EHLO probe.example\r\n", 0)
    server.bytes_to_send(0)
    return server


def ready_for_content(**changes: object) -> ServerConversation:
    server = greeted(**changes)
    assert answers(server, b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n") == [
        "250 2.1.0 Sender OK",
        "250 2.1.5 Recipient OK",
    ]
    return server


def test_a_session_from_greeting_to_quit() -> None:
    server = ServerConversation(profile())
    assert server.bytes_to_send(0) == b"220 mx.test ESMTP eop-probe\r\n"
    events, lines = talk(server, b"EHLO probe.example\r\n")
    assert events == [Introduced(name="probe.example", extended=True)]
    assert lines == [
        "250-mx.test Hello",
        "250-SIZE 157286400",
        "250-PIPELINING",
        "250-DSN",
        "250-ENHANCEDSTATUSCODES",
        "250-STARTTLS",
        "250-8BITMIME",
        "250-BINARYMIME",
        "250-CHUNKING",
        "250 SMTPUTF8",
    ]
    assert talk(server, b"STARTTLS\r\n") == ([StartTls()], ["220 2.0.0 SMTP server ready"])
    assert not server.in_tls
    server.tls_established()
    assert server.in_tls
    assert "250-STARTTLS" not in answers(server, b"EHLO probe.example\r\n")
    assert server.receive(b"MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME\r\n", 0) == (
        MailOffered(sender="a@b.example"),
    )
    assert server.answer(None, 0) == ()
    assert server.receive(b"RCPT TO:<c@d.example> NOTIFY=NEVER\r\n", 0) == (
        RecipientOffered(sender="a@b.example", recipient="c@d.example"),
    )
    assert server.answer(None, 0) == ()
    assert server.bytes_to_send(0) == b"250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n"
    assert talk(server, b"DATA\r\n") == (
        [],
        ["354 Start mail input; end with <CRLF>.<CRLF>"],
    )
    assert talk(server, b"Subject: x\r\n\r\n..dot\r\n.\r\n") == ([ContentEnded(size=24)], [FINAL])
    assert talk(server, b"QUIT\r\n") == ([Quit()], ["221 2.0.0 Service closing transmission channel"])
    assert server.closing
    assert talk(server, b"NOOP\r\n") == ([], [])


def test_the_transcript_has_every_line_but_the_content() -> None:
    server = ready_for_content()
    talk(server, b"DATA\r\nSecret\r\n.\r\nQUIT\r\n")
    texts = [f"{line.speaker.value}: {line.text}" for line in server.transcript.lines]
    assert texts[-9:] == [
        "client: RCPT TO:<c@d.example>",
        "server: 250 2.1.0 Sender OK",
        "server: 250 2.1.5 Recipient OK",
        "client: DATA",
        "client: (11 bytes of content, not kept)",
        "client: QUIT",
        "server: 354 Start mail input; end with <CRLF>.<CRLF>",
        f"server: {FINAL}",
        "server: 221 2.0.0 Service closing transmission channel",
    ]
    assert "Secret" not in "".join(texts)


def test_mail_needs_starttls_where_that_is_required() -> None:
    server = ServerConversation(profile())
    server.bytes_to_send(0)
    assert answers(server, b"HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n") == [
        "250 mx.test Hello",
        "451 5.7.3 STARTTLS is required to send mail",
        "503 5.5.2 Need mail command",
    ]


def test_mail_may_go_on_in_plaintext_where_that_is_allowed() -> None:
    server = ServerConversation(profile(starttls_required=False))
    server.bytes_to_send(0)
    assert talk(server, b"HELO a\r\nMAIL FROM:<>\r\n") == (
        [Introduced(name="a", extended=False), MailOffered(sender="")],
        ["250 mx.test Hello", "250 2.1.0 Sender OK"],
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"MAIL FROM:<a@b>\r\n", "503 5.5.2 Send hello first"),
        (b"RCPT TO:<a@b>\r\n", "503 5.5.2 Need mail command"),
        (b"DATA\r\n", "503 5.5.2 Need rcpt command"),
        (b"DATA now\r\n", "501 5.5.4 Invalid arguments"),
        (b"EHLO\r\n", "501 5.5.4 Invalid domain name"),
        (b"HELO \r\n", "501 5.5.4 Invalid domain name"),
        (b"RSET\r\n", "250 2.0.0 OK"),
        (b"RSET x\r\n", "501 5.5.4 Invalid arguments"),
        (b"QUIT x\r\n", "501 5.5.4 Invalid arguments"),
        (b"NOOP\r\n", "250 2.0.0 OK"),
        (b"noop with words\r\n", "250 2.0.0 OK"),
        (b"VRFY root\r\n", "252 2.1.5 Cannot VRFY user"),
        (b"EXPN root\r\n", "502 5.5.1 Command not implemented"),
        (b"AUTH LOGIN\r\n", "502 5.5.1 Command not implemented"),
        (b"XYZZY\r\n", "500 5.5.1 Unrecognized command"),
        (b"\r\n", "500 5.5.2 Syntax error"),
        (b"\xff\xfe\r\n", "500 5.5.2 Syntax error"),
        (b"STARTTLS now\r\n", "501 5.5.4 Invalid arguments"),
        (b"BDAT x\r\n", "501 5.5.4 Invalid arguments"),
        (b"NOOP\n", "250 2.0.0 OK"),
    ],
)
def test_commands_without_a_greeting(data: bytes, expected: str) -> None:
    server = ServerConversation(profile())
    server.bytes_to_send(0)
    assert talk(server, data) == ([], [expected])
    assert not server.closing


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"STARTTLS\r\n", "503 5.5.1 TLS is active already"),
        (b"MAIL TO:<a@b>\r\n", "501 5.1.7 Invalid address"),
        (b"MAIL FROM:<a@b> XOORG=c\r\n", "555 5.5.4 Unsupported option: XOORG"),
        (b"MAIL FROM:<a@b> SIZE=157286401\r\n", "552 5.3.4 Message size exceeds fixed maximum message size"),
        (
            b"MAIL FROM:<a@b> SIZE=" + b"9" * 999 + b"\r\n",
            "552 5.3.4 Message size exceeds fixed maximum message size",
        ),
    ],
)
def test_mail_that_breaks_the_rules(data: bytes, expected: str) -> None:
    assert talk(greeted(), data) == ([], [expected])


@pytest.mark.parametrize("size", [b"157286400", b"00000000000000000000001", b"0", b"x", b"\xd9\xa1"])
def test_a_size_that_fits_or_says_nothing(size: bytes) -> None:
    assert answers(greeted(), b"MAIL FROM:<a@b> SIZE=" + size + b"\r\n") == ["250 2.1.0 Sender OK"]


def test_the_order_of_a_transaction() -> None:
    server = ready_for_content(limits=ServerLimits(recipients=2))
    assert answers(server, b"MAIL FROM:<x@y>\r\n") == ["503 5.5.2 Sender already specified"]
    assert answers(server, b"RCPT TO:<>\r\n") == ["501 5.1.3 Invalid address"]
    assert answers(server, b"RCPT TO:<a@b> SIZE=1\r\n") == ["555 5.5.4 Unsupported option: SIZE"]
    assert answers(server, b"RCPT TO:<e@f>\r\n") == ["250 2.1.5 Recipient OK"]
    assert answers(server, b"RCPT TO:<g@h>\r\n") == ["452 4.5.3 Too many recipients"]
    assert answers(server, b"RSET\r\nDATA\r\nRCPT TO:<a@b>\r\n") == [
        "250 2.0.0 OK",
        "503 5.5.2 Need rcpt command",
        "503 5.5.2 Need mail command",
    ]


def test_a_second_ehlo_resets() -> None:
    server = ready_for_content()
    assert answers(server, b"EHLO again\r\nDATA\r\n")[-1] == "503 5.5.2 Need rcpt command"


def test_refusals_are_given_in_the_judges_words_and_pipelining_goes_on() -> None:
    server = greeted()
    pipelined = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nQUIT\r\n"
    assert server.receive(pipelined, 0) == (MailOffered(sender="a@b.example"),)
    assert server.answer(None, 0) == (RecipientOffered(sender="a@b.example", recipient="c@d.example"),)
    assert server.answer(UNTRUSTED, 0) == (Quit(),)
    assert server.bytes_to_send(0).decode().splitlines() == [
        "250 2.1.0 Sender OK",
        "454 4.7.0 Failed to establish appropriate TLS channel: UntrustedRoot: Access Denied",
        "503 5.5.2 Need rcpt command",
        "221 2.0.0 Service closing transmission channel",
    ]


def test_a_refused_sender_has_no_transaction() -> None:
    server = greeted()
    server.receive(b"MAIL FROM:<a@b.example>\r\n", 0)
    server.answer(UNTRUSTED, 0)
    assert answers(server, b"RCPT TO:<c@d.example>\r\n")[-1] == "503 5.5.2 Need mail command"


def test_mistakes_of_the_driver_are_loud() -> None:
    server = greeted()
    with pytest.raises(RuntimeError, match="there is no open question"):
        server.answer(None, 0)
    with pytest.raises(RuntimeError, match="no handshake was due"):
        server.tls_established()
    server.receive(b"MAIL FROM:<a@b.example>\r\n", 0)
    with pytest.raises(RuntimeError, match="answer the open question first"):
        server.receive(b"NOOP\r\n", 0)
    with pytest.raises(ValueError, match="not a refusal: 250 fine"):
        server.answer(Reply(code=250, lines=("fine",)), 0)


@pytest.mark.parametrize(("code", "legal"), [(250, False), (354, False), (451, True), (550, True)])
def test_no_profile_accepts_mail(code: int, legal: bool) -> None:
    reply = Reply(code=code, lines=("x",))
    if legal:
        assert profile(final_reply=reply).final_reply == reply
        return
    with pytest.raises(ValueError, match="has to refuse it"):
        profile(final_reply=reply)


def test_another_final_reply() -> None:
    server = ready_for_content(final_reply=Reply(code=550, lines=("5.7.1 never",)))
    assert answers(server, b"DATA\r\n.\r\n")[-1] == "550 5.7.1 never"


@pytest.mark.parametrize(
    "content",
    [
        b".\r\n",
        b"a\r\n.\r\n",
        b"a\r\n..\r\n.\r\n",
        b"a\n.\nb\n.\r\nc\r.\rd\r\n.\n\r\n.\r\n",
        b"\r\n\r\n.\r\n",
    ],
)
def test_content_ends_at_a_dot_between_crlfs_only(content: bytes) -> None:
    for chunks in ([content], [content[at : at + 1] for at in range(len(content))]):
        server = ready_for_content()
        assert answers(server, b"DATA\r\n") == ["354 Start mail input; end with <CRLF>.<CRLF>"]
        events = [event for chunk in chunks for event in server.receive(chunk, 0)]
        assert events == [ContentEnded(size=len(content))]
        assert answers(server, b"NOOP\r\n") == [FINAL, "250 2.0.0 OK"]


def test_commands_within_content_are_content() -> None:
    server = ready_for_content()
    talk(server, b"DATA\r\n")
    assert talk(server, b"QUIT\r\nSTARTTLS\r\n\x16\x03\x01") == ([], [])


def test_chunks_are_counted_and_the_last_one_is_refused() -> None:
    server = ready_for_content()
    assert talk(server, b"BDAT 5\r\nab\r\n.") == ([], ["250 2.0.0 5 octets received"])
    assert answers(server, b"DATA\r\nRCPT TO:<e@f>\r\nMAIL FROM:<x@y>\r\n") == [
        "503 5.5.2 Need rcpt command",
        "503 5.5.2 Need mail command",
        "503 5.5.2 Sender already specified",
    ]
    assert talk(server, b"BDAT 3 LAST\r\nxyzBDAT 1 LAST\r\nqNOOP\r\n") == (
        [ContentEnded(size=8)],
        [FINAL, "503 5.5.2 Need rcpt command", "250 2.0.0 OK"],
    )


def test_an_empty_last_chunk() -> None:
    server = ready_for_content()
    assert talk(server, b"BDAT 0 LAST\r\n") == ([ContentEnded(size=0)], [FINAL])


def test_a_chunk_nobody_asked_for_is_read_and_then_refused() -> None:
    server = greeted()
    assert talk(server, b"BDAT 6 LAST\r\nQUI") == ([], [])
    assert talk(server, b"T\r\nNOOP\r\n") == ([], ["503 5.5.2 Need rcpt command", "250 2.0.0 OK"])


@pytest.mark.parametrize(
    "data", [b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<a@b>\r\n", b"STARTTLS\r\n\x16\x03\x01"]
)
def test_what_is_injected_behind_starttls_ends_the_connection(data: bytes) -> None:
    server = ServerConversation(profile())
    server.bytes_to_send(0)
    events, lines = talk(server, data)
    assert events == [
        StartTls(),
        Violation(
            kind=ViolationKind.PLAINTEXT_AFTER_STARTTLS, detail="bytes between STARTTLS and the handshake"
        ),
    ]
    assert lines == ["421 4.7.0 Closing the connection: bytes between STARTTLS and the handshake"]
    assert server.closing
    with pytest.raises(RuntimeError, match="no handshake was due"):
        server.tls_established()


def test_injection_in_a_later_chunk_is_no_better() -> None:
    server = ServerConversation(profile())
    assert server.receive(b"STARTTLS\r\n", 0) == (StartTls(),)
    assert server.receive(b"", 0) == ()
    server.bytes_to_send(0)
    (violation,) = server.receive(b"E", 0)
    assert isinstance(violation, Violation)
    assert violation.kind is ViolationKind.PLAINTEXT_AFTER_STARTTLS


def test_what_was_said_before_the_handshake_is_forgotten() -> None:
    server = ServerConversation(profile(starttls_required=False))
    talk(server, b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nSTARTTLS\r\n")
    server.tls_established()
    assert answers(server, b"RCPT TO:<c@d>\r\nMAIL FROM:<a@b>\r\n") == [
        "503 5.5.2 Need mail command",
        "503 5.5.2 Send hello first",
    ]


def test_profiles_for_demonstrations() -> None:
    server = ServerConversation(
        profile(
            keywords=("8BITMIME",),
            greeting=Reply(code=220, lines=("mx.test please wait", "mx.test ESMTP")),
        )
    )
    assert server.bytes_to_send(0) == b"220-mx.test please wait\r\n220 mx.test ESMTP\r\n"
    assert answers(server, b"EHLO a\r\nSTARTTLS\r\n") == [
        "250-mx.test Hello",
        "250 8BITMIME",
        "502 5.5.1 Command not implemented",
    ]


def test_a_greeting_that_refuses_ends_the_connection() -> None:
    server = ServerConversation(profile(greeting=Reply(code=421, lines=("4.3.2 busy",))))
    assert server.closing
    assert talk(server, b"EHLO a\r\n") == ([], ["421 4.3.2 busy"])


def test_a_refused_ehlo_and_a_refused_starttls() -> None:
    no = Reply(code=502, lines=("5.5.1 no",))
    later = Reply(code=454, lines=("4.7.0 TLS not available",))
    server = ServerConversation(profile(ehlo_reply=no, starttls_reply=later, starttls_required=False))
    server.bytes_to_send(0)
    assert talk(server, b"EHLO a\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n") == (
        [Introduced(name="a", extended=True)],
        ["502 5.5.1 no", "454 4.7.0 TLS not available", "503 5.5.2 Send hello first"],
    )
    assert answers(server, b"HELO a\r\n") == ["250 mx.test Hello"]


@pytest.mark.parametrize(
    ("data", "kind", "last_word"),
    [
        (b"NOOP " + b"x" * 507, ViolationKind.LINE_TOO_LONG, "a line of 512 bytes or more"),
        (b"NOOP\r\n" * 6, ViolationKind.TOO_MANY_COMMANDS, "more than 8 commands"),
        (b"NO\r\n" * 3, ViolationKind.TOO_MANY_ERRORS, "more than 2 errors"),
        (b"DATA\r\n" + b"x" * 101, ViolationKind.TOO_MUCH_CONTENT, "more than 100 bytes of content"),
        (
            b"DATA\r\n" + b"x" * 96 + b"\r\n.\r\n",
            ViolationKind.TOO_MUCH_CONTENT,
            "more than 100 bytes of content",
        ),
        (b"BDAT 101\r\n" + b"x" * 101, ViolationKind.TOO_MUCH_CONTENT, "more than 100 bytes of content"),
        (b"GET / HTTP/1.1\r\n", ViolationKind.NOT_SMTP, "another protocol: GET / HTTP/1.1"),
        (b"post /\x1b\r\n", ViolationKind.NOT_SMTP, "another protocol: post /\\x1b"),
    ],
)
def test_limits_end_the_connection(data: bytes, kind: ViolationKind, last_word: str) -> None:
    limits = ServerLimits(line_bytes=512, commands=8, errors=2, content_bytes=100)
    server = ready_for_content(limits=limits)
    events, lines = talk(server, data)
    assert events[-1] == Violation(kind=kind, detail=last_word)
    assert lines[-1].startswith("421 4.7.0 Closing the connection: ")
    assert server.closing


def test_just_within_the_limits() -> None:
    server = ready_for_content(limits=ServerLimits(line_bytes=512, commands=8, errors=2, content_bytes=100))
    assert len(answers(server, b"NOOP " + b"x" * 505 + b"\r\nNO\r\nNO\r\n")) == 3
    assert answers(server, b"DATA\r\n" + b"x" * 95 + b"\r\n.\r\n")[-1] == FINAL
    assert answers(server, b"QUIT\r\n")[-1].startswith("221 ")


def test_the_content_of_all_messages_counts() -> None:
    server = ready_for_content(limits=ServerLimits(content_bytes=10))
    assert answers(server, b"DATA\r\n123\r\n.\r\n")[-1] == FINAL
    events, _ = talk(server, b"MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n")
    assert isinstance(events[-1], Violation)


def test_pipelined_commands_after_a_refusal_are_no_errors_of_the_client() -> None:
    server = greeted(limits=ServerLimits(errors=0))
    assert answers(server, b"RCPT TO:<a@b>\r\n" * 30) == ["503 5.5.2 Need mail command"] * 30


def test_tls_without_starttls() -> None:
    server = ServerConversation(profile())
    events, lines = talk(server, b"\x16\x03\x01\x02\x00")
    assert events == [
        Violation(kind=ViolationKind.TLS_WITHOUT_STARTTLS, detail="a TLS handshake without STARTTLS")
    ]
    assert lines[-1].startswith("421 ")


def test_inside_tls_the_same_byte_is_a_syntax_error() -> None:
    assert talk(greeted(), b"\x16\x03\r\n") == ([], ["500 5.5.2 Syntax error"])


def test_the_driver_has_the_last_word_once() -> None:
    server = greeted()
    server.receive(b"MAIL FROM:<a@b>\r\n", 0)
    server.shut_down(Reply(code=421, lines=("4.4.2 idle",)))
    server.shut_down(Reply(code=421, lines=("4.4.2 again",)))
    assert server.bytes_to_send(0) == b"421 4.4.2 idle\r\n"
    assert server.receive(b"NOOP\r\n", 0) == ()


COMMANDS = st.sampled_from(
    [
        b"EHLO a.example\r\n",
        b"HELO a.example\r\n",
        b"STARTTLS\r\n",
        b"MAIL FROM:<a@b.example>\r\n",
        b"MAIL FROM:<> SIZE=9\r\n",
        b"RCPT TO:<c@d.example>\r\n",
        b"DATA\r\n",
        b"text\r\n.\r\n",
        b".\r\n",
        b"BDAT 4\r\nab\r\n",
        b"BDAT 2 LAST\r\nab",
        b"BDAT 0 LAST\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"VRFY x\r\n",
        b"QUIT\r\n",
        b"XYZZY\r\n",
        b"\x16\x03\x01\r\n",
    ]
)


def play(server: ServerConversation, chunks: list[bytes]) -> list[ServerEvent]:
    return [event for chunk in chunks for event in allow_all(server, server.receive(chunk, 0))]


@given(
    commands=st.lists(COMMANDS | st.binary(max_size=20), max_size=25),
    cuts=st.lists(st.integers(0, 400), max_size=15),
    implicit_tls=st.booleans(),
)
def test_any_chunking_means_the_same(commands: list[bytes], cuts: list[int], implicit_tls: bool) -> None:
    data = b"".join(commands)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    whole = ServerConversation(profile(starttls_required=False), implicit_tls=implicit_tls)
    pieces = ServerConversation(profile(starttls_required=False), implicit_tls=implicit_tls)
    expected = play(whole, [data])
    assert play(pieces, [data[start:end] for start, end in pairwise(edges)]) == expected
    assert pieces.bytes_to_send(1) == whole.bytes_to_send(1)
    assert pieces.transcript.lines == whole.transcript.lines
    assert pieces.closing == whole.closing


@given(st.lists(COMMANDS | st.binary(max_size=20), max_size=60))
def test_no_order_of_commands_gets_mail_accepted(commands: list[bytes]) -> None:
    server = ServerConversation(profile(starttls_required=False), limits=ServerLimits(commands=50))
    server.bytes_to_send(0)
    for command in commands:
        events = allow_all(server, server.receive(command, 0))
        if StartTls() in events and not server.closing:
            server.tls_established()
        lines = server.bytes_to_send(0).decode().splitlines()
        ends = sum(isinstance(event, ContentEnded) for event in events)
        assert lines.count(FINAL) == ends
        assert all(line.isprintable() for line in lines)
        if command in (b"text\r\n.\r\n", b".\r\n", b"BDAT 2 LAST\r\nab", b"BDAT 0 LAST\r\n"):
            assert not any(line.startswith("2") for line in lines)
