"""A domain's policy from a real name server and a real HTTPS server on loopback, good ones and bad ones."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from OpenSSL import SSL

from probe.errors import ConfigurationError
from probe.exchange.outbound.facts import PolicyFault, Sts
from probe.net.clock import monotonic
from probe.net.http import TIMEOUT_S, Reach
from probe.net.mta_sts import Judge, look
from probe.net.resolver import RESOLVE_TIMEOUT_S
from probe.pki.certificate import Certificate
from probe.pki.truststore import AnchorStore, StandInStore
from probe.smtp.mta_sts import MAX_POLICY_BYTES, Mode, Policy
from tests.authority import CLIENT_AUTH, Issued
from tests.net import test_net_resolver
from tests.net.scripted import AUTHORITY, ISSUING, NOW, ROOT, Peer, ScriptedServer, tls_context
from tests.net.test_net_resolver import ZONE, NameServer
from tests.patience import given_time
from tests.revoking import http

DOMAIN = "sts.test"
HOST = f"mta-sts.{DOMAIN}"
TEXT = b"version: STSv1\r\nmode: enforce\r\nmx: mail.sts.test\r\nmax_age: 86400\r\n"
LEAF = AUTHORITY.leaf(ISSUING, HOST)
STORE = AnchorStore("lab", [Certificate(ROOT.der)])
PROBLEM = f"the policy at https://{HOST}/.well-known/mta-sts.txt cannot be had: "

Talk = Callable[[SSL.Connection], None]


def ok(text: bytes = TEXT, kind: bytes = b"text/plain") -> bytes:
    return http(text, b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d" % (kind, len(text)))


@pytest.fixture(scope="module")
def nameserver() -> Iterator[str]:
    with NameServer() as server:
        yield f"127.0.0.1:{server.port}"


@pytest.fixture(autouse=True)
def record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ZONE, (f"_mta-sts.{DOMAIN}.", "TXT"), ['"v=spf1 -all"', '"v=STSv1; " "id=7;"'])


class PolicyHost(ScriptedServer):
    """Serves one answer over TLS; `asked` are the requests, whole."""

    def __init__(
        self,
        answer: bytes | Talk = b"",
        *chain: Issued,
        context: SSL.Context | None = None,
        ends: bool = True,
    ) -> None:
        super().__init__(self._serve)
        leaf, *others = chain or (LEAF, ISSUING)
        self._context = context or tls_context(leaf, *others)
        self._answer, self._ends = answer, ends
        self.asked: list[bytes] = []

    def _serve(self, peer: Peer) -> None:
        with contextlib.suppress(SSL.Error):
            tls = peer.shake_hands(self._context)
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                asked += tls.recv(4096)
            self.asked.append(asked)
            if callable(self._answer):
                self._answer(tls)
                return
            tls.sendall(self._answer)
            if self._ends:
                tls.shutdown()
        peer.hold() if self._ends else peer.socket.shutdown(socket.SHUT_WR)


class Asking:
    """Looks for the policy of DOMAIN."""

    def __init__(self, nameserver: str) -> None:
        self._nameserver = nameserver

    def __call__(
        self,
        port: int,
        *addresses: str,
        store: AnchorStore | StandInStore = STORE,
        days: int = 0,
        seconds: float = 20,
        allow_private: bool = True,
    ) -> Sts:
        reach = Reach(
            allow_private=allow_private,
            overrides={HOST: addresses or ("127.0.0.1",)},
            nameserver=self._nameserver,
            timeout_s=seconds,
        )
        return look(DOMAIN, Judge(store, NOW + timedelta(days=days)), reach, port=port)


@pytest.fixture
def ask(nameserver: str) -> Asking:
    return Asking(nameserver)


class TestRecords:
    """Without a record that counts nobody is asked: port 9 answers nothing here."""

    def test_none(self, ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delitem(ZONE, (f"_mta-sts.{DOMAIN}.", "TXT"))
        assert ask(9) == Sts()
        monkeypatch.setitem(ZONE, (f"_mta-sts.{DOMAIN}.", "A"), ["192.0.2.1"])
        assert ask(9) == Sts()

    def test_none_that_counts(self, ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(ZONE, (f"_mta-sts.{DOMAIN}.", "TXT"), ['"V=STSv1; id=7"'])
        assert ask(9) == Sts(deviations=('the TXT record "V=STSv1; id=7" does not begin with "v=STSv1;"',))

    def test_one_that_is_wrong(self, ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(ZONE, (f"_mta-sts.{DOMAIN}.", "TXT"), ['"v=STSv1; id=a-b; x"'])
        found = ask(9)
        assert (found.record_id, found.fault, found.policy) == ("a-b", PolicyFault.RECORD, None)
        assert "letters and digits" in found.problem
        assert found.deviations == ('in the TXT record "x" is no key with a value',)

    def test_a_name_server_that_fails(self, nameserver: str) -> None:
        reach = Reach(nameserver=nameserver)
        found = look("x" * 60 + ".test", Judge(STORE, NOW), reach)
        assert found == Sts()
        found = look(".".join(["x" * 61] * 4), Judge(STORE, NOW), reach)
        assert (found.fault, found.record_id) == (PolicyFault.DNS, None)
        assert found.problem.startswith("whether there is a policy is not known: ")

    def test_a_name_server_that_is_none(self) -> None:
        with pytest.raises(ConfigurationError, match="name server"):
            look(DOMAIN, Judge(STORE, NOW), Reach(nameserver="dns.contoso.test"))


class TestAnswers:
    def test_a_policy(self, ask: Asking) -> None:
        with PolicyHost(ok()) as server:
            assert ask(server.port) == Sts(
                record_id="7", policy=Policy(mode=Mode.ENFORCE, max_age=86_400, mx=("mail.sts.test",))
            )
        [asked] = server.asked
        assert asked.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.sts.test\r\n")
        assert b"authorization" not in asked.lower()

    def test_the_host_is_named_in_tls(self, ask: Asking) -> None:
        named: list[bytes | None] = []
        context = tls_context(LEAF, ISSUING)
        context.set_tlsext_servername_callback(lambda connection: named.append(connection.get_servername()))
        with PolicyHost(ok(), context=context) as server:
            assert ask(server.port).policy is not None
        assert named == [HOST.encode()]

    @pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
    def test_other_forms_of_it(self, ask: Asking, version: int) -> None:
        chunked = b"HTTP/1.1 200 OK\r\nContent-type: Text/Plain ;charset=UTF-8\r\nTransfer-Encoding: chunked\r\n\r\n"
        whole = chunked + b"%x\r\n%s\r\n0\r\n\r\n" % (len(TEXT), TEXT)
        to_the_end = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + TEXT
        for answer in (whole, to_the_end):
            with PolicyHost(answer, context=tls_context(LEAF, ISSUING, version=version)) as server:
                assert ask(server.port).policy is not None

    def test_the_end_of_tcp_is_not_the_end_of_an_answer_without_a_length(self, ask: Asking) -> None:
        with PolicyHost(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + TEXT, ends=False) as server:
            found = ask(server.port)
        assert (found.fault, found.problem) == (PolicyFault.ANSWER, PROBLEM + "the answer was cut off")
        with PolicyHost(ok(), ends=False) as server:
            assert ask(server.port).policy is not None

    @pytest.mark.parametrize(
        ("answer", "fault", "words"),
        [
            (http(b"", b"HTTP/1.1 404 Not Found"), PolicyFault.ANSWER, "the server answers 404"),
            (
                http(b"", b"HTTP/1.1 302 Found\r\nLocation: https://www.sts.test/\x1b[31m"),
                PolicyFault.ANSWER,
                "the server answers 302 and leads to https://www.sts.test/\\x1b[31m, where no sender goes",
            ),
            (http(b"", b"HTTP/1.1 204 No Content"), PolicyFault.ANSWER, "the server answers 204"),
            (ok(kind=b"text/html"), PolicyFault.ANSWER, 'is of the type "text/html", and senders should take'),
            (http(TEXT), PolicyFault.ANSWER, "the answer does not say its type"),
            (ok(kind=b"text/plain\r\nContent-Encoding: gzip"), PolicyFault.ANSWER, 'is packed ("gzip")'),
            (ok()[:-1], PolicyFault.ANSWER, "cut off"),
            (ok()[:40], PolicyFault.ANSWER, "cut off"),
            (b"", PolicyFault.ANSWER, "without an answer"),
            (b"220 mail ESMTP\r\n\r\n", PolicyFault.ANSWER, "no HTTP"),
            (ok(b"x" * 200 * 1024), PolicyFault.SIZE, "larger than 65536 bytes"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000, PolicyFault.SIZE, "head of the answer"),
            (ok(TEXT[20:]), PolicyFault.TEXT, 'the text is no policy: it has no "version"'),
        ],
    )  # fmt: skip
    def test_what_is_none(self, ask: Asking, answer: bytes, fault: PolicyFault, words: str) -> None:
        with PolicyHost(answer) as server:
            found = ask(server.port)
        assert (found.record_id, found.policy, found.fault) == ("7", None, fault)
        assert words in found.problem
        assert len(server.peers) == 1

    def test_what_is_no_tls_any_more(self, ask: Asking) -> None:
        def babble(tls: SSL.Connection) -> None:
            tls.sendall(ok()[:40])
            server.peers[-1].say(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")

        with PolicyHost(babble) as server:
            found = ask(server.port)
        assert (found.fault, found.policy) == (PolicyFault.ANSWER, None)
        assert found.problem == PROBLEM + "the answer goes on in what is no TLS"

    def test_what_a_text_deviates_in_is_told(self, ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(ZONE, (f"_mta-sts.{DOMAIN}.", "TXT"), ['"v=STSv1; id=7;; x=1"'])
        with PolicyHost(ok(b"# ours\n")) as server:
            assert ask(server.port).deviations == (
                'in the TXT record "" is no key with a value',
                'line 1: "# ours" is no key with a value',
            )

    def test_as_many_bytes_as_allowed_and_one_more(self, ask: Asking) -> None:
        for size, fault in ((MAX_POLICY_BYTES, None), (MAX_POLICY_BYTES + 1, PolicyFault.SIZE)):
            with PolicyHost(ok(TEXT + b"x" * (size - len(TEXT)))) as server:
                assert ask(server.port).fault is fault

    def test_a_server_that_goes_on_forever(self, ask: Asking) -> None:
        def flood(tls: SSL.Connection) -> None:
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
            with contextlib.suppress(OSError):
                while True:
                    tls.sendall(bytes(16_384))

        with PolicyHost(flood) as server:
            assert ask(server.port).fault is PolicyFault.SIZE


class TestCertificates:
    @pytest.mark.parametrize(
        ("chain", "words"),
        [
            ((AUTHORITY.leaf(ISSUING, "www.sts.test"), ISSUING), "is not for mta-sts.sts.test but for www.sts.test"),
            (
                (AUTHORITY.leaf(ISSUING, HOST, names=()), ISSUING),
                "bears mta-sts.sts.test as its CN only, and a DNS name is wanted",
            ),
            ((AUTHORITY.self_signed(HOST),), "is self-signed; no authority vouches for it"),
            ((LEAF,), "came without Net Issuing CA, the issuer of mta-sts.sts.test, which is no root of the list lab"),
            (
                (AUTHORITY.leaf(ISSUING, HOST, eku=(CLIENT_AUTH,)), ISSUING),
                "has a chain with the status NotValidForUsage",
            ),
            (
                (AUTHORITY.leaf(ISSUING, "*.test", not_after=NOW - timedelta(days=1)), ISSUING),
                "expired on 19 November 2026, and it is not for mta-sts.sts.test but for *.test",
            ),
        ],
    )  # fmt: skip
    def test_one_that_will_not_do(self, ask: Asking, chain: tuple[Issued, ...], words: str) -> None:
        with PolicyHost(ok(), *chain) as server:
            found = ask(server.port)
        assert (found.policy, found.fault) == (None, PolicyFault.CERTIFICATE)
        assert found.problem == PROBLEM + "its certificate " + words
        assert server.asked == []

    def test_the_list_and_the_instant_decide(self, ask: Asking) -> None:
        nothing = AnchorStore("microsoft", [])
        with PolicyHost(ok(), LEAF, ISSUING, ROOT) as server:
            found = ask(server.port, store=nothing)
            assert "leads to Net Root CA, which Microsoft's list does not trust" in found.problem
            assert ask(server.port, store=StandInStore(nothing, STORE)).policy is not None
            assert "expired on" in ask(server.port, days=151).problem

    @pytest.mark.parametrize("names", [("*.sts.test",), ("a.test", "MTA-STS.sts.test")])
    def test_other_names_that_will_do(self, ask: Asking, names: tuple[str, ...]) -> None:
        with PolicyHost(ok(), AUTHORITY.leaf(ISSUING, *names), ISSUING) as server:
            assert ask(server.port).fault is None


class TestConnections:
    def test_nobody_listens(self, ask: Asking) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        found = ask(port)
        assert found.fault is PolicyFault.CONNECTION
        assert found.problem == PROBLEM + f"connection refused by 127.0.0.1 port {port}"

    def test_the_next_address_is_tried(self, ask: Asking) -> None:
        with PolicyHost(ok()) as server:
            assert ask(server.port, "127.0.0.2", "127.0.0.1", "127.0.0.3").policy is not None
            assert ask(server.port, "127.0.0.1", "127.0.0.2").policy is not None
            assert ask(server.port, "127.0.0.2", "127.0.0.3").fault is PolicyFault.CONNECTION

    def test_nobody_inside_is_asked(self, ask: Asking) -> None:
        with PolicyHost(ok()) as server:
            found = ask(server.port, allow_private=False)
        assert found.problem == PROBLEM + "mta-sts.sts.test has no public address"
        assert (found.fault, server.peers) == (PolicyFault.CONNECTION, [])

    def test_no_address_of_the_kind_that_is_wanted(self, nameserver: str) -> None:
        reach = Reach(
            nameserver=nameserver, overrides={HOST: ("127.0.0.1",)}, ip_version=6, allow_private=True
        )
        found = look(DOMAIN, Judge(STORE, NOW), reach)
        assert found.problem == PROBLEM + "mta-sts.sts.test has no IPv6 address"

    def test_the_name_server_is_asked_for_the_host_too(
        self, nameserver: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(ZONE, (f"{HOST}.", "A"), ["127.0.0.1"])
        with PolicyHost(ok()) as server:
            reach = Reach(nameserver=nameserver, allow_private=True)
            assert look(DOMAIN, Judge(STORE, NOW), reach, port=server.port).policy is not None

    def test_a_name_without_addresses(self, nameserver: str) -> None:
        found = look(DOMAIN, Judge(STORE, NOW), Reach(nameserver=nameserver))
        assert (found.fault, found.record_id) == (PolicyFault.DNS, "7")

    def test_what_is_no_tls(self, ask: Asking) -> None:
        for script, words in (
            (lambda peer: peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak TLS"),
            (lambda peer: peer.hear(), "closed during the TLS handshake"),
            (Peer.reset, "connection"),
        ):
            with ScriptedServer(script) as server:
                found = ask(server.port)
            assert found.fault is PolicyFault.CONNECTION
            assert words in found.problem

    def test_a_client_certificate_is_demanded(self, ask: Asking) -> None:
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            with PolicyHost(ok(), context=tls_context(LEAF, ISSUING, version=version, demand=True)) as server:
                found = ask(server.port)
            assert "alert" in found.problem


class TestPatience:
    """Each would take longer than the test may, were the deadline not one over everything."""

    def test_silence(self, ask: Asking) -> None:
        for script in (Peer.hold, lambda peer: peer.say(b"\x16\x03\x03") or peer.hold()):
            with ScriptedServer(script) as server:
                self.ends(ask, server.port)
        with PolicyHost(lambda tls: tls.recv(1)) as server:
            self.ends(ask, server.port)

    @pytest.mark.parametrize(
        "start",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nX: ",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 60000\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        ],
    )
    def test_a_byte_now_and_then(self, ask: Asking, start: bytes) -> None:
        def drip(tls: SSL.Connection) -> None:
            tls.sendall(start)
            peer = host.peers[-1]
            peer.socket.settimeout(0.02)
            with contextlib.suppress(SSL.Error, OSError):
                while True:
                    try:
                        if not peer.socket.recv(1):
                            return
                    except TimeoutError:
                        tls.sendall(b"x")

        with PolicyHost(drip) as host:
            self.ends(ask, host.port)

    def test_a_name_server_that_is_silent(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            reach = Reach(nameserver=f"127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.3)
            began = monotonic()
            assert look(DOMAIN, Judge(STORE, NOW), reach).fault is PolicyFault.DNS
            assert monotonic() - began < RESOLVE_TIMEOUT_S

    def test_a_name_server_that_is_silent_about_the_host(
        self, nameserver: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        silent = {(f"{HOST}.", "A"), (f"{HOST}.", "AAAA")}
        monkeypatch.setattr(test_net_resolver, "SILENT", silent)

        def check(seconds: float) -> None:
            began = monotonic()
            found = look(DOMAIN, Judge(STORE, NOW), Reach(nameserver=nameserver, timeout_s=seconds))
            assert (found.fault, found.record_id) == (PolicyFault.DNS, "7")
            assert monotonic() - began < seconds + TIMEOUT_S - 1

        given_time(check)

    @staticmethod
    def ends(ask: Asking, port: int) -> None:
        def check(seconds: float) -> None:
            began = monotonic()
            found = ask(port, seconds=seconds)
            assert (found.fault, found.record_id) == (PolicyFault.TIME, "7")
            assert "in time" in found.problem
            assert monotonic() - began < seconds + TIMEOUT_S - 1

        given_time(check)
