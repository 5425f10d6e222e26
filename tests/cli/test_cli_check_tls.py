"""`eop-probe check` on servers that show several certificates, or whose TLS does not come about."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from tests.authority import Issued, chain_pem
from tests.cli.running import CA, HEALTHY, HOST, ISSUING, LEAF, SELF, Cli, Ran, serving
from tests.net.scripted import GREETING, Peer, Script, starttls, tls_context
from tests.net.test_net_resolver import NameServer
from tests.patience import given_time

INTERNAL = CA.root("Contoso Internal Root")
INTERNAL_RSA = CA.leaf(CA.intermediate(INTERNAL, "Contoso Internal CA"), HOST, key="rsa-2048")
PUBLIC_RSA = CA.leaf(ISSUING, HOST, key="rsa-2048")

TLS_1_2, TLS_1_3 = SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION


def two_keys(version: int, other: Issued = INTERNAL_RSA) -> SSL.Context:
    """LEAF (ECDSA) first, and an RSA certificate beside it."""
    context = tls_context(other, version=version)
    context.use_certificate(LEAF.certificate)
    context.use_privatekey(LEAF.key)
    context.add_extra_chain_cert(ISSUING.certificate)
    return context


def assessment(ran: Ran) -> dict[str, Any]:
    [found] = json.loads(ran.out)["assessments"]
    return found


def rules(found: dict[str, Any]) -> list[str]:
    return [finding["rule"] for finding in found["findings"]]


def answers(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["variant"], each["answer"], each["outcome"]) for each in found["observations"]]


class TestTwoKeys:
    @pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
    def test_thorough_asks_for_each(self, cli: Cli, version: int) -> None:
        with serving(starttls(two_keys(version))) as port:
            plain = cli.check(port, "--format", "json")
            found = cli.check(port, "--thorough", "--format", "json")
            words = " ".join(cli.check(port, "--thorough").out.split())
        # A plain check cannot know: it says what it did not ask for.
        assert (plain.code, assessment(plain)["key_types"]) == (0, {"rsa": "not-asked", "ecdsa": "shown"})
        assert found.code == 2
        assert assessment(found)["key_types"] == {"rsa": "shown", "ecdsa": "shown"}
        assert answers(assessment(found)) == [
            *((f"sample {n}", "shown", "accepted") for n in (1, 2, 3)),
            ("without SNI", "shown", "accepted"),
            ("RSA", "shown", "rejected"),
            ("RSA without SNI", "shown", "rejected"),
        ]
        assert "mixed-certificates" in rules(assessment(found))
        assert assessment(found)["connections"] == "2 of 6 connections: rejected (RSA with and without SNI)"
        assert "2 of 6 connections: rejected (RSA with and without SNI)" in words

    @pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
    def test_a_kind_that_is_not_held(self, cli: Cli, version: int) -> None:
        with serving(starttls(tls_context(LEAF, ISSUING, version=version))) as port:
            found = cli.check(port, "--thorough", "--format", "json")
        assert (found.code, rules(assessment(found))) == (0, ["stand-in"])
        assert assessment(found)["key_types"] == {"rsa": "not-held", "ecdsa": "shown"}
        assert answers(assessment(found))[4:] == [
            ("RSA", "not-held", "unknown"),
            ("RSA without SNI", "not-held", "unknown"),
        ]
        assert assessment(found)["connections"] == "4 of 4 connections: accepted (samples 1-3, without SNI)"

    def test_a_kind_that_could_not_be_asked(self, cli: Cli) -> None:
        """As a bare GnuTLS server does: it closes without an alert where it holds no such key."""

        def closing(peer: Peer) -> None:
            peer.to_starttls()
            peer.hear()

        with serving(HEALTHY, HEALTHY, HEALTHY, HEALTHY, closing) as port:
            found = cli.check(port, "--thorough", "--format", "json")
        with serving(HEALTHY, HEALTHY, HEALTHY, HEALTHY, closing) as port:
            words = " ".join(cli.check(port, "--thorough").out.split())
        assert (found.code, assessment(found)["outcome"]) == (1, "at-risk")
        assert assessment(found)["predictions"][0]["rule"] == "key-type-not-asked"
        assert assessment(found)["key_types"] == {"rsa": "not-asked", "ecdsa": "shown"}
        assert answers(assessment(found))[4:] == [
            ("RSA", "not-asked", "unknown"),
            ("RSA without SNI", "not-asked", "unknown"),
        ]
        assert "not asked RSA: The connection was closed during the TLS handshake." in words

    def test_one_kind_on_request(self, cli: Cli) -> None:
        with serving(starttls(two_keys(TLS_1_3, PUBLIC_RSA))) as port:
            rsa = cli.check(port, "--key-type", "rsa", "--format", "json")
            ecdsa = cli.check(port, "--key-type", "ecdsa", "--format", "json")
            both = cli.check(port, "--key-type", "rsa", "--thorough")
        assert [assessment(ran)["presented_chain"][0]["key"] for ran in (rsa, ecdsa)] == [
            "rsa-2048",
            "ec-p256",
        ]
        assert (both.code, "--key-type" in both.err) == (3, True)

    def test_a_plain_check_says_so_once(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            plain, thorough = cli.check(port), cli.check(port, "--thorough")
        assert plain.out.count("one of possibly two") == 1
        assert "ECDSA, one of possibly two types; --thorough asks for RSA" in " ".join(plain.out.split())
        assert "possibly" not in thorough.out


class TestBalancers:
    @pytest.mark.parametrize("fmt", ["terminal", "html", "json", "nagios"])
    def test_which_connections(self, cli: Cli, fmt: str) -> None:
        with serving(SELF, HEALTHY, SELF, HEALTHY) as port:
            ran = cli.check(port, "--samples", "4", "--format", fmt)
        assert "2 of 4 connections: rejected (samples 1 and 3)" in " ".join(ran.out.split())

    def test_where_all_agree_the_headline_is_silent(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            ran = cli.check(port, "--samples", "2")
        assert "connections" not in ran.out


class TestHandshakes:
    @pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
    @pytest.mark.parametrize("direction", ["to-eop", "from-eop"])
    def test_a_client_certificate_demanded(self, cli: Cli, version: int, direction: str) -> None:
        with serving(starttls(tls_context(LEAF, ISSUING, version=version, demand=True))) as port:
            ran = cli.check(port, "--direction", direction, "--format", "json")
            shown = " ".join(cli.check(port, "--direction", direction).out.split())
        assert (ran.code, rules(assessment(ran))) == (0, ["client-certificate-demanded", "stand-in"])
        assert "after it had asked for a client certificate" in shown
        assert "cipher suites" not in shown

    def test_a_bad_chain_behind_a_demand_stays_bad(self, cli: Cli) -> None:
        with serving(starttls(tls_context(INTERNAL_RSA, version=TLS_1_2, demand=True))) as port:
            assert cli.check(port).code == 2

    @pytest.mark.parametrize(("direction", "code"), [("to-eop", 0), ("from-eop", 1)])
    def test_a_name_refused_in_sni(self, cli: Cli, tmp_path: Path, direction: str, code: int) -> None:
        chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
        chain.write_text(chain_pem(LEAF, ISSUING))
        key.write_text(LEAF.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        context.sni_callback = lambda _s, name, _c: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if name else None

        def script(peer: Peer) -> None:
            peer.to_starttls()
            with context.wrap_socket(peer.socket.dup(), server_side=True) as tls:
                tls.recv(100)

        with serving(script) as port:
            plain = cli.check(port, "--direction", direction)
            without = cli.check(port, "--direction", direction, "--sni", "none")
            ran = cli.check(port, "--direction", direction, "--thorough", "--format", "json")
        words = " ".join(plain.out.split())
        assert (plain.code, without.code, ran.code) == (3, 0, code)
        assert f"The server refuses the name {HOST} in SNI (alert unrecognized_name)." in words
        assert "--sni none" in words
        assert rules(assessment(ran)) == ["tls-failed", "stand-in"]
        assert assessment(ran)["presented_chain"][0]["sha1"] == LEAF.sha1

    def test_plain_text_after_the_220(self, cli: Cli) -> None:
        def device(peer: Peer) -> None:
            peer.to_starttls()
            peer.socket.recv(10_000)
            peer.say(b"502 5.5.2 Error: command not recognized\r\n")
            peer.hold()

        with serving(device) as port:
            ran = cli.check(port)
        words = " ".join(ran.out.split())
        assert ran.code == 3
        assert "After its 220 to STARTTLS the server answered the TLS ClientHello in plain text." in words
        assert "inspecting device" in words
        assert "502 5.5.2 Error: command not recognized" in words
        assert "\\x0d" not in words

    def test_plain_text_where_tls_was_expected(self, cli: Cli) -> None:
        with serving(HEALTHY) as port:
            words = " ".join(cli.check(port, "--implicit-tls").out.split())
        assert "The server speaks plain text where TLS was expected." in words
        assert "Drop --implicit-tls" in words

    def test_tls_where_a_greeting_was_expected(self, cli: Cli) -> None:
        def waits_for_a_hello(peer: Peer) -> None:
            peer.serve_tls(tls_context(LEAF, ISSUING))

        def greets(peer: Peer) -> None:
            peer.say(GREETING)
            peer.hold()

        def check(seconds: float) -> None:
            with serving(waits_for_a_hello) as port:
                silent = cli.check(port, "--timeout", str(seconds))
            with serving(greets) as port:
                tarpit = cli.check(port, "--timeout", str(seconds))
            assert (silent.code, tarpit.code) == (3, 3)
            assert "--implicit-tls" in silent.out
            assert "--implicit-tls" not in tarpit.out

        given_time(check)

    def test_the_terminal_gives_the_reason_that_nagios_gives(self, cli: Cli) -> None:
        """A handshake that failed after the chain: the verdict is about the chain, the reason about the handshake."""

        def breaking(peer: Peer) -> None:
            peer.to_starttls()
            tls = SSL.Connection(tls_context(LEAF, ISSUING, version=TLS_1_2), None)
            tls.set_accept_state()
            tls.bio_write(peer.socket.recv(10_000))
            with pytest.raises(SSL.WantReadError):
                tls.do_handshake()
            peer.say(tls.bio_read(65_536))
            peer.hold()

        def check(seconds: float) -> None:
            with serving(breaking) as port:
                nagios = cli.check(port, "--timeout", str(seconds), "--format", "nagios")
                shown = " ".join(cli.check(port, "--timeout", str(seconds)).out.split())
            reason = "The TLS handshake did not come to an end in time."
            assert nagios.code == 1
            assert reason in nagios.out
            assert reason in shown

        given_time(check)


class TestReaching:
    def test_names_are_about_dns(self, cli: Cli) -> None:
        with NameServer() as server:
            asked = ("--resolver", f"127.0.0.1:{server.port}")
            unknown = cli("check", "missing.contoso.test", *asked)
            null_mx = cli("check", "mx:null.contoso.test", *asked)
        for ran in (unknown, null_mx):
            assert ran.code == 3
            assert "about DNS, not about firewalls" in " ".join(ran.out.split())
        assert "takes no mail (RFC 7505)" in " ".join(null_mx.out.split())

    def test_refused(self, cli: Cli) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        assert "firewalls between" in " ".join(cli.check(port).out.split())


class TestInspection:
    def masked(self, banner: bytes, *keywords: bytes) -> Script:
        def script(peer: Peer) -> None:
            peer.say(b"220 " + banner + b"\r\n")
            peer.hear()
            peer.say(
                b"".join(b"250-" + word + b"\r\n" for word in (b"mail.contoso.test Hello", *keywords))
                + b"250 OK\r\n"
            )
            peer.hold()

        return script

    @pytest.mark.parametrize(
        ("banner", "keywords", "sign"),
        [
            (b"*" * 60, (b"SIZE 37748736", b"XXXXXXXA", b"XXXB"), '"XXXXXXXA" in place of a keyword'),
            (b"*" * 30 + b"2" + b"*" * 10 + b"0" + b"*" * 5, (b"SIZE 1",), "a banner of asterisks"),
            (b"", (b"SIZE 1",), "a banner without text"),
        ],
    )
    def test_its_marks(self, cli: Cli, banner: bytes, keywords: tuple[bytes, ...], sign: str) -> None:
        with serving(self.masked(banner, *keywords)) as port:
            ran = cli.check(port)
            other = cli.check(port, "--direction", "from-eop", "--format", "json")
        words = " ".join(ran.out.split())
        assert ran.code == 3
        assert sign in words
        assert words.index("no inspect esmtp") < words.index("event 12014")
        assert (other.code, rules(assessment(other))[:2]) == (2, ["smtp-inspected", "no-starttls"])

    def test_a_server_without_starttls_and_without_marks(self, cli: Cli) -> None:
        with serving(self.masked(b"mail.contoso.test ESMTP", b"XCLIENT", b"XXX")) as port:
            ran = cli.check(port)
        assert "inspected" not in ran.out
