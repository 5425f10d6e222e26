"""The client's half, as transcripts: what the server says, what the client answers, what comes of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.smtp.client import (
    TRAILING_BYTES,
    ClientConversation,
    ClientEvent,
    SmtpFaultKind,
    Stage,
)
from probe.smtp.lines import LINE_BYTES
from probe.smtp.reply import Reply
from probe.smtp.transcript import TRANSCRIPT_LINES

GREETING = b"220 mx.example ESMTP\r\n"
EHLO = b"250-mx.example Hello\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
GO_AHEAD = b"220 2.0.0 ready\r\n"


def at_stage(stage: Stage, *, implicit_tls: bool = False) -> ClientConversation:
    """Return a conversation in which the server has behaved until `stage`."""
    client = ClientConversation("probe.example", implicit_tls=implicit_tls)
    for expected, said in ((Stage.GREETING, GREETING), (Stage.EHLO, EHLO), (Stage.STARTTLS, GO_AHEAD)):
        if client.stage is not expected or stage is expected:
            break
        client.receive(said, 0)
        client.bytes_to_send(0)
    assert client.stage is stage
    return client


def said(client: ClientConversation) -> list[str]:
    return [f"{line.at_ms} {line.speaker.value}: {line.text}" for line in client.transcript.lines]


def test_a_conversation_up_to_the_handshake() -> None:
    client = ClientConversation("probe.example")
    assert client.stage is Stage.GREETING
    assert client.bytes_to_send(0) == b""
    assert client.receive(GREETING, 10) == ()
    assert client.stage is Stage.EHLO
    assert client.bytes_to_send(11) == b"EHLO probe.example\r\n"
    assert client.bytes_to_send(12) == b""
    assert client.receive(EHLO, 20) == ()
    assert client.stage is Stage.STARTTLS
    assert client.bytes_to_send(21) == b"STARTTLS\r\n"
    assert client.receive(GO_AHEAD, 30) == (ClientEvent.TLS_READY,)
    assert client.stage is Stage.TLS
    assert client.bytes_to_send(31) == b""
    assert client.quit(40) == b"QUIT\r\n"
    assert client.quit(41) == b""
    assert client.receive(b"221 2.0.0 bye\r\n", 50) == ()
    assert client.receive_eof(51) == ()
    assert client.fault is None
    assert client.banner == Reply(code=220, lines=("mx.example ESMTP",))
    assert client.ehlo == Reply(code=250, lines=("mx.example Hello", "SIZE 1000", "STARTTLS", "8BITMIME"))
    assert client.capabilities == ("SIZE", "STARTTLS", "8BITMIME")
    assert said(client) == [
        "10 server: 220 mx.example ESMTP",
        "11 client: EHLO probe.example",
        "20 server: 250-mx.example Hello",
        "20 server: 250-SIZE 1000",
        "20 server: 250-STARTTLS",
        "20 server: 250 8BITMIME",
        "21 client: STARTTLS",
        "30 server: 220 2.0.0 ready",
        "40 client: QUIT",
        "50 server: 221 2.0.0 bye",
    ]


def test_implicit_tls_asks_for_no_starttls() -> None:
    client = ClientConversation("192.0.2.7", implicit_tls=True)
    client.receive(GREETING, 0)
    assert client.bytes_to_send(0) == b"EHLO [192.0.2.7]\r\n"
    assert client.receive(b"250 mx.example\r\n", 0) == (ClientEvent.EHLO_DONE,)
    assert client.stage is Stage.IDLE
    assert client.bytes_to_send(0) == b""
    assert client.receive(b"250 said again\r\n", 0) == ()
    assert client.ehlo == Reply(code=250, lines=("mx.example",))
    assert client.quit(0) == b"QUIT\r\n"
    assert client.fault is None


def test_nobody_speaks_before_the_greeting_is_complete() -> None:
    client = ClientConversation("probe.example")
    for part in (b"220", b"-mx", b".example\r", b"\n220-please wait\r\n", b"220", b" \r"):
        assert client.receive(part, 0) == ()
        assert client.bytes_to_send(0) == b""
        assert client.quit(0) == b""
    client.receive(b"\n", 0)
    assert client.bytes_to_send(0) == b"EHLO probe.example\r\n"


def test_an_impossible_ehlo_name_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="not a domain name or IP address"):
        ClientConversation("a\r\nMAIL FROM:<>")


@pytest.mark.parametrize(
    "ehlo",
    [
        b"250-mx\r\n250 STARTTLS\r\n",
        b"250-mx\r\n250-starttls\r\n250 SIZE\r\n",
        b"250-mx\r\n250-SIZE 1\r\n250-DSN\r\n250 StartTLS\r\n",
        b"250-mx\r\n250 STARTTLS REQUIRED\r\n",
        b"250-\r\n250-\r\n250-  STARTTLS \r\n250\r\n",
    ],
)
def test_starttls_is_found_wherever_it_stands(ehlo: bytes) -> None:
    client = at_stage(Stage.EHLO)
    assert client.receive(ehlo, 0) == ()
    assert client.starttls_offered
    assert client.bytes_to_send(0) == b"STARTTLS\r\n"


@pytest.mark.parametrize(
    "ehlo",
    [
        b"250 mx.example\r\n",
        b"250 STARTTLS\r\n",
        b"250-mx STARTTLS\r\n250 SIZE\r\n",
        b"250-mx\r\n250-XSTARTTLS\r\n250 X STARTTLS\r\n",
        b"250-mx\r\n250 STARTTLS2\r\n",
    ],
)
def test_starttls_that_is_not_offered_ends_politely(ehlo: bytes) -> None:
    client = at_stage(Stage.EHLO)
    assert client.receive(ehlo, 0) == (ClientEvent.FAILED,)
    assert not client.starttls_offered
    assert client.fault is not None
    assert client.fault.kind is SmtpFaultKind.STARTTLS_NOT_OFFERED
    assert client.fault.stage is Stage.EHLO
    assert client.fault.reply == client.ehlo
    assert client.bytes_to_send(0) == b"QUIT\r\n"


K = SmtpFaultKind


@pytest.mark.parametrize(
    ("stage", "reply", "kind", "farewell"),
    [
        (Stage.GREETING, b"421 4.7.0 too many connections\r\n", K.GREETING_THROTTLED, b""),
        (Stage.GREETING, b"450 4.7.1 later\r\n", K.GREETING_THROTTLED, b"QUIT\r\n"),
        (Stage.GREETING, b"454-4.7.0 a\r\n454 4.7.0 b\r\n", K.GREETING_THROTTLED, b"QUIT\r\n"),
        (Stage.GREETING, b"554 5.7.1 go away\r\n", K.GREETING_REFUSED, b"QUIT\r\n"),
        (Stage.GREETING, b"354 what?\r\n", K.NOT_SMTP, b""),
        (Stage.EHLO, b"500 unknown\r\n", K.EHLO_REFUSED, b"QUIT\r\n"),
        (Stage.EHLO, b"502 5.5.1 not here\r\n", K.EHLO_REFUSED, b"QUIT\r\n"),
        (Stage.EHLO, b"451 4.3.0 later\r\n", K.EHLO_REFUSED, b"QUIT\r\n"),
        (Stage.EHLO, b"421 4.3.2 closing\r\n", K.EHLO_REFUSED, b""),
        (Stage.EHLO, b"354 what?\r\n", K.EHLO_REFUSED, b"QUIT\r\n"),
        (Stage.STARTTLS, b"454 4.7.0 TLS not available\r\n", K.STARTTLS_REFUSED, b"QUIT\r\n"),
        (Stage.STARTTLS, b"502 5.5.1 no\r\n", K.STARTTLS_REFUSED, b"QUIT\r\n"),
        (Stage.STARTTLS, b"421 4.3.2 closing\r\n", K.STARTTLS_REFUSED, b""),
    ],
)
def test_refusals_keep_the_servers_words(
    stage: Stage, reply: bytes, kind: SmtpFaultKind, farewell: bytes
) -> None:
    client = at_stage(stage)
    assert client.receive(reply, 0) == (ClientEvent.FAILED,)
    fault = client.fault
    assert fault is not None
    assert fault.reply is not None
    assert (fault.kind, fault.stage) == (kind, stage)
    assert fault.detail == str(fault.reply)
    assert fault.reply.code == int(reply[:3])
    assert fault.throttled == reply.startswith(b"421")
    assert client.bytes_to_send(0) == farewell
    assert client.quit(0) == b""
    assert client.receive_eof(0) == ()
    assert client.fault is fault


def test_a_refused_ehlo_offers_nothing() -> None:
    client = at_stage(Stage.EHLO)
    client.receive(b"502-no\r\n502 STARTTLS\r\n", 0)
    assert client.capabilities == ()
    assert not client.starttls_offered


def test_nothing_is_offered_before_ehlo() -> None:
    assert ClientConversation("probe.example").capabilities == ()


@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.TLS])
def test_closing_and_silence_are_faults_of_their_stage(stage: Stage) -> None:
    closed, silent = at_stage(stage), at_stage(stage)
    assert closed.receive_eof(9) == (ClientEvent.FAILED,)
    assert silent.receive_timeout(9) == (ClientEvent.FAILED,)
    assert closed.fault is not None
    assert silent.fault is not None
    assert (closed.fault.kind, closed.fault.stage, closed.fault.reply) == (K.CLOSED, stage, None)
    assert (silent.fault.kind, silent.fault.stage, silent.fault.reply) == (K.TIMEOUT, stage, None)
    assert closed.fault.detail == "the server closed the connection"
    assert silent.fault.detail == "no complete reply in time"
    assert not closed.fault.throttled
    assert closed.quit(10) == b""


def test_the_words_that_were_cut_off_are_kept() -> None:
    client = ClientConversation("probe.example")
    client.receive(b"220-mx.example\r\n220-wai\x1b", 4)
    assert client.receive_eof(5) == (ClientEvent.FAILED,)
    assert client.fault is not None
    assert client.fault.detail == "the server closed the connection after 220-wai\\x1b"
    assert said(client) == ["4 server: 220-mx.example", "5 server: 220-wai\\x1b"]
    assert client.receive(b"t\r\n", 6) == ()
    assert client.receive_timeout(7) == ()
    assert len(client.transcript.lines) == 2


@pytest.mark.parametrize("stage", [Stage.GREETING, Stage.EHLO, Stage.STARTTLS])
@pytest.mark.parametrize(
    ("garbage", "kind"),
    [
        (b"SSH-2.0-OpenSSH\r\n", K.NOT_SMTP),
        (b"250-a\r\n220 b\r\n", K.NOT_SMTP),
        (b"220-" + b"x" * LINE_BYTES, K.NOT_SMTP),
        ((b"220-" + b"x" * 4000 + b"\r\n") * 17, K.NOT_SMTP),
        (b"220-\r\n" * 257, K.NOT_SMTP),
    ],
)
def test_what_cannot_be_read_ends_the_conversation(stage: Stage, garbage: bytes, kind: SmtpFaultKind) -> None:
    client = at_stage(stage)
    assert client.receive(garbage, 0) == (ClientEvent.FAILED,)
    assert client.fault is not None
    assert (client.fault.kind, client.fault.stage) == (kind, stage)
    assert client.receive(GREETING + EHLO + GO_AHEAD, 0) == ()
    assert client.bytes_to_send(0) == b""
    assert client.quit(0) == b""


def test_an_endless_line_leaves_its_start_in_the_transcript() -> None:
    client = ClientConversation("probe.example")
    client.receive(b"220 " + b"x" * 10_000, 3)
    assert said(client)[0].startswith("3 server: 220 xxx")
    assert len(said(client)) == 1


@pytest.mark.parametrize("chunks", [(GO_AHEAD + b"EHLO me\r\n",), (GO_AHEAD, b"EHLO ", b"me\r\n")])
def test_plaintext_after_starttls_taints_but_does_not_stop(chunks: tuple[bytes, ...]) -> None:
    client = at_stage(Stage.STARTTLS)
    events = [event for chunk in chunks for event in client.receive(chunk, 0)]
    assert events == [ClientEvent.TLS_READY, ClientEvent.FAILED]
    fault = client.fault
    assert fault is not None
    assert (fault.kind, fault.stage) == (K.PLAINTEXT_AFTER_STARTTLS, Stage.TLS)
    assert fault.reply == Reply(code=220, lines=("2.0.0 ready",))
    assert fault.detail == "plaintext between the 220 and the TLS handshake: EHLO me\\x0d\\x0a"
    assert client.stage is Stage.TLS
    assert client.receive_eof(0) == ()
    assert client.fault == fault


def test_of_plaintext_after_starttls_no_more_than_a_line_is_kept() -> None:
    client = at_stage(Stage.TLS)
    assert client.receive(b"", 0) == ()
    assert client.fault is None
    for _ in range(100):
        client.receive(b"x" * 100, 0)
    assert client.fault is not None
    assert client.fault.detail.endswith(": " + "x" * TRAILING_BYTES)
    assert client.quit(0) == b"QUIT\r\n"
    assert client.fault.stage is Stage.TLS


def test_after_quit_nothing_is_a_fault_any_more() -> None:
    for words in (b"garbage\r\n", b"x" * LINE_BYTES, b"421 4.4.2 bye\r\n", b"554 5.0.0 no\r\n"):
        client = at_stage(Stage.TLS)
        client.quit(0)
        assert client.receive(words, 0) == ()
        assert client.receive_timeout(0) == ()
        assert client.fault is None


def test_replies_without_end_after_quit_fill_no_memory() -> None:
    client = at_stage(Stage.TLS)
    client.quit(0)
    for _ in range(20):
        client.receive(b"250 x\r\n" * 500, 0)
    assert len(client.transcript.lines) == TRANSCRIPT_LINES


REPLIES = st.one_of(
    st.sampled_from([GREETING, EHLO, GO_AHEAD, b"250-mx\r\n250 starttls\r\n", b"220\r\n", b"220-a\n220 b\n"]),
    st.sampled_from(
        [b"421 no\r\n", b"454 no\r\n", b"550 no\r\n", b"221 bye\r\n", b"garbage\r\n", b"\x16\x03\x01"]
    ),
    st.builds(bytes.__add__, st.just(b"220-"), st.binary(max_size=20)),
)


@given(
    replies=st.lists(REPLIES, max_size=6),
    cuts=st.lists(st.integers(0, 200), max_size=12),
    implicit_tls=st.booleans(),
)
def test_any_chunking_means_the_same(replies: list[bytes], cuts: list[int], implicit_tls: bool) -> None:
    data = b"".join(replies)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[start:end] for start, end in pairwise(edges)]
    whole = ClientConversation("probe.example", implicit_tls=implicit_tls)
    pieces = ClientConversation("probe.example", implicit_tls=implicit_tls)
    once = whole.receive(data, 1) + whole.receive_eof(1)
    bit_by_bit = [event for chunk in chunks for event in pieces.receive(chunk, 1)]
    assert (*bit_by_bit, *pieces.receive_eof(1)) == once
    assert pieces.fault == whole.fault
    assert (pieces.stage, pieces.banner, pieces.ehlo) == (whole.stage, whole.banner, whole.ehlo)
    assert pieces.transcript.lines == whole.transcript.lines
    assert pieces.bytes_to_send(2) == whole.bytes_to_send(2)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_no_bytes_crash_it_and_each_ending_is_told_once(chunks: list[bytes]) -> None:
    client = ClientConversation("probe.example")
    events = [event for chunk in chunks for event in client.receive(chunk, 0)]
    events += client.receive_eof(0)
    assert events.count(ClientEvent.FAILED) == 1
    assert client.fault is not None
    assert client.fault.detail.isprintable()
    assert all(line.text.isprintable() for line in client.transcript.lines)
