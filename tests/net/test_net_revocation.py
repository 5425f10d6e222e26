"""Asking issuers on loopback: in which order, how far, how long; and where nobody is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.x509 import ocsp
from OpenSSL import SSL

from probe.errors import ConnectError, ObservationError
from probe.net.clock import monotonic
from probe.net.http import MAX_HEAD_BYTES, TIMEOUT_S, Reach
from probe.net.observe import observe
from probe.net.request import ProbeRequest
from probe.net.revocation import MAX_CERTIFICATES, MAX_OCSP_BYTES, MAX_URLS, fetch, standings
from probe.net.stream import begin_connect
from probe.pki.certificate import Certificate
from probe.pki.revocation_status import CertificateStanding
from tests.authority import Issued, raw_extension
from tests.net.scripted import (
    AUTHORITY,
    ISSUING,
    LEAF,
    NOW,
    ROOT,
    Peer,
    ScriptedServer,
    starttls,
    tls_context,
)
from tests.patience import given_time
from tests.revoking import Web, crl, http, ocsp_response, places
from tests.rootlist import oid, tlv

LOCAL = Reach(allow_private=True)
REVOKED = ocsp.OCSPCertStatus.REVOKED


def ask(
    *chain: Issued, stapled: bytes | None = None, reach: Reach = LOCAL
) -> tuple[CertificateStanding, ...]:
    return standings(tuple(Certificate(each.der) for each in chain), stapled, NOW, reach)


def shown(standing: CertificateStanding) -> tuple[str, str | None]:
    return standing.answer.standing.value, standing.source.value if standing.source else None


def named(*paths: str, web: Web) -> Issued:
    """A leaf that names these paths: ocsp, then crl."""
    return AUTHORITY.leaf(ISSUING, "mail.contoso.test", extra=places(*(web.url(path) for path in paths)))


def get(url: str, reach: Reach = LOCAL, seconds: float = 10) -> bytes:
    return fetch(url, monotonic() + seconds, reach, limit=MAX_OCSP_BYTES)


class TestOrder:
    def test_ocsp_first_then_the_list(self) -> None:
        with Web() as web:
            leaf = named("ocsp", "crl", web=web)
            web.answers |= {
                "ocsp": http(ocsp_response(leaf, ISSUING, NOW)),
                "crl": http(crl(ISSUING, NOW, leaf)),
            }
            assert shown(ask(leaf, ISSUING)[0]) == ("good", "ocsp")
            assert web.asked == ["POST /ocsp HTTP/1.1"]
            web.answers["ocsp"] = http(b"nonsense")
            assert shown(ask(leaf, ISSUING)[0]) == ("revoked", "crl")
            assert web.asked[1:] == ["POST /ocsp HTTP/1.1", "GET /crl HTTP/1.1"]

    def test_what_is_stapled_saves_the_question(self) -> None:
        with Web() as web:
            leaf = named("ocsp", web=web)
            stapled = ocsp_response(leaf, ISSUING, NOW, status=REVOKED)
            assert shown(ask(leaf, ISSUING, stapled=stapled)[0]) == ("revoked", "stapled")
            assert web.asked == []
            web.answers["ocsp"] = http(ocsp_response(leaf, ISSUING, NOW))
            assert shown(ask(leaf, ISSUING, stapled=b"nonsense")[0]) == ("good", "ocsp")

    def test_each_certificate_below_the_root_and_each_list_once(self) -> None:
        with Web(crl=http(crl(ROOT, NOW))) as web:
            ca = AUTHORITY.intermediate(ROOT, "A CA", extra=places(None, web.url("crl")))
            below = AUTHORITY.intermediate(ROOT, "B CA", extra=places(None, web.url("crl")))
            leaf = AUTHORITY.leaf(ca, "x.contoso.test")
            found = ask(leaf, ca, ROOT)
            assert [shown(each) for each in found] == [("unknown", None), ("good", "crl")]
            assert found[0].answer.detail == "it names neither an OCSP responder nor a CRL"
            assert ask(ROOT) == ()
            # Two of one path that name the same list: a chain as no CA issues it.
            assert len(ask(below, ROOT, ROOT)) == 2
            web.asked.clear()
            same = places(None, web.url("crl"))
            twice = (
                AUTHORITY.leaf(ROOT, "y.test", extra=same),
                AUTHORITY.intermediate(ROOT, "C", extra=same),
            )
            ask(twice[0], twice[1], ROOT)
            assert web.asked == ["GET /crl HTTP/1.1"]

    def test_where_nobody_answers_every_reason_is_given(self) -> None:
        with Web(crl=http(b"", b"HTTP/1.1 500 Oh dear")) as web:
            leaf = named("ocsp", "crl", web=web)
            [found] = ask(leaf, ISSUING, stapled=b"x")
        assert shown(found) == ("unknown", None)
        assert found.answer.detail == (
            f"stapled: the response cannot be read; {web.url('ocsp')}: the server answers 404; "
            f"{web.url('crl')}: the server answers 500"
        )

    def test_a_certificate_of_which_no_question_can_be_made(self) -> None:
        odd = AUTHORITY.leaf(ISSUING, serial=1, extra=places("http://127.0.0.1:1/")).der
        at = odd.index(b"\xa0\x03\x02\x01\x02\x02\x01\x01") + 7
        path = (Certificate(odd[:at] + b"\x81" + odd[at + 1 :]), Certificate(ISSUING.der))
        [found] = standings(path, None, NOW, LOCAL)
        assert found.answer.detail.endswith("no request can be made for this certificate")


class TestReach:
    @pytest.mark.parametrize("host", ["127.0.0.1", "ocsp.fabrikam.test"])
    def test_nobody_inside_is_called_unless_allowed(self, host: str) -> None:
        names = {"ocsp.fabrikam.test": ("127.0.0.1",)}
        with Web(x=http(b"inside")) as web:
            with pytest.raises(ConnectError, match="is no public address; --revocation-allow-private"):
                get(web.url("x", host), Reach(overrides=names))
            assert web.peers == []
            assert get(web.url("x", host), Reach(overrides=names, allow_private=True)) == b"inside"

    @pytest.mark.parametrize(
        "url",
        [
            "ldap://127.0.0.1/cn=x",
            "file:///etc/passwd",
            "http://",
            "http://user@127.0.0.1/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:99999/",
            "http://[::1/",
            "http://127.0.0.1/a b",
            "http://127.0.0.1/\\r\\nX: y",
            "http://127.0.0.1/é",
            "http://127.0.0.1/\x01",
            "http://127.0.0.1/\r\nX:y",
            "http://127.0.0.1\x7f/",
        ],
    )
    def test_no_other_kinds_of_address(self, url: str) -> None:
        with pytest.raises(ConnectError, match="not an http or https address"):
            get(url)

    def test_a_name_that_does_not_exist(self) -> None:
        with pytest.raises(ObservationError):
            get("http://ocsp.fabrikam.test/", Reach(overrides={"ocsp.fabrikam.test": ()}))

    def test_https_is_spoken_with_whom_one_trusts(self) -> None:
        def secure(peer: Peer) -> None:
            peer.serve_tls(tls_context(LEAF, ISSUING, version=SSL.TLS1_3_VERSION))

        with (
            ScriptedServer(secure) as server,
            pytest.raises(ConnectError, match=r"no answer from 127\.0\.0\.1: .*verif"),
        ):
            get(f"https://127.0.0.1:{server.port}/")

    def test_a_query_is_part_of_the_place(self) -> None:
        with Web() as web:
            with pytest.raises(ConnectError, match="404"):
                get(web.url("list?ca=1"))
            assert web.asked == ["GET /list?ca=1 HTTP/1.1"]


class TestBounds:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (b"220 mail.contoso.test ESMTP\r\n\r\n", "the answer is no HTTP"),
            (b"", "ended the connection without an answer"),
            (b"HTTP/1.1 200 OK\r\n", "the answer was cut off"),
            (http(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1"), "the answer was cut off"),
            (
                http(b"", b"HTTP/1.1 200 OK\r\nContent-Length: many"),
                r"the answer is no HTTP \(bad Content-Length\)",
            ),
            (http(b"", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/"), "the server answers 302"),
            (http(b"", b"HTTP/1.1 \x1b[31m no"), "the answer is no HTTP"),
            (http(bytes(MAX_OCSP_BYTES + 1)), "is larger than"),
            (http(b"", b"HTTP/1.1 200 OK\r\nX: " + bytes(MAX_HEAD_BYTES + MAX_OCSP_BYTES)), "is larger than"),
        ],
    )
    def test_answers_that_are_none(self, answer: bytes, words: str) -> None:
        with Web(x=answer) as web, pytest.raises(ConnectError, match=words):
            get(web.url("x"))

    def test_an_endless_answer_ends(self) -> None:
        def endless(peer: Peer) -> None:
            peer.say_in_pieces(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(60_000) for _ in range(1_000))

        with Web(x=endless) as web, pytest.raises(ConnectError, match="is larger than"):
            get(web.url("x"))

    def test_silence_ends(self) -> None:
        with Web(x=Peer.hold) as web:
            began = monotonic()
            with pytest.raises(ConnectError, match="no answer"):
                get(web.url("x"), seconds=0.2)
            assert monotonic() - began < TIMEOUT_S

    def test_a_trickle_of_tls_ends(self) -> None:
        hello = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"  # a ServerHello of 16 KiB, the rest of which takes its time

        def trickling(peer: Peer) -> None:
            peer.say(hello)
            peer.trickle(b"\x00")

        with ScriptedServer(trickling) as server:
            began = monotonic()
            with pytest.raises(ConnectError, match=r"took too long|timed out"):
                get(f"https://127.0.0.1:{server.port}/", seconds=0.3)
            assert monotonic() - began < TIMEOUT_S

    def test_a_trickle_ends(self) -> None:
        def trickling(peer: Peer) -> None:
            peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
            peer.trickle()

        with Web(x=trickling) as web:
            began = monotonic()
            with pytest.raises(ConnectError, match=r"took too long|timed out"):
                get(web.url("x"), seconds=0.3)
            assert monotonic() - began < TIMEOUT_S

    def test_of_a_long_path_the_first_are_asked_about(self) -> None:
        path = [ROOT]
        while len(path) < MAX_CERTIFICATES + 3:
            path.insert(0, AUTHORITY.intermediate(path[0], f"CA {len(path)}"))
        found = ask(*path)
        assert len(found) == MAX_CERTIFICATES + 2
        told = [each.answer.detail == "of one chain 8 certificates are asked about" for each in found]
        assert told == [False] * MAX_CERTIFICATES + [True] * 2
        assert len(ask(*path[-3:])) == 2

    def test_of_many_addresses_the_first_are_asked(self) -> None:
        entry = tlv(0x30, oid("1.3.6.1.5.5.7.48.1"), tlv(0x86, b"ldap://o.test/"))
        for number, told in ((MAX_URLS + 3, "; 3 more are not asked"), (MAX_URLS, "")):
            extra = (raw_extension("1.3.6.1.5.5.7.1.1", tlv(0x30, entry * number)),)
            [found] = ask(AUTHORITY.leaf(ISSUING, "mail.contoso.test", extra=extra), ISSUING)
            assert found.answer.detail.count("ldap://o.test/") == MAX_URLS
            assert found.answer.detail.partition(f"; {3} more")[1:] == (told[:8], told[8:])

    def test_no_time_is_left_for_the_next(self) -> None:
        def check(seconds: float) -> None:
            with Web(ocsp=Peer.hold) as web:
                reach = Reach(allow_private=True, timeout_s=seconds)
                [found] = ask(named("ocsp", "crl", web=web), ISSUING, reach=reach)
                assert shown(found) == ("unknown", None)
            assert len(web.peers) == 1

        given_time(check)

    def test_an_answer_is_whole_as_soon_as_its_length_is_there(self) -> None:
        def lingering(peer: Peer) -> None:
            peer.say(http(b"content"))
            peer.hold()

        with Web(x=lingering) as web:
            assert get(web.url("x")) == b"content"

    def test_without_a_length_the_end_is_the_connections(self) -> None:
        with Web(x=http(b"content", b"HTTP/1.0 200 OK")) as web:
            assert get(web.url("x")) == b"content"


class TestStapling:
    @pytest.mark.parametrize("asks", [True, False])
    def test_a_stapled_response_is_kept_where_it_was_asked_for(self, asks: bool) -> None:
        response = ocsp_response(LEAF, ISSUING, NOW)
        context = tls_context(LEAF, ISSUING)
        context.set_ocsp_server_callback(lambda *_: response)
        with ScriptedServer(starttls(context)) as server:
            captured = self.observed(server.port, asks=asks)
        assert captured.stapled == (response if asks else None)
        assert captured.leaf is not None

    def test_a_server_that_staples_nothing(self) -> None:
        with ScriptedServer(starttls(tls_context(LEAF, ISSUING))) as server:
            captured = self.observed(server.port, asks=True)
        assert (captured.stapled, captured.fault) == (None, None)

    @staticmethod
    def observed(port: int, *, asks: bool):  # noqa: ANN205 - a Capture
        request = ProbeRequest(
            host="mail.contoso.test",
            address="127.0.0.1",
            port=port,
            sni=None,
            ask_staple=asks,
            timeout_s=timedelta(seconds=20).total_seconds(),
        )
        return observe(request, begin_connect("127.0.0.1", port), monotonic())
