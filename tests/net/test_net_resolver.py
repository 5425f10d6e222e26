"""Looking up names: at the system's resolver, and at a real name server that answers on loopback."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from probe.errors import ConfigurationError, ResolveError
from probe.net.clock import monotonic
from probe.net.nameserver import _resolver
from probe.net.resolver import (
    RESOLVE_TIMEOUT_S,
    MailExchanger,
    _Question,
    _reason,
    mail_exchangers,
    resolve,
)
from tests.net.scripted import closed_port
from tests.patience import given_time

ZONE = {
    ("mail.contoso.test.", "A"): ["192.0.2.1", "192.0.2.2", "192.0.2.1"],
    ("mail.contoso.test.", "AAAA"): ["2001:db8::1"],
    ("six.contoso.test.", "AAAA"): ["2001:db8::6"],
    ("many.contoso.test.", "A"): [f"192.0.2.{number}" for number in range(1, 100)],
    ("alias.contoso.test.", "CNAME"): ["mail.contoso.test."],
    ("half.contoso.test.", "A"): ["192.0.2.3"],
    ("contoso.test.", "MX"): ["20 Backup.contoso.test.", "10 mail.contoso.test.", "10 mail.contoso.test."],
    ("many-mx.contoso.test.", "MX"): [f"{number} mx{number}.contoso.test." for number in range(1, 60)],
    ("null.contoso.test.", "MX"): ["0 ."],
    ("local.contoso.test.", "A"): ["127.7.0.1", "127.7.0.2"],
    ("rates.contoso.test.", "MX"): ["10 mx1.contoso.test."],
    ("quiet.contoso.test.", "MX"): [f"{number} quiet{number}.contoso.test." for number in range(8)],
    ("nomx.contoso.test.", "A"): ["192.0.2.4"],
}

SILENT = {("silent.contoso.test.", "A"), ("silent.contoso.test.", "MX"), ("half.contoso.test.", "AAAA")}
SILENT |= {(f"quiet{number}.contoso.test.", kind) for number in range(8) for kind in ("A", "AAAA")}
BROKEN = "broken.contoso.test."
ILL_FORMED = "ill-formed.contoso.test."
#: Names whose answers hold a TLSA record that is none (its digest has three octets), beside the others or among them.
BESIDE, AMONG = "beside.contoso.test.", "among.contoso.test."
ZONE |= {(name, "MX"): ["10 mail.contoso.test."] for name in (BESIDE, AMONG)}
NO_TLSA = dns.rdata.GenericRdata(dns.rdataclass.IN, dns.rdatatype.TLSA, b"\x03\x01\x01abc")


class NameServer:
    """Answers over UDP from ZONE until it is closed."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self.asked: list[str] = []
        self._heard: set[bytes] = set()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # An empty datagram wakes the thread; UDP sockets have no other way.
        with socket.socket(self._socket.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname()[:2])
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(4096)
            if not data:
                return
            answer = self._answer(dns.message.from_wire(data), repeated=data in self._heard)
            self._heard.add(data)
            if answer is not None:
                self._socket.sendto(answer, client)

    def _answer(self, query: dns.message.Message, *, repeated: bool) -> bytes | None:
        name, kind = query.question[0].name, query.question[0].rdtype.name
        if not repeated:  # who was not answered soon enough asks again
            self.asked.append(f"{name} {kind}")
        text = name.to_text().lower()
        if (text, kind) in SILENT:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if text == BROKEN:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif text == ILL_FORMED:
            response.set_rcode(dns.rcode.REFUSED)
        elif not any(known == text for known, _ in ZONE.keys() | SILENT):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self._fill(response, text, kind)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, text: str, kind: str) -> None:
        for alias in ZONE.get((text, "CNAME"), []):
            response.answer.append(dns.rrset.from_text(text, 60, "IN", "CNAME", alias))
            text = alias
        if records := ZONE.get((text, kind)):
            response.answer.append(dns.rrset.from_text(text, 60, "IN", kind, *records))
        if text in {BESIDE, AMONG}:
            section = response.additional if text == BESIDE else response.answer
            section.append(dns.rrset.from_rdata("_25._tcp.mail.contoso.test.", 60, NO_TLSA))


@pytest.fixture(scope="module")
def nameserver() -> object:
    with NameServer() as server:
        yield f"127.0.0.1:{server.port}"


class TestAddresses:
    @pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"])
    def test_pass_through(self, address: str) -> None:
        assert resolve(address) == (address,)

    def test_of_a_name_given_by_the_user(self) -> None:
        overrides = {"mail.contoso.test": ("192.0.2.7", "2001:db8::7", "192.0.2.7")}
        assert resolve("Mail.Contoso.test.", overrides=overrides) == ("192.0.2.7", "2001:db8::7")

    def test_of_loopback_by_the_system(self) -> None:
        assert set(resolve("localhost")) <= {"127.0.0.1", "::1"}

    def test_other_names_are_not_overridden(self) -> None:
        found = resolve("localhost", overrides={"mail.contoso.test": ("192.0.2.7",)})
        assert "192.0.2.7" not in found

    def test_of_a_name_that_the_system_cannot_look_up(self) -> None:
        with pytest.raises(ResolveError, match="cannot be looked up"):
            resolve("a" * 70)

    def test_a_resolver_that_hangs_is_not_waited_for(self) -> None:
        for_ever = threading.Event()

        def hang() -> tuple[str, ...]:
            for_ever.wait()
            return ()

        with pytest.raises(ResolveError, match=r"did not answer for mail\.contoso\.test within 0\.05 s"):
            _Question("mail.contoso.test", hang).answer(0.05)
        for_ever.set()

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            (socket.EAI_NONAME, "the name x.test does not exist"),
            (socket.EAI_AGAIN, "the name service cannot answer for x.test at present"),
            (socket.EAI_FAIL, "the name service failed for x.test"),
            (9999, "the name x.test cannot be looked up: some text"),
        ],
    )
    def test_the_systems_reasons_are_told_apart(self, code: int, said: str) -> None:
        assert _reason(socket.gaierror(code, "some text"), "x.test") == said

    def test_all_of_both_kinds_each_once(self, nameserver: str) -> None:
        found = resolve("mail.contoso.test", nameserver=nameserver)
        assert sorted(found) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]

    def test_of_an_alias(self, nameserver: str) -> None:
        assert "2001:db8::1" in resolve("alias.contoso.test", nameserver=nameserver)

    def test_of_one_kind_only(self, nameserver: str) -> None:
        assert resolve("six.contoso.test", nameserver=nameserver) == ("2001:db8::6",)

    def test_as_many_as_there_are(self, nameserver: str) -> None:
        assert len(resolve("many.contoso.test", nameserver=nameserver)) == 99

    def test_of_a_name_that_does_not_exist(self, nameserver: str) -> None:
        with pytest.raises(ResolveError, match=r"the name nowhere\.contoso\.test does not exist"):
            resolve("nowhere.contoso.test", nameserver=nameserver)

    def test_of_a_name_without_any(self, nameserver: str) -> None:
        with pytest.raises(ResolveError, match="exists, but has no address"):
            resolve("contoso.test", nameserver=nameserver)

    @pytest.mark.parametrize("name", [BROKEN, ILL_FORMED])
    def test_of_a_server_that_fails(self, nameserver: str, name: str) -> None:
        with pytest.raises(ResolveError, match="failed to answer"):
            resolve(name, nameserver=nameserver)

    def test_of_a_silent_server_end_in_time(self, nameserver: str) -> None:
        began = monotonic()
        with pytest.raises(ResolveError, match="did not answer"):
            resolve("silent.contoso.test", nameserver=nameserver, timeout_s=0.2)
        assert monotonic() - began < RESOLVE_TIMEOUT_S

    def test_of_one_kind_count_where_the_other_is_silent(self, nameserver: str) -> None:
        assert given_time(lambda s: resolve("half.contoso.test", nameserver=nameserver, timeout_s=s)) == (
            "192.0.2.3",
        )

    def test_by_a_server_with_an_ipv6_address(self) -> None:
        with NameServer("::1") as server:
            at = f"[::1]:{server.port}"
            assert given_time(lambda s: resolve("half.contoso.test", nameserver=at, timeout_s=s))

    @pytest.mark.parametrize("text", ["dns.contoso.test", "192.0.2.1:0", "mx:contoso.test", ""])
    def test_by_a_server_that_is_none(self, text: str) -> None:
        with pytest.raises(ConfigurationError, match="name server"):
            resolve("mail.contoso.test", nameserver=text)

    def test_names_that_are_none_are_not_asked_for(self, nameserver: str) -> None:
        with pytest.raises(ResolveError, match="cannot be looked up"):
            resolve("a" * 70, nameserver=nameserver)


class TestSystem:
    def test_its_name_server_is_asked_for_records(self, tmp_path: Path) -> None:
        configuration = tmp_path / "resolv.conf"
        configuration.write_text("nameserver 127.0.0.1\n")
        assert list(map(str, _resolver(None, str(configuration)).nameservers)) == ["Do53:127.0.0.1@53"]

    def test_without_one(self, tmp_path: Path) -> None:
        with pytest.raises(ResolveError, match="no name server configured"):
            _resolver(None, str(tmp_path / "missing"))

    def test_a_name_that_cannot_be_asked_for(self) -> None:
        with pytest.raises(ResolveError):
            mail_exchangers("a" * 70)


class TestMailExchangers:
    def test_the_preferred_first_each_once(self, nameserver: str) -> None:
        assert mail_exchangers("Contoso.test.", nameserver=nameserver) == (
            MailExchanger(10, "mail.contoso.test"),
            MailExchanger(20, "backup.contoso.test"),
        )

    def test_a_domain_without_any_is_its_own(self, nameserver: str) -> None:
        assert mail_exchangers("nomx.contoso.test", nameserver=nameserver) == (
            MailExchanger(0, "nomx.contoso.test"),
        )

    def test_a_null_record_takes_no_mail(self, nameserver: str) -> None:
        with pytest.raises(ResolveError, match="takes no mail"):
            mail_exchangers("null.contoso.test", nameserver=nameserver)

    def test_as_many_as_there_are(self, nameserver: str) -> None:
        found = mail_exchangers("many-mx.contoso.test", nameserver=nameserver)
        assert len(found) == 59
        assert found[0].preference == 1

    def test_of_a_domain_that_does_not_exist(self, nameserver: str) -> None:
        with pytest.raises(ResolveError, match="does not exist"):
            mail_exchangers("nowhere.contoso.test", nameserver=nameserver)

    def test_what_cannot_be_read_beside_the_answer_does_not_matter(self, nameserver: str) -> None:
        """BIND 9.18 adds the TLSA records of the hosts, right ones and wrong ones."""
        assert mail_exchangers(BESIDE, nameserver=nameserver) == (MailExchanger(10, "mail.contoso.test"),)
        with pytest.raises(ResolveError, match="did not answer"):
            mail_exchangers(AMONG, nameserver=nameserver, timeout_s=0.3)

    def test_of_a_server_that_is_not_there(self) -> None:
        with (
            closed_port(socket.SOCK_DGRAM) as port,
            pytest.raises(ResolveError, match="failed to answer"),
        ):
            mail_exchangers("contoso.test", nameserver=f"127.0.0.1:{port}")

    def test_of_a_silent_server(self, nameserver: str) -> None:
        with pytest.raises(ResolveError, match="did not answer"):
            mail_exchangers("silent.contoso.test", nameserver=nameserver, timeout_s=0.2)
