"""TLS over memory BIOs: two engines talk to each other, no sockets, and hand-made bytes where no library helps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from probe.errors import InputError
from probe.net import tls_messages
from probe.net.request import KeyType
from probe.net.tls_client import GROUPS, SIGNATURES, TlsClient, client_context, offer
from probe.net.tls_engine import TlsFailureKind, is_ssl3_hello, looks_like_tls
from probe.net.tls_messages import CertificateMessage
from probe.net.tls_server import TlsServer, server_context
from tests.authority import chain_pem, raw_extension
from tests.examples import examples
from tests.net.scripted import (
    AUTHORITY,
    CLIENT,
    ISSUING,
    LEAF,
    ROOT,
    RSA_LEAF,
    certificate_message,
    record,
    server_hello,
    tls_context,
)


class Raw:
    """A server's side made straight from pyOpenSSL, for contexts that ours would never make."""

    def __init__(self, context: SSL.Context) -> None:
        self.connection = SSL.Connection(context, None)
        self.connection.set_accept_state()
        self.inside = b""

    def receive(self, data: bytes) -> None:
        if data:
            self.connection.bio_write(data)
        try:
            self.connection.do_handshake()
            self.inside += self.connection.recv(65_536)
        except SSL.Error:
            pass

    def bytes_to_send(self) -> bytes:
        try:
            return self.connection.bio_read(65_536)
        except SSL.WantReadError:
            return b""


def talk(client: TlsClient, server: Raw | TlsServer) -> None:
    """Move bytes until both have fallen silent."""
    while True:
        forth = client.bytes_to_send()
        server.receive(forth)
        back = server.bytes_to_send()
        client.receive(back)
        if not forth and not back:
            return


def shake(context: SSL.Context, client: TlsClient | None = None) -> TlsClient:
    client = client or TlsClient(client_context(), server_name="mail.contoso.test")
    talk(client, Raw(context))
    return client


def ders(*certificates: object) -> tuple[bytes, ...]:
    return tuple(certificate.der for certificate in certificates)  # type: ignore[attr-defined]


class TestChain:
    def test_is_exactly_as_sent_in_wire_order(self) -> None:
        client = shake(tls_context(LEAF, ROOT, ISSUING))
        assert client.established
        assert client.failure is None
        assert client.presented() == ders(LEAF, ROOT, ISSUING)

    def test_of_one_certificate(self) -> None:
        assert shake(tls_context(LEAF)).presented() == ders(LEAF)

    def test_is_empty_before_it_came(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        assert client.presented() == ()
        assert client.facts is None
        assert not client.established

    @pytest.mark.parametrize(
        ("version", "name"),
        [
            (SSL.TLS1_VERSION, "TLSv1"),
            (SSL.TLS1_1_VERSION, "TLSv1.1"),
            (SSL.TLS1_2_VERSION, "TLSv1.2"),
            (SSL.TLS1_3_VERSION, "TLSv1.3"),
        ],
    )
    def test_of_every_version_and_the_message_on_the_wire_agree(self, version: int, name: str) -> None:
        client = shake(tls_context(LEAF, ISSUING, version=version))
        assert client.facts is not None
        assert client.facts.version == name
        assert client.presented() == ders(LEAF, ISSUING)
        message = client._witness.message
        assert message is not None
        assert message.certificates() == client.presented()

    def test_with_an_extension_that_is_nonsense_is_kept(self) -> None:
        odd = AUTHORITY.leaf(ISSUING, extra=(raw_extension("2.5.29.31", b"\xff\xff nonsense"),))
        assert shake(tls_context(odd, ISSUING)).presented() == ders(odd, ISSUING)

    @pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
    def test_of_a_server_that_demands_a_client_certificate(self, version: int) -> None:
        client = shake(tls_context(LEAF, ISSUING, version=version, demand=True))
        assert client.presented() == ders(LEAF, ISSUING)
        assert client.certificate_requested


class TestUnreadable:
    def test_certificates_are_kept_as_bytes(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(server_hello() + certificate_message(b"no certificate", LEAF.der))
        assert client.presented() == (b"no certificate", LEAF.der)
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.UNREADABLE_CERTIFICATE

    def test_a_message_that_does_not_add_up_shows_what_it_can(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        good = certificate_message(LEAF.der, ISSUING.der)
        # The second certificate's length is made too great.
        place = good.index(ISSUING.der) - 1
        client.receive(server_hello() + good[:place] + b"\xff" + good[place + 1 :])
        assert client.failure is not None
        assert client.presented()[0] == LEAF.der

    def test_too_many_certificates_end_at_the_librarys_limit(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(server_hello() + certificate_message(*[LEAF.der] * 500))
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.TOO_LARGE
        assert client.presented() == ()

    def test_half_as_many_do_not(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(server_hello() + certificate_message(*[LEAF.der] * 100))
        assert client.failure is None
        assert client.presented() == (LEAF.der,) * 100

    @given(st.binary(max_size=200), st.sampled_from([0x0303, 0x0304]))
    def test_any_bytes_make_a_finite_list(self, body: bytes, version: int) -> None:
        found = CertificateMessage(version, b"\x0b\x00\x00\x00" + body).certificates()
        assert sum(map(len, found)) <= len(body)

    def test_nothing_is_watched_without_the_private_handles(self) -> None:
        assert not tls_messages.watch(object())  # type: ignore[arg-type]
        assert not tls_messages.watch(SSL.Context(SSL.TLS_CLIENT_METHOD), object())
        assert tls_messages.watch(SSL.Context(SSL.TLS_CLIENT_METHOD))

    def test_nothing_is_watched_where_the_system_forbids_callbacks(self) -> None:
        class HardenedFfi:
            """What cffi does on a system that lets no memory be writable and executable."""

            def buffer(self, data: object, size: int) -> bytes:
                raise AssertionError((data, size))

            def callback(self, signature: str, function: object) -> object:
                raise MemoryError(signature, function)

        class Binding:
            _lib = SSL._lib
            _ffi = HardenedFfi()

        assert not tls_messages.watch(SSL.Context(SSL.TLS_CLIENT_METHOD), Binding())


class TestClientCertificateRequest:
    @pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
    def test_is_seen_even_with_an_empty_list_of_authorities(self, version: int) -> None:
        assert shake(tls_context(version=version, ask=True)).certificate_requested

    @pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
    def test_is_not_seen_where_there_is_none(self, version: int) -> None:
        client = shake(tls_context(version=version))
        assert client.established
        assert not client.certificate_requested


class TestFailures:
    def test_an_alert_is_named(self) -> None:
        client = shake(tls_context(RSA_LEAF, version=SSL.TLS1_2_VERSION, ciphers=b"DHE"))
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.ALERT
        assert client.failure.alert == 40
        assert "handshake_failure" in client.failure.message

    def test_an_unheard_of_alert_has_its_number(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(record(21, bytes([2, 199])))
        assert client.failure is not None
        assert client.failure.alert == 199
        assert "199" in client.failure.message

    def test_the_version_alert(self) -> None:
        context = client_context(KeyType.ML_DSA)
        client = TlsClient(context, server_name=None)
        shake(tls_context(RSA_LEAF, version=SSL.TLS1_2_VERSION), client)
        assert client.failure is not None
        assert client.failure.alert == 70

    def test_an_alert_after_the_chain_keeps_the_chain(self) -> None:
        client = shake(tls_context(LEAF, ISSUING, version=SSL.TLS1_2_VERSION, demand=True))
        assert client.failure is not None
        assert client.failure.alert == 40
        assert client.presented() == ders(LEAF, ISSUING)
        assert client.facts is not None
        assert client.facts.version == "TLSv1.2"

    @pytest.mark.parametrize(
        "words",
        [b"HTTP/1.1 400 Bad Request\r\n", b"454 4.7.0 TLS not available\r\n", b"\x80\x2e\x01", b"\x16\x02"],
    )
    def test_plaintext_is_not_tls_and_is_quoted(self, words: bytes) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(words)
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.NOT_TLS
        assert client.failure.server_text
        assert client.failure.server_text.isprintable()

    def test_garbage_inside_a_record(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(record(22, b"garbage " * 20))
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.PROTOCOL
        assert client.failure.alert is None

    def test_ssl3_is_old(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(server_hello(b"\x03\x00", b"\x00\x2f"))
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.OLD_VERSION

    def test_tls_1_0_is_not_too_old(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(server_hello(b"\x03\x01", b"\xc0\x13"))
        assert client.failure is None
        assert not is_ssl3_hello(server_hello(b"\x03\x01"))

    def test_closed(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive_eof()
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.CLOSED

    def test_the_first_failure_stays(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(b"garbage")
        client.receive_eof()
        client.receive(b"more garbage")
        client.advance()
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.NOT_TLS

    def test_closed_after_the_handshake_is_none(self) -> None:
        client = shake(tls_context())
        client.receive_eof()
        assert client.failure is None

    @settings(max_examples=examples(50))
    @given(st.binary(min_size=1, max_size=300))
    def test_any_bytes_end_in_a_failure_or_in_waiting(self, data: bytes) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(data)
        client.receive_eof()
        assert client.failure is not None
        assert not client.established
        assert client.failure.message

    def test_what_looks_like_tls(self) -> None:
        assert looks_like_tls(b"\x16")
        assert looks_like_tls(b"\x15\x03\x01")
        assert not looks_like_tls(b"2")
        assert not looks_like_tls(b"\x16\x04")


class TestChunks:
    @settings(max_examples=examples(10))
    @given(st.integers(min_value=1, max_value=97))
    def test_any_chunking_gives_the_same(self, size: int) -> None:
        client, server = TlsClient(client_context(), server_name=None), Raw(tls_context(LEAF, ISSUING))
        for _ in range(4):
            server.receive(client.bytes_to_send())
            back = server.bytes_to_send()
            for start in range(0, len(back), size):
                client.receive(back[start : start + size])
        assert client.established
        assert client.presented() == ders(LEAF, ISSUING)


class TestEarlyTickets:
    """OpenSSL's server writes its tickets after the client's Finished; what is heard before decides."""

    def established(self) -> tuple[TlsClient, Raw]:
        client, server = TlsClient(client_context(), server_name=None), Raw(tls_context(LEAF, ISSUING))
        server.receive(client.bytes_to_send())
        client.receive(server.bytes_to_send())
        assert client.established
        assert client.facts is not None
        assert client.facts.early_ticket is None
        return client, server

    def test_none_has_come(self) -> None:
        client, _ = self.established()
        assert client.hear_early(b"") == b""
        assert client.facts is not None
        assert client.facts.early_ticket is False

    def test_one_has_come(self) -> None:
        client, server = self.established()
        server.receive(client.bytes_to_send())
        assert client.hear_early(server.bytes_to_send()) == b""
        assert client.facts is not None
        assert client.facts.early_ticket is True

    def test_what_comes_later_does_not_count(self) -> None:
        client, server = self.established()
        client.hear_early(b"")
        server.receive(client.bytes_to_send())
        client.receive(server.bytes_to_send())
        assert client.plaintext() == b""
        assert client.facts is not None
        assert client.facts.early_ticket is False


class TestClientHello:
    def test_is_smaller_than_one_segment_by_far(self) -> None:
        hello = TlsClient(client_context(), server_name="mail.on-premises.contoso.test").bytes_to_send()
        assert len(hello) < 512

    def test_of_the_library_is_not(self) -> None:
        hello = TlsClient(client_context(library_groups=True), server_name=None).bytes_to_send()
        assert len(hello) > 512

    def test_names_the_server(self) -> None:
        hello = TlsClient(client_context(), server_name="mail.contoso.test.").bytes_to_send()
        assert b"mail.contoso.test" in hello
        assert b"mail.contoso.test." not in hello

    @pytest.mark.parametrize("name", [None, "192.0.2.1", "2001:db8::1"])
    def test_names_no_server_without_a_name(self, name: str | None) -> None:
        hello = TlsClient(client_context(), server_name=name).bytes_to_send()
        assert name is None or name.encode() not in hello
        assert len(hello) < len(TlsClient(client_context(), server_name="a.test").bytes_to_send())

    def test_groups_can_be_refused_and_missing(self) -> None:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        assert offer(context, "SSL_CTX_set1_curves_list", GROUPS)
        assert not offer(context, "SSL_CTX_set1_curves_list", b"no-such-group")
        assert not offer(object(), "SSL_CTX_set1_curves_list", GROUPS)  # type: ignore[arg-type]

    @pytest.mark.parametrize("groups", [b"X25519", b"P-256", b"P-384", b"P-521"])
    def test_every_curve_is_offered(self, groups: bytes) -> None:
        context = tls_context()
        assert offer(context, "SSL_CTX_set1_curves_list", groups)
        client = shake(context)
        assert client.established
        assert client.facts is not None
        assert client.facts.group


#: draft-ietf-tls-mldsa: the code points of mldsa44, mldsa65 and mldsa87, behind one another as they are offered.
ML_DSA = {b"\x09\x04\x09\x05\x09\x06"}


class TestKeyTypes:
    def dual(self) -> SSL.Context:
        context = tls_context(RSA_LEAF)
        context.use_certificate(LEAF.certificate)
        context.use_privatekey(LEAF.key)
        return context

    @pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
    @pytest.mark.parametrize(("kind", "leaf"), [(KeyType.RSA, RSA_LEAF), (KeyType.ECDSA, LEAF)])
    def test_show_the_certificate_of_their_kind(self, kind: KeyType, leaf: object, version: int) -> None:
        context = self.dual()
        context.set_min_proto_version(version)
        context.set_max_proto_version(version)
        client = shake(context, TlsClient(client_context(kind), server_name=None))
        assert client.established
        assert client.presented()[:1] == ders(leaf)

    def test_ml_dsa_is_offered_on_request_alone(self) -> None:
        def algorithms(kind: KeyType) -> set[bytes]:
            hello = TlsClient(client_context(kind), server_name=None).bytes_to_send()
            return {name for name in ML_DSA if name in hello}

        assert algorithms(KeyType.ML_DSA) == ML_DSA
        for kind in (KeyType.ANY, KeyType.RSA, KeyType.ECDSA, KeyType.EDDSA):
            assert not algorithms(kind)

    def test_every_list_is_known_to_the_library(self) -> None:
        for names in SIGNATURES.values():
            assert offer(SSL.Context(SSL.TLS_CLIENT_METHOD), "SSL_CTX_set1_sigalgs_list", names.encode())

    def test_of_a_kind_the_server_has_not_fail(self) -> None:
        client = shake(tls_context(LEAF), TlsClient(client_context(KeyType.RSA), server_name=None))
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.ALERT

    def test_contexts_are_made_once(self) -> None:
        assert client_context(KeyType.RSA) is client_context(KeyType.RSA)
        assert client_context() is not client_context(library_groups=True)


class TestData:
    def test_goes_both_ways(self) -> None:
        context = server_context(chain_pem(LEAF, ISSUING).encode(), LEAF.key_pem.encode())
        client, server = TlsClient(client_context(), server_name="mail.contoso.test"), TlsServer(context)
        talk(client, server)
        client.send(b"QUIT\r\n")
        server.receive(client.bytes_to_send())
        assert server.plaintext() == b"QUIT\r\n"
        server.send(b"221 bye\r\n")
        client.receive(server.bytes_to_send())
        assert client.plaintext() == b"221 bye\r\n"
        assert client.plaintext() == b""

    def test_a_farewell_is_an_end(self) -> None:
        raw = Raw(tls_context())
        client = TlsClient(client_context(), server_name=None)
        talk(client, raw)
        raw.connection.shutdown()
        client.receive(raw.bytes_to_send())
        assert client.plaintext() == b""
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.CLOSED

    def test_garbage_after_the_handshake_is_a_failure(self) -> None:
        client = shake(tls_context())
        client.receive(record(23, b"garbage " * 10))
        assert client.plaintext() == b""
        assert client.failure is not None
        assert client.failure.kind is TlsFailureKind.PROTOCOL

    def test_nothing_can_be_sent_before_the_handshake(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        client.receive(record(21, bytes([2, 40])))
        client.send(b"QUIT\r\n")
        assert client.failure is not None
        assert client.failure.alert == 40


class TestServer:
    def context(self, **options: bool) -> SSL.Context:
        return server_context(chain_pem(LEAF, ISSUING).encode(), LEAF.key_pem.encode(), **options)

    def sender(self, *chain: object, version: int | None = None) -> TlsClient:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        if version:
            context.set_max_proto_version(version)
        if chain:
            leaf, *others = chain
            context.use_certificate(leaf.certificate)  # type: ignore[attr-defined]
            context.use_privatekey(leaf.key)  # type: ignore[attr-defined]
            for other in others:
                context.add_extra_chain_cert(other.certificate)
        return TlsClient(context, server_name="eop.test")

    @pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
    def test_sees_the_clients_chain_with_its_own_certificate_first(self, version: int) -> None:
        server = TlsServer(self.context())
        talk(self.sender(CLIENT, ISSUING, ROOT, version=version), server)
        assert server.established
        assert server.presented() == ders(CLIENT, ISSUING, ROOT)
        assert server._witness.message is not None
        assert server._witness.message.certificates() == server.presented()
        assert server.server_name == "eop.test"

    def test_goes_on_without_a_certificate(self) -> None:
        server = TlsServer(self.context())
        client = self.sender()
        talk(client, server)
        assert server.established
        assert client.established
        assert server.presented() == ()

    def test_sends_its_chain(self) -> None:
        client = TlsClient(client_context(), server_name=None)
        server = TlsServer(self.context())
        talk(client, server)
        assert client.presented() == ders(LEAF, ISSUING)
        assert server.server_name is None
        assert client.certificate_requested

    def test_speaks_old_tls_only_where_told(self) -> None:
        for old, established in ((False, False), (True, True)):
            server = TlsServer(self.context(old_tls=old))
            talk(self.sender(CLIENT, version=SSL.TLS1_VERSION), server)
            assert server.established is established

    @pytest.mark.parametrize(
        ("chain", "key"),
        [
            ("", LEAF.key_pem),
            ("nonsense", LEAF.key_pem),
            (LEAF.pem, "nonsense"),
            (LEAF.pem, RSA_LEAF.key_pem),
            (LEAF.pem, CLIENT.key_pem),
        ],
    )
    def test_refuses_what_does_not_belong_together(self, chain: str, key: str) -> None:
        with pytest.raises(InputError, match="certificate and key"):
            server_context(chain.encode(), key.encode())
