"""From a listener's sessions to assessments: the stand-in's answers, and what is to be said of each sender.

    examiner = Examiner(options)
    Listener(ListenerSettings(..., policy=examiner.answer), on_session)    # examiner.assess(record)

A model of Exchange Online Protection, which publishes neither its rules nor when in a session it applies them.
A chain is judged once and remembered: senders come back with the same one again and again.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from probe.capture import Capture, Cause
from probe.eop.attribution import names_of
from probe.eop.evidence import Evidence, weigh
from probe.eop.forecast import Turn, forecast
from probe.eop.settings import Settings
from probe.eop.verdict import Verdict, judge
from probe.eop.vocabulary import Basis, Direction, Outcome
from probe.exchange.attribution.tenant import Envelope, attribute
from probe.exchange.connector import AcceptedDomain, InboundConnector
from probe.listen.captures import WITHOUT_TLS, as_capture, capture_now
from probe.listen.words import reply_text, spoken, told_stages
from probe.net import clock
from probe.net.server_session import ServerSession, SessionRecord
from probe.pki.chain import PresentedChain
from probe.pki.truststore import TrustStore
from probe.report.assessment import Assessment
from probe.report.failed import Guard, failed
from probe.smtp.reply import Reply
from probe.smtp.server_values import EnvelopeCommand, MailOffered, Question

#: Chains whose judgement is remembered; TLS caps one at about 100 KiB, so these take 10 MiB at worst.
CHAINS_KEPT = 64
#: Senders without TLS that are remembered, so that what they do next is told as one story.
SENDERS_KEPT = 256
#: Seconds a judgement serves other sessions: nothing in it is finer than a minute.
CHAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenOptions:
    """By what to judge and when to say so.

    `stores` answers the trust stores, the deciding one first. `stage` is the command that is answered with the
    verdict. `at` is None for the moment of the session.
    With `defer` a permanent refusal is said as a temporary one, so that a sender keeps its message. With inbound
    `connectors` every message is attributed as Exchange Online does it; `domains` None means unknown, and `address`
    is what Exchange Online sees of a sender behind NAT, None the address that the listener sees.
    """

    stores: Callable[[], Sequence[TrustStore]]
    settings: Settings = field(default_factory=Settings)
    at: datetime | None = None
    stage: EnvelopeCommand = EnvelopeCommand.RCPT
    defer: bool = False
    connectors: tuple[InboundConnector, ...] = ()
    domains: tuple[AcceptedDomain, ...] | None = None
    address: str | None = None


class _Judged:
    """What is remembered of a chain: its paths, and the changes to come for each verdict on it."""

    __slots__ = ("evidence", "made", "turns")

    def __init__(self, evidence: Evidence, made: float) -> None:
        self.evidence = evidence
        self.made = made
        self.turns: dict[str | None, tuple[Turn, ...]] = {}


class Examiner:
    """Judges what senders present, in their sessions and afterwards; not safe for several threads."""

    def __init__(self, options: ListenOptions) -> None:
        self._options = options
        self._chains: OrderedDict[bytes, _Judged] = OrderedDict()
        self._without_tls: OrderedDict[str, Cause] = OrderedDict()

    def prepare(self) -> None:
        """Load the stores now: the first sender shall not wait for them; raises StoreError."""
        self._options.stores()

    def answer(self, session: ServerSession, question: Question) -> Reply | None:
        """Answer MAIL or RCPT as Exchange Online would; None allows it. The policy of a `Listener`."""
        if session.tls is None:
            evidence = replace(self._weigh((), capture_now(session)), capture=WITHOUT_TLS)
            return spoken(reply_text(judge(evidence).prediction), defer=self._options.defer)
        if isinstance(question, MailOffered) and self._options.stage is EnvelopeCommand.RCPT:
            return None
        recipient = None if isinstance(question, MailOffered) else question.recipient
        envelope = Envelope(question.sender, self._options.address or session.peer_address, recipient)
        evidence = self._weigh(session.presented, capture_now(session))
        prediction = self._conclude(evidence, envelope).prediction
        if prediction.outcome is not Outcome.REJECTED:
            return None
        return spoken(reply_text(prediction), defer=self._options.defer)

    def assess(self, record: SessionRecord) -> Assessment | None:
        """Judge a session that has ended; None where the client only knocked at the door."""
        if not worth_judging(record):
            return None
        capture = as_capture(record, self._without_tls.get(record.peer_address))
        self._remember(record.peer_address, capture)
        elapsed = timedelta(milliseconds=record.elapsed_ms)
        target, started_at = record.client_name or record.peer_address, clock.now() - elapsed
        with Guard() as guard:
            evidence = self._weigh(record.presented, capture)
            verdict = told_stages(self._conclude(evidence, self._envelope(record)), record.refusal)
            return Assessment(
                target=target,
                started_at=started_at,
                elapsed_ms=record.elapsed_ms,
                outcome=verdict.prediction.outcome,
                predictions=(verdict.prediction,),
                findings=verdict.findings,
                evidence=evidence,
                forecast=self._forecast(record.presented, evidence, verdict),
            )
        shown = replace(capture, presented=PresentedChain.from_der(record.presented))
        return failed(guard.failure, target, self._evidence(shown, ()), started_at, record.elapsed_ms)

    def _remember(self, address: str, capture: Capture) -> None:
        if capture.fault is None:
            self._without_tls.pop(address, None)
        elif capture.fault.cause in {Cause.LEFT, Cause.NO_CLIENT_HELLO}:
            self._without_tls[address] = capture.fault.cause
            if len(self._without_tls) > SENDERS_KEPT:
                self._without_tls.popitem(last=False)

    def _conclude(self, evidence: Evidence, envelope: Envelope) -> Verdict:
        options, presented = self._options, evidence.capture.presented
        # Without TLS, or with nothing readable, the connection itself is not known.
        known = presented is not None and (evidence.leaf is not None or not presented.entries)
        if not options.connectors or not known:
            return judge(evidence)
        found = attribute(names_of(evidence), options.connectors, options.domains, envelope, evidence.at)
        return judge(replace(evidence, attribution=found))

    def _envelope(self, record: SessionRecord) -> Envelope:
        """Who sent to whom; of several recipients the one that was refused, else the first."""
        recipient = record.refusal.recipient if record.refusal else next(iter(record.recipients), None)
        return Envelope(record.sender, self._options.address or record.peer_address, recipient)

    def _weigh(self, presented: tuple[bytes, ...], capture: Capture) -> Evidence:
        """The evidence with this capture; `presented` are the certificates its chain is to be made of."""
        judged = self._judged(presented).evidence
        chain = judged.capture.presented if capture.tls or presented else None
        return replace(judged, capture=replace(capture, presented=chain))

    def _judged(self, presented: tuple[bytes, ...]) -> _Judged:
        key = b"".join(hashlib.sha256(der).digest() for der in presented)
        found = self._chains.get(key)
        if found is None or clock.monotonic() - found.made > CHAIN_SECONDS:
            found = self._chains[key] = _Judged(self._judge(presented), clock.monotonic())
        self._chains.move_to_end(key)
        if len(self._chains) > CHAINS_KEPT:
            self._chains.popitem(last=False)
        return found

    def _judge(self, presented: tuple[bytes, ...]) -> Evidence:
        chain = PresentedChain.from_der(presented)
        return self._evidence(Capture(host="", address=None, port=0, presented=chain), self._options.stores())

    def _evidence(self, capture: Capture, stores: Sequence[TrustStore]) -> Evidence:
        options = self._options
        return weigh(
            capture,
            stores,
            direction=Direction.TO_EOP,
            basis=Basis.LISTENER,
            at=options.at or clock.now(),
            settings=options.settings,
        )

    def _forecast(
        self, presented: tuple[bytes, ...], evidence: Evidence, verdict: Verdict
    ) -> tuple[Turn, ...]:
        stores = self._options.stores()
        if evidence.leaf is None or not stores:
            return ()
        turns, rule = self._judged(presented).turns, verdict.prediction.rule
        if rule not in turns:
            turns[rule] = forecast(evidence, stores[0])
        return turns[rule]


def worth_judging(record: SessionRecord) -> bool:
    """Whether a client was a sender: it began TLS, offered mail, or left when it was offered TLS."""
    began_tls = record.tls_established or record.tls_failure is not None or record.hello_awaited
    return began_tls or record.left or record.sender is not None
