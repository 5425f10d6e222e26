"""The whole observation against real servers on loopback: the healthy, the odd and the hostile.

Each hostile one ends within its time, with the right fault; the healthy one beside it shows that the fault is the
server's doing.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading

import pytest
from OpenSSL import SSL

from probe.capture import Capture, FaultKind, How, Phase
from probe.errors import SmtpError
from probe.net.client_session import ClientSession, Retry
from probe.net.clock import monotonic
from probe.net.observe import NOTHING, _drive, local_ehlo_name, observe
from probe.net.request import KeyType, ProbeRequest
from probe.net.stream import Deadline, begin_connect
from probe.net.tls_client import offer
from tests.authority import raw_extension
from tests.net.scripted import (
    AUTHORITY,
    CAPABILITIES,
    GO_AHEAD,
    GREETING,
    ISSUING,
    LEAF,
    RSA_LEAF,
    Peer,
    Script,
    ScriptedServer,
    certificate_message,
    closed_port,
    record,
    server_hello,
    starttls,
    tls_context,
)
from tests.patience import given_time

HEALTHY = tls_context(LEAF, ISSUING)

#: Seconds for servers that would otherwise never end.
SHORT_S = 0.3

#: Seconds within which everything here has ended, on a busy machine too.
PATIENCE_S = 30.0


def probe(server: ScriptedServer, **options: object) -> Capture:
    wanted: dict[str, object] = {
        "host": "mail.contoso.test",
        "address": "127.0.0.1",
        "port": server.port,
        "sni": "mail.contoso.test",
        "timeout_s": PATIENCE_S,
        "retry_pause_s": 0.0,
    }
    request = ProbeRequest(**(wanted | options))  # type: ignore[arg-type]
    started = monotonic()
    capture = observe(request, begin_connect(request.address, request.port), started)
    assert monotonic() - started < request.timeout_s + 10
    return capture


def against(*scripts: Script, **options: object) -> Capture:
    with ScriptedServer(*scripts) as server:
        return probe(server, **options)


def ders(capture: Capture) -> tuple[bytes, ...]:
    assert capture.presented is not None
    return tuple(entry.der for entry in capture.presented.entries)


def transcript(capture: Capture) -> list[str]:
    assert capture.smtp is not None
    return [f"{line.speaker.value}: {line.text}" for line in capture.smtp.transcript]


def fault(capture: Capture) -> tuple[FaultKind, Phase]:
    assert capture.fault is not None, capture
    assert capture.fault.message.isprintable()
    assert capture.fault.server_text is None or capture.fault.server_text.isprintable()
    return capture.fault.kind, capture.fault.phase


class TestHealthy:
    def test_everything_is_kept(self) -> None:
        capture = against(starttls(HEALTHY), how=How(key_type="any"), ehlo_name="probe.test")
        assert capture.fault is None
        assert ders(capture) == (LEAF.der, ISSUING.der)
        assert capture.leaf is not None
        assert capture.how == How(key_type="any")
        assert capture.tls is not None
        assert (capture.tls.version, capture.tls.group) == ("TLSv1.3", "x25519")
        assert not capture.tls.client_certificate_requested
        assert capture.smtp is not None
        assert capture.smtp.banner == "220 mail.contoso.test ESMTP"
        assert capture.smtp.ehlo == ("mail.contoso.test", "SIZE 1000", "STARTTLS")
        assert capture.smtp.starttls_offered
        assert capture.smtp.plaintext_after_starttls is None
        assert transcript(capture) == [
            "server: 220 mail.contoso.test ESMTP",
            "client: EHLO probe.test",
            "server: 250-mail.contoso.test",
            "server: 250-SIZE 1000",
            "server: 250 STARTTLS",
            "client: STARTTLS",
            "server: 220 2.0.0 go ahead",
            "client: QUIT",
        ]
        times = [line.at_ms for line in capture.smtp.transcript]
        assert times == sorted(times)

    def test_one_connection_that_ends_with_quit_inside_tls(self) -> None:
        with ScriptedServer(starttls(HEALTHY)) as server:
            probe(server)
            server.join()
            assert len(server.peers) == 1
            assert server.peers[0].inside == b"QUIT\r\n"
            assert server.peers[0].heard.endswith(b"STARTTLS\r\n")

    def test_no_byte_before_the_greeting(self) -> None:
        silent: list[bool] = []

        def script(peer: Peer) -> None:
            peer.say(b"220-mail.contoso.test\r\n")
            peer.socket.settimeout(0.05)
            try:
                peer.socket.recv(1)
            except TimeoutError:
                silent.append(True)
            peer.socket.settimeout(None)
            peer.to_starttls()
            peer.serve_tls(HEALTHY)

        capture = against(script)
        assert silent == [True]
        assert capture.fault is None

    def test_over_ipv6(self) -> None:
        with ScriptedServer(starttls(HEALTHY), host="::1") as server:
            capture = probe(server, address="::1")
        assert capture.fault is None
        assert capture.smtp is not None
        assert any(line.text.startswith("EHLO ") for line in capture.smtp.transcript)

    @pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, SSL.TLS1_2_VERSION])
    def test_old_tls_is_seen(self, version: int) -> None:
        capture = against(starttls(tls_context(LEAF, ISSUING, version=version)))
        assert capture.fault is None
        assert capture.tls is not None
        assert capture.tls.version != "TLSv1.3"
        assert ders(capture) == (LEAF.der, ISSUING.der)

    @pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
    def test_a_request_for_a_client_certificate_is_seen(self, version: int) -> None:
        capture = against(starttls(tls_context(version=version, ask=True)))
        assert capture.fault is None
        assert capture.tls is not None
        assert capture.tls.client_certificate_requested

    def test_a_server_that_closes_right_after_the_handshake(self) -> None:
        def script(peer: Peer) -> None:
            peer.to_starttls()
            peer.shake_hands(HEALTHY)

        capture = against(script)
        assert capture.fault is None
        assert ders(capture) == (LEAF.der, ISSUING.der)

    def test_one_byte_at_a_time(self) -> None:
        def script(peer: Peer) -> None:
            for reply in (GREETING, CAPABILITIES, GO_AHEAD):
                for octet in reply:
                    peer.say(bytes([octet]))
                if reply is not GO_AHEAD:
                    peer.hear()
            peer.serve_tls(HEALTHY)

        assert against(script).fault is None

    def test_variants(self) -> None:
        context = tls_context(RSA_LEAF)
        context.use_certificate(LEAF.certificate)
        context.use_privatekey(LEAF.key)
        with ScriptedServer(starttls(context)) as server:
            found = {
                variant: ders(probe(server, key_type=variant, sni=None))[0]
                for variant in (KeyType.RSA, KeyType.ECDSA)
            }
        assert found == {KeyType.RSA: RSA_LEAF.der, KeyType.ECDSA: LEAF.der}

    def test_a_variant_the_server_has_not_takes_one_connection(self) -> None:
        with ScriptedServer(starttls(HEALTHY)) as server:
            capture = probe(server, key_type=KeyType.RSA)
            assert fault(capture) == (FaultKind.TLS_FAILED, Phase.TLS)
            assert len(server.peers) == 1


class TestImplicitTls:
    def healthy(self, peer: Peer) -> None:
        tls = peer.shake_hands(HEALTHY)
        tls.sendall(GREETING)
        peer.inside += tls.recv(1000)
        tls.sendall(CAPABILITIES)
        peer.inside += tls.recv(1000)

    def test_the_conversation_is_inside(self) -> None:
        with ScriptedServer(self.healthy) as server:
            capture = probe(server, implicit_tls=True, ehlo_name="probe.test")
            server.join()
            assert server.peers[0].inside == b"EHLO probe.test\r\nQUIT\r\n"
        assert capture.fault is None
        assert ders(capture) == (LEAF.der, ISSUING.der)
        assert capture.smtp is not None
        assert capture.smtp.banner == "220 mail.contoso.test ESMTP"
        assert "client: STARTTLS" not in transcript(capture)

    def test_a_plaintext_server(self) -> None:
        capture = against(starttls(HEALTHY), implicit_tls=True)
        assert fault(capture) == (FaultKind.TLS_FAILED, Phase.TLS)
        assert capture.fault is not None
        assert capture.fault.server_text is not None
        assert "220 mail.contoso.test" in capture.fault.server_text
        assert capture.smtp is None

    def test_silence_inside_keeps_the_chain(self) -> None:
        def script(peer: Peer) -> None:
            peer.shake_hands(HEALTHY)
            peer.hold()

        def check(seconds: float) -> None:
            capture = against(script, implicit_tls=True, timeout_s=seconds)
            assert fault(capture) == (FaultKind.TIMEOUT, Phase.TIMEOUT)
            assert ders(capture) == (LEAF.der, ISSUING.der)

        given_time(check)

    def test_closed_inside_keeps_the_chain(self) -> None:
        def script(peer: Peer) -> None:
            peer.shake_hands(HEALTHY).shutdown()

        capture = against(script, implicit_tls=True)
        assert fault(capture)[0] in (FaultKind.CONNECTION_CLOSED, FaultKind.TLS_FAILED)
        assert ders(capture) == (LEAF.der, ISSUING.der)


class TestRefusals:
    @pytest.mark.parametrize(
        ("greeting", "kind"),
        [
            (b"554 5.7.1 go away\r\n", FaultKind.SMTP_REFUSED),
            (b"450 4.3.2 try later\r\n", FaultKind.THROTTLED),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", FaultKind.NOT_SMTP),
            (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", FaultKind.NOT_SMTP),
            (b"\x16\x03\x01\x00\x05hello\r\n", FaultKind.NOT_SMTP),
            (b"354 go on\r\n", FaultKind.NOT_SMTP),
        ],
    )
    def test_greetings(self, greeting: bytes, kind: FaultKind) -> None:
        def script(peer: Peer) -> None:
            peer.say(greeting)
            peer.hold()

        capture = against(script)
        assert fault(capture) == (kind, Phase.SMTP)
        assert capture.fault is not None
        assert capture.fault.server_text
        assert capture.presented is None

    @pytest.mark.parametrize(
        ("replies", "kind", "words"),
        [
            ([b"500 5.5.1 what?\r\n"], FaultKind.SMTP_REFUSED, "500 5.5.1 what?"),
            ([b"421 4.3.2 busy\r\n"], FaultKind.THROTTLED, "421 4.3.2 busy"),
            ([b"250-mail\r\n250 SIZE\r\n"], FaultKind.NO_STARTTLS, "250 mail SIZE"),
            ([CAPABILITIES, b"454 4.7.0 no TLS\r\n"], FaultKind.STARTTLS_REFUSED, "454 4.7.0 no TLS"),
            ([CAPABILITIES, b"502 5.5.1 no\r\n"], FaultKind.STARTTLS_REFUSED, "502 5.5.1 no"),
            ([CAPABILITIES, b"421 4.4.2 bye\r\n"], FaultKind.THROTTLED, "421 4.4.2 bye"),
        ],
    )
    def test_later_replies(self, replies: list[bytes], kind: FaultKind, words: str) -> None:
        def script(peer: Peer) -> None:
            peer.say(GREETING)
            for reply in replies:
                peer.hear()
                peer.say(reply)
            peer.hold()

        with ScriptedServer(script) as server:
            capture = probe(server)
            server.join()
            heard = server.peers[0].heard
        assert fault(capture) == (kind, Phase.SMTP)
        assert capture.fault is not None
        assert capture.fault.server_text == words
        assert capture.smtp is not None
        assert capture.smtp.banner == "220 mail.contoso.test ESMTP"
        # A client that was refused says QUIT, unless it was told that the connection ends.
        assert heard.endswith(b"QUIT\r\n") is not words.startswith("421")

    def test_421_then_a_welcome(self) -> None:
        with ScriptedServer(lambda peer: peer.say(b"421 4.3.2 busy\r\n"), starttls(HEALTHY)) as server:
            capture = probe(server)
            assert len(server.peers) == 2
        assert capture.fault is None
        assert ders(capture) == (LEAF.der, ISSUING.der)

    @pytest.mark.parametrize("before", [[], [CAPABILITIES]], ids=["EHLO", "STARTTLS"])
    def test_421_later_on_then_a_welcome(self, before: list[bytes]) -> None:
        """Postfix counts TLS sessions, too: 421 4.7.0 ... too many new TLS sessions."""

        def throttle(peer: Peer) -> None:
            peer.say(GREETING)
            for reply in [*before, b"421 4.7.0 too many\r\n"]:
                peer.hear()
                peer.say(reply)

        with ScriptedServer(throttle, starttls(HEALTHY)) as server:
            capture = probe(server)
            assert len(server.peers) == 2
        assert capture.fault is None
        assert ders(capture) == (LEAF.der, ISSUING.der)

    def test_421_twice_is_enough(self) -> None:
        with ScriptedServer(lambda peer: peer.say(b"421 4.3.2 busy\r\n")) as server:
            capture = probe(server)
            assert len(server.peers) == 2
        assert fault(capture) == (FaultKind.THROTTLED, Phase.SMTP)
        assert capture.fault is not None
        assert capture.fault.server_text == "421 4.3.2 busy"

    def test_421_then_silence_keeps_the_words(self) -> None:
        def check(seconds: float) -> None:
            capture = against(lambda peer: peer.say(b"421 4.3.2 busy\r\n"), Peer.hold, timeout_s=seconds)
            assert fault(capture) == (FaultKind.THROTTLED, Phase.SMTP)

        given_time(check)

    def test_no_second_attempt_without_time_for_its_pause(self) -> None:
        with ScriptedServer(lambda peer: peer.say(b"421 4.3.2 busy\r\n")) as server:
            capture = probe(server, retry_pause_s=60.0)
            assert len(server.peers) == 1
        assert fault(capture) == (FaultKind.THROTTLED, Phase.SMTP)

    def test_nobody_listens(self) -> None:
        with closed_port() as port, ScriptedServer() as server:
            capture = probe(server, port=port)
        assert fault(capture) == (FaultKind.UNREACHABLE, Phase.CONNECT)
        assert capture.smtp is None
        assert capture.address == "127.0.0.1"

    def test_nobody_answers(self) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            fillers = [begin_connect("127.0.0.1", port) for _ in range(4)]
            request = ProbeRequest(
                host="mail.contoso.test", address="127.0.0.1", port=port, sni=None, timeout_s=SHORT_S
            )
            capture = observe(request, begin_connect("127.0.0.1", port), monotonic())
            for filler in fillers:
                filler.close()
        assert fault(capture) == (FaultKind.TIMEOUT, Phase.TIMEOUT)


STEPS = [b"", GREETING, CAPABILITIES, GO_AHEAD]


def stopping_after(count: int, end: Script) -> Script:
    """Say the first replies, then do what `end` does."""

    def script(peer: Peer) -> None:
        for reply in STEPS[1:count]:
            peer.say(reply)
            peer.hear()
        if count > 0:
            peer.say(STEPS[count])
        end(peer)

    return script


class TestEndings:
    @pytest.mark.parametrize("steps", range(4))
    def test_silence(self, steps: int) -> None:
        def check(seconds: float) -> None:
            capture = against(stopping_after(steps, Peer.hold), timeout_s=seconds)
            assert fault(capture) == (FaultKind.TIMEOUT, Phase.TIMEOUT)
            assert capture.smtp is not None
            assert (capture.smtp.banner is None) == (steps == 0)

        given_time(check)

    @pytest.mark.parametrize(
        ("steps", "expected"),
        [
            (0, (FaultKind.CONNECTION_CLOSED, Phase.SMTP)),
            (1, (FaultKind.CONNECTION_CLOSED, Phase.SMTP)),
            (2, (FaultKind.CONNECTION_CLOSED, Phase.SMTP)),
            (3, (FaultKind.TLS_FAILED, Phase.TLS)),
        ],
    )
    @pytest.mark.parametrize("end", [lambda peer: peer.socket.shutdown(socket.SHUT_RDWR), Peer.reset])
    def test_closed(self, steps: int, expected: tuple[FaultKind, Phase], end: Script) -> None:
        def wait_first(peer: Peer) -> None:
            # A reset overtakes what was sent before it; so it comes when the client has answered.
            if steps:
                peer.socket.recv(1)
            end(peer)

        seen = fault(against(stopping_after(steps, wait_first)))
        # A reset right after the connection came about is as good as a refusal, if it comes fast enough.
        assert seen == expected or (steps == 0 and seen == (FaultKind.UNREACHABLE, Phase.CONNECT))

    def test_cut_off_words_are_kept(self) -> None:
        capture = against(lambda peer: peer.say(b"220-mail.contoso.test\r\n220-please wa"))
        assert fault(capture) == (FaultKind.CONNECTION_CLOSED, Phase.SMTP)
        assert capture.fault is not None
        assert capture.fault.server_text == "220-please wa"

    def test_silence_amid_the_handshake(self) -> None:
        def script(peer: Peer) -> None:
            peer.to_starttls()
            peer.socket.recv(1)
            peer.say(server_hello() + certificate_message(LEAF.der, ISSUING.der))
            peer.hold()

        def check(seconds: float) -> None:
            capture = against(script, timeout_s=seconds)
            assert fault(capture) == (FaultKind.TIMEOUT, Phase.TIMEOUT)
            assert ders(capture) == (LEAF.der, ISSUING.der)

        given_time(check)


class TestFloods:
    @pytest.mark.parametrize(
        "pieces",
        [
            lambda: itertools.repeat(b"220-" + b"a" * 70 + b"\r\n"),
            lambda: itertools.repeat(b"220-\r\n"),
            lambda: itertools.repeat(b"2" * 10_000),
            lambda: itertools.repeat(b"\x00\xff\x1b[31m" * 1000),
            lambda: itertools.repeat(b"\r\n" * 1000),
        ],
    )
    def test_an_endless_greeting(self, pieces: object) -> None:
        capture = against(lambda peer: peer.say_in_pieces(pieces()))  # type: ignore[operator]
        assert fault(capture) == (FaultKind.NOT_SMTP, Phase.SMTP)
        assert capture.smtp is not None
        assert len(capture.smtp.transcript) < 1000

    def test_thousands_of_reply_lines(self) -> None:
        def script(peer: Peer) -> None:
            peer.say(GREETING)
            peer.hear()
            peer.say_in_pieces([b"250-X\r\n" * 50_000])
            peer.hold()

        assert fault(against(script)) == (FaultKind.NOT_SMTP, Phase.SMTP)

    def test_a_byte_now_and_then(self) -> None:
        def script(peer: Peer) -> None:
            peer.socket.settimeout(0.02)
            for octet in itertools.cycle(b"220-hello\r\n"):
                peer.say(bytes([octet]))
                try:
                    if not peer.socket.recv(1):
                        return
                except TimeoutError:
                    continue

        capture = against(script, timeout_s=SHORT_S)
        assert fault(capture) == (FaultKind.TIMEOUT, Phase.TIMEOUT)

    def test_endless_bytes_in_the_handshake(self) -> None:
        def script(peer: Peer) -> None:
            peer.to_starttls()
            peer.socket.recv(1)
            # A message that claims 16 MB and keeps coming.
            peer.say_in_pieces([record(22, b"\x02\xff\xff\xff" + bytes(16_000))])
            peer.say_in_pieces(itertools.repeat(record(22, bytes(16_000))))

        assert fault(against(script)) == (FaultKind.TLS_FAILED, Phase.TLS)

    def test_endless_warnings_in_the_handshake(self) -> None:
        def script(peer: Peer) -> None:
            peer.to_starttls()
            peer.socket.recv(1)
            peer.say_in_pieces(itertools.repeat(record(21, bytes([1, 112])) * 1000))

        assert fault(against(script)) == (FaultKind.TLS_FAILED, Phase.TLS)


class TestCertificates:
    def sending(self, *certificates: bytes) -> Capture:
        def script(peer: Peer) -> None:
            peer.to_starttls()
            peer.socket.recv(1)
            peer.say_in_pieces([server_hello() + certificate_message(*certificates)])
            peer.hold()

        return against(script)

    def test_hundreds_of_them(self) -> None:
        capture = self.sending(*[LEAF.der] * 400)
        assert fault(capture) == (FaultKind.TLS_FAILED, Phase.TLS)
        assert capture.fault is not None
        assert "100 KiB" in capture.fault.message

    def test_a_hundred_are_counted(self) -> None:
        def script(peer: Peer) -> None:
            peer.to_starttls()
            peer.serve_tls(tls_context(LEAF, *[ISSUING] * 99))

        capture = against(script)
        assert capture.fault is None
        assert capture.presented is not None
        assert len(capture.presented.entries) + capture.presented.dropped == 100

    def test_that_do_not_parse_are_kept(self) -> None:
        capture = self.sending(b"\x30\x82nonsense", LEAF.der)
        assert fault(capture) == (FaultKind.TLS_FAILED, Phase.TLS)
        assert ders(capture) == (b"\x30\x82nonsense", LEAF.der)
        assert capture.leaf is None

    def test_a_megabyte_of_names(self) -> None:
        capture = self.sending(LEAF.der + bytes(1_000_000))
        assert fault(capture) == (FaultKind.TLS_FAILED, Phase.TLS)

    def test_a_real_certificate_with_60_kb_of_names(self) -> None:
        names = tuple(f"host-{number:05}.contoso.test" for number in range(2200))
        big = AUTHORITY.leaf(ISSUING, *names)
        assert 50_000 < len(big.der) < 100_000
        capture = against(starttls(tls_context(big, ISSUING)))
        assert capture.fault is None
        assert ders(capture) == (big.der, ISSUING.der)

    def test_none_at_all(self) -> None:
        assert fault(self.sending()) == (FaultKind.TLS_FAILED, Phase.TLS)

    def test_nonsense_in_an_extension_is_kept(self) -> None:
        odd = AUTHORITY.leaf(ISSUING, extra=(raw_extension("2.5.29.32", b"\x30\x03\xff\xff\xff"),))
        assert ders(against(starttls(tls_context(odd))))[0] == odd.der


class TestEarlyTickets:
    """Where they are looked for, all else stays as it is."""

    @pytest.mark.parametrize(
        ("version", "seen"),
        [(SSL.TLS1_3_VERSION, False), (SSL.TLS1_2_VERSION, None), (SSL.TLS1_VERSION, None)],
    )
    def test_by_version(self, version: int, seen: bool | None) -> None:
        script = starttls(tls_context(LEAF, ISSUING, version=version))
        plain, looking = (against(script, look_early=look) for look in (False, True))
        assert plain.tls is not None
        assert looking.tls is not None
        assert (plain.tls.early_ticket, looking.tls.early_ticket) == (None, seen)
        assert transcript(looking) == transcript(plain)
        assert (looking.fault, ders(looking)) == (None, ders(plain))

    def test_a_client_certificate_demanded(self) -> None:
        context = tls_context(LEAF, ISSUING, version=SSL.TLS1_3_VERSION, demand=True)
        capture = against(starttls(context), look_early=True)
        assert fault(capture) == (FaultKind.CLIENT_CERTIFICATE_DEMANDED, Phase.TLS)

    def test_nothing_is_sent_until_it_was_looked(self) -> None:
        server = SSL.Connection(tls_context(LEAF, ISSUING, version=SSL.TLS1_3_VERSION), None)
        server.set_accept_state()
        request = ProbeRequest(
            host="mail.contoso.test",
            address="127.0.0.1",
            port=465,
            sni=None,
            implicit_tls=True,
            look_early=True,
        )
        session = ClientSession(request, "probe.test")
        server.bio_write(session.bytes_to_send(0))
        with pytest.raises(SSL.WantReadError):
            server.do_handshake()
        session.receive(server.bio_read(65_536), 0)
        assert (session.looking, session.bytes_to_send(0)) == (True, b"")
        session.receive(b"", 0)
        server.bio_write(session.bytes_to_send(0))
        server.do_handshake()  # the Finished has come

    def test_inside_tls_what_comes_after_the_first_look_is_not_early(self) -> None:
        context = tls_context(LEAF, ISSUING, version=SSL.TLS1_3_VERSION)

        def script(peer: Peer) -> None:
            tls = peer.shake_hands(context)  # its tickets leave with its next words
            tls.sendall(GREETING)
            tls.recv(1000)
            tls.sendall(CAPABILITIES)
            tls.recv(1000)

        capture = against(script, implicit_tls=True, look_early=True)
        assert capture.fault is None
        assert capture.tls is not None
        assert capture.tls.early_ticket is False


class TestTlsFailures:
    @pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 100, b"454 no TLS\r\n"])
    def test_garbage_instead_of_tls(self, words: bytes) -> None:
        def script(peer: Peer) -> None:
            peer.to_starttls()
            peer.socket.recv(1)
            peer.say(words)
            peer.hold()

        capture = against(script)
        assert fault(capture) == (FaultKind.TLS_FAILED, Phase.TLS)
        assert capture.fault is not None
        assert capture.fault.server_text

    def test_ssl3_only(self) -> None:
        def script(peer: Peer) -> None:
            peer.to_starttls()
            peer.socket.recv(1)
            peer.say(server_hello(b"\x03\x00", b"\x00\x2f"))
            peer.hold()

        assert fault(against(script)) == (FaultKind.OLD_TLS, Phase.TLS)

    @pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_2_VERSION])
    def test_a_client_certificate_demanded(self, version: int) -> None:
        capture = against(starttls(tls_context(LEAF, ISSUING, version=version, demand=True)))
        assert fault(capture) == (FaultKind.CLIENT_CERTIFICATE_DEMANDED, Phase.TLS)
        assert ders(capture) == (LEAF.der, ISSUING.der)
        assert capture.tls is not None
        assert capture.tls.client_certificate_requested
        assert capture.fault is not None
        assert "client certificate" in capture.fault.message

    def test_a_client_certificate_demanded_under_tls_1_3(self) -> None:
        # The server refuses after its own part is complete: all is seen.
        capture = against(starttls(tls_context(LEAF, ISSUING, version=SSL.TLS1_3_VERSION, demand=True)))
        assert fault(capture) == (FaultKind.CLIENT_CERTIFICATE_DEMANDED, Phase.TLS)
        assert ders(capture) == (LEAF.der, ISSUING.der)

    def test_a_client_certificate_asked_for_and_not_demanded(self) -> None:
        context, ticketless = (
            tls_context(LEAF, ISSUING, version=SSL.TLS1_3_VERSION, ask=True) for _ in range(2)
        )
        # No session ticket and no reply to QUIT: nothing says that all is well.
        ticketless.set_options(SSL.OP_NO_TICKET)

        def silent(peer: Peer) -> None:
            peer.to_starttls()
            peer.shake_hands(ticketless)
            peer.hold()

        def polite(peer: Peer) -> None:
            peer.to_starttls()
            tls = peer.shake_hands(ticketless)
            tls.recv(1000)
            with contextlib.suppress(SSL.Error):  # the client may be gone after the first of the two
                tls.sendall(b"221 bye\r\n")
                tls.shutdown()

        def rude(peer: Peer) -> None:
            peer.to_starttls()
            peer.shake_hands(ticketless).recv(1000)
            peer.reset()

        for script in (starttls(context), silent, polite, rude):
            capture = against(script)
            assert capture.fault is None
            assert ders(capture) == (LEAF.der, ISSUING.der)
            assert capture.tls is not None
            assert capture.tls.client_certificate_requested

    def test_a_group_that_only_the_library_offers(self) -> None:
        context = tls_context(LEAF, ISSUING)
        assert offer(context, "SSL_CTX_set1_curves_list", b"X448")
        with ScriptedServer(starttls(context)) as server:
            capture = probe(server)
            assert len(server.peers) == 2
        assert capture.fault is None
        assert ders(capture) == (LEAF.der, ISSUING.der)

    def test_no_cipher_in_common_is_tried_twice_and_no_more(self) -> None:
        context = tls_context(RSA_LEAF, version=SSL.TLS1_2_VERSION, ciphers=b"ECDHE-ECDSA-AES128-SHA")
        with ScriptedServer(starttls(context)) as server:
            capture = probe(server)
            assert len(server.peers) == 2
        assert fault(capture) == (FaultKind.TLS_FAILED, Phase.TLS)
        assert capture.fault is not None
        assert "handshake_failure" in capture.fault.message

    def test_plaintext_after_the_220(self) -> None:
        def script(peer: Peer) -> None:
            peer.say(GREETING)
            peer.hear()
            peer.say(CAPABILITIES)
            peer.hear()
            peer.say(GO_AHEAD + b"250 injected\x1b[31m\r\n")
            peer.serve_tls(HEALTHY)

        capture = against(script)
        assert capture.fault is None
        assert ders(capture) == (LEAF.der, ISSUING.der)
        assert capture.smtp is not None
        assert capture.smtp.plaintext_after_starttls is not None
        assert "250 injected\\x1b[31m" in capture.smtp.plaintext_after_starttls


class TestDriver:
    def test_time_ends_although_there_are_bytes(self) -> None:
        said = threading.Event()

        def script(peer: Peer) -> None:
            # The end of the connection is there to be read too: who reads on after the deadline sees that instead.
            peer.say(b"220-mail.contoso.test\r\n")
            peer.socket.shutdown(socket.SHUT_WR)
            said.set()
            peer.hold()

        with ScriptedServer(script) as server:
            request = ProbeRequest(
                host="mail.contoso.test", address="127.0.0.1", port=server.port, sni=None, timeout_s=0.0
            )
            pending = begin_connect(request.address, request.port)
            assert said.wait(PATIENCE_S)
            capture = observe(request, pending, monotonic())
        assert fault(capture) == (FaultKind.TIMEOUT, Phase.TIMEOUT)
        assert capture.fault is not None
        assert capture.fault.server_text == "220-mail.contoso.test"

    def test_a_peer_that_left_needs_no_goodbye(self) -> None:
        observation = ClientSession(REQUEST, "probe.test")
        observation.receive(b"554 no\r\n", 0)
        with ScriptedServer(Peer.hold) as server:
            stream = begin_connect("127.0.0.1", server.port).finish(Deadline(monotonic() + PATIENCE_S))
            stream.close()
            _drive(observation, stream, Deadline(monotonic()), monotonic(), NOTHING)
        assert observation.finished
        assert fault(observation.capture()) == (FaultKind.SMTP_REFUSED, Phase.SMTP)


REQUEST = ProbeRequest(host="mail.contoso.test", address="192.0.2.1", port=25, sni=None)


class TestObservation:
    """The machine alone, without a socket."""

    def test_reads_nothing_after_the_end(self) -> None:
        observation = ClientSession(REQUEST, "probe.test")
        observation.receive(b"421 busy\r\n", 1)
        before = observation.capture()
        observation.receive(b"220 welcome after all\r\n", 2)
        assert observation.capture() == before
        assert observation.retry is Retry.THROTTLED

    def test_a_connection_that_breaks_is_closed(self) -> None:
        observation = ClientSession(REQUEST, "probe.test")
        observation.receive(GREETING, 1)
        observation.break_off(SmtpError("connection closed by 192.0.2.1 port 25"), 2)
        capture = observation.capture()
        assert fault(capture) == (FaultKind.CONNECTION_CLOSED, Phase.SMTP)
        assert capture.fault is not None
        assert capture.fault.server_text == "220 mail.contoso.test ESMTP"

    def test_too_many_bytes_in_the_handshake(self) -> None:
        observation = ClientSession(REQUEST, "probe.test")
        observation.receive(GREETING + CAPABILITIES + GO_AHEAD, 1)
        observation.break_off(SmtpError("192.0.2.1 port 25 sent more than 1 bytes"), 2)
        assert fault(observation.capture()) == (FaultKind.TLS_FAILED, Phase.TLS)

    def test_each_thing_is_said_once(self) -> None:
        observation = ClientSession(REQUEST, "probe.test")
        assert observation.bytes_to_send(0) == b""
        observation.receive(GREETING, 1)
        assert observation.bytes_to_send(1) == b"EHLO probe.test\r\n"
        assert observation.bytes_to_send(1) == b""
        observation.receive(CAPABILITIES, 2)
        assert observation.bytes_to_send(2) == b"STARTTLS\r\n"
        observation.receive(GO_AHEAD, 3)
        hello = observation.bytes_to_send(3)
        assert hello.startswith(b"\x16\x03")
        assert len(hello) < 512
        assert not observation.finished


class TestEhloName:
    @pytest.mark.parametrize(
        ("hostname", "address", "name"),
        [
            ("probe.contoso.test", "192.0.2.1", "probe.contoso.test"),
            ("Probe.Contoso.Test.", "192.0.2.1", "probe.contoso.test"),
            ("probe", "192.0.2.1", "192.0.2.1"),
            ("localhost.localdomain", "192.0.2.1", "192.0.2.1"),
            ("192.0.2.77", "192.0.2.1", "192.0.2.1"),
            ("pro be.contoso.test", "192.0.2.1", "192.0.2.1"),
            ("pröbe.contoso.test", "2001:db8::1", "2001:db8::1"),
            ("", "fe80::1%eth0", "fe80::1"),
        ],
    )
    def test_is_a_domain_or_the_address(self, hostname: str, address: str, name: str) -> None:
        assert local_ehlo_name(address, hostname) == name

    def test_of_this_machine(self) -> None:
        assert local_ehlo_name("192.0.2.1")
