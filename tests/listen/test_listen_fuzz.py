"""Hostile clients against the whole listener session, TLS and examiner included: it never breaks and takes no mail."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from probe.listen.examiner import Examiner, ListenOptions
from probe.listen.words import log_line, profile
from probe.net.listener import Listener
from probe.net.listener_settings import ListenerLimits, ListenerSettings
from probe.net.server_session import ServerSession, SessionRecord
from probe.net.tls_server import server_context
from probe.pki.truststore import AnchorStore, ListRole
from probe.smtp.server_values import ServerLimits
from probe.smtp.transcript import TRANSCRIPT_LINES
from tests.authority import Issued, chain_pem
from tests.examples import examples
from tests.listen.senders import CA, HEALTHY, ISSUING, OWN, PATIENCE_S, ROOT, SELF_SIGNED, connect
from tests.listen.test_listen_examiner import anchor

CONTEXT = server_context(chain_pem(OWN, ISSUING).encode(), OWN.key_pem.encode())
EXAMINER = Examiner(
    ListenOptions(stores=lambda: [AnchorStore("roots", [anchor(ROOT)], role=ListRole.MICROSOFT)])
)
PROFILE = profile("listener.test")

COMMANDS = st.sampled_from(
    [
        b"EHLO sender",
        b"HELO sender",
        b"MAIL FROM:<a@contoso.com>",
        b"MAIL FROM:<>",
        b"MAIL FROM:<a@contoso.com> BODY=BINARYMIME",
        b"RCPT TO:<b@fabrikam.com>",
        b"RCPT TO:<b@fabrikam.com> NOTIFY=NEVER",
        b"DATA",
        b"x",
        b".",
        b"..",
        b"",
        b"BDAT 3",
        b"BDAT 3 LAST",
        b"BDAT 0 LAST",
        b"RSET",
        b"NOOP",
        b"VRFY b",
        b"STARTTLS",
        b"QUIT",
    ]
)
SCRIPTS = st.lists(COMMANDS, max_size=40).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
BYTES = st.binary(max_size=400)
CUTS = st.lists(st.integers(1, 60), max_size=20)


def pieces(data: bytes, sizes: Sequence[int]) -> Iterable[bytes]:
    """The data in chunks of these sizes, and the rest."""
    for size in sizes:
        if not data:
            return
        yield data[:size]
        data = data[size:]
    if data:
        yield data


class Wire:
    """A client in memory: OpenSSL's other side of a session."""

    def __init__(self, *chain: Issued) -> None:
        self.session = ServerSession(PROFILE, CONTEXT, policy=EXAMINER.answer, peer_address="192.0.2.1")
        self.heard = self.session.bytes_to_send(0)
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        if chain:
            self._context.use_certificate(chain[0].certificate)
            self._context.use_privatekey(chain[0].key)
            for each in chain[1:]:
                self._context.add_extra_chain_cert(each.certificate)
        self._tls: SSL.Connection | None = None

    def say(self, data: bytes) -> bytes:
        """Send bytes as they are; what comes back."""
        self.session.receive(data, 1)
        return self.session.bytes_to_send(1)

    def start_tls(self) -> None:
        assert b"220 2.0.0" in self.say(b"EHLO sender\r\nSTARTTLS\r\n")
        self._tls = SSL.Connection(self._context, None)
        self._tls.set_connect_state()
        for _ in range(4):
            with contextlib.suppress(SSL.Error):
                self._tls.do_handshake()
            self._exchange()

    def say_inside(self, data: bytes) -> None:
        assert self._tls is not None
        with contextlib.suppress(SSL.Error):
            self._tls.send(data)
        self._exchange()

    def _exchange(self) -> None:
        assert self._tls is not None
        with contextlib.suppress(SSL.Error):
            self.session.receive(self._tls.bio_read(1 << 20), 1)
        back = self.session.bytes_to_send(1)
        if back:
            with contextlib.suppress(SSL.Error):
                self._tls.bio_write(back)
        with contextlib.suppress(SSL.Error):
            while True:
                self.heard += self._tls.recv(1 << 16)

    def end(self) -> SessionRecord:
        self.session.receive_eof()
        record = self.session.record(1, ("192.0.2.1", 4711), 5)
        assert log_line(record, EXAMINER.assess(record)).isprintable()
        assert len(record.transcript) <= TRANSCRIPT_LINES
        return record


def check_replies(heard: bytes, record: SessionRecord) -> None:
    """Every line is a reply, and a message was never taken: after content there is a refusal."""
    for line in heard.splitlines():
        assert line[:3].isdigit()
        assert line[3:4] in {b" ", b"-"}
    # Only the end of a message is answered with these; no other 250 names a message.
    assert b"250 2.6.0" not in heard
    told = [entry.text for entry in record.transcript]
    ends = sum("of content, not kept" in text for text in told)
    assert sum(text.startswith("451 4.7.0 eop-probe listener: no mail") for text in told) == ends


@settings(max_examples=examples(150))
@given(script=SCRIPTS, sizes=CUTS, chain=st.sampled_from([(HEALTHY, ISSUING), (SELF_SIGNED,), ()]))
def test_legal_commands_in_any_order_inside_tls(
    script: bytes, sizes: list[int], chain: tuple[Issued, ...]
) -> None:
    wire = Wire(*chain)
    wire.start_tls()
    assert wire.session.presented == tuple(each.der for each in chain)
    for piece in pieces(script, sizes):
        wire.say_inside(piece)
    check_replies(wire.heard, wire.end())


@settings(max_examples=examples(150))
@given(data=BYTES, sizes=CUTS)
def test_any_bytes_inside_tls(data: bytes, sizes: list[int]) -> None:
    wire = Wire(HEALTHY, ISSUING)
    wire.start_tls()
    for piece in pieces(data, sizes):
        wire.say_inside(piece)
    check_replies(wire.heard, wire.end())


@settings(max_examples=examples(200))
@given(before=st.sampled_from([b"", b"EHLO x\r\n", b"EHLO x\r\nSTARTTLS\r\n"]), data=BYTES, sizes=CUTS)
def test_any_bytes_before_tls_and_instead_of_it(before: bytes, data: bytes, sizes: list[int]) -> None:
    wire = Wire()
    wire.say(before)
    for piece in pieces(data, sizes):
        wire.say(piece)
    assert wire.end().tls_established is False


@settings(max_examples=examples(100))
@given(place=st.integers(0, 600), value=st.integers(0, 255))
def test_a_damaged_handshake(place: int, value: int) -> None:
    wire = Wire(HEALTHY, ISSUING)
    wire.say(b"EHLO x\r\nSTARTTLS\r\n")
    client = SSL.Connection(wire._context, None)
    client.set_connect_state()
    with contextlib.suppress(SSL.WantReadError):
        client.do_handshake()
    hello = bytearray(client.bio_read(1 << 16))
    hello[place % len(hello)] = value
    wire.say(bytes(hello))
    record = wire.end()
    assert record.tls_established is False


def test_a_chain_beyond_openssls_bound_ends_with_a_reason() -> None:
    huge = CA.leaf(ISSUING, *(f"host{number}.contoso.com" for number in range(6000)))
    wire = Wire(huge, ISSUING)
    wire.start_tls()
    record = wire.end()
    assert record.tls_failure is not None
    assessment = EXAMINER.assess(record)
    assert assessment is not None
    assert assessment.error is not None
    assert "100 KiB" in assessment.error.message


@pytest.mark.parametrize(
    "attack",
    [
        b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<a@contoso.com>\r\n",
        b"A" * 100_000,
        b"NOOP\r\n" * 5000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"\xff\xfe" * 3000 + b"\r\n",
    ],
    ids=["injection", "endless line", "endless commands", "http", "tls at once", "junk"],
)
def test_attacks_end_with_one_clean_line(attack: bytes) -> None:
    records: list[SessionRecord] = []
    ended = threading.Event()

    def note(record: SessionRecord) -> None:
        records.append(record)
        ended.set()

    limits = ListenerLimits(idle_s=1.0, smtp=ServerLimits(commands=100))
    chosen = ListenerSettings(profile=PROFILE, contexts=[CONTEXT], policy=EXAMINER.answer, limits=limits)
    with Listener(chosen, note) as listener, connect(listener.port) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(attack)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65_536):
                pass
        assert ended.wait(PATIENCE_S)
    [record] = records
    line = log_line(record, EXAMINER.assess(record))
    assert line.isprintable()
    assert len(line) < 1000
    assert record.presented == ()
