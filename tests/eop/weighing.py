"""Evidence for the judgement's tests: real certificates, one capture, a few stores, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from cryptography import x509

from probe.capture import Capture, Fault, FaultKind, Phase, SmtpFacts, TlsFacts
from probe.eop.evidence import Evidence, weigh
from probe.eop.finding import Finding
from probe.eop.settings import Settings
from probe.eop.verdict import Verdict, judge
from probe.eop.vocabulary import Basis, Direction
from probe.pki.certificate import Certificate, parse
from probe.pki.chain import PresentedChain
from probe.pki.status import Purpose
from probe.pki.truststore import AnchorStore, ListRole, RootState, RootVerdict, TrustStore
from tests.authority import Authority, Issued

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TO_EOP, FROM_EOP = Direction.TO_EOP, Direction.FROM_EOP
HOST = "mail.contoso.test"

CA = Authority(now=NOW, name="eop")
ROOT = CA.root("CN=Fabrikam Public Root,O=Fabrikam\\, Inc.,C=US")
ISSUING = CA.intermediate(ROOT, "CN=Fabrikam Public TLS CA 1,O=Fabrikam\\, Inc.,C=US")
LEAF = CA.leaf(ISSUING, HOST)
PRIVATE_ROOT = CA.root("CN=Contoso Root CA,DC=contoso,DC=local")
PRIVATE_ISSUING = CA.intermediate(PRIVATE_ROOT, "CN=Contoso Issuing CA 01,DC=contoso,DC=local")
PRIVATE_LEAF = CA.leaf(PRIVATE_ISSUING, HOST)
SELF_SIGNED = CA.self_signed(HOST)


def read(issued: Issued) -> Certificate:
    certificate = parse(issued.der)
    assert isinstance(certificate, Certificate)
    return certificate


def anchors(*roots: Issued, name: str = "microsoft") -> AnchorStore:
    role = ListRole.MICROSOFT if name == "microsoft" else ListRole.OTHER
    return AnchorStore(name, [read(root) for root in roots], role=role)


PUBLIC = anchors(ROOT)


class Ruled:
    """A store whose roots have the verdict given for each purpose; any other root is absent."""

    name = "microsoft"
    dated = NOW
    role = ListRole.MICROSOFT
    stand_in = None

    def __init__(
        self,
        root: Issued,
        server: RootVerdict,
        client: RootVerdict | None = None,
        disallowed: tuple[Issued, ...] = (),
    ) -> None:
        self._root = read(root)
        self._verdicts = {Purpose.SERVER_AUTH: server, Purpose.CLIENT_AUTH: client or server}
        self._disallowed = [read(each) for each in disallowed]

    def roots(self, subject: bytes) -> tuple[Certificate, ...]:
        return (self._root,) if self._root.subject.der == subject else ()

    def verdict(
        self, root: Certificate, purpose: Purpose, leaf_not_before: datetime, at: datetime
    ) -> RootVerdict:
        del leaf_not_before, at
        return self._verdicts[purpose] if root == self._root else RootVerdict(RootState.ABSENT)

    def disallows(self, certificate: Certificate) -> bool:
        return certificate in self._disallowed

    def dates(self, root: Certificate) -> tuple[datetime, ...]:
        del root
        return ()


def presented(*chain: Issued | bytes) -> PresentedChain:
    return PresentedChain.from_der(each if isinstance(each, bytes) else each.der for each in chain)


def tls(version: str = "TLSv1.3") -> TlsFacts:
    return TlsFacts(
        version=version, cipher="TLS_AES_256_GCM_SHA384", group="x25519", client_certificate_requested=False
    )


def smtp(after_starttls: str | None = None) -> SmtpFacts:
    return SmtpFacts(
        banner=f"220 {HOST} ESMTP",
        ehlo=(HOST, "STARTTLS"),
        starttls_offered=True,
        transcript=(),
        plaintext_after_starttls=after_starttls,
    )


def fault(kind: FaultKind, message: str = "it went wrong", words: str | None = None) -> Fault:
    return Fault(phase=Phase.SMTP, kind=kind, message=message, server_text=words)


def capture(*chain: Issued | bytes, **fields: object) -> Capture:
    """A capture of `chain`; without certificates nothing was presented."""
    made = Capture(host=HOST, address="192.0.2.1", port=25, smtp=smtp(), tls=tls() if chain else None)
    return replace(made, presented=presented(*chain) if chain else None, **fields)


def evidence(
    *chain: Issued | bytes,
    direction: Direction = TO_EOP,
    stores: Sequence[TrustStore] = (PUBLIC,),
    at: datetime = NOW,
    seen: Capture | None = None,
    **settings: object,
) -> Evidence:
    """Weigh `chain`, or the capture `seen`; the keywords left over are fields of Settings."""
    return weigh(
        seen or capture(*chain),
        stores,
        direction=direction,
        basis=Basis.RECEIVE_CONNECTOR,
        at=at,
        settings=Settings(**settings),
    )


def verdict(*chain: Issued | bytes, **fields: object) -> Verdict:
    return judge(evidence(*chain, **fields))


def rules(found: Verdict) -> list[str]:
    return [finding.rule for finding in found.findings]


def finding(found: Verdict, rule: str) -> Finding:
    matching = [each for each in found.findings if each.rule == rule]
    assert len(matching) == 1, f"{rule} is not among {rules(found)}"
    return matching[0]


def raw_name(*pairs: tuple[str, str]) -> x509.Name:
    """A name from (dotted OID, value) pairs, most general first, with whatever text in it."""
    return x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in pairs])
