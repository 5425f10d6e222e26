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

from probe.assessment import Assessment
from probe.eop.attributed import judge_attributed
from probe.eop.evidence import Capture, Evidence, Fault, FaultKind, Phase, SmtpFacts, TlsFacts, weigh
from probe.eop.finding import Finding
from probe.eop.forecast import Turn, forecast
from probe.eop.settings import Settings
from probe.eop.verdict import Prediction, Verdict, judge
from probe.eop.vocabulary import Basis, Direction, Outcome
from probe.exchange.connector import AcceptedDomain, InboundConnector
from probe.exchange.inbound_name import presented_by
from probe.exchange.tenant import Envelope, attribute
from probe.net import clock
from probe.net.session import Question, Refusal, ServerSession, SessionRecord
from probe.net.tls_engine import TlsFailure, TlsParameters
from probe.pki.chain import PresentedChain
from probe.pki.truststore import TrustStore
from probe.smtp.reply import Reply
from probe.smtp.server_values import EOP_KEYWORDS, EnvelopeCommand, MailOffered, ServerProfile
from probe.smtp.transcript import Speaker
from probe.text import printable, sentence

#: Chains whose judgement is remembered; TLS caps one at about 100 KiB, so these take 10 MiB at worst.
CHAINS_KEPT = 64
#: Seconds a judgement serves other sessions: nothing in it is finer than a minute.
CHAIN_SECONDS = 60.0

#: TLS alerts by which a client refuses the server's certificate (RFC 8446 6.2).
_DISTRUST_ALERTS = frozenset({42, 43, 44, 45, 46, 48})

_NOT_USED = Fault(
    phase=Phase.SMTP,
    kind=FaultKind.STARTTLS_NOT_USED,
    message="The sender was offered STARTTLS and sent MAIL without it.",
)


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

    def prepare(self) -> None:
        """Load the stores now: the first sender shall not wait for them; raises StoreError."""
        self._options.stores()

    def answer(self, session: ServerSession, question: Question) -> Reply | None:
        """Answer MAIL or RCPT as Exchange Online would; None allows it. The policy of a `Listener`."""
        if session.tls is None:
            return _spoken(_reply_text(_prediction_without_tls()), defer=self._options.defer)
        if isinstance(question, MailOffered) and self._options.stage is EnvelopeCommand.RCPT:
            return None
        recipient = None if isinstance(question, MailOffered) else question.recipient
        envelope = Envelope(question.sender, self._options.address or session.peer_address, recipient)
        evidence = self._weigh(session.presented, _capture_now(session))
        prediction = self._conclude(evidence, envelope).prediction
        if prediction.outcome is not Outcome.REJECTED:
            return None
        return _spoken(_reply_text(prediction), defer=self._options.defer)

    def assess(self, record: SessionRecord) -> Assessment | None:
        """Judge a session that has ended; None where the client neither began TLS nor offered mail."""
        if not worth_judging(record):
            return None
        evidence = self._weigh(record.presented, _capture(record))
        verdict = _told(self._conclude(evidence, self._envelope(record)), record.refusal)
        elapsed = timedelta(milliseconds=record.elapsed_ms)
        return Assessment(
            target=record.client_name or record.peer_address,
            started_at=clock.now() - elapsed,
            elapsed_ms=record.elapsed_ms,
            outcome=verdict.prediction.outcome,
            predictions=(verdict.prediction,),
            findings=verdict.findings,
            evidence=evidence,
            forecast=self._forecast(record.presented, evidence, verdict),
        )

    def _conclude(self, evidence: Evidence, envelope: Envelope) -> Verdict:
        options = self._options
        if not options.connectors:
            return judge(evidence)
        names = presented_by(evidence.leaf) if evidence.leaf else None
        found = attribute(names, options.connectors, options.domains, envelope, evidence.at)
        return judge_attributed(evidence, found)

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
        options = self._options
        chain = PresentedChain.from_der(presented)
        return weigh(
            Capture(host="", address=None, port=0, presented=chain),
            options.stores(),
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


def profile(hostname: str) -> ServerProfile:
    """How the stand-in presents itself: with Exchange Online's keywords, and as what it is.

    STARTTLS is required, but by the examiner's answer, so that a sender without it is seen to offer mail.
    """
    greeting = Reply(code=220, lines=(f"{hostname} ESMTP eop-probe listener: no mail is accepted here",))
    return ServerProfile(hostname=hostname, starttls_required=False, greeting=greeting)


def worth_judging(record: SessionRecord) -> bool:
    """Whether a client was a sender: it began TLS or offered mail. Others only knock at the door."""
    return record.tls_established or record.tls_failure is not None or record.sender is not None


def log_line(record: SessionRecord, assessment: Assessment | None) -> str:
    """One line about a session: who, how, what was seen, what was said, how it ended."""
    place = f"[{record.peer_address}]" if ":" in record.peer_address else record.peer_address
    words = [f"session {record.number}: {place}:{record.peer_port}"]
    if record.client_name:
        words.append(f"({record.client_name})")
    words.append(_seen(record, assessment))
    if record.refusal:
        words.append(f"said at {record.refusal.command.name}: {record.refusal.reply};")
    words.append(f"ended: {record.ending.value}")
    if record.violation:
        words.append(f"({record.violation.detail})")
    return " ".join(words)


def _seen(record: SessionRecord, assessment: Assessment | None) -> str:
    if assessment is None:
        return "neither began TLS nor offered mail;"
    version = f"{record.tls.version}, " if record.tls and record.tls_established else ""
    leaf = assessment.evidence.leaf
    which = f" ({leaf.sha1.upper()})" if leaf else ""
    sent = (
        f"{len(record.presented) or 'no'} certificate{'' if len(record.presented) == 1 else 's'} sent{which}"
    )
    rule = assessment.predictions[0].rule
    return f"{version}{sent}, {assessment.outcome.value}{f' by {rule}' if rule else ''};"


# What was seen


def _capture_now(session: ServerSession) -> Capture:
    """As much of a running session as a rule may look at."""
    parameters = session.tls.parameters if session.tls else None
    return Capture(host="", address=session.peer_address, port=0, tls=_tls_facts(parameters))


def _capture(record: SessionRecord) -> Capture:
    lines = record.transcript
    said = next((line.text for line in lines if line.speaker is Speaker.SERVER), None)
    return Capture(
        host=record.client_name or record.peer_address,
        address=record.peer_address,
        port=record.peer_port,
        smtp=SmtpFacts(banner=said, ehlo=EOP_KEYWORDS, starttls_offered=True, transcript=lines),
        tls=_tls_facts(record.tls if record.tls_established else None),
        fault=_fault(record),
    )


def _tls_facts(parameters: TlsParameters | None) -> TlsFacts | None:
    if parameters is None:
        return None
    return TlsFacts(
        version=parameters.version,
        cipher=parameters.cipher,
        group=parameters.group,
        client_certificate_requested=True,
    )


def _fault(record: SessionRecord) -> Fault | None:
    failure = record.tls_failure
    if record.tls_established:
        return None
    if failure is None:
        return _NOT_USED
    if "unsupported protocol" in failure.message:
        message = "The sender offers nothing newer than TLS 1.1."
        return Fault(phase=Phase.TLS, kind=FaultKind.OLD_TLS, message=message)
    return Fault(
        phase=Phase.TLS,
        kind=FaultKind.TLS_FAILED,
        message=_tls_message(failure),
        server_text=failure.server_text,
    )


def _tls_message(failure: TlsFailure) -> str:
    said = sentence(failure.message.replace("the peer", "the sender"))
    if failure.alert in _DISTRUST_ALERTS:
        return f"{said} It does not trust the listener's own certificate."
    return said


# What is said


def _prediction_without_tls() -> Prediction:
    evidence = Evidence(
        direction=Direction.TO_EOP,
        basis=Basis.LISTENER,
        capture=Capture(host="", address=None, port=0, fault=_NOT_USED),
        stores=(),
        at=clock.now(),
        settings=Settings(),
    )
    return judge(evidence).prediction


def _reply_text(prediction: Prediction) -> str:
    """The predicted reply; where its words are not known, one of our own that says so."""
    if prediction.reply is not None:
        return prediction.reply
    return (
        f"454 4.7.0 eop-probe listener: Exchange Online would refuse this certificate ({prediction.rule}); "
        "its own words for that are not known"
    )


def _spoken(text: str, *, defer: bool) -> Reply:
    """A reply's text as a reply; a permanent one, if it is to be deferred, as a temporary one that quotes it."""
    code, _, words = text.partition(" ")
    if defer and code.startswith("5"):
        return Reply(code=451, lines=(f"4.7.0 eop-probe listener: Exchange Online would say {text}",))
    return Reply(code=int(code), lines=(printable(words),))


def _told(verdict: Verdict, refusal: Refusal | None) -> Verdict:
    """Say in the deciding finding at which command the sender was told, and how much is known about that."""
    rule = verdict.prediction.rule
    if refusal is None or rule is None:
        return verdict
    findings = tuple(
        replace(each, detail="\n".join(filter(None, (each.detail, _stage_words(each, refusal)))))
        if each.rule == rule
        else each
        for each in verdict.findings
    )
    return replace(verdict, findings=findings)


def _stage_words(finding: Finding, refusal: Refusal) -> str:
    said = f"This listener said so in answer to {refusal.command.name}."
    if finding.reply and finding.reply.startswith("550 5.7.64"):
        return f"{said} That Exchange Online says it there, for each recipient, is reported, not documented."
    return f"{said} At which command Exchange Online says so is not documented."
