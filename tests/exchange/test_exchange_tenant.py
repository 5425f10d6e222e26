"""Attribution as a decision table: certificate, connectors, accepted domains, sender, address, reply."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.exchange.attribution.names import (
    Grade,
    Presented,
    connector_matches,
    grade,
    presented_by,
    presented_by_record,
    presented_in_log,
)
from probe.exchange.attribution.ownership import domain_of
from probe.exchange.attribution.tenant import Attributed, Attribution, Envelope, attribute
from probe.exchange.connector import AcceptedDomain, ConnectorType, InboundConnector
from probe.exchange.replies.wording import PARTNER_RESTRICTED, RELAY_DENIED, RELAY_DENIED_ATTR36
from probe.pki.certificate import Certificate, parse
from probe.statement import Confidence
from tests.authority import Authority
from tests.exchange.selecting import HERE, NOW, PUB, cert, samples

ON_PREMISES, PARTNER = ConnectorType.ON_PREMISES, ConnectorType.PARTNER
ATTRIBUTED, REFUSED = Attributed.ATTRIBUTED, Attributed.REFUSED
INTERNET, UNKNOWN = Attributed.INTERNET, Attributed.UNKNOWN
DOCUMENTED, REPORTED, INFERRED = Confidence.DOCUMENTED, Confidence.REPORTED, Confidence.INFERRED

OWN, NULL, STRANGER = "ann@contoso.com", "<>", "eve@example.org"
ADDRESS = "203.0.113.209"


def inbound(name: str | None = "mail.contoso.com", **more: object) -> InboundConnector:
    """An OnPremises connector as the wizard makes it; `name` is its TlsSenderCertificateName."""
    values: dict[str, object] = {
        "enabled": True,
        "connector_type": ON_PREMISES,
        "require_tls": True,
        "sender_domains": ("smtp:*;1",),
        "sender_ip_addresses": (),
    }
    return InboundConnector(source=HERE, name="Hybrid", tls_sender_certificate_name=name, **(values | more))


def partner(name: str = "mail.fabrikam.com", **more: object) -> InboundConnector:
    return inbound(
        name, **({"connector_type": PARTNER, "sender_domains": ("smtp:fabrikam.com;1",),
                  "restrict_domains_to_certificate": True} | more)
    )  # fmt: skip


def accept(*names: str, subdomains: bool = False) -> tuple[AcceptedDomain, ...]:
    return tuple(AcceptedDomain(source=HERE, domain_name=n, match_subdomains=subdomains) for n in names)


def shown(*names: str, cn: str | None = None, **more: object) -> Presented:
    """A certificate for alternative names, the first of them its CN unless `cn` says otherwise ("": none)."""
    common = (names[:1] if cn is None else (cn,)) if cn != "" else ()
    return Presented(common, names, names, **more)


MAIL = shown("mail.contoso.com")
CONTOSO = accept("contoso.com", "contoso.onmicrosoft.com")
BY_ADDRESS = inbound("", sender_ip_addresses=("203.0.113.200", "203.0.113.208/29"))


class Case(NamedTuple):
    what: str
    presented: Presented | None
    connectors: tuple[InboundConnector, ...]
    sender: str | None
    outcome: Attributed
    replies: tuple[str, ...] = ()
    label: Confidence = DOCUMENTED
    domains: tuple[AcceptedDomain, ...] | None = CONTOSO
    address: str | None = None
    recipient: str | None = None
    says: str = ""


NO = (RELAY_DENIED,)
ATTR36 = (RELAY_DENIED_ATTR36,)
NEITHER = (RELAY_DENIED_ATTR36, RELAY_DENIED)
DEEP = shown("host.sub.contoso.com")

CASES = (
    # The certificate's name against TlsSenderCertificateName.
    Case("CN and SAN", MAIL, (inbound(),), OWN, ATTRIBUTED),
    Case("case and a final dot", MAIL, (inbound("Mail.Contoso.com."),), OWN, ATTRIBUTED),
    Case("another name", MAIL, (inbound("hybrid.contoso.com"),), OWN, REFUSED, NO,
         says="No name of the certificate matches"),
    Case("CN only: the blog asks for a SAN", shown("a.contoso.com", cn="mail.contoso.com"), (inbound(),), OWN,
         ATTRIBUTED, label=INFERRED, says="is no alternative name"),
    Case("SAN only: a page asks for the subject", shown("a.contoso.com", "mail.contoso.com"), (inbound(),), OWN,
         ATTRIBUTED, label=REPORTED, says="not as the subject"),
    Case("no CN at all", shown("mail.contoso.com", cn=""), (inbound(),), OWN, ATTRIBUTED, label=REPORTED),
    Case("connector wildcard, one level", MAIL, (inbound("*.contoso.com"),), OWN, ATTRIBUTED),
    Case("connector wildcard, any depth", shown("a.b.c.contoso.com"), (inbound("*.contoso.com"),), OWN,
         ATTRIBUTED),
    Case("connector wildcard takes the domain itself", shown("contoso.com"), (inbound("*.contoso.com"),), OWN,
         ATTRIBUTED),
    Case("connector wildcard, another domain that ends alike", shown("evilcontoso.com"),
         (inbound("*.contoso.com"),), OWN, REFUSED, NO),
    Case("wildcard certificate, wildcard connector", shown("*.contoso.com"), (inbound("*.contoso.com"),), OWN,
         ATTRIBUTED),
    Case("wildcard certificate, host connector: nobody says", shown("*.contoso.com"), (inbound(),), OWN, UNKNOWN,
         label=INFERRED, says="no source says whether that is enough"),
    Case("wildcard certificate, host two levels down", shown("*.contoso.com"), (inbound("a.b.contoso.com"),),
         OWN, REFUSED, NO),
    Case("wildcard certificate, domain connector", shown("*.contoso.com"), (inbound("contoso.com"),), OWN,
         ATTRIBUTED, label=INFERRED, says="taken without its asterisk"),
    Case("wildcard inside the connector's name", MAIL, (inbound("mail.*.contoso.com"),), OWN, REFUSED, NO,
         says="has a wildcard inside"),
    Case("names incomplete", MAIL._replace(complete=False), (inbound("x.contoso.com"),), OWN, UNKNOWN,
         label=INFERRED, says="list of names is incomplete"),
    Case("names incomplete, but one matches", MAIL._replace(complete=False), (inbound(),), OWN, ATTRIBUTED),
    Case("CN and SAN not told apart", Presented(("mail.contoso.com",), ("mail.contoso.com",)), (inbound(),),
         OWN, ATTRIBUTED),
    Case("not told apart, no CN", Presented(("x.contoso.com",), ("x.contoso.com", "mail.contoso.com")),
         (inbound(),), OWN, ATTRIBUTED, label=REPORTED),
    Case("no client certificate", None, (inbound(),), OWN, REFUSED, NO, says="no client certificate"),
    Case("expired", shown("mail.contoso.com", not_after=NOW - timedelta(1)), (inbound(),), OWN, REFUSED, NO,
         label=REPORTED, says="expired on 2026-11-02"),
    Case("expires tomorrow", shown("mail.contoso.com", not_after=NOW + timedelta(1)), (inbound(),), OWN,
         ATTRIBUTED),
    Case("self-signed", shown("mail.contoso.com", self_signed=True), (inbound(),), OWN, REFUSED, NO,
         says="needs one signed by a CA"),
    # The connector's state.
    Case("disabled, but would match", MAIL, (inbound(enabled=False),), OWN, REFUSED, NO,
         says="enabled, it would match"),
    Case("disabled, and might match", shown("*.contoso.com"), (inbound(enabled=False),), OWN, REFUSED, NO,
         says="enabled, it might match"),
    Case("enabled or not is unknown", MAIL, (inbound(enabled=None),), OWN, ATTRIBUTED, label=INFERRED,
         says="presumes that connector 'Hybrid' is enabled"),
    Case("RequireTls off: the pages contradict each other", MAIL, (inbound(require_tls=False),), OWN, UNKNOWN,
         label=INFERRED, says="RequireTls of connector 'Hybrid' is off"),
    Case("RequireTls not exported", MAIL, (inbound(require_tls=None),), OWN, ATTRIBUTED, label=INFERRED,
         says="presumes that RequireTls"),
    Case("TlsSenderCertificateName not exported", MAIL, (inbound(None),), OWN, UNKNOWN, label=INFERRED,
         says="does not hold TlsSenderCertificateName"),
    Case("SenderDomains of others", MAIL, (inbound(sender_domains=("smtp:fabrikam.com;1",)),), OWN, UNKNOWN,
         label=INFERRED, says="does not hold the sender's domain"),
    Case("SenderDomains with the sender's", MAIL, (inbound(sender_domains=("smtp:*.contoso.com;1",)),), OWN,
         ATTRIBUTED),
    Case("SenderDomains cut off", MAIL, (inbound(sender_domains=("a.test",), incomplete=("sender_domains",)),),
         OWN, UNKNOWN, label=INFERRED),
    Case("SenderDomains restricted, sender unknown", MAIL, (inbound(sender_domains=("contoso.com",)),), None,
         UNKNOWN, label=INFERRED, says="envelope sender is not given"),
    Case("SenderDomains not exported", MAIL, (inbound(sender_domains=None),), OWN, ATTRIBUTED, label=INFERRED,
         says="takes every SenderDomain"),
    Case("two connectors match", MAIL, (inbound(), inbound("*.contoso.com")), OWN, ATTRIBUTED,
         says="which one comes first is not published"),
    Case("the second one matches", MAIL, (inbound("x.contoso.com"), inbound()), OWN, ATTRIBUTED),
    Case("no connector at all", MAIL, (), OWN, REFUSED, NO),
    # The address.
    Case("address", None, (BY_ADDRESS,), OWN, ATTRIBUTED, address="203.0.113.200"),
    Case("address in a network", MAIL, (BY_ADDRESS,), OWN, ATTRIBUTED, address="203.0.113.215"),
    Case("address changed", MAIL, (BY_ADDRESS,), OWN, REFUSED, NO, address="203.0.113.216",
         says="if the address changed, add it"),
    Case("address unknown", MAIL, (BY_ADDRESS,), OWN, UNKNOWN, label=INFERRED,
         says="the sending address is not given"),
    Case("IPv6", MAIL, (BY_ADDRESS,), OWN, REFUSED, NO, address="2001:db8::1", says="can never match"),
    Case("no address at all", MAIL, (BY_ADDRESS,), OWN, REFUSED, NO, address="mail", says="can never match"),
    Case("network wider than /24", MAIL, (inbound("", sender_ip_addresses=("203.0.0.0/16",)),), OWN, UNKNOWN,
         label=INFERRED, address=ADDRESS, says="no network from /24 to /32"),
    Case("list of addresses cut off", MAIL, (inbound("", sender_ip_addresses=("192.0.2.1",),
         incomplete=("sender_ip_addresses",)),), OWN, UNKNOWN, label=INFERRED, address=ADDRESS,
         says="none of those known"),
    Case("addresses not exported", MAIL, (inbound("", sender_ip_addresses=None),), OWN, UNKNOWN, label=INFERRED,
         address=ADDRESS),
    Case("address matches where the certificate does not", MAIL,
         (inbound("x.contoso.com", sender_ip_addresses=(ADDRESS,)),), OWN, ATTRIBUTED, address=ADDRESS),
    # Whose names they are: ATTR36.
    Case("null sender, name below an accepted domain", MAIL, (inbound("*.contoso.com"),), NULL, ATTRIBUTED,
         says="lies immediately below the accepted domain contoso.com"),
    Case("null sender, name is an accepted domain", MAIL, (inbound(),), NULL, ATTRIBUTED,
         domains=accept("mail.contoso.com"), says="mail.contoso.com is an accepted domain"),
    Case("null sender, host connector: pages differ on whether the host must be accepted", MAIL, (inbound(),),
         NULL, ATTRIBUTED, says="asks that mail.contoso.com itself be an accepted domain"),
    Case("null sender, name two levels down", DEEP, (inbound("*.contoso.com"),), NULL, REFUSED, ATTR36,
         says="is an accepted domain or immediately below one"),
    Case("own sender, name two levels down: the trap", DEEP, (inbound("*.contoso.com"),), OWN, ATTRIBUTED,
         says="Out-of-office replies"),
    Case("name two levels down, the middle registered", DEEP, (inbound("*.contoso.com"),), NULL, ATTRIBUTED,
         domains=accept("contoso.com", "sub.contoso.com")),
    Case("foreign sender, foreign name", shown("mail.hoster.test"), (inbound("mail.hoster.test"),), STRANGER,
         REFUSED, ATTR36, says="'example.org' is not an accepted domain"),
    Case("foreign sender, own name: forwarded mail", MAIL, (inbound(),), STRANGER, ATTRIBUTED),
    Case("own sender, foreign name", shown("mail.hoster.test"), (inbound("mail.hoster.test"),), OWN,
         ATTRIBUTED),
    Case("neither connector nor name nor sender", shown("mail.hoster.test"), (inbound(),), STRANGER, REFUSED,
         NEITHER),
    Case("neither name nor sender, connector unknown", shown("*.hoster.test"), (inbound("mail.hoster.test"),),
         STRANGER, REFUSED, NEITHER),
    Case("null sender by address, no certificate", None, (BY_ADDRESS,), NULL, REFUSED, ATTR36,
         address=ADDRESS, says="the certificate must do"),
    Case("only a name that did not match is owned", shown("mail.hoster.test", "contoso.com"),
         (inbound("mail.hoster.test"),), NULL, UNKNOWN, label=INFERRED, says="only another name"),
    Case("MatchSubDomains over the sender", shown("mail.hoster.test"), (inbound("mail.hoster.test"),),
         "ann@eu.contoso.com", UNKNOWN, label=INFERRED, domains=accept("contoso.com", subdomains=True)),
    Case("MatchSubDomains over the name", DEEP, (inbound("*.contoso.com"),), NULL, UNKNOWN, label=INFERRED,
         domains=accept("contoso.com", subdomains=True), says="whether MatchSubDomains counts"),
    Case("accepted domains unknown", MAIL, (inbound(),), OWN, UNKNOWN, label=INFERRED, domains=None,
         says="The accepted domains are not given."),
    Case("accepted domains unknown, but no connector anyway", MAIL, (inbound("x.test"),), OWN, REFUSED, NO,
         domains=None),
    Case("sender unknown, name owned", MAIL, (inbound(),), None, ATTRIBUTED),
    Case("sender unknown, name not owned", DEEP, (inbound("*.contoso.com"),), None, UNKNOWN, label=INFERRED,
         says="Out-of-office replies"),
    Case("by address, incomplete names, null sender", shown("x.test", complete=False), (BY_ADDRESS,), NULL,
         UNKNOWN, label=INFERRED, address=ADDRESS, says="its list is incomplete"),
    # Recipients of the tenant itself.
    Case("own recipient: mail from the Internet", MAIL, (inbound("x.contoso.com"),), OWN, INTERNET,
         label=REPORTED, recipient="bob@contoso.com", says="550 5.7.68"),
    Case("foreign recipient: relaying", MAIL, (inbound("x.contoso.com"),), OWN, REFUSED, NO,
         recipient="bob@example.org"),
    Case("recipient, but domains unknown", MAIL, (inbound("x.contoso.com"),), OWN, UNKNOWN, NO, label=INFERRED,
         domains=None, recipient="bob@contoso.com"),
    # Partner connectors.
    Case("partner: the certificate it asks for", shown("mail.fabrikam.com"), (partner(),), "x@fabrikam.com",
         ATTRIBUTED, says="through the partner's connector"),
    Case("partner: another certificate", MAIL, (partner(),), "x@fabrikam.com", REFUSED,
         (PARTNER_RESTRICTED, RELAY_DENIED)),
    Case("partner: alternative name only, and the page says Subject",
         shown("a.fabrikam.com", "mail.fabrikam.com"), (partner(),), "x@fabrikam.com", UNKNOWN, label=INFERRED),
    Case("partner: other senders do not concern it", MAIL, (partner(), inbound()), OWN, ATTRIBUTED),
    Case("partner: disabled", MAIL, (partner(enabled=False),), "x@fabrikam.com", REFUSED, NO),
    Case("partner: no restriction set", MAIL, (partner(restrict_domains_to_certificate=False),),
         "x@fabrikam.com", REFUSED, NO),
    Case("partner: address", MAIL, (partner("", restrict_domains_to_certificate=False,
         restrict_domains_to_ip_addresses=True, sender_ip_addresses=("203.0.113.0/24",)),), "x@fabrikam.com",
         ATTRIBUTED, address=ADDRESS),
    Case("partner: another address", MAIL, (partner("", restrict_domains_to_certificate=False,
         restrict_domains_to_ip_addresses=True, sender_ip_addresses=("192.0.2.0/24",)),), "x@fabrikam.com",
         REFUSED, (PARTNER_RESTRICTED, RELAY_DENIED), address=ADDRESS),
    Case("partner and own connector at once", MAIL, (partner(), inbound()), "x@fabrikam.com", UNKNOWN,
         label=INFERRED, says="A Partner connector is concerned too"),
    Case("partner and own connector agree", shown("mail.fabrikam.com", "mail.contoso.com"),
         (partner(), inbound("*.contoso.com")), "x@fabrikam.com", ATTRIBUTED, label=REPORTED),
    Case("partner: sender unknown", MAIL, (partner(),), None, UNKNOWN, label=INFERRED),
    Case("partner: does not matter to relayed mail", MAIL, (partner(),), "x@fabrikam.com", REFUSED, NO,
         recipient="bob@example.org"),
    Case("type unknown: may be an own one", MAIL, (inbound(connector_type=None),), OWN, ATTRIBUTED),
)  # fmt: skip


def judge(case: Case) -> Attribution:
    envelope = Envelope(case.sender, case.address, case.recipient)
    return attribute(case.presented, case.connectors, case.domains, envelope, NOW)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_decision_table(case: Case) -> None:
    found = judge(case)
    assert (found.outcome, found.replies, found.label) == (case.outcome, case.replies, case.label)
    assert any(case.says in one for one in found.sentences())
    assert found.reply == (case.replies[0] if case.replies else None)


def test_a_plain_match_says_nothing_of_the_odd_cases() -> None:
    said = "\n".join(judge(CASES[0]).sentences())
    odd = [case.says for case in CASES if case.says and case.label is not DOCUMENTED]
    assert odd
    assert not [one for one in odd if one in said]


def test_the_samples_tell_the_story_of_5_7_64() -> None:
    """The enabled connector expects hybrid.contoso.com, the disabled one would have taken PUB."""
    given_files = samples()
    record = given_files.inventory.find(PUB)[0]
    found = attribute(
        presented_by_record(record),
        given_files.inbound_connectors,
        given_files.accepted_domains,
        Envelope("ann@contoso.com", "203.0.113.10"),
        NOW,
    )
    assert (found.outcome, found.reply, found.matching) == (REFUSED, RELAY_DENIED, ())
    assert found.ownership.owned is True
    said = "\n".join(found.sentences())
    assert "hybrid.contoso.com of connector 'Inbound from contoso hybrid'" in said
    assert "Connector 'Inbound from contoso hybrid (previous)' is disabled; enabled, it would match." in said
    by_address = attribute(
        presented_by_record(record),
        given_files.inbound_connectors,
        given_files.accepted_domains,
        Envelope("ann@contoso.com", "203.0.113.210"),
        NOW,
    )
    assert [match.connector.name for match in by_address.matching] == ["Scanners by address"]
    assert by_address.outcome is ATTRIBUTED


def test_the_null_sender_is_judged_beside_every_other() -> None:
    found = judge(next(case for case in CASES if case.what.endswith("the trap")))
    assert found.null_sender == (REFUSED, ATTR36)
    assert (found.sender_accepted, found.ownership.owned) == (True, False)
    assert judge(CASES[0]).null_sender.outcome is ATTRIBUTED


def test_names_come_from_a_certificate_a_record_or_a_log() -> None:
    authority = Authority(now=NOW, name="tenant")
    issued = authority.leaf(authority.root(), "mail.contoso.com", names=("a.contoso.com",))
    parsed = parse(issued.der)
    assert isinstance(parsed, Certificate)
    own = presented_by(parsed)
    assert (own.common_names, own.alternative_names) == (("mail.contoso.com",), ("a.contoso.com",))
    assert (own.self_signed, own.not_after) == (False, parsed.not_after)
    text = presented_by_record(cert("a", "a.contoso.com", subject="CN=mail.contoso.com, O=x"))
    assert (text.common_names, text.alternative_names) == (("mail.contoso.com",), None)
    log = presented_in_log("CN=mail.contoso.com, O=x", ("a.contoso.com",))
    assert grade(log, "mail.contoso.com") == (Grade.SUBJECT, ("mail.contoso.com",))


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("<>", ""),
        ("", ""),
        ("Ann@Contoso.COM", "contoso.com"),
        ("<a@b.test.>", "b.test"),
        ("b.test", "b.test"),
    ],
)
def test_the_domain_of_a_sender(address: str, domain: str) -> None:
    assert domain_of(address) == domain


NAMES = st.lists(st.sampled_from(["a", "b", "contoso", "com", "*"]), min_size=1, max_size=4).map(".".join)


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3), NAMES)
def test_a_grade_that_fits_is_one_the_predicate_agrees_with(
    common: list[str], alternative: list[str], wanted: str
) -> None:
    """The grades refine `connector_matches`, on which the rule of a plain check rests."""
    found, names = grade(Presented(tuple(common), tuple(alternative), tuple(alternative)), wanted)
    agrees = [name for name in (*common, *alternative) if connector_matches(wanted, name)]
    if found in {Grade.BOTH, Grade.SUBJECT, Grade.ALTERNATIVE, Grade.BASE}:
        assert set(names) <= set(agrees)
        assert names
    elif found is not Grade.INVALID:
        assert not agrees
