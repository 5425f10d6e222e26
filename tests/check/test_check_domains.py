"""A domain's exchangers judged together: real servers on loopback, a resolver that validates, and what goes wrong."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Self

import dns.rcode
import pytest

from probe.check import outbound
from probe.check.engine import Engine
from probe.check.interruption import Interruption
from probe.check.options import CheckOptions
from probe.check.outbound import gathered, settled
from probe.check.run import Done, Job, assess
from probe.eop.outbound.verdict import Mail
from probe.eop.vocabulary import ConnectorMode, Direction, Outcome, Severity
from probe.exchange.outbound.facts import DomainFacts
from probe.net.mta_sts import look
from probe.net.target import parse_target
from probe.pki.certificate import Certificate
from probe.pki.truststore import TrustStore
from probe.render.report.wording import basis_words
from probe.report.assessment import Assessment
from tests.check.test_check_engine import FAST, HEALTHY, OPTIONS
from tests.net.scripted import AUTHORITY, CAPABILITIES, GREETING, ISSUING, LEAF, Peer, Script, ScriptedServer
from tests.net.test_net_mta_sts import PolicyHost, ok
from tests.net.validating import Reply, ValidatingServer
from tests.patience import given_time

DOMAIN = "contoso.test"
MX1, MX2 = "mail.contoso.test", "mx2.contoso.test"
RIGHT = f"3 1 1 {sha256(Certificate(LEAF.der).spki).hexdigest()}"
WRONG = f"3 1 1 {'ab' * 32}"
PLAIN = CAPABILITIES.replace(b"STARTTLS", b"HELP")


def records(*tlsa: str, address: str) -> dict[tuple[str, str], Reply]:
    host = MX1 if address == "127.8.1.1" else MX2
    found = {(host, "A"): Reply(address), (host, "AAAA"): Reply()}
    return found | ({(f"_25._tcp.{host}", "TLSA"): Reply(*tlsa)} if tlsa else {})


def zone(first: str = "", second: str = "", **mx: object) -> dict[tuple[str, str], Reply]:
    """Two exchangers, each with a TLSA record or without."""
    return {
        (DOMAIN, "MX"): Reply(f"10 {MX1}.", f"20 {MX2}.", **mx),
        **records(*filter(None, (first,)), address="127.8.1.1"),
        **records(*filter(None, (second,)), address="127.8.1.2"),
    }


def no_tls(peer: Peer) -> None:
    peer.say(GREETING)
    peer.hear()
    peer.say(PLAIN)
    peer.hold()


def by_address(first: Script, second: Script) -> Script:
    return lambda peer: (first if peer.socket.getsockname()[0] == "127.8.1.1" else second)(peer)


class Domain:
    """Both mail servers and the resolver, as long as they are needed."""

    def __init__(self, replies: dict[tuple[str, str], Reply], script: Script = HEALTHY) -> None:
        self._mail, self._dns = ScriptedServer(script, host="0.0.0.0"), ValidatingServer(replies)

    def __enter__(self) -> Self:
        self._mail.__enter__()
        self._dns.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._dns.__exit__()
        self._mail.__exit__()

    @property
    def asked(self) -> list[tuple[str, str]]:
        return [(each.name, each.kind) for each in self._dns.asked]

    def options(self, **fields: object) -> CheckOptions:
        known = {
            "direction": Direction.FROM_EOP,
            "nameserver": self._dns.address,
            "dnssec_resolver": self._dns.address,
        }
        return replace(OPTIONS, **{**known, **fields})

    def job(self, **fields: object) -> Job:
        return Job(0, parse_target(f"mx:{DOMAIN}:{self._mail.port}"), self.options(**fields))

    def judged(self, **fields: object) -> tuple[Assessment, ...]:
        job = self.job(**fields)
        return assess(job.target, job.options)


def told(assessment: Assessment) -> tuple[str, Outcome, str | None]:
    rule = assessment.prediction.rule if assessment.prediction else None
    return assessment.capture.host, assessment.outcome, rule


def mail(assessment: Assessment) -> Mail:
    assert assessment.evidence.outbound is not None
    return assessment.evidence.outbound.domain.mail


def test_mail_goes_on_where_one_exchanger_fits() -> None:
    with Domain(zone(WRONG, RIGHT)) as domain:
        first, second = domain.judged()
    assert told(first) == (MX1, Outcome.AT_RISK, "dane-mismatch")
    assert second.capture.host == MX2
    assert "dane-valid" in [each.rule for each in second.findings]
    assert {mail(first), mail(second)} == {Mail.GOES_ON}
    # One value for the whole domain.
    assert first.evidence.outbound is not None
    assert second.evidence.outbound is not None
    assert first.evidence.outbound.domain is second.evidence.outbound.domain


def test_mail_is_blocked_where_none_fits() -> None:
    with Domain(zone(WRONG, WRONG)) as domain:
        found = domain.judged()
    assert [told(each) for each in found] == [
        (MX1, Outcome.REJECTED, "dane-mismatch"),
        (MX2, Outcome.REJECTED, "dane-mismatch"),
    ]
    assert {mail(each) for each in found} == {Mail.BLOCKED}
    assert found[0].prediction
    assert found[0].prediction.reply == "4.7.323 tlsa-invalid: The domain failed DANE validation."


def test_a_host_without_records_takes_the_mail() -> None:
    with Domain(zone(WRONG)) as domain:
        first, second = domain.judged()
    assert told(first) == (MX1, Outcome.AT_RISK, "dane-mismatch")
    assert mail(second) is Mail.GOES_ON
    assert "dane-mismatch" not in [each.rule for each in second.findings]


def test_no_tls_beside_a_record_is_told_with_its_code() -> None:
    with Domain(zone(RIGHT, RIGHT), no_tls) as domain:
        found = domain.judged()
    assert [each.prediction.reply if each.prediction else None for each in found] == [
        "4.7.321 starttls-not-supported: Destination mail server must support TLS to receive mail."
    ] * 2
    with Domain(zone(RIGHT, RIGHT), by_address(no_tls, HEALTHY)) as domain:
        first, second = domain.judged()
    assert "dane-valid" in [each.rule for each in second.findings]
    assert [each.severity.value for each in first.findings if each.rule == "dane-mismatch"] == ["risk"]


def test_bogus_mx_records_block_all() -> None:
    bogus = {"rcode": dns.rcode.SERVFAIL, "rcode_with_cd": dns.rcode.NOERROR}
    replies = zone(RIGHT, RIGHT) | {(DOMAIN, "MX"): Reply(f"10 {MX1}.", **bogus)}
    with Domain(zone(RIGHT, RIGHT)) as names, Domain(replies) as domain:
        job = names.job(dnssec_resolver=domain.options().dnssec_resolver)
        found = assess(job.target, job.options)
    assert [told(each)[1:] for each in found] == [(Outcome.REJECTED, "dnssec-bogus")] * 2


def test_bogus_mx_records_that_the_names_resolver_keeps_to_itself() -> None:
    """It validates, too: no exchanger is known, and why is."""
    bogus = {"rcode": dns.rcode.SERVFAIL, "rcode_with_cd": dns.rcode.NOERROR}
    replies = zone(RIGHT, RIGHT) | {(DOMAIN, "MX"): Reply(f"10 {MX1}.", **bogus)}
    with Domain(replies) as domain:
        [one] = domain.judged()
        [alone] = domain.judged(dnssec_resolver=None)
    assert told(one) == (DOMAIN, Outcome.REJECTED, "dnssec-bogus")
    assert one.prediction is not None
    assert basis_words(one.prediction, one.capture) == "what DNS says of the domain; no server was met"
    assert mail(one) is Mail.BLOCKED
    assert told(alone) == (DOMAIN, Outcome.UNKNOWN, "unreachable")
    with Domain({}) as domain:  # there is no such domain, and nothing more of it is asked
        [nobody] = domain.judged()
    assert (nobody.outcome, nobody.evidence.outbound) == (Outcome.UNKNOWN, None)


def test_a_match_may_be_among_the_records_that_are_left_out() -> None:
    many = [f"3 1 1 {number:02x}{'00' * 31}" for number in range(40)]
    replies = zone(WRONG, RIGHT)
    with Domain(replies | {(f"_25._tcp.{MX1}", "TLSA"): Reply(*many)}) as domain:
        first, _ = domain.judged()
    assert first.evidence.outbound is not None
    assert first.evidence.outbound.own.delivers is None
    assert "dane-mismatch" not in [each.rule for each in first.findings]
    note = next(each for each in first.findings if each.rule == "dane-unusable")
    assert note.detail == "Of 40 TLSA records 32 are looked at."


def test_what_was_not_answered_of_one_host_is_no_good_news() -> None:
    unanswered = {(f"_25._tcp.{MX1}", "TLSA"): Reply(rcode=dns.rcode.REFUSED)}
    with Domain(zone(RIGHT, RIGHT)) as whole, Domain(zone(RIGHT, RIGHT) | unanswered) as domain:
        found = [each.judged()[0].evidence.outbound for each in (whole, domain)]
    words = [each.domain.words for each in found if each]
    assert words[1] == words[0].replace("delivered.", "delivered, as far as is known.") != words[0]


def test_without_a_resolver_nothing_is_known_and_that_is_said_once() -> None:
    with Domain(zone(WRONG, WRONG)) as domain:
        first, second = domain.judged(dnssec_resolver=None)
        assert not [kind for _, kind in domain.asked if kind == "TLSA"]
    assert [each.rule for each in first.findings if each.rule.startswith(("dane", "outbound"))] == [
        "outbound-unknown"
    ]
    assert [each.rule for each in second.findings if each.rule.startswith(("dane", "outbound"))] == []
    # The control: the outcome is the one that the connection alone comes to.
    with Domain(zone()) as domain:
        alone = domain.judged(connector_mode=ConnectorMode.NONE)
    assert [each.outcome for each in alone] == [first.outcome, second.outcome]
    assert [each.evidence.outbound for each in alone] == [None, None]


def test_a_resolver_that_does_not_answer_takes_nothing_away() -> None:
    def check(seconds: float) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf, Domain(zone(RIGHT, RIGHT)) as domain:
            deaf.bind(("127.0.0.1", 0))
            resolver = f"127.0.0.1:{deaf.getsockname()[1]}"
            first, _ = domain.judged(dnssec_resolver=resolver, timeout_s=seconds)
        note = next(each for each in first.findings if each.rule == "outbound-unknown")
        assert f"did not answer for contoso.test within {seconds / 4:g} s" in note.summary
        assert first.capture.leaf is not None

    given_time(check, 2, 20)


@pytest.mark.parametrize(
    "fields",
    [{"direction": Direction.TO_EOP}, {"connector_mode": ConnectorMode.NONE}],
    ids=["to-eop", "mode-none"],
)
def test_nobody_is_asked_where_exchange_online_would_not_look(fields: dict[str, object]) -> None:
    with Domain(zone(RIGHT, RIGHT)) as domain:
        domain.judged(**fields)
        assert {kind for _, kind in domain.asked} == {"MX", "A", "AAAA"}
        assert not [name for name, _ in domain.asked if name.startswith("_")]
        before = len(domain.asked)
        domain.judged()  # the control
        assert {"TXT", "TLSA"} <= {kind for _, kind in domain.asked[before:]}


def test_the_facts_of_a_domain_are_asked_for_once() -> None:
    with Domain(zone(RIGHT, RIGHT)) as domain:
        job = domain.job()
        done = list(Engine([job, job._replace(key=1)], FAST).run())
        assert [name for name, kind in domain.asked if kind == "TXT"] == [f"_mta-sts.{DOMAIN}"]
    assert sorted((each.job.key, each.index) for each in done) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for key in (0, 1):
        assert [each.last for each in done if each.job.key == key] == [False, True]


def test_a_demanded_dane_that_is_not_there_blocks() -> None:
    with Domain(zone()) as domain:
        found = domain.judged(connector_mode=ConnectorMode.MANDATORY)
        assert not [name for name, kind in domain.asked if kind == "TXT"]
    assert [told(each)[1:] for each in found] == [(Outcome.REJECTED, "dane-missing")] * 2
    with Domain(zone(RIGHT, RIGHT)) as domain:
        found = domain.judged(connector_mode=ConnectorMode.MANDATORY)
    assert {mail(each) for each in found} == {Mail.GOES_ON}


class TestPolicy:
    """MTA-STS, whose policy is fetched from a real HTTPS server; no DNSSEC."""

    POLICY_LEAF = AUTHORITY.leaf(ISSUING, f"mta-sts.{DOMAIN}")

    def judged(
        self, monkeypatch: pytest.MonkeyPatch, *mx: str, mode: str = "enforce", script: Script = HEALTHY
    ) -> tuple[Assessment, ...]:
        text = "".join(
            f"{line}\n" for line in ("version: STSv1", f"mode: {mode}", *(f"mx: {each}" for each in mx))
        )
        announced = {
            (f"_mta-sts.{DOMAIN}", "TXT"): Reply('"v=STSv1; id=7;"'),
            (f"mta-sts.{DOMAIN}", "A"): Reply("127.0.0.1"),
            (f"mta-sts.{DOMAIN}", "AAAA"): Reply(),
        }
        answer = ok(f"{text}max_age: 86400\n".encode())
        with (
            PolicyHost(answer, self.POLICY_LEAF, ISSUING) as host,
            Domain(zone() | announced, script) as domain,
        ):
            # No test may listen on 443.
            monkeypatch.setitem(look.__kwdefaults__, "port", host.port)
            return domain.judged(dnssec_resolver=None)

    def test_a_host_that_it_does_not_name_is_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second = self.judged(monkeypatch, MX1)
        assert "mta-sts-valid" in [each.rule for each in first.findings]
        host = next(each for each in second.findings if each.rule == "mta-sts-host")
        assert (host.severity, mail(second)) == (Severity.RISK, Mail.GOES_ON)
        assert host.reply == "4.4.8 MX hosts of contoso.test failed MTA-STS validation"
        assert f'Add the line "mx: {MX2}"' in str(host.remedy[0])

    def test_a_certificate_of_another_name_is_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second = self.judged(monkeypatch, "*.contoso.test")
        assert "mta-sts-valid" in [each.rule for each in first.findings]
        flaw = next(each for each in second.findings if each.rule == "mta-sts-certificate")
        assert flaw.reply == "4.7.5 Remote certificate failed MTA-STS validation. Reason: SubjectMismatch"
        assert flaw.severity is Severity.RISK

    def test_mail_is_blocked_where_it_names_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = self.judged(monkeypatch, "mx.fabrikam.test")
        words = {each.evidence.outbound.domain.words for each in found if each.evidence.outbound}
        assert [
            "Whether DANE holds is not known; where it does, MTA-STS does not count." in each
            for each in words
        ] == [True]
        assert [told(each)[1:] for each in found] == [(Outcome.REJECTED, "mta-sts-host")] * 2
        tested = self.judged(monkeypatch, "mx.fabrikam.test", mode="testing")
        assert {mail(each) for each in tested} == {Mail.GOES_ON}
        assert {told(each)[1] for each in tested} == {Outcome.AT_RISK}


def test_an_interruption_leaves_what_was_judged() -> None:
    """The second server never greets: the first one's result is told as it was judged alone."""
    interruption = Interruption()

    def stores() -> Sequence[TrustStore]:
        interruption.asked = True
        return OPTIONS.stores()

    with Domain(zone(RIGHT, RIGHT), by_address(HEALTHY, Peer.hold)) as domain:
        job = domain.job(stores=stores, connector_mode=ConnectorMode.MANDATORY)
        done = list(Engine([job], FAST, interruption=interruption).run())
    assert [(each.index, each.assessment.evidence.outbound, each.last) for each in done] == [(0, None, False)]


class TestDefects:
    """What goes wrong in here costs what follows from it, and no endpoint's result."""

    @pytest.fixture
    def judged(self) -> Iterator[tuple[Assessment, ...]]:
        with Domain(zone(RIGHT, RIGHT)) as domain:
            yield domain.judged(connector_mode=ConnectorMode.NONE)

    def test_while_the_facts_are_gathered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: object) -> object:
            raise ValueError("no such thing")

        monkeypatch.setattr(outbound, "_gathered", fails)
        facts = gathered(DOMAIN, OPTIONS)
        assert facts.failure
        assert facts.failure.startswith("a defect of eop-probe: ValueError: no such thing")

    def test_a_resolver_that_is_none(self) -> None:
        facts = gathered(DOMAIN, replace(OPTIONS, dnssec_resolver="mx:x.test"))
        assert facts == DomainFacts(
            domain=DOMAIN, failure='a name server is given by its IP address, not as "mx:x.test"'
        )

    def test_while_an_endpoint_is_looked_at(
        self, judged: tuple[Assessment, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look = outbound.look

        def fails_at_signed(*given: object) -> object:
            if given[1].failure is None:  # type: ignore[attr-defined]  # DomainFacts
                raise ValueError("odd")
            return look(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(outbound, "look", fails_at_signed)
        found = settled(judged, DomainFacts(domain=DOMAIN), ConnectorMode.OPPORTUNISTIC)
        assert [each.outcome for each in found] == [each.outcome for each in judged]
        assert "a defect of eop-probe: valueerror: odd" in next(
            each.summary.lower() for each in found[0].findings if each.rule == "outbound-unknown"
        )

    def test_whatever_is_done(self, judged: tuple[Assessment, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outbound, "look", None)
        assert settled(judged, DomainFacts(domain=DOMAIN), ConnectorMode.OPPORTUNISTIC) == judged


class Waiter:
    """Somebody who asked for the domain, and takes what comes, as long as it takes."""

    until = math.inf
    hurry: Callable[[], None] | None = None

    def __init__(self) -> None:
        self.taken: list[Done] = []

    def waits(self) -> bool:
        return True

    def take(self, done: Done) -> None:
        self.taken.append(done)


def test_who_asked_for_a_domain_gets_all_of_it_at_once() -> None:
    waiter = Waiter()
    with Domain(zone(WRONG, RIGHT)) as domain:
        assert list(Engine([domain.job()._replace(asked=waiter)], FAST).run()) == []
    assert [(each.index, each.last, mail(each.assessment)) for each in waiter.taken] == [
        (0, False, Mail.GOES_ON),
        (1, True, Mail.GOES_ON),
    ]
