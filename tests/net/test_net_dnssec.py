"""MX, address and TLSA records through a resolver that validates, fails, lies or keeps silent."""

from __future__ import annotations

import socket

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.errors import ConfigurationError
from probe.exchange.outbound.facts import Dnssec, DomainFacts, Exchanger, Tlsa
from probe.net.clock import monotonic
from probe.net.dnssec import (
    MAX_AT_ONCE,
    MAX_RECORDS,
    MAX_STRAYS,
    MAX_WORDS,
    TIMEOUT_S,
    TRY_S,
    UDP_BYTES,
    check_resolver,
    domain_facts,
    exchanger_facts,
)
from probe.net.resolver import MAX_EXCHANGERS
from probe.pki.dane import TlsaRecord
from tests.net.scripted import closed_port
from tests.net.validating import UNSIGNED_ROOT, Reply, ValidatingServer
from tests.patience import given_time

SERVFAIL, NXDOMAIN, NOERROR = dns.rcode.SERVFAIL, dns.rcode.NXDOMAIN, dns.rcode.NOERROR
HOST = "mail.contoso.test"
TLSA = (f"_25._tcp.{HOST}", "TLSA")
DIGEST = bytes(range(32))
RECORD = TlsaRecord(usage=3, selector=1, matching=1, data=DIGEST)
TEXT = f"3 1 1 {DIGEST.hex()}"
ADDRESSES = {(HOST, "A"): Reply("192.0.2.1"), (HOST, "AAAA"): Reply("2001:db8::1")}
SOUND = {**ADDRESSES, TLSA: Reply(TEXT), ("contoso.test", "MX"): Reply(f"10 {HOST}.")}
FOUND = Tlsa(dnssec=Dnssec.SECURE, records=(RECORD,), base=HOST)


def domain(replies: dict[tuple[str, str], Reply], timeout_s: float = 10) -> DomainFacts:
    with ValidatingServer(SOUND | replies) as server:
        return domain_facts("contoso.test", server.address, timeout_s=timeout_s)


def exchanger(replies: dict[tuple[str, str], Reply], timeout_s: float = 10) -> Exchanger:
    with ValidatingServer(SOUND | replies) as server:
        (found,) = exchanger_facts([HOST], server.address, timeout_s=timeout_s)
        return found


def tlsa(reply: Reply, timeout_s: float = 10) -> Tlsa:
    return exchanger({TLSA: reply}, timeout_s).tlsa


class TestQuestion:
    def test_asks_for_the_bit_and_checks(self) -> None:
        with ValidatingServer(SOUND) as server:
            exchanger_facts([HOST], server.address)
        assert [each.kind for each in server.asked] == ["A", "AAAA", "TLSA"]
        for each in server.asked:
            query = dns.message.from_wire(each.wire)
            assert each.wire[2:4] == b"\x01\x20"  # RD and AD, nothing else
            assert (query.edns, query.payload, query.ednsflags) == (0, UDP_BYTES, 0)
            assert not each.tcp

    def test_goes_out_again(self) -> None:
        """A datagram may be lost."""
        began = monotonic()
        with ValidatingServer(SOUND | {TLSA: Reply(TEXT, silent=1)}) as server:
            assert exchanger_facts([HOST], server.address)[0].tlsa == FOUND
        assert len(server.heard("TLSA", repeated=True)) >= 2
        assert monotonic() - began >= TRY_S

    @pytest.mark.parametrize("resolver", ["dns.contoso.test", "192.0.2.1:0", "mx:contoso.test", ""])
    def test_goes_to_an_address(self, resolver: str) -> None:
        for ask in (check_resolver, lambda each: domain_facts("contoso.test", each)):
            with pytest.raises(ConfigurationError, match="name server"):
                ask(resolver)


class TestSecure:
    def test_a_domain(self) -> None:
        with ValidatingServer(SOUND) as server:
            assert domain_facts("Contoso.test.", server.address) == DomainFacts(
                domain="contoso.test",
                mx=Dnssec.SECURE,
                exchangers=(Exchanger(host=HOST, address=Dnssec.SECURE, tlsa=FOUND),),
                resolver=server.address,
            )

    @pytest.mark.parametrize("missing", [{TLSA: Reply(rcode=NXDOMAIN)}, {TLSA: Reply()}])
    def test_no_tlsa_is_proven(self, missing: dict[tuple[str, str], Reply]) -> None:
        assert exchanger(missing).tlsa == Tlsa(dnssec=Dnssec.SECURE, base=HOST)

    def test_the_preferred_first_each_once(self) -> None:
        mx = Reply("20 b.test.", "10 c.test.", "10 A.test.", "30 a.test.")
        found = domain({("contoso.test", "MX"): mx}).exchangers
        assert [each.host for each in found] == ["a.test", "c.test", "b.test"]

    def test_a_null_mx(self) -> None:
        found = domain({("contoso.test", "MX"): Reply("0 .")})
        assert (found.mx, found.exchangers, found.failure) == (Dnssec.SECURE, (), None)

    def test_without_mx_the_domain_itself(self) -> None:
        found = domain({("contoso.test", "MX"): Reply()})
        assert (found.mx, [each.host for each in found.exchangers]) == (Dnssec.SECURE, ["contoso.test"])

    def test_a_domain_that_does_not_exist(self) -> None:
        found = domain({("contoso.test", "MX"): Reply(rcode=NXDOMAIN)})
        assert (found.mx, found.exchangers) == (Dnssec.SECURE, ())
        assert found.failure == "the name contoso.test does not exist"

    def test_unlike_records_are_told_apart(self) -> None:
        """A record that the library refuses takes nothing from the others."""
        short = b"\x03\x01\x01" + DIGEST[:20]
        found = tlsa(Reply(TEXT, short, b"\x03\x01", b"\x63\x63\x63\x63", b""))
        assert found.records == (
            TlsaRecord(usage=3, selector=1, matching=1, data=DIGEST[:20]),
            RECORD,
            TlsaRecord(usage=99, selector=99, matching=99, data=b"c"),
        )
        assert found.unreadable == (
            "a TLSA record of 0 bytes holds no data",
            "a TLSA record of 2 bytes holds no data",
        )


class TestInsecure:
    def test_a_zone_that_is_not_signed(self) -> None:
        found = domain({question: Reply(*reply.records, ad=False) for question, reply in SOUND.items()})
        (only,) = found.exchangers
        assert {found.mx, only.address, only.tlsa.dnssec} == {Dnssec.INSECURE}
        assert only.tlsa.records == (RECORD,)
        assert (found.failure, only.failure, only.tlsa.failure) == (None, None, None)

    def test_the_worse_of_both_kinds_of_address(self) -> None:
        assert exchanger({(HOST, "AAAA"): Reply("2001:db8::1", ad=False)}).address is Dnssec.INSECURE

    def test_a_resolver_that_never_validates(self) -> None:
        replies = {question: Reply(*reply.records, ad=False) for question, reply in SOUND.items()}
        with ValidatingServer(replies | UNSIGNED_ROOT) as server:
            found = domain_facts("contoso.test", server.address)
            why = check_resolver(server.address)
        assert why == (
            f"the resolver 127.0.0.1 port {server.port} does not set AD for the root, which is signed: "
            "it does not validate"
        )
        (only,) = found.exchangers
        assert {found.mx, only.address, only.tlsa.dnssec} == {Dnssec.UNKNOWN}
        assert {found.failure, only.failure, only.tlsa.failure} == {why}
        assert only.tlsa.records == (RECORD,)
        assert server.heard("SOA") == ["", ""]  # once for all questions of a domain

    def test_one_that_does_is_asked_nothing_more(self) -> None:
        with ValidatingServer(SOUND) as server:
            domain_facts("contoso.test", server.address)
            assert server.heard("SOA") == []
            assert check_resolver(server.address) is None

    def test_one_that_cannot_reach_the_root(self) -> None:
        unsigned = {TLSA: Reply(TEXT, ad=False), ("", "SOA"): Reply(rcode=SERVFAIL)}
        found = exchanger(unsigned).tlsa
        assert found.dnssec is Dnssec.UNKNOWN
        assert "failed to answer for the root" in found.failure

    def test_one_that_answers_from_its_own_zone(self) -> None:
        found = tlsa(Reply(TEXT, ad=False, aa=True))
        assert (found.dnssec, found.records) == (Dnssec.UNKNOWN, (RECORD,))
        assert f"is itself a name server of _25._tcp.{HOST}: its answers are not validated" in found.failure


class TestBogus:
    def test_what_is_answered_unchecked(self) -> None:
        found = tlsa(Reply(TEXT, rcode=SERVFAIL, rcode_with_cd=NOERROR))
        assert (found.dnssec, found.records) == (Dnssec.BOGUS, (RECORD,))
        assert found.failure == f"the resolver finds the signatures of _25._tcp.{HOST} (TLSA) bad"

    def test_even_that_there_is_nothing(self) -> None:
        assert tlsa(Reply(rcode=SERVFAIL, rcode_with_cd=NXDOMAIN)).dnssec is Dnssec.BOGUS

    def test_what_the_resolver_calls_so(self) -> None:
        found = tlsa(Reply(rcode=SERVFAIL, errors=((7, "expired \x1b[31m2026-11-01"), (22, ""))))
        assert found.dnssec is Dnssec.BOGUS
        assert found.failure.endswith(
            "bad, and says: signature expired: expired \\x1b[31m2026-11-01; no reachable authority"
        )

    def test_what_is_broken_is_not(self) -> None:
        found = tlsa(Reply(rcode=SERVFAIL, errors=((22, "timed out"), (9999, ""))))
        assert found.dnssec is Dnssec.UNKNOWN
        assert found.failure.endswith(
            f"for _25._tcp.{HOST}, and says: no reachable authority: timed out; 9999"
        )

    def test_one_failure_more_over_the_second_question(self) -> None:
        """It is what the first one says then."""
        broken = {TLSA: Reply(rcode=SERVFAIL, rcode_with_cd=dns.rcode.REFUSED, errors=((6, ""),))}
        assert exchanger(broken).tlsa.dnssec is Dnssec.BOGUS

    def test_addresses_and_mx(self) -> None:
        bogus = {
            (HOST, "AAAA"): Reply("2001:db8::1", rcode=SERVFAIL, rcode_with_cd=NOERROR),
            ("contoso.test", "MX"): Reply(f"10 {HOST}.", rcode=SERVFAIL, rcode_with_cd=NOERROR),
        }
        found = domain(bogus)
        (only,) = found.exchangers
        assert (found.mx, only.address, only.tlsa) == (Dnssec.BOGUS, Dnssec.BOGUS, FOUND)
        assert found.failure == "the resolver finds the signatures of contoso.test (MX) bad"
        assert only.failure == f"the resolver finds the signatures of {HOST} (AAAA) bad"

    def test_words_are_bounded(self) -> None:
        found = tlsa(Reply(rcode=SERVFAIL, errors=((6, "x" * 1000),)))
        assert len(found.failure) < MAX_WORDS + 100


TO = "real.fabrikam.test"
ALIAS = {(HOST, "A"): Reply("192.0.2.1", alias=TO), (HOST, "AAAA"): Reply("2001:db8::1", alias=TO)}
AT_ITS_NAME = {(f"_25._tcp.{TO}", "TLSA"): Reply(f"3 1 1 {'ff' * 32}")}


class TestAlias:
    """An MX host that is an alias (RFC 7672 2.2.2)."""

    def test_its_target_goes_before(self) -> None:
        found = exchanger(ALIAS | AT_ITS_NAME).tlsa
        assert (found.base, found.records[0].data) == (TO, b"\xff" * 32)

    def test_then_the_host(self) -> None:
        assert exchanger(ALIAS).tlsa == FOUND

    def test_into_a_zone_that_is_not_signed(self) -> None:
        alias = {question: Reply(*reply.records, alias=TO, ad=False) for question, reply in ALIAS.items()}
        found = exchanger(alias | AT_ITS_NAME)
        assert (found.address, found.tlsa) == (Dnssec.INSECURE, FOUND)

    def test_a_signed_alias_into_one_keeps_its_own_records(self) -> None:
        """So does Postfix 3.7: the alias itself is vouched for."""
        unsigned = Exchanger(host=HOST, address=Dnssec.INSECURE, tlsa=FOUND)
        assert unsigned.dnssec is Dnssec.SECURE
        for bad in (Dnssec.BOGUS, Dnssec.UNKNOWN):
            assert Exchanger(host=HOST, address=bad, tlsa=FOUND).dnssec is bad
            assert Exchanger(host=HOST, address=Dnssec.SECURE, tlsa=Tlsa(dnssec=bad)).dnssec is bad

    def test_whose_targets_records_are_bogus(self) -> None:
        bogus = {(f"_25._tcp.{TO}", "TLSA"): Reply(rcode=SERVFAIL, rcode_with_cd=NOERROR)}
        assert exchanger(ALIAS | bogus).tlsa.dnssec is Dnssec.BOGUS

    def test_of_the_tlsa_records(self) -> None:
        elsewhere = {TLSA: Reply(TEXT, alias="_tlsa.contoso.test")}
        assert exchanger(elsewhere).tlsa == FOUND

    def test_that_leads_nowhere(self) -> None:
        with ValidatingServer({TLSA: Reply(alias=TLSA[0])}) as server:
            found = exchanger_facts([HOST], server.address)[0].tlsa
        assert found.dnssec is Dnssec.UNKNOWN
        assert "cannot be read" in found.failure


class TestBroken:
    def test_a_long_answer_comes_over_tcp(self) -> None:
        with ValidatingServer(SOUND | {TLSA: Reply(TEXT, truncated=True)}) as server:
            assert exchanger_facts([HOST], server.address)[0].tlsa == FOUND
        assert [each.tcp for each in server.asked if each.kind == "TLSA"] == [False, True]

    @pytest.mark.parametrize("cut", [0, 1, 2, 20, -1])
    def test_that_breaks_off(self, cut: int) -> None:
        found = tlsa(Reply(TEXT, truncated=True, cut=cut))
        assert found.dnssec is Dnssec.UNKNOWN
        assert found.failure.endswith("sent no whole answer over TCP")

    def test_an_answer_that_is_cut_off_by_itself(self) -> None:
        found = tlsa(Reply(TEXT, cut=70))
        assert (found.dnssec, found.records) == (Dnssec.UNKNOWN, ())
        assert f"the resolver's answer for _25._tcp.{HOST} cannot be read" in found.failure

    def test_that_is_no_whole_one_over_tcp_either(self) -> None:
        """Nothing may be taken for the proof that there is nothing."""
        found = tlsa(Reply(TEXT, always_truncated=True))
        assert (found.dnssec, found.records) == (Dnssec.UNKNOWN, ())

    def test_mx_records_that_are_none(self) -> None:
        """They are no sign that the domain is its own exchanger."""
        found = domain({("contoso.test", "MX"): Reply(b"\x00")})
        assert (found.mx, found.exchangers) == (Dnssec.UNKNOWN, ())
        assert "the resolver's answer for contoso.test cannot be read" in found.failure

    def test_what_cannot_be_read_beside_the_answer_does_not_matter(self) -> None:
        """BIND adds the TLSA records of the hosts to MX records: one with a digest of three octets."""
        found = domain({("contoso.test", "MX"): Reply(f"10 {HOST}.", beside=b"\x03\x01\x01abc")})
        assert (found.mx, [each.host for each in found.exchangers]) == (Dnssec.SECURE, [HOST])

    def test_silence_ends_in_time(self) -> None:
        began = monotonic()
        found = domain({("contoso.test", "MX"): Reply(silent=99)}, timeout_s=0.3)
        assert monotonic() - began < TIMEOUT_S
        assert found.mx is Dnssec.UNKNOWN
        assert found.failure.endswith("did not answer for contoso.test within 0.3 s")
        assert found.exchangers == ()

    def test_silence_over_tcp_too(self) -> None:
        began = monotonic()
        found = tlsa(Reply(TEXT, truncated=True, silent=99), timeout_s=0.3)
        assert found.dnssec is Dnssec.UNKNOWN
        assert monotonic() - began < TIMEOUT_S

    def test_silence_on_one_question_leaves_the_other_answers(self) -> None:
        def check(seconds: float) -> None:
            found = exchanger({TLSA: Reply(silent=99)}, timeout_s=seconds)
            assert (found.address, found.failure) == (Dnssec.SECURE, None)
            assert found.tlsa.failure.endswith(f"within {seconds:g} s")

        given_time(check)

    def test_nobody_is_there(self) -> None:
        with closed_port(socket.SOCK_DGRAM) as port:
            refused = f"the resolver cannot be asked: connection refused by 127.0.0.1 port {port}"
            assert check_resolver(f"127.0.0.1:{port}") == refused
            assert domain_facts("contoso.test", f"127.0.0.1:{port}").failure == refused

    @pytest.mark.parametrize("rcode", ["REFUSED", "NOTIMP", "FORMERR"])
    def test_a_refusal(self, rcode: str) -> None:
        found = tlsa(Reply(rcode=dns.rcode.from_text(rcode)))
        assert found.dnssec is Dnssec.UNKNOWN
        assert found.failure.endswith(f"does not answer for _25._tcp.{HOST}: {rcode}")

    def test_a_name_that_cannot_be_asked_for(self) -> None:
        with ValidatingServer({}) as server:
            (found,) = exchanger_facts(["a" * 64 + ".test"], server.address)
        assert found.address is Dnssec.UNKNOWN
        assert "cannot be asked for" in found.failure

    def test_strays_are_passed_over_and_bounded(self) -> None:
        other = dns.message.make_response(dns.message.make_query("fabrikam.test.", "TLSA")).to_wire()
        strays = tuple((b"", b"x", other, other[:12] + b"\xff" * 20)[n % 4] for n in range(MAX_STRAYS))
        assert tlsa(Reply(TEXT, strays=strays[1:])) == FOUND
        found = tlsa(Reply(TEXT, strays=strays))
        assert found.dnssec is Dnssec.UNKNOWN
        assert found.failure.endswith(f"sends what answers no question for _25._tcp.{HOST}")


class TestBounds:
    def test_records(self) -> None:
        texts = [f"3 1 1 {number:064x}" for number in range(MAX_RECORDS + 1)]
        assert len(tlsa(Reply(*texts[1:])).records) == MAX_RECORDS
        assert tlsa(Reply(*texts[1:])).unreadable == ()
        found = tlsa(Reply(*texts, truncated=True))
        assert len(found.records) == MAX_RECORDS
        assert found.unreadable == (f"of {MAX_RECORDS + 1} TLSA records {MAX_RECORDS} are looked at",)

    def test_exchangers(self) -> None:
        hosts = [f"{number} mx{number:02}.contoso.test." for number in range(MAX_EXCHANGERS + 5)]
        found = domain({("contoso.test", "MX"): Reply(*hosts)}).exchangers
        assert [each.host for each in found] == [
            f"mx{number:02}.contoso.test" for number in range(MAX_EXCHANGERS)
        ]

    def test_at_once(self) -> None:
        hosts = [f"mx{number}.contoso.test" for number in range(2 * MAX_AT_ONCE)]

        def check(seconds: float) -> None:
            with ValidatingServer({(host, "A"): Reply(silent=99) for host in hosts}) as server:
                found = exchanger_facts(hosts, server.address, timeout_s=seconds)
                assert sorted(server.heard("A")) == sorted(hosts[:MAX_AT_ONCE])
            assert [each.host for each in found] == hosts
            assert all(each.failure for each in found)

        given_time(check)


@pytest.fixture(scope="module")
def query() -> dns.message.Message:
    return dns.message.make_query(TLSA[0] + ".", "TLSA", id=1)


@given(junk=st.binary(max_size=200))
def test_any_octets_are_read_or_refused(query: dns.message.Message, junk: bytes) -> None:
    """Behind a header that answers: from the server's socket onwards only ResolveError may come of it."""
    from probe.errors import ResolveError
    from probe.net.dnssec import _read

    wire = b"\x00\x01\x81\xa0\x00\x01\x00\x02\x00\x00\x00\x00" + query.to_wire()[12:] + junk
    for data in (wire, junk):
        try:
            found = _read(data, query)
        except ResolveError:
            continue
        assert found is None or found.flags & dns.flags.QR
