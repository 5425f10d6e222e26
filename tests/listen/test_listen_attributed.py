"""A verdict on a chain and the attribution of its connection together: which of them a sender is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from probe.capture import Capture, TlsFacts
from probe.eop.attribution import names_of
from probe.eop.evidence import Evidence, weigh
from probe.eop.settings import Settings
from probe.eop.verdict import Verdict, judge
from probe.eop.vocabulary import Basis, Direction, Outcome, Severity
from probe.exchange.attribution.tenant import Attribution, Envelope, attribute
from probe.exchange.connector import AcceptedDomain, ConnectorType, InboundConnector
from probe.exchange.problem import Place
from probe.exchange.replies import wording
from probe.net.server_session import SessionRecord
from probe.net.tls_engine import TlsFailure, TlsFailureKind
from probe.pki.chain import PresentedChain
from probe.pki.truststore import AnchorStore, ListRole
from tests.authority import Issued
from tests.listen.senders import HEALTHY, ISSUING, NOW, ROOT, SELF_SIGNED
from tests.listen.test_listen_examiner import anchor, assessed, examiner, failed, record

HERE = Place("a test")
TLS = TlsFacts(
    version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", group=None, client_certificate_requested=True
)
HYBRID = InboundConnector(
    source=HERE,
    name="Hybrid",
    enabled=True,
    connector_type=ConnectorType.ON_PREMISES,
    sender_ip_addresses=(),
    require_tls=True,
    tls_sender_certificate_name="*.contoso.com",
)
BY_ADDRESS = replace(
    HYBRID,
    name="Scanners",
    sender_ip_addresses=("203.0.113.0/24",),
    tls_sender_certificate_name="",
    require_tls=False,
)
CONTOSO = (AcceptedDomain(source=HERE, domain_name="contoso.com"),)
ELSEWHERE = (AcceptedDomain(source=HERE, domain_name="contoso.org"),)
MAIL = Envelope("a@contoso.com", "203.0.113.9", "b@fabrikam.com")


def weighed(*chain: Issued, tls: TlsFacts | None = TLS) -> Evidence:
    presented = PresentedChain.from_der(each.der for each in chain)
    capture = Capture(host="", address=None, port=0, tls=tls, presented=presented if tls else None)
    return weigh(
        capture,
        [AnchorStore("roots", [anchor(ROOT)], role=ListRole.MICROSOFT)],
        direction=Direction.TO_EOP,
        basis=Basis.LISTENER,
        at=NOW,
        settings=Settings(),
    )


Domains = tuple[AcceptedDomain, ...] | None


def told(evidence: Evidence, attribution: Attribution) -> Verdict:
    return judge(replace(evidence, attribution=attribution))


@pytest.mark.parametrize(
    ("chain", "connector", "domains", "envelope", "outcome", "rule", "reply"),
    [
        ((HEALTHY, ISSUING), HYBRID, CONTOSO, MAIL, Outcome.ACCEPTED, None, None),
        (
            (HEALTHY, ISSUING),
            replace(HYBRID, tls_sender_certificate_name="mail.fabrikam.com"),
            CONTOSO,
            MAIL,
            Outcome.REJECTED,
            "tenant-attribution",
            wording.RELAY_DENIED,
        ),
        (
            (HEALTHY, ISSUING),
            HYBRID,
            ELSEWHERE,
            MAIL,
            Outcome.REJECTED,
            "not-an-accepted-domain",
            wording.RELAY_DENIED_ATTR36,
        ),
        (
            (HEALTHY, ISSUING),
            HYBRID,
            ELSEWHERE,
            MAIL._replace(sender="a@contoso.org"),
            # This mail flows; out-of-office replies on the same connection do not (KB 3169958).
            Outcome.AT_RISK,
            "not-an-accepted-domain",
            None,
        ),
        ((HEALTHY, ISSUING), HYBRID, None, MAIL, Outcome.AT_RISK, "tenant-attribution", None),
        (
            (HEALTHY, ISSUING),
            replace(HYBRID, enabled=False),
            CONTOSO,
            MAIL._replace(recipient="b@contoso.com"),
            Outcome.AT_RISK,
            "tenant-attribution",
            None,
        ),
        # The chain is refused first, whatever the attribution says.
        ((SELF_SIGNED,), HYBRID, CONTOSO, MAIL, Outcome.REJECTED, "self-signed", wording.UNTRUSTED_TO_EOP),
        ((), BY_ADDRESS, CONTOSO, MAIL, Outcome.ACCEPTED, None, None),
        ((), HYBRID, CONTOSO, MAIL, Outcome.REJECTED, "no-client-certificate", wording.RELAY_DENIED),
        (
            (),
            BY_ADDRESS,
            CONTOSO,
            MAIL._replace(address="192.0.2.1"),
            Outcome.REJECTED,
            "no-client-certificate",
            wording.RELAY_DENIED,
        ),
    ],
)
def test_what_a_sender_is_told(
    chain: tuple[Issued, ...],
    connector: InboundConnector,
    domains: Domains,
    envelope: Envelope,
    outcome: Outcome,
    rule: str | None,
    reply: str | None,
) -> None:
    evidence = weighed(*chain)
    made = told(evidence, attribute(names_of(evidence), [connector], domains, envelope, NOW)).prediction
    assert (made.outcome, made.rule, made.reply) == (outcome, rule, reply)


def test_the_attribution_is_a_finding_with_its_reasons() -> None:
    evidence = weighed(HEALTHY, ISSUING)
    attribution = attribute(names_of(evidence), [HYBRID], CONTOSO, MAIL, NOW)
    finding = told(evidence, attribution).findings[0]
    assert (finding.rule, finding.severity) == ("tenant-attribution", Severity.INFO)
    assert finding.summary == "The mail is taken by the inbound connector Hybrid."
    assert finding.detail.splitlines() == list(attribution.sentences())
    assert finding.remedy == ()


@pytest.mark.parametrize(
    ("ended", "rule"),
    [
        (failed(TlsFailure(TlsFailureKind.CLOSED, "the connection was closed")), "tls-failed"),
        (record(presented=(b"junk", ISSUING.der)), "unreadable-certificate"),
        (record(HEALTHY, ISSUING), "tenant-attribution"),
    ],
)
def test_without_a_readable_connection_there_is_nothing_to_attribute(ended: SessionRecord, rule: str) -> None:
    made = assessed(ended, examiner(connectors=(HYBRID,), domains=CONTOSO))
    assert [finding.rule for finding in made.findings] == [rule]
