"""One model of the tenant: ``check``'s rules, ``listen`` and ``exchange attribute`` answer alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.cli.listen.inputs import tenant
from probe.eop.attribution import outcome_of
from probe.eop.finding import Finding
from probe.eop.verdict import judge
from probe.eop.vocabulary import Outcome, Severity
from probe.exchange.attribution.names import presented_by
from probe.exchange.attribution.tenant import Attribution, Envelope, attribute
from probe.exchange.replies.wording import RELAY_DENIED, RELAY_DENIED_ATTR36
from probe.listen.examiner import Examiner, ListenOptions
from probe.render.exchange.attribute import AttributeReport, document
from probe.statement import Confidence
from tests.authority import Issued
from tests.cli.running import Cli
from tests.eop.weighing import CA, ISSUING, NOW, PUBLIC, ROOT, evidence, read
from tests.exchange.diagnosing import Desk, domain, inbound_connector
from tests.listen.test_listen_examiner import assessed, record

REJECT, RISK, INFO = Severity.REJECT, Severity.RISK, Severity.INFO
DOCUMENTED, REPORTED, INFERRED = Confidence.DOCUMENTED, Confidence.REPORTED, Confidence.INFERRED
CONNECTOR, DOMAIN = ORDER = "tenant-attribution", "not-an-accepted-domain"

#: rule: severity, confidence, reply; a match that every page agrees on is no finding of a check.
Told = dict[str, tuple[Severity, Confidence, str | None]]


def told(findings: tuple[Finding, ...]) -> Told:
    return {
        one.rule: (one.severity, one.confidence, one.reply)
        for one in findings
        if one.rule in {CONNECTOR, DOMAIN} and (one.severity, one.confidence) != (INFO, DOCUMENTED)
    }


class Asked(NamedTuple):
    """A certificate and what an administrator tells of the tenant."""

    leaf: Issued
    wanted: str
    domains: tuple[str, ...]

    def checked(self) -> Told:
        told_of = {"tls_sender_certificate_name": self.wanted, "accepted_domains": self.domains}
        return told(judge(evidence(self.leaf, ISSUING, **told_of)).findings)

    def listened(self, sender: str | None) -> tuple[Outcome, Told]:
        given = tenant((), self.wanted, self.domains)
        options = ListenOptions(
            stores=lambda: [PUBLIC], at=NOW, connectors=given.connectors, domains=given.domains
        )
        recipients = ("someone@example.net",) if sender is not None else ()
        made = assessed(record(self.leaf, ISSUING, sender=sender, recipients=recipients), Examiner(options))
        return made.outcome, told(made.findings)

    def attributed(self, sender: str | None) -> Attribution:
        given, shown = tenant((), self.wanted, self.domains), presented_by(read(self.leaf))
        return attribute(shown, given.connectors, given.domains, Envelope(sender), NOW)


NAMES = st.one_of(
    st.lists(st.sampled_from(["a", "b", "contoso", "hoster"]), min_size=1, max_size=3).map(".".join),
    st.sampled_from(["contoso.test", "mail.contoso.test", "*.contoso.test", "A.Contoso.Test", "localhost"]),
    st.sampled_from(["a.b.contoso.test", "*.b.contoso.test", "mail.hoster.test", "contoso.test."]),
)
WANTED = st.one_of(
    NAMES,
    NAMES.map("*.{}".format),
    st.sampled_from(["mail.*.contoso.test", "*", "*.", "*.*.contoso.test", "$(x)'\u2019`\n", " "]),
)
ASKED = st.builds(
    lambda cn, names, wanted, domains: Asked(
        CA.leaf(ISSUING, cn or "O=Contoso", names=tuple(names)), wanted, tuple(domains)
    ),
    st.none() | NAMES,
    st.lists(NAMES, max_size=3),
    WANTED,
    st.lists(NAMES, min_size=1, max_size=2),
)


@given(ASKED)
def test_what_the_rules_say_the_listener_and_the_attribution_say(asked: Asked) -> None:
    checked = asked.checked()
    assert checked == asked.listened(None)[1]
    shown = document(AttributeReport("", None, asked.attributed(None), ()))
    severity, confidence, reply = checked.get(CONNECTOR, (INFO, DOCUMENTED, None))
    matches = {REJECT: False, RISK: None, INFO: True}[severity]
    assert [one["matches"] for one in shown["connectors"]] == [matches]
    if severity is REJECT:
        assert (shown["outcome"], shown["replies"][0], shown["confidence"]) == (
            "refused",
            reply,
            confidence.value,
        )
    owned = {DOCUMENTED: False, INFERRED: None}[checked[DOMAIN][1]] if DOMAIN in checked else True
    assert shown["certificate_owned"] is owned


@given(ASKED, st.sampled_from(["", "eve@example.org", "ann@contoso.test", "own"]))
def test_a_message_ends_alike(asked: Asked, sender: str) -> None:
    sender = f"ann@{asked.domains[0]}" if sender == "own" else sender
    found = outcome_of(asked.attributed(sender))
    # A chain was judged, so what cannot be told of its tenant is a risk to the listener.
    expected = Outcome.AT_RISK if found is Outcome.UNKNOWN else found
    assert asked.listened(sender)[0] is expected


class Case(NamedTuple):
    """A case that the three once answered differently; the comment says why this is the answer."""

    common_name: str
    names: tuple[str, ...]
    wanted: str
    domain: str
    expected: Told


ATTR36 = (RISK, DOCUMENTED, RELAY_DENIED_ATTR36)
HOST, WILD = "mail.contoso.test", "*.contoso.test"
CASES = (
    # It matches, and no name of it is accepted or immediately below: KB 4019940. Mail of senders in accepted
    # domains flows, mail without a sender does not (KB 3169958), so it is a risk; nothing of that is inferred.
    Case(HOST, (HOST,), WILD, "fabrikam.test", {DOMAIN: ATTR36}),
    # A name deeper than immediately below is not owned (KB 4019940's own example).
    Case("a.b.contoso.test", ("a.b.contoso.test",), WILD, "contoso.test", {DOMAIN: ATTR36}),
    # The subject alone: KB 4019940 is content, the blog of 2025 asks for an alternative name.
    Case(HOST, ("a.contoso.test",), HOST, "contoso.test", {CONNECTOR: (INFO, INFERRED, None)}),
    # An alternative name alone: reported to be enough, whoever asks.
    Case("a.contoso.test", (HOST,), HOST, "contoso.test", {CONNECTOR: (INFO, REPORTED, None)}),
    # "*.contoso.test" without its asterisk: the suggested predicate, inferred.
    Case(WILD, (WILD,), "contoso.test", "contoso.test", {CONNECTOR: (INFO, INFERRED, None)}),
    # Whether *.contoso.test satisfies mail.contoso.test is not published.
    Case(WILD, (WILD,), HOST, "contoso.test", {CONNECTOR: (RISK, INFERRED, None)}),
    # A wildcard inside is not valid (Set-InboundConnector), even where the certificate bears the same text.
    Case("a.*.contoso.test", ("a.*.contoso.test",), "a.*.contoso.test", "contoso.test",
         {CONNECTOR: (REJECT, DOCUMENTED, RELAY_DENIED), DOMAIN: ATTR36}),
    # Only a name that did not match is owned: which name Exchange Online takes is not published.
    Case("mail.hoster.test", ("mail.hoster.test", "contoso.test"), "mail.hoster.test", "contoso.test",
         {DOMAIN: (RISK, INFERRED, None)}),
    # Neither: the connector decides the reply, and the domain is still worth telling.
    Case(HOST, (HOST,), "mail.hoster.test", "fabrikam.test",
         {CONNECTOR: (REJECT, DOCUMENTED, RELAY_DENIED), DOMAIN: ATTR36}),
    # The control: every page agrees, nothing is told.
    Case(HOST, (HOST,), HOST, "contoso.test", {}),
    Case("contoso.test", ("contoso.test",), WILD, "contoso.test", {}),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.common_name} {case.wanted} {case.domain}")
def test_what_is_right(case: Case) -> None:
    asked = Asked(CA.leaf(ISSUING, case.common_name, names=case.names), case.wanted, (case.domain,))
    assert asked.checked() == asked.listened(None)[1] == case.expected


@pytest.mark.parametrize(
    ("case", "code", "matches", "owned"),
    [
        (CASES[0], 1, True, False),
        (CASES[5], 3, None, True),
        (CASES[8], 2, False, False),
        (CASES[9], 0, True, True),
    ],
)
def test_by_the_commands(
    case: Case, code: int, matches: bool | None, owned: bool, cli: Cli, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    leaf = CA.leaf(ISSUING, case.common_name, names=case.names)
    chain, root = desk.put("chain.pem", leaf.pem + ISSUING.pem), desk.put("root.pem", ROOT.pem)
    at, options = ("--at", f"{NOW:%Y-%m-%dT%H:%M:%S}"), ("--format", "json")
    told_of = ("--tls-sender-certificate-name", case.wanted, "--accepted-domain", case.domain)
    [one] = json.loads(cli("certificate", chain, "--store", root, *told_of, *at, *options).out)["assessments"]
    wanted = {rule: (told[0].value, told[1].value) for rule, told in case.expected.items()}
    assert {
        f["rule"]: (f["severity"], f["confidence"]) for f in one["findings"] if f["rule"] in ORDER
    } == wanted
    files = (
        desk.put("inbound.json", [inbound_connector(TlsSenderCertificateName=case.wanted)]),
        desk.put("domains.json", [domain(case.domain)]),
    )
    sender = ("--sender", f"ann@{case.domain}")
    ran = cli("exchange", "attribute", *files, "--certificate", chain, *sender, *at, *options)
    [connector] = json.loads(ran.out)["connectors"]
    assert (ran.code, connector["matches"], json.loads(ran.out)["certificate_owned"]) == (
        code,
        matches,
        owned,
    )
