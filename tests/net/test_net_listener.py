"""The listener and its sessions: with real clients on loopback, and the state machine alone."""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from probe.errors import ConfigurationError
from probe.net.clock import monotonic
from probe.net.listener import Listener
from probe.net.listener_settings import ListenerLimits, ListenerSettings
from probe.net.server_session import RECIPIENTS_KEPT, Ending, Question, ServerSession, SessionRecord
from probe.net.tls_engine import TlsFailureKind
from probe.net.tls_server import server_context
from probe.smtp.reply import Reply
from probe.smtp.server_values import (
    MailOffered,
    RecipientOffered,
    ServerLimits,
    ServerProfile,
    ViolationKind,
)
from tests.authority import Issued, chain_pem
from tests.examples import examples
from tests.net.scripted import CLIENT, ISSUING, LEAF, RSA_LEAF

PROFILE = ServerProfile(hostname="listener.test")
CONTEXT = server_context(chain_pem(LEAF, ISSUING).encode(), LEAF.key_pem.encode())
OTHER = server_context(RSA_LEAF.pem.encode(), RSA_LEAF.key_pem.encode())

PATIENCE_S = 30.0


class Records:
    """Collects session records and waits for them."""

    def __init__(self) -> None:
        self._records: list[SessionRecord] = []
        self._changed = threading.Condition()

    def __call__(self, record: SessionRecord) -> None:
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def wait(self, count: int = 1) -> list[SessionRecord]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._records) >= count, PATIENCE_S)
            return list(self._records)


class Sender:
    """A blocking client made of the standard library: another TLS than the listener's."""

    def __init__(self, port: int, host: str = "127.0.0.1", source: str | None = None) -> None:
        own = (source, 0) if source else None
        self.socket: socket.socket = socket.create_connection((host, port), PATIENCE_S, own)
        self._buffer = b""

    def hear(self) -> str:
        """One reply, its lines joined; "" at the end."""
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            while b"\n" not in self._buffer:
                data = self.socket.recv(65_536)
                if not data:
                    return ""
                self._buffer += data
            line, _, self._buffer = self._buffer.partition(b"\n")
            lines.append(line.decode().rstrip())
        return " ".join(lines)

    def say(self, *commands: str) -> str:
        """Say the commands one by one; the last reply."""
        reply = ""
        for command in commands:
            self.socket.sendall(command.encode() + b"\r\n")
            reply = self.hear()
        return reply

    def start_tls(
        self, *chain: Issued, folder: Path | None = None, version: ssl.TLSVersion | None = None
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if version:
            context.maximum_version = version
        if chain and folder:
            file = folder / "client.pem"
            file.write_text(chain[0].key_pem + chain_pem(*chain))
            context.load_cert_chain(file)
            file.unlink()
        self.socket = context.wrap_socket(self.socket, server_hostname="listener.test")

    def close(self) -> None:
        self.socket.close()


def listening(records: Records | None = None, **options: object) -> Listener:
    chosen: dict[str, object] = {"profile": PROFILE, "contexts": [CONTEXT]}
    settings_ = ListenerSettings(**(chosen | options))  # type: ignore[arg-type]
    return Listener(settings_, records)


MANY = ServerLimits(commands=10**9)


def narrow(records: Records | None, limits: ListenerLimits) -> Listener:
    """A listener with small send buffers, so that a client that does not read is soon noticed."""
    listener = listening(records, limits=limits)
    listener._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return listener


class TestSessions:
    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_the_clients_chain_is_captured(self, version: ssl.TLSVersion, tmp_path: Path) -> None:
        records = Records()
        with listening(records) as listener:
            sender = Sender(listener.port)
            assert sender.hear().startswith("220 listener.test")
            assert "STARTTLS" in sender.say("EHLO sender.contoso.test")
            assert sender.say("STARTTLS").startswith("220")
            sender.start_tls(CLIENT, ISSUING, folder=tmp_path, version=version)
            assert "STARTTLS" not in sender.say("EHLO sender.contoso.test")
            assert sender.say("MAIL FROM:<a@contoso.test>").startswith("250")
            assert sender.say("RCPT TO:<b@contoso.test>").startswith("250")
            assert sender.say("DATA").startswith("354")
            assert sender.say("Subject: x\r\n\r\nx\r\n.").startswith("451")
            assert sender.say("QUIT").startswith("221")
            assert sender.hear() == ""
            sender.close()
            (record,) = records.wait()
        assert record.ending is Ending.QUIT
        assert record.presented == (CLIENT.der, ISSUING.der)
        assert record.client_name == "sender.contoso.test"
        assert record.server_name == "listener.test"
        assert record.tls is not None
        assert record.tls.version == version.name.replace("_", ".")
        assert record.tls_failure is None
        assert (record.sender, record.recipients) == ("a@contoso.test", ("b@contoso.test",))
        assert record.content_bytes > 0
        assert record.violation is None
        assert (record.number, record.peer_address) == (1, "127.0.0.1")
        assert record.peer_port > 0
        assert record.elapsed_ms >= 0
        assert any(line.text == "STARTTLS" for line in record.transcript)

    def test_no_certificate_is_no_failure(self) -> None:
        records = Records()
        with listening(records) as listener:
            sender = Sender(listener.port)
            sender.hear()
            sender.say("EHLO sender.contoso.test", "STARTTLS")
            sender.start_tls()
            assert sender.say("EHLO sender.contoso.test").startswith("250")
            sender.close()
            (record,) = records.wait()
        assert record.presented == ()
        assert record.tls is not None
        assert record.ending is Ending.CLOSED

    def test_the_policy_decides(self) -> None:
        asked: list[Question] = []

        def policy(session: ServerSession, question: Question) -> Reply | None:
            asked.append(question)
            assert session.tls is not None
            refuse = isinstance(question, RecipientOffered)
            return Reply(code=454, lines=("4.7.0 UntrustedRoot",)) if refuse else None

        with listening(policy=policy) as listener:
            sender = Sender(listener.port)
            sender.hear()
            sender.say("EHLO s.test", "STARTTLS")
            sender.start_tls()
            assert sender.say("EHLO s.test", "MAIL FROM:<>").startswith("250")
            assert sender.say("RCPT TO:<b@contoso.test>") == "454 4.7.0 UntrustedRoot"
            sender.close()
        assert asked == [MailOffered(sender=""), RecipientOffered(sender="", recipient="b@contoso.test")]

    def test_a_policy_that_fails_turns_one_sender_away_and_ends_nothing(self) -> None:
        def policy(session: ServerSession, question: Question) -> Reply | None:
            if isinstance(question, MailOffered) and question.sender.startswith("bad"):
                raise RuntimeError(session)
            return None

        with listening(policy=policy) as listener:
            for sender_address, code in (("bad@contoso.test", "451 4.3.0"), ("a@contoso.test", "250")):
                sender = Sender(listener.port)
                sender.hear()
                sender.say("EHLO sender.contoso.test", "STARTTLS")
                sender.start_tls()
                assert sender.say("EHLO s.test", f"MAIL FROM:<{sender_address}>").startswith(code)
                sender.close()

    def test_a_sender_that_is_being_judged_holds_up_nobody_else(self) -> None:
        asked, go_on = threading.Event(), threading.Event()

        def policy(_session: ServerSession, _question: Question) -> Reply | None:
            asked.set()
            assert go_on.wait(PATIENCE_S)
            return Reply(code=454, lines=("4.7.0 UntrustedRoot",))

        with listening(policy=policy) as listener:
            slow, other = Sender(listener.port), Sender(listener.port)
            slow.hear()
            slow.say("EHLO slow.test", "STARTTLS")
            slow.start_tls()
            slow.say("EHLO slow.test")
            # Else the second command waits in the kernel for an acknowledgement of the first.
            slow.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            slow.socket.sendall(b"MAIL FROM:<>\r\n")
            assert asked.wait(PATIENCE_S)
            slow.socket.sendall(b"QUIT\r\n")
            other.hear()
            assert other.say("EHLO other.test", "NOOP", "QUIT").startswith("221")
            go_on.set()
            assert [slow.hear(), slow.hear()[:3], slow.hear()] == ["454 4.7.0 UntrustedRoot", "221", ""]
            slow.close()
            other.close()

    def test_a_session_that_is_being_told_of_holds_up_nobody_else(self) -> None:
        told, go_on = threading.Event(), threading.Event()

        def note(_record: SessionRecord) -> None:
            told.set()
            assert go_on.wait(PATIENCE_S)

        with Listener(ListenerSettings(profile=PROFILE, contexts=[CONTEXT]), note) as listener:
            first = Sender(listener.port)
            first.hear()
            assert first.say("QUIT").startswith("221")
            assert told.wait(PATIENCE_S)
            other = Sender(listener.port)
            other.hear()
            assert other.say("EHLO other.test", "NOOP", "QUIT").startswith("221")
            go_on.set()
            first.close()
            other.close()

    def test_one_that_leaves_while_it_is_judged_is_told_of_once_and_what_fails_then_ends_the_run(
        self,
    ) -> None:
        asked, go_on, seen = threading.Event(), threading.Event(), []

        def policy(_session: ServerSession, _question: Question) -> Reply | None:
            asked.set()
            assert go_on.wait(PATIENCE_S)
            return None

        def note(record: SessionRecord) -> None:
            seen.append(record.ending)
            listener.stop()
            raise ConfigurationError("nowhere to write")

        listener = Listener(ListenerSettings(profile=PROFILE, contexts=[CONTEXT], policy=policy), note)
        failed: list[ConfigurationError] = []

        def serve() -> None:
            try:
                listener.run(PATIENCE_S)
            except ConfigurationError as error:
                failed.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        sender = Sender(listener.port)
        sender.hear()
        sender.say("EHLO s.test", "STARTTLS")
        sender.start_tls()
        sender.say("EHLO s.test")
        sender.socket.sendall(b"MAIL FROM:<>\r\n")
        assert asked.wait(PATIENCE_S)
        sender.socket.close()
        go_on.set()
        thread.join(PATIENCE_S)
        assert seen == [Ending.CLOSED]
        assert [str(error) for error in failed] == ["nowhere to write"]

    def test_pipelined_commands_are_answered_in_order(self) -> None:
        with listening() as listener:
            sender = Sender(listener.port)
            sender.hear()
            sender.say("EHLO s.test", "STARTTLS")
            sender.start_tls()
            sender.socket.sendall(
                b"EHLO s.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\nQUIT\r\n"
            )
            codes = [sender.hear()[:3] for _ in range(5)]
            sender.close()
        assert codes == ["250", "250", "250", "250", "221"]

    def test_contexts_take_turns(self) -> None:
        seen = []
        with listening(contexts=[CONTEXT, OTHER]) as listener:
            for _ in range(3):
                sender = Sender(listener.port)
                sender.hear()
                sender.say("EHLO s.test", "STARTTLS")
                sender.start_tls()
                assert isinstance(sender.socket, ssl.SSLSocket)
                seen.append(sender.socket.getpeercert(binary_form=True))
                sender.close()
        assert seen == [LEAF.der, RSA_LEAF.der, LEAF.der]

    def test_implicit_tls(self) -> None:
        records = Records()
        with listening(records, implicit_tls=True) as listener:
            sender = Sender(listener.port)
            sender.start_tls()
            assert sender.hear().startswith("220 listener.test")
            assert sender.say("EHLO s.test").startswith("250")
            assert sender.say("QUIT").startswith("221")
            sender.close()
            (record,) = records.wait()
        assert record.ending is Ending.QUIT
        assert record.tls is not None

    def test_over_ipv6(self) -> None:
        records = Records()
        with listening(records, host="::1") as listener:
            sender = Sender(listener.port, "::1")
            assert sender.hear().startswith("220")
            sender.close()
            assert records.wait()[0].peer_address == "::1"

    def test_many_at_once_are_not_mixed_up(self) -> None:
        records = Records()
        limits = ListenerLimits(per_address=100)
        with listening(records, limits=limits) as listener:
            senders = [Sender(listener.port) for _ in range(60)]
            for number, sender in enumerate(senders):
                sender.hear()
                assert sender.say(f"EHLO s{number}.test").startswith("250")
            for sender in reversed(senders):
                assert sender.say("QUIT").startswith("221")
                sender.close()
            names = {record.client_name for record in records.wait(60)}
        assert names == {f"s{number}.test" for number in range(60)}


class TestHostileClients:
    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ViolationKind.NOT_SMTP),
            (b"A" * 100_000, ViolationKind.LINE_TOO_LONG),
            (b"\x16\x03\x01\x00\x05hello", ViolationKind.TLS_WITHOUT_STARTTLS),
            (b"NONSENSE\r\n" * 100, ViolationKind.TOO_MANY_ERRORS),
            (b"NOOP\r\n" * 2000, ViolationKind.TOO_MANY_COMMANDS),
            (b"EHLO x.test\r\nSTARTTLS\r\nMAIL FROM:<a@x.test>\r\n", ViolationKind.PLAINTEXT_AFTER_STARTTLS),
        ],
    )
    def test_violations_end_the_session(self, data: bytes, kind: ViolationKind) -> None:
        records = Records()
        with listening(records) as listener:
            sender = Sender(listener.port)
            sender.hear()
            try:
                sender.socket.sendall(data)
                while sender.hear():
                    pass
            except OSError:
                pass
            sender.close()
            (record,) = records.wait()
        assert record.violation is not None
        assert (record.ending, record.violation.kind) == (Ending.VIOLATION, kind)

    def test_the_last_words_arrive(self) -> None:
        with listening() as listener:
            sender = Sender(listener.port)
            sender.hear()
            # More than the listener will ever read of it.
            sender.socket.sendall(b"A" * 50_000)
            assert sender.hear().startswith("421 4.7.0")
            sender.close()

    def test_garbage_instead_of_a_handshake(self) -> None:
        records = Records()
        with listening(records) as listener:
            sender = Sender(listener.port)
            sender.hear()
            sender.say("EHLO s.test", "STARTTLS")
            sender.socket.sendall(b"this is no TLS\r\n")
            assert sender.hear() == ""
            sender.close()
            (record,) = records.wait()
        assert record.ending is Ending.TLS_FAILED
        assert record.tls_failure is not None
        assert record.tls_failure.kind is TlsFailureKind.NOT_TLS
        assert record.tls_failure.server_text == "this is no TLS"

    def test_a_client_that_does_not_trust_us(self) -> None:
        records = Records()
        with listening(records) as listener:
            sender = Sender(listener.port)
            sender.hear()
            sender.say("EHLO s.test", "STARTTLS")
            with pytest.raises(ssl.SSLError):
                ssl.create_default_context().wrap_socket(sender.socket, server_hostname="listener.test")
            (record,) = records.wait()
        assert record.ending is Ending.TLS_FAILED
        assert record.tls_failure is not None
        assert record.tls_failure.kind is TlsFailureKind.ALERT
        assert "unknown_ca" in record.tls_failure.message

    def test_gone_amid_the_handshake(self) -> None:
        records = Records()
        with listening(records) as listener:
            sender = Sender(listener.port)
            sender.hear()
            sender.say("EHLO s.test", "STARTTLS")
            sender.close()
            (record,) = records.wait()
        assert record.ending is Ending.CLOSED
        assert record.tls_failure is not None
        assert record.tls_failure.kind is TlsFailureKind.CLOSED

    def test_reset(self) -> None:
        records = Records()
        with listening(records) as listener:
            sender = Sender(listener.port)
            sender.hear()
            sender.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            sender.close()
            assert records.wait()[0].ending is Ending.CLOSED

    def test_idle(self) -> None:
        records = Records()
        with listening(records, limits=ListenerLimits(idle_s=0.05)) as listener:
            sender = Sender(listener.port)
            assert sender.hear().startswith("220")
            assert sender.hear().startswith("421")
            sender.close()
            assert records.wait()[0].ending is Ending.IDLE

    def test_too_long_although_busy(self) -> None:
        records = Records()
        limits = ListenerLimits(total_s=0.3, smtp=MANY)
        with listening(records, limits=limits) as listener:
            sender = Sender(listener.port)
            sender.hear()
            reply = ""
            while reply[:3] in ("", "250"):
                reply = sender.say("NOOP")
            sender.close()
            assert reply == "421 4.4.2 Time is up"
            assert records.wait()[0].ending is Ending.TOO_LONG

    def test_too_many_bytes(self) -> None:
        records = Records()
        with listening(records, limits=ListenerLimits(session_bytes=1000)) as listener:
            sender = Sender(listener.port)
            sender.hear()
            sender.socket.sendall(b"NOOP\r\n" * 300)
            replies = [sender.hear()[:3] for _ in range(301)]
            sender.close()
            assert records.wait()[0].ending is Ending.TOO_MANY_BYTES
        assert replies[-1] in ("421", "")
        assert "421" in replies

    def test_a_client_that_reads_nothing(self) -> None:
        records = Records()
        with narrow(records, ListenerLimits(unread_bytes=10_000, smtp=MANY)) as listener:
            sender = Sender(listener.port)
            with contextlib.suppress(OSError):
                while True:
                    sender.socket.sendall(b"EHLO x\r\n" * 100)
            sender.close()
            assert records.wait()[0].ending is Ending.TOO_MANY_BYTES

    def test_a_client_that_reads_nothing_and_says_nothing_more(self) -> None:
        records = Records()
        with narrow(records, ListenerLimits(idle_s=0.2, unread_bytes=10**9, smtp=MANY)) as listener:
            sender = Sender(listener.port)
            sender.socket.sendall(b"EHLO x\r\n" * 50_000)
            assert records.wait()[0].ending is Ending.IDLE
            sender.close()

    def test_a_client_that_reads_late_gets_everything(self) -> None:
        with narrow(None, ListenerLimits(unread_bytes=10**9, smtp=MANY)) as listener:
            sender = Sender(listener.port)
            sender.socket.sendall(b"EHLO x\r\n" * 5_000 + b"QUIT\r\n")
            assert sender.hear().startswith("220")
            replies = [sender.hear()[:3] for _ in range(5_001)]
            sender.close()
        assert replies == ["250"] * 5_000 + ["221"]

    def test_one_that_does_not_leave_is_left(self) -> None:
        records = Records()
        with listening(records, limits=ListenerLimits(linger_s=0.1)) as listener:
            sender = Sender(listener.port)
            sender.hear()
            assert sender.say("QUIT").startswith("221")
            assert records.wait()[0].ending is Ending.QUIT
            # It goes on talking; the connection is torn down all the same.
            began = monotonic()
            with contextlib.suppress(ConnectionError):
                while monotonic() - began < PATIENCE_S:
                    sender.socket.sendall(b"NOOP\r\n")
            assert monotonic() - began < PATIENCE_S
            sender.close()
            assert len(records.wait()) == 1


class TestLimits:
    def test_per_address(self) -> None:
        records = Records()
        with listening(records, limits=ListenerLimits(per_address=2)) as listener:
            first, second = Sender(listener.port), Sender(listener.port)
            assert first.hear().startswith("220")
            assert second.hear().startswith("220")
            third = Sender(listener.port)
            assert third.hear().startswith("421 4.7.0")
            assert third.hear() == ""
            first.close()
            records.wait()
            fourth = Sender(listener.port)
            assert fourth.hear().startswith("220")
            for sender in (second, third, fourth):
                sender.close()

    def test_a_few_that_fill_it_keep_nobody_out(self) -> None:
        with listening(limits=ListenerLimits(sessions=8)) as listener:
            greedy = [Sender(listener.port, source="127.0.0.2") for _ in range(8)]
            said = [sender.hear()[:3] for sender in greedy]
            assert said == ["220"] * 6 + ["421"] * 2
            others = [Sender(listener.port, source=f"127.0.0.{number}") for number in (3, 4)]
            assert [sender.hear()[:3] for sender in others] == ["220"] * 2
            for sender in (*greedy, *others):
                sender.close()

    def test_ipv6_clients_are_counted_by_their_network(self) -> None:
        with listening(host="::1") as listener:
            sender = Sender(listener.port, "::1")
            assert sender.hear().startswith("220")
            assert listener._open == {"::/64": 1}
            sender.close()

    def test_sessions_beyond_the_limit_wait(self) -> None:
        with listening(limits=ListenerLimits(sessions=1)) as listener:
            first, second = Sender(listener.port), Sender(listener.port)
            assert first.hear().startswith("220")
            second.socket.settimeout(0.1)
            with pytest.raises(TimeoutError):
                second.hear()
            second.socket.settimeout(PATIENCE_S)
            first.close()
            assert second.hear().startswith("220")
            second.close()

    def test_allowed_addresses(self) -> None:
        with listening(allowed=lambda address: address != "127.0.0.1") as listener:
            sender = Sender(listener.port)
            assert sender.hear() == ""
            sender.close()
        with listening(allowed=lambda address: address == "127.0.0.1") as listener:
            sender = Sender(listener.port)
            assert sender.hear().startswith("220")
            sender.close()


class TestLife:
    def test_stopping_says_goodbye_and_frees_the_port(self) -> None:
        records = Records()
        listener = listening(records)
        listener.start()
        sender = Sender(listener.port)
        sender.hear()
        port = listener.port
        listener.stop()
        listener.stop()
        assert sender.hear().startswith("421")
        sender.close()
        assert records.wait()[0].ending is Ending.STOPPED
        with pytest.raises(OSError, match="refused"):
            Sender(port)

    def test_it_runs_on_the_callers_thread_until_a_session_ends_it(self) -> None:
        seen: list[SessionRecord] = []

        def once(record: SessionRecord) -> None:
            seen.append(record)
            listener.stop()

        listener = listening(once)  # type: ignore[arg-type]
        sender = Sender(listener.port)
        sender.socket.sendall(b"QUIT\r\n")
        listener.run()
        sender.close()
        assert len(seen) == 1

    def test_a_taken_port(self) -> None:
        with listening() as listener, pytest.raises(ConfigurationError, match=f"port {listener.port}"):
            listening(port=listener.port)

    @pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("127.0.0.1", 70_000), ("no host", 0)])
    def test_what_cannot_be_bound(self, host: str, port: int) -> None:
        with pytest.raises(ConfigurationError, match="cannot listen"):
            listening(host=host, port=port)

    def test_it_binds_loopback_unless_told_otherwise(self) -> None:
        assert ListenerSettings(profile=PROFILE, contexts=[CONTEXT]).host == "127.0.0.1"

    def test_without_descriptors_it_tries_again(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with listening() as listener, socket.socket() as late:
            first = Sender(listener.port)
            assert first.hear().startswith("220")
            # `late` took the lowest number that was free, and `first` the next two: no more than these.
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(first.socket.fileno(), late.fileno()) + 2, hard))
            try:
                late.settimeout(PATIENCE_S)
                late.connect(("127.0.0.1", listener.port))
                # The second answer comes a turn after the first, and so after the attempt to accept.
                assert first.say("NOOP", "NOOP").startswith("250")
                refused = not listener._accepting
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert refused
            assert late.recv(1000).startswith(b"220")
            first.close()


class TestSessionAlone:
    def test_a_refusing_greeting_ends_it(self) -> None:
        profile = ServerProfile(hostname="x.test", greeting=Reply(code=554, lines=("no",)))
        session = ServerSession(profile, CONTEXT)
        assert session.finished
        assert session.bytes_to_send(0) == b"554 no\r\n"
        assert session.record(1, ("192.0.2.1", 1), 0).ending is Ending.REFUSED

    def test_nothing_is_heard_after_the_end(self) -> None:
        session = ServerSession(PROFILE, CONTEXT)
        session.receive(b"QUIT\r\n", 0)
        session.bytes_to_send(0)
        session.receive(b"EHLO late.test\r\n", 1)
        assert session.client_name is None
        session.receive_eof()
        assert session.ending is Ending.QUIT

    def test_recipients_are_kept_up_to_a_bound(self) -> None:
        session = ServerSession(
            ServerProfile(hostname="x.test", starttls_required=False),
            CONTEXT,
            limits=ServerLimits(recipients=1000),
        )
        session.receive(b"EHLO s.test\r\nMAIL FROM:<a@x.test>\r\n", 0)
        for number in range(RECIPIENTS_KEPT + 5):
            session.receive(b"RCPT TO:<b%d@x.test>\r\n" % number, 0)
        assert len(session.recipients) == RECIPIENTS_KEPT

    def test_no_words_before_an_implicit_handshake(self) -> None:
        session = ServerSession(PROFILE, CONTEXT, implicit_tls=True)
        assert session.bytes_to_send(0) == b""
        session.shut_down(Ending.IDLE, "4.4.2 idle")
        assert session.bytes_to_send(0) == b""
        assert session.finished

    @settings(max_examples=examples(60))
    @given(
        st.lists(
            st.one_of(
                st.binary(max_size=60),
                st.sampled_from(
                    [
                        b"EHLO a.test\r\n",
                        b"STARTTLS\r\n",
                        b"MAIL FROM:<>\r\n",
                        b"RCPT TO:<b@x.test>\r\n",
                        b"DATA\r\n",
                        b".\r\n",
                        b"RSET\r\n",
                        b"BDAT 3\r\nabc",
                        b"BDAT 0 LAST\r\n",
                        b"\x16\x03\x01",
                        b"\r\n",
                    ]
                ),
            ),
            max_size=30,
        )
    )
    def test_any_bytes_in_any_chunks(self, chunks: list[bytes]) -> None:
        profile = ServerProfile(hostname="x.test", starttls_required=False)
        session = ServerSession(profile, CONTEXT)
        said = session.bytes_to_send(0)
        for chunk in chunks:
            session.receive(chunk, 0)
            said += session.bytes_to_send(0)
        session.receive_eof()
        assert session.finished
        assert session.ending is not None
        assert said.startswith(b"220 ")
        assert b"250 2.6.0" not in said


def test_sends_its_certificates_under_both_versions() -> None:
    # The negative control for the chains above: what the listener presents is its own.
    for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
        with listening() as listener:
            sender = Sender(listener.port)
            sender.hear()
            sender.say("EHLO s.test", "STARTTLS")
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.set_max_proto_version(version)
            sender.socket.settimeout(None)
            tls = SSL.Connection(context, sender.socket)
            tls.set_connect_state()
            tls.do_handshake()
            chain = tls.get_peer_cert_chain(as_cryptography=True)
            assert chain is not None
            assert [certificate.subject for certificate in chain] == [LEAF.subject, ISSUING.subject]
            sender.close()
