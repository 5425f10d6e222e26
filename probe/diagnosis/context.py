"""What every account of a fault draws on: what was gathered, what logs prove, what was captured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from probe.diagnosis.refusals import RefusalGroup, Seen, TextProof
from probe.eop.outlook import ChainJudge, Tenant
from probe.eop.vocabulary import Outcome
from probe.exchange.connector import SendConnector
from probe.exchange.exports.joining import Gathered
from probe.exchange.inventory import ExchangeCertificate, RootCAType
from probe.exchange.logs.summary import CertificateChange
from probe.exchange.selection.candidates import Candidate
from probe.exchange.selection.choose import select_on_sources
from probe.exchange.selection.planned import set_tls_certificate_name
from probe.exchange.selection.result import Selection
from probe.exchange.traces.groups import counts
from probe.pki.certificate import Certificate
from probe.pki.truststore import TrustStore
from probe.powershell import CONNECTOR, LOG_FOLDER, PUBLIC, SERVER, Command, Steps, eop_probe, filled
from probe.report.diagnosis import Advice, DiagnosedFault, Proof
from probe.report.reader import ReportedCapture
from probe.statement import Statement, documented
from probe.text import counted, listed

#: Texts that one proof names.
_MAX_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisContext:
    """What the accounts of all faults share.

    `delivered` says of thumbprints when Exchange Online last took mail with them. `given` and `logs` are the
    paths to name in commands; sessions from `now` on are new.
    """

    gathered: Gathered
    now: datetime
    given: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    stores: Sequence[TrustStore] = ()
    issuers: tuple[Certificate, ...] = ()
    delivered: dict[str, Seen] = field(default_factory=dict)
    changes: tuple[CertificateChange, ...] = ()
    captures: tuple[ReportedCapture, ...] = ()
    address: str | None = None

    def again(self, command: str, **options: str | None) -> Command:
        """A command on the files given."""
        return eop_probe(command, *(self.given or ("<exported files>",)), **options)

    def filled(
        self,
        steps: Steps,
        connector: str | None,
        better: ExchangeCertificate | None,
        server: str | None = None,
    ) -> Steps:
        """Steps of the catalogue with what is known here in place of the placeholders."""
        public = better.thumbprint.upper() if better is not None else None
        logs = next(iter(self.logs), None)
        return filled(steps, {CONNECTOR: connector, PUBLIC: public, LOG_FOLDER: logs, SERVER: server})

    def new_sessions(self, connector: str | None) -> Command:
        """How to see what became of mail that is sent from now on."""
        since = f"{self.now:%Y-%m-%dT%H:%M:%SZ}"
        return eop_probe(
            "exchange log", *(self.logs or (LOG_FOLDER,)), connector=connector or CONNECTOR, since=since
        )

    def judge(self, at: datetime) -> ChainJudge:
        """A judge of chains as of `at`; what mail was delivered with, it does not doubt."""
        taken = {thumbprint: took(thumbprint, seen) for thumbprint, seen in self.delivered.items()}
        return ChainJudge(self.gathered.inventory, self.issuers, self.stores, at, taken=taken)

    def tenant(self, address: str | None) -> Tenant:
        """The tenant's side, mail coming from `address` unless the user said otherwise."""
        held = self.gathered
        return Tenant(held.inbound_connectors, held.accepted_domains, self.address or address)

    def connector(self, name: str | None) -> SendConnector | None:
        """The Send connector of a log's name."""
        wanted = name.lower() if name is not None else None
        return next((c for c in self.gathered.send_connectors if c.name.lower() == wanted), None)

    def record(self, thumbprint: str | None) -> ExchangeCertificate | None:
        """What the inventory says of a thumbprint."""
        return next(iter(self.gathered.inventory.find(thumbprint or "")), None)

    def selections(self, connector: SendConnector, at: datetime) -> tuple[Selection, ...]:
        """What the connector would choose on each of its servers."""
        return select_on_sources(connector, self.gathered.inventory, at)

    def better(
        self, selections: Iterable[Selection], at: datetime, but: str | None
    ) -> ExchangeCertificate | None:
        """The certificate that should be presented instead of `but` (lower-case hex): one Exchange Online takes.

        It bears the name that is looked for, is valid and from a CA; proven by a delivery before judged before
        what the server says of its root.
        """
        judge = self.judge(at)
        found: dict[str, tuple[int, ExchangeCertificate]] = {}
        for selection in selections:
            for one in selection.candidates:
                rank = self._rank(one, selection, judge)
                if rank is not None and one.certificate.thumbprint != but:
                    found.setdefault(one.certificate.thumbprint, (rank, one.certificate))
        return min(found.values(), key=lambda pair: pair[0], default=(0, None))[1]

    def _rank(self, one: Candidate, selection: Selection, judge: ChainJudge) -> int | None:
        certificate = one.certificate
        pinned = selection.wanted.pin
        named = certificate.subject == pinned.subject if pinned is not None else one.named
        if named is False or not one.eligible or one.valid is False or one.issued is False:
            return None
        if certificate.thumbprint in self.delivered:
            return 0
        refused = judge.refused(certificate)
        if refused is None:
            return 3 if certificate.root_ca_type is RootCAType.THIRD_PARTY else None
        return None if refused else 1


def took(thumbprint: str, seen: Seen) -> Statement:
    """Say when Exchange Online took mail over a connection that presented a certificate."""
    at = f" on {seen.at:%Y-%m-%d %H:%M} UTC" if seen.at else ""
    return documented(
        f"Exchange Online took mail{at} over a connection that presented {thumbprint.upper()} "
        f"(session {seen.session}, {seen.source})."
    )


def pinned_choice(
    context: DiagnosisContext, connector: SendConnector, certificate: ExchangeCertificate, at: datetime
) -> Statement:
    """What the simulation makes of the connector once it names the certificate."""
    selections = context.selections(set_tls_certificate_name(connector, certificate), at)
    right = [s for s in selections if s.winner and s.winner.thumbprint == certificate.thumbprint]
    thumbprint = certificate.thumbprint.upper()
    wrong = ", ".join(s.server or "a server" for s in selections if s not in right)
    if not wrong:
        where = ", ".join(s.server or "the server" for s in selections)
        return documented(f"Simulated with that TlsCertificateName: {thumbprint} is chosen on {where}.")
    return documented(
        f"Simulated with that TlsCertificateName, {thumbprint} is not surely chosen on {wrong}: import it "
        "there, and see what else bears the same issuer and subject."
    )


def fault_of(
    group: RefusalGroup,
    context: DiagnosisContext,
    *,
    title: str,
    happens: Iterable[Statement],
    advice: Advice,
    configured: Iterable[Proof] = (),
    outcome: Outcome = Outcome.REJECTED,
) -> DiagnosedFault:
    """The account of a group: what proves it, and what is said of it."""
    return DiagnosedFault(
        id=group.reason,
        title=title,
        outcome=outcome,
        seen=True,
        connector=group.connector,
        thumbprint=group.thumbprint,
        reply=group.reply,
        happens=tuple(happens),
        proof=(*_quoted(group), *captured(context, group.thumbprint), *configured),
        cause=advice.cause,
        remedy=advice.remedy,
        verify=advice.verify,
    )


def _quoted(group: RefusalGroup) -> tuple[Proof, ...]:
    """The log lines and texts that prove a group."""
    found: list[Proof] = []
    if group.first is not None:
        at = f" at {group.first.at:%Y-%m-%d %H:%M:%S} UTC" if group.first.at else ""
        sessions = "1 session" if group.sessions == 1 else f"{group.sessions} sessions, the first"
        quotes = tuple((f"{group.first.source}, line {line.number}", line.text) for line in group.lines)
        found.append(Proof(f"The protocol log: {sessions}{at}, session {group.first.session}.", quotes))
    same = [one for one in group.texts if one.found.message_id and one.found.message_id in group.messages]
    other = [one for one in group.texts if one not in same and not one.traced]
    if same:
        event = f"event {same[0].found.event_id}" if same[0].found.event_id else "the text"
        files = _files(same)
        found.append(Proof(f"Of the message <{same[0].found.message_id}> {event} says the same: {files}."))
    if other:
        quotes = tuple((one.source, one.found.reply) for one in other[:1]) if group.first is None else ()
        found.append(Proof(f"The same reply stands in {_files(other)}.", quotes))
    for one in group.texts:
        if one.traced:
            row = one.traced.example
            found.append(
                Proof(f"{row.said or 'Rows'}: {counts(one.traced)}.", ((str(row.source), row.text),))
            )
    return tuple(found)


def _files(texts: Iterable[TextProof]) -> str:
    return listed(tuple(dict.fromkeys(one.source for one in texts)), _MAX_NAMED)


def captured(context: DiagnosisContext, thumbprint: str | None) -> tuple[Proof, ...]:
    """What listeners and probes saw of a certificate, the listeners first."""
    seen = [one for one in context.captures if thumbprint and one.thumbprints[:1] == (thumbprint,)]
    found = []
    for one in sorted(seen, key=lambda one: not one.by_listener):
        who = (
            "A listener captured the chain the sender itself presents"
            if one.by_listener
            else "A probe saw it"
        )
        sent = counted(len(one.thumbprints), "certificate")
        found.append(Proof(f"{who} ({one.source}, {one.target}): {sent}; verdict {one.outcome}."))
    return tuple(dict.fromkeys(found))
