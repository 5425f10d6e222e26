"""What Exchange Online would say to the certificate that a connector was found to choose: a selection, judged.

Pure: inventories and stores are arguments. An export does not tell which intermediates a server sends,
so a chain that the files given do not complete is not judged; the server's own word on the root then
stands in, and says that it is inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from probe.capture import Capture
from probe.eop.attribution import outcome_of
from probe.eop.evidence import Evidence, weigh
from probe.eop.settings import Settings
from probe.eop.verdict import Verdict, judge
from probe.eop.vocabulary import Basis, Direction, Outcome
from probe.exchange.attribution.names import presented_by_record
from probe.exchange.attribution.tenant import Attribution, Envelope, attribute
from probe.exchange.connector import AcceptedDomain, InboundConnector, SendConnector, domain_of_space
from probe.exchange.inventory import ExchangeCertificate, Inventory
from probe.exchange.online import cloud_of, domain_of
from probe.exchange.replies.wording import UNTRUSTED_TO_EOP
from probe.exchange.selection.candidates import likely_refused, title
from probe.exchange.selection.chains import CAVEAT, chain_for
from probe.exchange.selection.hybrid import is_hybrid_send
from probe.exchange.selection.result import Selection, State
from probe.pki.certificate import Certificate
from probe.pki.chain import MAX_CERTIFICATES, PresentedChain
from probe.pki.status import ChainStatus
from probe.pki.truststore import TrustStore
from probe.statement import Statement, documented, inferred


class Judged(NamedTuple):
    """What Exchange Online would say to one certificate's chain, `reply` and `rule` where it refuses.

    `refused` is None where nothing can be said; `statements` say what that rests on.
    """

    certificate: ExchangeCertificate
    refused: bool | None
    outcome: Outcome
    reply: str | None
    rule: str | None
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A selection and its end: the outcome of mail through that connector from that server.

    `judged` holds every certificate that may be chosen, the likeliest first; `attribution` is that of
    the only one, where inbound connectors were given. `cloud` names Exchange Online's but for the
    worldwide one.
    """

    selection: Selection
    outcome: Outcome
    reply: str | None
    judged: tuple[Judged, ...] = ()
    attribution: Attribution | None = None
    cloud: str = ""


class Tenant(NamedTuple):
    """The tenant's side: its inbound connectors, its domains, and the address it sees the mail come from."""

    connectors: tuple[InboundConnector, ...] = ()
    domains: tuple[AcceptedDomain, ...] = ()
    address: str | None = None


class ChainJudge:
    """Judges certificates of inventories by the stores, the deciding one first, as of `at` (aware UTC)."""

    def __init__(
        self,
        inventory: Inventory,
        extra: Iterable[Certificate],
        stores: Sequence[TrustStore],
        at: datetime,
        *,
        taken: Mapping[str, Statement] | None = None,
    ) -> None:
        """`taken` says of thumbprints that Exchange Online took mail with them: what happened outweighs a model."""
        self._inventory, self._extra = inventory, tuple(extra)
        self._stores, self._at = stores, at
        self._known: dict[str, Judged] = {}
        self._taken = taken or {}

    def of(self, record: ExchangeCertificate) -> Judged:
        """Judge one certificate; the same one is judged once."""
        if record.thumbprint not in self._known:
            self._known[record.thumbprint] = self._judge(record)
        return self._known[record.thumbprint]

    def refused(self, record: ExchangeCertificate) -> bool | None:
        """Whether Exchange Online would refuse it; None where nothing can be said."""
        return self.of(record).refused

    def _judge(self, record: ExchangeCertificate) -> Judged:
        if (proof := self._taken.get(record.thumbprint)) is not None:
            return Judged(record, False, Outcome.ACCEPTED, None, None, (proof,))  # noqa: FBT003 - fields in order
        chain = chain_for(record, self._inventory, self._extra)
        if chain is None:
            text = f"The export holds no RawData of {title(record)}, so its chain is not judged."
            return _by_hint(record, documented(text))
        evidence = self._weigh(chain)
        if _broken(evidence) and (roots := self._roots_of(chain)):
            # Windows servers send no root; it is given, so it is what the chain ends in.
            evidence = self._weigh(PresentedChain(entries=(*chain.entries, *roots)))
        if _broken(evidence):
            last = _last_of(evidence, chain)
            text = (
                f"The issuer of {title(record)} is among no file given ({last.issuer.windows}), so its chain is "
                "not judged; give it with --chain."
            )
            return _by_hint(record, documented(text))
        return _by_verdict(record, evidence, judge(evidence))

    def _weigh(self, chain: PresentedChain) -> Evidence:
        return weigh(
            Capture(host="", address=None, port=0, presented=chain),
            self._stores,
            direction=Direction.TO_EOP,
            basis=Basis.INVENTORY,
            at=self._at,
            settings=Settings(),
        )

    def _roots_of(self, chain: PresentedChain) -> tuple[Certificate, ...]:
        # Of every issuer: two CAs can bear one name, and only the path tells whose the signature is.
        wanted = {one.issuer.der for one in chain.certificates}
        recorded = (one.certificate for one in self._inventory.certificates)
        given = (one for one in (*self._extra, *recorded) if one is not None)
        found = (one for one in given if one.self_issued and one.subject.der in wanted)
        return tuple(dict.fromkeys(found))[:MAX_CERTIFICATES]


def _last_of(evidence: Evidence, chain: PresentedChain) -> Certificate:
    """Where the path breaks off: at a signature that is not the next one's, or else at its end."""
    elements = evidence.deciding.best().elements if evidence.deciding else ()
    broken = (one for one in elements if ChainStatus.NotSignatureValid in one.status)
    last = next(broken, elements[-1] if elements else None)
    return last.certificate if last is not None else chain.certificates[-1]


def _broken(evidence: Evidence) -> bool:
    store = evidence.deciding
    return store is not None and ChainStatus.PartialChain in store.best().status


def _by_verdict(record: ExchangeCertificate, evidence: Evidence, verdict: Verdict) -> Judged:
    made = verdict.prediction
    deciding = next((finding for finding in verdict.findings if finding.rule == made.rule), None)
    if deciding is not None:
        said = Statement(deciding.summary, deciding.confidence, f"rule {deciding.rule}")
    else:
        root = evidence.deciding.best().elements[-1].certificate if evidence.deciding else None
        text = f"Its chain ends at a trusted root: {root.subject.short if root else 'unknown'}."
        said = inferred(text, "nothing found that Exchange Online is known to refuse")
    refused = made.outcome is Outcome.REJECTED if made.outcome is not Outcome.UNKNOWN else None
    return Judged(record, refused, made.outcome, made.reply, made.rule, (said, CAVEAT))


def _by_hint(record: ExchangeCertificate, why: Statement) -> Judged:
    """What the server itself says of the root, where the chain cannot be judged."""
    refused = likely_refused(record)
    kind = record.root_ca_type.value if record.root_ca_type else "unknown"
    text = {
        True: f"The server knows its root as {kind}, so Exchange Online most likely does not trust it.",
        False: "The server knows its root as ThirdParty, so it is probably a public one.",
        None: "Nothing in the export says whether its root is a public one.",
    }[refused]
    said = (why, inferred(text))
    if refused:
        return Judged(record, refused, Outcome.REJECTED, UNTRUSTED_TO_EOP, "untrusted-root", said)
    return Judged(record, refused, Outcome.UNKNOWN, None, None, said)


def sends_to_exchange_online(connector: SendConnector) -> bool | None:
    """Whether a Send connector delivers to Exchange Online; None where the MX of each domain decides."""
    hosts = connector.smart_hosts
    if is_hybrid_send(connector) or domain_of(connector.tls_domain or ""):
        return True
    if hosts:
        return any(map(domain_of, hosts))
    return None


def outlook(connector: SendConnector, selection: Selection, judge_of: ChainJudge, tenant: Tenant) -> Outlook:
    """Judge what a Send connector was found to choose; without inbound connectors nothing is attributed."""
    judged = tuple(judge_of.of(one) for one in selection.possible)
    attribution = None
    given = tenant.connectors and selection.is_source
    if given and (selection.winner is not None or selection.state is State.NO_TLS):
        presented = presented_by_record(selection.winner) if selection.winner is not None else None
        attribution = attribute(
            presented, tenant.connectors, tenant.domains or None, own_mail(connector, tenant), selection.at
        )
    outcome, reply = _end(selection, judged)
    if attribution is not None and outcome is not Outcome.REJECTED:
        taken = outcome_of(attribution)
        if taken is Outcome.REJECTED:
            outcome, reply = taken, attribution.reply
        elif outcome is Outcome.ACCEPTED and taken is not Outcome.ACCEPTED:
            outcome = Outcome.AT_RISK
    return Outlook(
        selection=selection,
        outcome=outcome,
        reply=reply,
        judged=judged,
        attribution=attribution,
        cloud=cloud_of((*(connector.smart_hosts or ()), connector.tls_domain or "")),
    )


def own_mail(connector: SendConnector | None, tenant: Tenant) -> Envelope:
    """Mail of the organisation itself, to where the connector leads; what is not known stays unknown."""
    names = sorted(tenant.domains, key=lambda one: one.default is not True)
    domains = [domain_of_space(space) for space in (connector and connector.address_spaces) or ()]
    specific = domains and not any("*" in domain for domain in domains)
    return Envelope(
        sender=f"someone@{names[0].domain_name}" if names else None,
        address=tenant.address,
        recipient=f"someone@{domains[0]}" if specific else None,
    )


def _end(selection: Selection, judged: tuple[Judged, ...]) -> tuple[Outcome, str | None]:
    refused = bool(judged) and all(one.refused for one in judged)
    match selection.state:
        case _ if not selection.is_source:  # no mail leaves from there
            outcome, reply = Outcome.UNKNOWN, None
        case State.CHOSEN | State.NOTHING if selection.reply is not None:
            # Chosen, but TLS fails; or a stale pin.
            certain = selection.state is State.NOTHING or selection.wanted.pin is None
            outcome, reply = (Outcome.REJECTED if certain else Outcome.AT_RISK), selection.reply
        case State.CHOSEN:
            outcome, reply = judged[0].outcome, judged[0].reply
        case State.AMBIGUOUS | State.UNKNOWN if refused:
            outcome, reply = Outcome.REJECTED, judged[0].reply
        case State.AMBIGUOUS if judged:
            outcome, reply = Outcome.AT_RISK, None
        case _:
            outcome, reply = Outcome.UNKNOWN, None
    return outcome, reply
